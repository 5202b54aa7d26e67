//! What a customer used, by day: read from the daily totals that charges keep.

use super::{Fault, Services};
use crate::domain::time::from_millis;
use crate::domain::{Balance, Changes, Credits, Instant};
use crate::store::accounts;
use crate::store::days::{self, Totals, day_of};

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
        match name {
            "7d" => Some(Self::Week),
            "30d" => Some(Self::Month),
            "weekly" => Some(Self::Weekly),
            _ => None,
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

/// One step of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its first day, at midnight UTC.
    pub first: Instant,
    /// Its last day, at midnight UTC.
    pub last: Instant,
    /// What was used.
    pub totals: Totals,
}

/// What a customer used, step by step, oldest first; steps of nothing included.
///
/// # Errors
/// [`Fault`].
pub async fn range(services: &Services, customer_no: i64, range: Range) -> Result<Vec<Step>, Fault> {
    let (count, length) = range.steps();
    let today = day_of(services.clock.now());
    let first = today - count * length + 1;
    let mut link = services.store.read().await?;
    let rows = days::read(&mut link, customer_no, first, today).await?;
    let mut steps: Vec<Step> = (0..count)
        .map(|n| first + n * length)
        .map(|day| Step { first: midnight(day), last: midnight(day + length - 1), totals: Totals::default() })
        .collect();
    for (key, totals) in &rows {
        let step = usize::try_from((key.day - first) / length).ok().and_then(|place| steps.get_mut(place));
        if let Some(step) = step {
            step.totals.add(totals);
        }
    }
    Ok(steps)
}

fn midnight(day: i64) -> Instant {
    from_millis(day * 86_400_000)
}

/// A customer's plan and balance, and what was used of any grant in the cycle that runs.
#[derive(Clone, Debug)]
pub struct InCycle {
    /// The plan's id.
    pub plan: String,
    /// The balance at this instant.
    pub balance: Balance,
    /// When the cycle began.
    pub cycle_start: Instant,
    /// Used in it, undone usages not counted.
    pub used: Credits,
}

/// How a customer stands in the cycle that runs.
///
/// # Errors
/// [`Fault`].
pub async fn in_cycle(services: &Services, customer_no: i64) -> Result<Option<InCycle>, Fault> {
    let mut link = services.store.snapshot().await?;
    let Some(mut loaded) = accounts::load(&mut link, customer_no).await? else { return Ok(None) };
    let at = loaded.account.begin(services.clock.now(), &services.catalog, &mut Changes::default());
    let account = loaded.account;
    let start = account.cycle.start;
    let rows = days::read(&mut link, customer_no, day_of(start), day_of(at)).await?;
    let used = rows.iter().filter(|(key, _)| key.cycle_start == start.timestamp_millis());
    let used = used.map(|(_, totals)| totals.credits()).sum();
    Ok(Some(InCycle { plan: account.plan.clone(), balance: Balance::of(&account, at), cycle_start: start, used }))
}
