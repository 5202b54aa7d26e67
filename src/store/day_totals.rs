//! A row of the daily totals: its key and its sums.

use crate::domain::{Credits, Draw, Instant, Kind};

/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400_000;
/// The number of an instant's day: days since 1970, in UTC.
#[must_use]
pub fn day_number(at: Instant) -> i64 {
    at.timestamp_millis().div_euclid(DAY_MS)
}

/// Which row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DayKey {
    /// Days since 1970.
    pub day: i64,
    /// The store's number of the customer.
    pub customer_no: i64,
    /// The operation; empty if the SaaS named none.
    pub operation: String,
    /// The SaaS's own name of who did it; empty where nobody said.
    pub source: String,
    /// When the billing cycle began that the usages were in: a boundary falls into a day.
    pub cycle_start: i64,
}

/// The sums of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Usages.
    pub usages: i64,
    /// Credits of the plan.
    pub plan: Credits,
    /// Courtesy credits.
    pub courtesy: Credits,
    /// Credits of top-ups.
    pub top_up: Credits,
}

impl Totals {
    /// The totals of one usage.
    #[must_use]
    pub fn of(draws: &[Draw]) -> Self {
        let mut totals = Self { usages: 1, ..Self::default() };
        for draw in draws {
            totals.draw(draw.kind, draw.credits);
        }
        totals
    }

    /// Adds what was taken from one grant.
    pub fn draw(&mut self, kind: Kind, credits: Credits) {
        match kind {
            Kind::Plan => self.plan += credits,
            Kind::Courtesy => self.courtesy += credits,
            Kind::TopUp => self.top_up += credits,
        }
    }

    /// All credits.
    #[must_use]
    pub fn credits(&self) -> Credits {
        self.plan + self.courtesy + self.top_up
    }

    /// Adds other usages.
    pub fn add(&mut self, other: &Self) {
        let sum = i64::saturating_add;
        *self = Self {
            usages: sum(self.usages, other.usages),
            plan: Credits(sum(self.plan.0, other.plan.0)),
            courtesy: Credits(sum(self.courtesy.0, other.courtesy.0)),
            top_up: Credits(sum(self.top_up.0, other.top_up.0)),
        };
    }

    /// The same with opposite signs: added, it takes these usages off.
    #[must_use]
    pub fn undone(&self) -> Self {
        Self { usages: -self.usages, plan: -self.plan, courtesy: -self.courtesy, top_up: -self.top_up }
    }
}
