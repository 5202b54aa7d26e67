//! The days that usage is read for. Days are UTC.

use crate::domain::time::from_millis;
use crate::domain::{Cycle, Instant};
use crate::store::daily_usage::{DAY_MS, day_number};
use crate::usecases::insight::cycles::Cycles;
use chrono::NaiveDate;

/// Days of one step, where a period is shown by week.
const WEEK: i64 = 7;
/// A longer period is shown by week.
const DAILY_MAX: i64 = 62;
/// Days of the longest period.
pub const DAYS_MAX: i64 = 366;

/// The ranges of the API. All end today.
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
    pub const ALL: [Self; 3] = [Self::Week, Self::Month, Self::Weekly];

    /// The range of a name in the API.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|range| range.name() == name)
    }

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
    const fn steps(self) -> (i64, i64) {
        match self {
            Self::Week => (7, 1),
            Self::Month => (30, 1),
            Self::Weekly => (7, WEEK),
        }
    }
}

/// Days from `first` to `last`, both included; of their credits only those of one billing cycle, where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    pub first: i64,
    pub last: i64,
    pub cycle: Option<Cycle>,
}

impl Days {
    #[must_use]
    pub const fn has(&self, day: i64) -> bool {
        self.first <= day && day <= self.last
    }

    /// Whether usage of a day counts that was in the cycle with this start.
    #[must_use]
    pub fn counts(&self, day: i64, cycle_start: i64) -> bool {
        let in_cycle = |cycle: Cycle| (cycle.start..cycle.end).contains(&from_millis(cycle_start));
        self.has(day) && self.cycle.is_none_or(in_cycle)
    }

    const fn length(&self) -> i64 {
        self.last - self.first + 1
    }

    /// As many days right before.
    const fn before(&self) -> Self {
        Self { first: self.first - self.length(), last: self.first - 1, cycle: None }
    }
}

/// A period of Usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Up to today at most.
    pub days: Days,
    /// Days of a step.
    pub step: i64,
    /// Steps after today, up to the reset.
    pub ahead: i64,
    pub today: i64,
    /// The period that it is compared with.
    pub before: Option<Days>,
}

impl Period {
    #[must_use]
    pub fn range(range: Range, today: i64) -> Self {
        let (count, step) = range.steps();
        let days = Days { first: today - count * step + 1, last: today, cycle: None };
        Self { days, step, ahead: 0, today, before: Some(days.before()) }
    }

    /// The present cycle up to today, beside the same days of the last one.
    #[must_use]
    pub fn this_cycle(cycles: &Cycles, today: i64) -> Self {
        let days = Days { last: today, ..days_of(cycles.this) };
        let before = cycles.last.map(|last| {
            let all = days_of(last);
            Days { last: all.last.min(all.first + days.length() - 1), ..all }
        });
        Self { days, step: 1, ahead: (days_of(cycles.this).last - today).clamp(0, DAILY_MAX), today, before }
    }

    #[must_use]
    pub fn last_cycle(last: Cycle, today: i64) -> Self {
        let days = days_of(last);
        Self { days, step: 1, ahead: 0, today, before: Some(days.before()) }
    }

    /// Any days, both included, of which the first is not after today: by day, or by week where they are many.
    #[must_use]
    pub fn custom(first: NaiveDate, last: NaiveDate, today: i64) -> Self {
        let days = Days { first: number_of(first), last: number_of(last).min(today), cycle: None };
        let step = if days.length() > DAILY_MAX { WEEK } else { 1 };
        Self { days, step, ahead: 0, today, before: Some(days.before()) }
    }

    #[must_use]
    pub const fn is_weekly(&self) -> bool {
        self.step == WEEK
    }
}

/// The number of a calendar day in UTC.
#[must_use]
pub fn number_of(day: NaiveDate) -> i64 {
    day_number(day.and_time(chrono::NaiveTime::MIN).and_utc())
}

/// The midnight on which a day begins.
#[must_use]
pub fn midnight(day: i64) -> Instant {
    from_millis(day * DAY_MS)
}

/// The days of a cycle: the first and the last may be shared with its neighbors.
fn days_of(cycle: Cycle) -> Days {
    let last = cycle.end - chrono::TimeDelta::milliseconds(1);
    Days { first: day_number(cycle.start), last: day_number(last), cycle: Some(cycle) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        text.parse().expect("an instant")
    }

    fn day(text: &str) -> i64 {
        number_of(text.parse().expect("a day"))
    }

    fn cycle(start: &str, end: &str) -> Cycle {
        Cycle { start: at(start), end: at(end) }
    }

    #[test]
    fn this_cycle_is_compared_with_as_many_days_of_the_last_one() {
        let last = cycle("2026-10-11T14:00:00Z", "2026-11-11T14:00:00Z");
        let this = cycle("2026-11-11T14:00:00Z", "2026-12-11T14:00:00Z");
        let cycles = Cycles { this, last: Some(last), customer_since: last.start };
        let period = Period::this_cycle(&cycles, day("2026-11-22"));
        assert_eq!((period.days.first, period.days.last, period.ahead), (day("2026-11-11"), day("2026-11-22"), 19));
        let before = period.before.expect("a last cycle");
        assert_eq!((before.first, before.last), (day("2026-10-11"), day("2026-10-22")));
        // The day of the reset is in both cycles, and a usage in one.
        assert!(period.days.counts(day("2026-11-11"), this.start.timestamp_millis()));
        assert!(!period.days.counts(day("2026-11-11"), last.start.timestamp_millis()));
        assert!(
            Period::last_cycle(last, day("2026-11-22")).days.counts(day("2026-11-11"), last.start.timestamp_millis())
        );
        assert_eq!(Period::this_cycle(&Cycles { last: None, ..cycles }, day("2026-11-11")).before, None);
    }

    #[test]
    fn a_cycle_that_ends_at_midnight_does_not_have_the_day_after() {
        let whole = cycle("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z");
        assert_eq!(Period::last_cycle(whole, day("2026-12-05")).days.last, day("2026-11-30"));
    }

    #[test]
    fn many_days_are_shown_by_week_and_none_after_today() {
        let custom = |first: &str, last: &str| {
            let days = |text: &str| text.parse().expect("a day");
            Period::custom(days(first), days(last), day("2026-11-22"))
        };
        assert_eq!(custom("2026-09-22", "2026-11-30").days.last, day("2026-11-22"));
        assert_eq!((custom("2026-09-22", "2026-11-22").step, custom("2026-09-21", "2026-11-22").step), (1, 7));
        assert_eq!(custom("2026-11-01", "2026-11-10").before.map(|before| before.first), Some(day("2026-10-22")));
    }
}
