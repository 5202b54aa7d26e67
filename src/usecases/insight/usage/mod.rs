//! A customer's usage by day or week, read from the daily totals that charges keep.

mod in_cycle;
mod period;

use crate::domain::{Credits, Instant};
use crate::store::daily_usage::Totals;
use crate::store::db::{Connection, DbError};
use crate::store::metrics::DayMetrics;
use crate::store::{daily_usage, metrics};
use crate::usecases::credits::usage_rate;
use crate::usecases::insight::cycles::Cycles;
use std::collections::BTreeMap;

pub use in_cycle::{InCycle, in_cycle};
pub use period::{DAYS_MAX, Days, Period, Range, midnight, number_of};

/// Credits, and the shop's own metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageFigures {
    /// Usages and credits.
    pub totals: Totals,
    /// By the catalogue's keys.
    pub metrics: DayMetrics,
}

/// A day, or a week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageStep {
    /// Its first day, at midnight UTC.
    pub first: Instant,
    /// Its last day, at midnight UTC.
    pub last: Instant,
    pub figures: UsageFigures,
}

/// Usage in a range of the API until `today`, oldest first; steps without usage included.
pub async fn usage_steps(
    db: &mut Connection,
    customer_no: i64,
    range: Range,
    today: i64,
) -> Result<Vec<UsageStep>, DbError> {
    let period = Period::range(range, today);
    let mut steps = empty_steps(&period);
    let (first, last) = (period.days.first, period.days.last);
    for (day, _, totals) in &daily_usage::totals_by_day(db, customer_no, first, last).await? {
        if let Some(step) = step_of(&mut steps, &period, *day) {
            step.figures.totals.add(totals);
        }
    }
    for (day, metrics) in &metrics::fetch_metrics(db, customer_no, first, last).await? {
        if let Some(step) = step_of(&mut steps, &period, *day) {
            step.figures.metrics.add(metrics);
        }
    }
    Ok(steps)
}

/// Usage in a period, and by operation and source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageOverview {
    /// Oldest first; steps without usage included, steps after today not.
    pub steps: Vec<UsageStep>,
    /// All steps together.
    pub total: UsageFigures,
    /// The period that it is compared with.
    pub before: Option<UsageFigures>,
    /// Most credits first; empty where the usage had no name. Names that their days did not name stand under
    /// [`OTHER_OPERATION`] and [`OTHER_SOURCE`].
    ///
    /// [`OTHER_OPERATION`]: crate::store::daily_usage_names::OTHER_OPERATION
    /// [`OTHER_SOURCE`]: crate::store::daily_usage_names::OTHER_SOURCE
    pub by_operation: Vec<(String, Totals)>,
    pub by_source: Vec<(String, Totals)>,
}

/// Usage in a period. Metrics count whole days, credits the period's cycle alone.
pub async fn usage_overview(db: &mut Connection, customer_no: i64, period: &Period) -> Result<UsageOverview, DbError> {
    let Period { days, before, .. } = *period;
    let from = before.map_or(days.first, |before| before.first.min(days.first));
    let mut usage = UsageOverview { steps: empty_steps(period), ..UsageOverview::default() };
    let mut earlier = UsageFigures::default();
    for (day, cycle_start, totals) in daily_usage::totals_by_day(db, customer_no, from, days.last).await? {
        if days.counts(day, cycle_start) {
            usage.total.totals.add(&totals);
            step_of(&mut usage.steps, period, day).into_iter().for_each(|step| step.figures.totals.add(&totals));
        } else if before.is_some_and(|before| before.counts(day, cycle_start)) {
            earlier.totals.add(&totals);
        }
    }
    for (day, metrics) in &metrics::fetch_metrics(db, customer_no, from, days.last).await? {
        if days.has(*day) {
            usage.total.metrics.add(metrics);
            step_of(&mut usage.steps, period, *day).into_iter().for_each(|step| step.figures.metrics.add(metrics));
        } else if before.is_some_and(|before| before.has(*day)) {
            earlier.metrics.add(metrics);
        }
    }
    let (mut operations, mut sources) = (BTreeMap::new(), BTreeMap::new());
    let cycles = days.cycle.map(|cycle| (cycle.start, cycle.end));
    for (operation, source, totals) in
        daily_usage::totals_by_name(db, customer_no, (days.first, days.last), cycles).await?
    {
        operations.entry(operation).or_insert_with(Totals::default).add(&totals);
        sources.entry(source).or_insert_with(Totals::default).add(&totals);
    }
    usage.before = before.map(|_| earlier);
    usage.by_operation = by_credits(operations);
    usage.by_source = by_credits(sources);
    Ok(usage)
}

/// Usage of the present cycle at its reset, if the usage rate holds (R16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtThisPace {
    pub credits_a_day: Credits,
    /// `used` in this cycle, and the days until the reset.
    pub at_reset: Credits,
    pub reset: Instant,
}

/// `None` with less than a week of data, or without usage.
pub async fn at_this_pace(
    db: &mut Connection,
    customer_no: i64,
    cycles: &Cycles,
    used: Credits,
    now: Instant,
) -> Result<Option<AtThisPace>, DbError> {
    let reset = cycles.this.end;
    let pace = usage_rate::customer_usage_rate(db, customer_no, cycles.customer_since, now).await?;
    Ok(pace.filter(|pace| !pace.is_zero()).map(|pace| AtThisPace {
        credits_a_day: pace.per_day(),
        at_reset: used + pace.in_millis((reset - now).num_milliseconds()),
        reset,
    }))
}

fn by_credits(sums: BTreeMap<String, Totals>) -> Vec<(String, Totals)> {
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by(|(a, x), (b, y)| y.credits().cmp(&x.credits()).then_with(|| a.cmp(b)));
    sums
}

/// The steps of a period without figures. Its last one may be shorter.
#[must_use]
pub fn empty_steps(period: &Period) -> Vec<UsageStep> {
    let Period { days, step, .. } = *period;
    let mut steps = Vec::new();
    let mut first = days.first;
    while first <= days.last {
        let last = (first + step - 1).min(days.last);
        steps.push(UsageStep { first: midnight(first), last: midnight(last), figures: UsageFigures::default() });
        first += step;
    }
    steps
}

fn step_of<'a>(steps: &'a mut [UsageStep], period: &Period, day: i64) -> Option<&'a mut UsageStep> {
    let place = usize::try_from((day - period.days.first).div_euclid(period.step)).ok()?;
    steps.get_mut(place)
}
