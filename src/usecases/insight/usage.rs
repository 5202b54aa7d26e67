//! Usage of a customer by day, read from the daily totals that charges write.

use crate::domain::time::from_millis;
use crate::domain::{Balance, Changes, Credits, Instant};
use crate::store::daily_usage::{Totals, day_number};
use crate::store::metrics::DayMetrics;
use crate::store::{accounts, daily_usage, metrics};
use crate::usecases::{App, InternalError};
use std::collections::BTreeMap;

/// How far back, and in how long steps. All end today, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// Seven days.
    Week,
    /// Thirty days.
    Month,
    /// Seven times seven days.
    Weekly,
}

impl Range {
    /// The range of a name in the API.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|range| range.name() == name)
    }

    /// All, as the page offers them.
    pub const ALL: [Self; 3] = [Self::Week, Self::Month, Self::Weekly];

    /// Its name in the API and in addresses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Weekly => "weekly",
        }
    }

    /// How many steps of how many days.
    #[must_use]
    pub const fn steps(self) -> (i64, i64) {
        match self {
            Self::Week => (7, 1),
            Self::Month => (30, 1),
            Self::Weekly => (7, 7),
        }
    }
}

/// Used credits and the shop's own metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageFigures {
    /// Usages and credits.
    pub totals: Totals,
    /// By the catalogue's keys.
    pub metrics: DayMetrics,
}

/// One step of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageStep {
    /// Its first day, at midnight UTC.
    pub first: Instant,
    /// Its last day, at midnight UTC.
    pub last: Instant,
    pub figures: UsageFigures,
}

/// Usage of a customer step by step, oldest first, with empty steps.
pub async fn usage_steps(app: &App, customer_no: i64, range: Range) -> Result<Vec<UsageStep>, InternalError> {
    let (count, length) = range.steps();
    let today = day_number(app.clock.now());
    let first = today - count * length + 1;
    let mut db = app.store.read().await?;
    let mut steps = empty_steps(first, count, length);
    for (day, totals) in &daily_usage::totals_by_day(&mut db, customer_no, first, today).await? {
        if let Some(step) = step_of(&mut steps, *day, first, length) {
            step.figures.totals.add(totals);
        }
    }
    for (day, metrics) in &metrics::fetch_metrics(&mut db, customer_no, first, today).await? {
        if let Some(step) = step_of(&mut steps, *day, first, length) {
            step.figures.metrics.add(metrics);
        }
    }
    Ok(steps)
}

/// Usage of a customer over a range, beside the range before it, by operation and source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageOverview {
    /// Step by step, oldest first.
    pub steps: Vec<UsageStep>,
    /// All steps together.
    pub total: UsageFigures,
    /// The same number of days right before.
    pub before: UsageFigures,
    /// By what was done, most credits first; empty where nobody said. Operations and sources that their days did not
    /// name stand under [`OTHER_OPERATION`] and [`OTHER_SOURCE`].
    ///
    /// [`OTHER_OPERATION`]: crate::store::daily_usage_names::OTHER_OPERATION
    /// [`OTHER_SOURCE`]: crate::store::daily_usage_names::OTHER_SOURCE
    pub by_operation: Vec<(String, Totals)>,
    /// By who did it, likewise.
    pub by_source: Vec<(String, Totals)>,
}

/// Usage over a range, split up.
pub async fn usage_overview(app: &App, customer_no: i64, range: Range) -> Result<UsageOverview, InternalError> {
    let (count, length) = range.steps();
    let today = day_number(app.clock.now());
    let first = today - count * length + 1;
    let mut db = app.store.read().await?;
    let mut usage = UsageOverview { steps: empty_steps(first, count, length), ..UsageOverview::default() };
    for (day, totals) in daily_usage::totals_by_day(&mut db, customer_no, first - count * length, today).await? {
        match step_of(&mut usage.steps, day, first, length) {
            Some(step) => {
                step.figures.totals.add(&totals);
                usage.total.totals.add(&totals);
            }
            None => usage.before.totals.add(&totals),
        }
    }
    let (mut operations, mut sources) = (BTreeMap::new(), BTreeMap::new());
    for (operation, source, totals) in daily_usage::totals_by_name(&mut db, customer_no, first, today).await? {
        operations.entry(operation).or_insert_with(Totals::default).add(&totals);
        sources.entry(source).or_insert_with(Totals::default).add(&totals);
    }
    for (day, metrics) in &metrics::fetch_metrics(&mut db, customer_no, first - count * length, today).await? {
        match step_of(&mut usage.steps, *day, first, length) {
            Some(step) => {
                step.figures.metrics.add(metrics);
                usage.total.metrics.add(metrics);
            }
            None => usage.before.metrics.add(metrics),
        }
    }
    usage.by_operation = by_credits(operations);
    usage.by_source = by_credits(sources);
    Ok(usage)
}

fn by_credits(sums: BTreeMap<String, Totals>) -> Vec<(String, Totals)> {
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by(|(a, x), (b, y)| y.credits().cmp(&x.credits()).then_with(|| a.cmp(b)));
    sums
}

/// Steps of nothing.
fn empty_steps(first: i64, count: i64, length: i64) -> Vec<UsageStep> {
    let step = |day: i64| UsageStep {
        first: midnight(day),
        last: midnight(day + length - 1),
        figures: UsageFigures::default(),
    };
    (0..count).map(|n| step(first + n * length)).collect()
}

/// The step that a day is in; none of a day before the first.
fn step_of(steps: &mut [UsageStep], day: i64, first: i64, length: i64) -> Option<&mut UsageStep> {
    let place = usize::try_from((day - first).div_euclid(length)).ok()?;
    steps.get_mut(place)
}

fn midnight(day: i64) -> Instant {
    from_millis(day * 86_400_000)
}

/// A customer's plan and balance, and what was used of any grant in the cycle that runs.
#[derive(Clone, Debug)]
pub struct InCycle {
    pub plan: String,
    /// The balance at this instant.
    pub balance: Balance,
    /// When the cycle began.
    pub cycle_start: Instant,
    /// Used in it, undone usages not counted.
    pub used: Credits,
}

/// How a customer stands in the cycle that runs.
pub async fn in_cycle(app: &App, customer_no: i64) -> Result<Option<InCycle>, InternalError> {
    let mut db = app.store.snapshot().await?;
    let Some(mut loaded) = accounts::load_by_no(&mut db, customer_no).await? else { return Ok(None) };
    let at = loaded.account.catch_up(app.clock.now(), &app.catalog, &mut Changes::default());
    let account = loaded.account;
    let start = account.cycle.start;
    let used = daily_usage::used_in_cycle(&mut db, customer_no, start, (day_number(start), day_number(at))).await?;
    Ok(Some(InCycle { plan: account.plan.clone(), balance: Balance::of(&account, at), cycle_start: start, used }))
}
