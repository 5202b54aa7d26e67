//! Usage: everything at once, nothing, one thing alone, switched off, each period.

use crate::demo::rhythm::{Rhythm, RhythmCharge};
use crate::domain::catalog::Metric;
use crate::domain::{Catalog, Credits};
use crate::store::daily_usage::{Totals, day_number};
use crate::store::metrics::{DayMetrics, MetricFigure};
use crate::usecases::insight::usage::{AtThisPace, Period, Range, UsageFigures, UsageOverview, empty_steps};
use crate::web::gallery::Sample;
use crate::web::gallery::customers::{cycles, now};
use crate::web::ui::dates::Zone;
use crate::web::usage::choice::UsageChoice;
use crate::web::usage::sections::UsageView;
use std::sync::LazyLock;

/// Every state by name.
pub fn all() -> Vec<(&'static str, Sample)> {
    let rich = |choice: UsageChoice, hidden: &[&str]| {
        let view = view(choice, hidden);
        page(NAME, &view, meridian)
    };
    let month = || UsageChoice::Range(Range::Month);
    let empty = |choice| page("Acme Data", &view(choice, &[]), |period| filled(period, |_| UsageFigures::default()));
    vec![
        ("usage", rich(month(), &[])),
        ("usage-cycle", rich(UsageChoice::ThisCycle, &[])),
        ("usage-last-cycle", rich(UsageChoice::LastCycle, &["requests"])),
        ("usage-7-days", rich(UsageChoice::Range(Range::Week), &[])),
        ("usage-weekly", rich(UsageChoice::Range(Range::Weekly), &[])),
        ("usage-custom", rich(custom("2025-12-01", "2026-11-22"), &[])),
        (
            "usage-wrong-days",
            Sample::Usage(NAME, Box::new(view(custom("2026-11-22", "2026-11-01"), &[]).without_figures())),
        ),
        ("usage-switched-off", rich(month(), &["requests", "crawls", "tokens", "captchas", "latency_ms"])),
        ("usage-nothing-switched-on", rich(UsageChoice::Range(Range::Week), &ALL)),
        ("usage-free", page("Fjord Notes", &view(month(), &[]), fjord)),
        ("usage-empty", empty(month())),
        ("usage-empty-cycle", empty(UsageChoice::LastCycle)),
    ]
}

const NAME: &str = "Meridian Retail Intelligence GmbH";
const ALL: [&str; 6] = ["credits", "requests", "crawls", "tokens", "captchas", "latency_ms"];

fn today() -> i64 {
    day_number(now())
}

fn custom(from: &str, to: &str) -> UsageChoice {
    let days = [("range", "custom"), ("from", from), ("to", to)];
    UsageChoice::read(|name| days.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()), today())
}

/// The sample catalogue's metrics.
static METRICS: LazyLock<Vec<Metric>> = LazyLock::new(|| {
    let catalog = Catalog::parse(include_str!("../../../catalog.toml"));
    catalog.map(|catalog| catalog.metrics).unwrap_or_default()
});

fn view(choice: UsageChoice, hidden: &[&str]) -> UsageView {
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
    let pace = (view.choice == UsageChoice::ThisCycle).then_some(&pace);
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

/// The demo's rhythm: weekdays and weekends, a plan that runs out, a bonus, every metric, a source without a name.
fn meridian(period: &Period) -> UsageOverview {
    let steps = empty_steps(period);
    let (Some(first), length) = (steps.first().map(|step| step.first), steps.len()) else {
        return UsageOverview::default();
    };
    let total = (now() - first).num_days().max(1) * CREDITS_A_DAY.0;
    let charges = RHYTHM.charges(total, first, now());
    let place = |charge: &RhythmCharge| steps.iter().rposition(|step| step.first <= charge.at).unwrap_or_default();
    let of_step = |n: i64| charges.iter().filter(move |charge| n == last_first(length, place(charge)));
    let figures = |n: i64| of_step(n).fold(UsageFigures::default(), |sum, charge| plus(sum, charge, n));
    let mut usage = filled(period, figures);
    let mut before = usage.total.clone();
    before.totals.plan = Credits(usage.total.totals.plan.0 / 100 * 91);
    let more = usage.total.metrics.get("requests").total * 3 / 10;
    before.metrics.add(&DayMetrics::from_figures([("requests", MetricFigure { total: more, said: 1 })]));
    usage.before = Some(before);
    usage.by_operation = sums(&charges, |charge| charge.operation);
    usage.by_source = sums(&charges, |charge| charge.source);
    usage
}

const RHYTHM: Rhythm = Rhythm::new(3, ["nightly-price-comparison@retail-intelligence", "crawler-7", "", "kim"], 125);
const CREDITS_A_DAY: Credits = Credits::whole(2_050);

/// The place of a step, counted from the last one.
fn last_first(length: usize, place: usize) -> i64 {
    i64::try_from(length - 1 - place).unwrap_or_default()
}

/// With one more charge, in the step `n` before the last.
fn plus(mut sum: UsageFigures, charge: &RhythmCharge, n: i64) -> UsageFigures {
    let credits = Credits(charge.credits);
    let totals = if (8..11).contains(&n) {
        Totals { usages: 1, top_up: credits, ..Totals::default() }
    } else if n % 6 == 0 && charge.source == "kim" {
        Totals { usages: 1, courtesy: credits, ..Totals::default() }
    } else {
        Totals { usages: 1, plan: credits, ..Totals::default() }
    };
    sum.totals.add(&totals);
    let counted = charge.counts.by_key().map(|(key, total)| (key, MetricFigure { total, said: 1 }));
    sum.metrics.add(&DayMetrics::from_figures(counted));
    sum
}

/// Credits by name, the most first.
fn sums(charges: &[RhythmCharge], name: impl Fn(&RhythmCharge) -> &'static str) -> Vec<(String, Totals)> {
    let mut sums: Vec<(String, Totals)> = Vec::new();
    for charge in charges {
        let totals = Totals { usages: 1, plan: Credits(charge.credits), ..Totals::default() };
        match sums.iter_mut().find(|(of, _)| of == name(charge)) {
            Some((_, sum)) => sum.add(&totals),
            None => sums.push((name(charge).to_owned(), totals)),
        }
    }
    sums.sort_by_key(|(_, totals)| std::cmp::Reverse(totals.credits()));
    sums
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
