//! Billing cycles (R5): calendar months counted from the customer's anchor.

use crate::time::Instant;
use chrono::{Datelike, Months};

/// A cycle, `[start, end)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cycle {
    pub start: Instant,
    /// The first instant after the cycle: the reset.
    pub end: Instant,
}

/// `at` plus `months` calendar months (may be negative) in UTC, clamped to the month's last day.
#[must_use]
pub fn add_months(at: Instant, months: i32) -> Option<Instant> {
    let step = Months::new(months.unsigned_abs());
    if months < 0 { at.checked_sub_months(step) } else { at.checked_add_months(step) }
}

/// The difference of two calendar months: a guess at the cycle, at most one off.
fn months_between(from: Instant, to: Instant) -> i32 {
    (to.year() - from.year()) * 12 + (to.month() as i32 - from.month() as i32)
}

/// The first boundary of `anchor` after `at`.
///
/// Months are counted from the anchor itself, so a clamped February does not shorten March.
#[must_use]
pub fn next_boundary(anchor: Instant, at: Instant) -> Option<Instant> {
    let k = months_between(anchor, at);
    (k - 1..=k + 1).filter_map(|k| add_months(anchor, k)).find(|boundary| *boundary > at)
}

impl Cycle {
    /// The cycle of `anchor` that contains `at`.
    #[must_use]
    pub fn containing(anchor: Instant, at: Instant) -> Option<Self> {
        let k = months_between(anchor, at);
        (k - 1..=k + 1)
            .filter_map(|k| Some(Self { start: add_months(anchor, k)?, end: add_months(anchor, k + 1)? }))
            .find(|cycle| cycle.start <= at && at < cycle.end)
    }

    /// The next cycle. A changed anchor acts from here on and grants nothing early.
    #[must_use]
    pub fn next(&self, anchor: Instant) -> Option<Self> {
        Some(Self { start: self.end, end: next_boundary(anchor, self.end)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{TimeZone, Utc};

    fn day(y: i32, m: u32, d: u32) -> Instant {
        Utc.with_ymd_and_hms(y, m, d, 14, 3, 0).single().expect("a date")
    }

    #[test]
    fn a_cycle_anchored_on_the_31st_clamps_and_comes_back() {
        let anchor = day(2026, 1, 31);
        let mut cycle = Cycle::containing(anchor, anchor).expect("in range");
        let mut ends = Vec::new();
        for _ in 0..4 {
            ends.push(cycle.end);
            cycle = cycle.next(anchor).expect("in range");
        }
        assert_eq!(ends, [day(2026, 2, 28), day(2026, 3, 31), day(2026, 4, 30), day(2026, 5, 31)]);
    }

    #[test]
    fn an_anchor_in_the_future_counts_backwards() {
        let cycle = Cycle::containing(day(2027, 3, 31), day(2026, 3, 1)).expect("in range");
        assert_eq!((cycle.start, cycle.end), (day(2026, 2, 28), day(2026, 3, 31)));
    }
}
