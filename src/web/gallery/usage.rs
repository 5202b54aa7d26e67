//! Usage: everything at once, nothing, one thing alone, switched off, each period.

use crate::domain::catalog::Metric;
use crate::domain::{Catalog, Credits};
use crate::store::daily_usage::{Totals, day_number};
use crate::store::metrics::{DayMetrics, MetricFigure};
use crate::usecases::insight::usage::{AtThisPace, Period, Range, UsageFigures, UsageOverview, empty_steps};
use crate::web::gallery::Sample;
use crate::web::gallery::customers::{cycles, now};
use crate::web::ui::dates::Zone;
use crate::web::usage::choice::Choice;
use crate::web::usage::sections::UsageView;
use chrono::TimeDelta;
use std::sync::LazyLock;

/// Every state by name.
pub fn all() -> Vec<(&'static str, Sample)> {
    let rich = |choice: Choice, hidden: &[&str]| {
        let view = view(choice, hidden);
        page(NAME, &view, meridian)
    };
    let month = || Choice::Range(Range::Month);
    let empty = |choice| page("Acme Data", &view(choice, &[]), |period| filled(period, |_| UsageFigures::default()));
    vec![
        ("usage", rich(month(), &[])),
        ("usage-cycle", rich(Choice::ThisCycle, &[])),
        ("usage-last-cycle", rich(Choice::LastCycle, &["requests"])),
        ("usage-7-days", rich(Choice::Range(Range::Week), &[])),
        ("usage-weekly", rich(Choice::Range(Range::Weekly), &[])),
        ("usage-custom", rich(custom("2025-12-01", "2026-11-22"), &[])),
        (
            "usage-wrong-days",
            Sample::Usage(NAME, Box::new(view(custom("2026-11-22", "2026-11-01"), &[]).without_figures())),
        ),
        ("usage-switched-off", rich(month(), &["requests", "crawls", "tokens", "captchas", "latency_ms"])),
        ("usage-nothing-switched-on", rich(Choice::Range(Range::Week), &ALL)),
        ("usage-free", page("Fjord Notes", &view(month(), &[]), fjord)),
        ("usage-empty", empty(month())),
        ("usage-empty-cycle", empty(Choice::LastCycle)),
    ]
}

const NAME: &str = "Meridian Retail Intelligence GmbH";
const ALL: [&str; 6] = ["credits", "requests", "crawls", "tokens", "captchas", "latency_ms"];

fn today() -> i64 {
    day_number(now())
}

fn custom(from: &str, to: &str) -> Choice {
    let days = [("range", "custom"), ("from", from), ("to", to)];
    Choice::read(|name| days.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()), today())
}

/// The sample catalogue's metrics.
static METRICS: LazyLock<Vec<Metric>> = LazyLock::new(|| {
    let catalog = Catalog::parse(include_str!("../../../catalog.toml"));
    catalog.map(|catalog| catalog.metrics).unwrap_or_default()
});

fn view(choice: Choice, hidden: &[&str]) -> UsageView {
    let hidden = hidden.iter().map(|key| (*key).to_owned()).collect();
    let zone = Zone::named("Europe/Berlin");
    UsageView { choice, cycles: Some(cycles()), zone, metrics: METRICS.clone(), hidden, today: today() }
}

fn page(customer: &'static str, view: &UsageView, usage: impl Fn(&Period) -> UsageOverview) -> Sample {
    let Ok(period) = view.choice.period(view.cycles.as_ref(), today()) else {
        return Sample::Usage(customer, Box::new(view.without_figures()));
    };
    let usage = usage(&period);
    let pace = AtThisPace {
        credits_a_day: Credits(usage.total.totals.credits().0 / 21),
        at_reset: Credits(usage.total.totals.credits().0 / 21 * 30),
        reset: cycles().this.end,
    };
    let pace = (view.choice == Choice::ThisCycle).then_some(&pace);
    Sample::Usage(customer, Box::new(view.sections(&period, &usage, pace)))
}

/// A period's steps, each with the figures of its place from the end.
fn filled(period: &Period, figures: impl Fn(i64) -> UsageFigures) -> UsageOverview {
    let mut usage = UsageOverview { steps: empty_steps(period), ..UsageOverview::default() };
    let (mut n, mut total) = (0, UsageFigures::default());
    for step in usage.steps.iter_mut().rev() {
        step.figures = figures(n);
        total.totals.add(&step.figures.totals);
        total.metrics.add(&step.figures.metrics);
        n += 1;
    }
    usage.total = total;
    usage
}

/// Weekdays and weekends, a plan that runs out, a bonus, every metric.
fn meridian(period: &Period) -> UsageOverview {
    let length = period.step;
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
    let mut usage = filled(period, figures);
    let mut before = usage.total.clone();
    before.totals.plan = Credits(usage.total.totals.plan.0 / 100 * 91);
    let more = usage.total.metrics.get("requests").total * 3 / 10;
    before.metrics.add(&DayMetrics::from_figures([("requests", MetricFigure { total: more, said: 1 })]));
    usage.before = Some(before);
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
fn fjord(period: &Period) -> UsageOverview {
    let totals = |n: i64| match n {
        2 | 9 => Totals { usages: 3, plan: Credits::whole(31), ..Totals::default() },
        17 => Totals { usages: 20, plan: Credits::whole(200), ..Totals::default() },
        _ => Totals::default(),
    };
    let figures = |n| UsageFigures { totals: totals(n), metrics: DayMetrics::default() };
    let mut usage = filled(period, figures);
    usage.before = Some(UsageFigures::default());
    usage.by_operation = vec![(String::new(), usage.total.totals)];
    usage.by_source = usage.by_operation.clone();
    usage
}
