//! Usage: everything at once, nothing, one thing alone, switched off, week by week.

use crate::domain::{Catalog, Credits};
use crate::store::daily_usage::{Totals, day_number};
use crate::store::metrics::{DayMetrics, MetricFigure};
use crate::usecases::insight::usage::{Range, UsageFigures, UsageOverview, UsageStep};
use crate::web::gallery::Sample;
use crate::web::gallery::customers::now;
use crate::web::usage::UsageSections;
use chrono::TimeDelta;

/// Every state by name.
pub fn all() -> Vec<(&'static str, Sample)> {
    let rich = |range, hidden: &[&str]| page("Meridian Retail Intelligence GmbH", &meridian(range), range, hidden);
    vec![
        ("usage", rich(Range::Month, &[])),
        ("usage-7-days", rich(Range::Week, &[])),
        ("usage-weekly", rich(Range::Weekly, &[])),
        ("usage-switched-off", rich(Range::Month, &["requests", "crawls", "tokens", "captchas", "latency_ms"])),
        ("usage-nothing-switched-on", rich(Range::Week, &ALL)),
        ("usage-free", page("Fjord Notes", &fjord(), Range::Month, &[])),
        ("usage-empty", page("Acme Data", &steps(Range::Month, |_| UsageFigures::default()), Range::Month, &[])),
    ]
}

const ALL: [&str; 6] = ["credits", "requests", "crawls", "tokens", "captchas", "latency_ms"];

fn page(customer: &'static str, found: &UsageOverview, range: Range, hidden: &[&str]) -> Sample {
    let catalog = Catalog::parse(include_str!("../../../catalog.toml"));
    let metrics = catalog.map(|catalog| catalog.metrics).unwrap_or_default();
    let hidden: Vec<String> = hidden.iter().map(|key| (*key).to_owned()).collect();
    Sample::Usage(customer, Box::new(UsageSections::new(found, range, &metrics, &hidden)))
}

/// Steps of a range that end today, each as `totals` has its place from the end.
fn steps(range: Range, figures: impl Fn(i64) -> UsageFigures) -> UsageOverview {
    let (count, length) = range.steps();
    let midnight = |day: i64| crate::domain::time::from_millis(day * 86_400_000);
    let step = |n: i64| {
        let last = day_number(now()) - n * length;
        UsageStep { first: midnight(last - length + 1), last: midnight(last), figures: figures(n) }
    };
    let steps: Vec<UsageStep> = (0..count).rev().map(step).collect();
    let mut usage = UsageOverview { steps, ..UsageOverview::default() };
    for step in &usage.steps {
        usage.total.totals.add(&step.figures.totals);
        usage.total.metrics.add(&step.figures.metrics);
    }
    usage
}

/// Weekdays and weekends, a plan that runs out, a bonus, every metric.
fn meridian(range: Range) -> UsageOverview {
    let length = range.steps().1;
    let figures = |n: i64| {
        let weekday = (now() - TimeDelta::days(n)).timestamp() / 86_400 % 7;
        let quiet = length == 1 && (weekday == 2 || weekday == 3);
        let busy = if quiet { 1 } else { 4 + (n * 7) % 5 } * length;
        let plan = if (8..11).contains(&n) { 0 } else { busy * 412_125 };
        let totals = Totals {
            usages: busy * 90,
            plan: Credits(plan),
            courtesy: Credits(if n % 6 == 0 { busy * 41_000 } else { 0 }),
            top_up: Credits(busy * 412_125 - plan),
        };
        let counted = [
            ("requests", busy * 210),
            ("crawls", if quiet { 0 } else { busy }),
            ("tokens", busy * 91_437),
            ("captchas", busy / 3),
            ("latency_ms", busy * 90 * (380 + (n * 13) % 90)),
        ];
        let counted = counted.map(|(key, total)| (key, MetricFigure { total, said: busy * 90 }));
        UsageFigures { totals, metrics: DayMetrics::from_figures(counted) }
    };
    let mut usage = steps(range, figures);
    usage.before = usage.total.clone();
    usage.before.totals.plan = Credits(usage.total.totals.plan.0 / 100 * 91);
    let more = usage.total.metrics.get("requests").total * 3 / 10;
    usage.before.metrics.add(&DayMetrics::from_figures([("requests", MetricFigure { total: more, said: 1 })]));
    let all = usage.total.totals.credits();
    let part = |name: &str, thousandths: i64| {
        let credits = Credits(all.0 / 1_000 * thousandths);
        (name.to_owned(), Totals { usages: 1, plan: credits, ..Totals::default() })
    };
    usage.by_operation =
        vec![part("scrape_page", 741), part("crawl-site", 182), part("extract_structured_data", 76), part("", 1)];
    usage.by_source = vec![
        part("nightly-price-comparison@retail-intelligence", 612),
        part("crawler-7", 289),
        part("", 96),
        part("kim", 3),
    ];
    usage
}

/// A few credits on a few days, without operation and source.
fn fjord() -> UsageOverview {
    let totals = |n: i64| match n {
        2 | 9 => Totals { usages: 3, plan: Credits::whole(31), ..Totals::default() },
        17 => Totals { usages: 20, plan: Credits::whole(200), ..Totals::default() },
        _ => Totals::default(),
    };
    let figures = |n| UsageFigures { totals: totals(n), metrics: DayMetrics::default() };
    let mut usage = steps(Range::Month, figures);
    usage.by_operation = vec![(String::new(), usage.total.totals)];
    usage.by_source = usage.by_operation.clone();
    usage
}
