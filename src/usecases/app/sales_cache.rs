//! Sums of the sales report that the process remembers.
//!
//! *Not here:* reading the entries (`insight::sales`).

use crate::domain::{EntryKind, Instant, Kind};
use chrono::{DateTime, Datelike};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Mutex;

const DAY_MS: i64 = 86_400_000;

/// A month of the calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    pub year: i32,
    /// 1 to 12.
    pub month: u32,
}

impl Month {
    /// The month of an instant.
    #[must_use]
    pub fn of(at: Instant) -> Self {
        Self { year: at.year(), month: at.month() }
    }

    pub(crate) fn of_day(day: i64) -> Self {
        Self::of(DateTime::from_timestamp_millis(day.saturating_mul(DAY_MS)).unwrap_or(DateTime::UNIX_EPOCH))
    }

    #[must_use]
    pub(crate) fn next(self) -> Self {
        if self.month == 12 {
            Self { year: self.year + 1, month: 1 }
        } else {
            Self { year: self.year, month: self.month + 1 }
        }
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// The movements of one kind of credits in a month, in thousandths: sums of many customers, so wider than one's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SalesFigures {
    /// Granted: sold, where top-ups.
    pub granted: i128,
    /// Used, undone usages taken off.
    pub used: i128,
    pub expired: i128,
    /// Removed after refunds and lost disputes, what was restored taken off.
    pub refunded: i128,
    /// Grants taken back.
    pub voided: i128,
}

impl SalesFigures {
    /// By how much it changed what is outstanding.
    #[must_use]
    pub const fn net(&self) -> i128 {
        self.granted - self.used - self.expired - self.refunded - self.voided
    }

    pub(crate) fn add(&mut self, kind: EntryKind, by_usage: bool, amount: i128) {
        match kind {
            EntryKind::Granted => self.granted += amount,
            EntryKind::Used => self.used -= amount,
            EntryKind::Voided if by_usage => self.used -= amount,
            EntryKind::Voided => self.voided -= amount,
            EntryKind::Expired => self.expired -= amount,
            EntryKind::Refunded | EntryKind::Disputed | EntryKind::Restored => self.refunded -= amount,
            // These change no balance.
            EntryKind::Held | EntryKind::Released | EntryKind::Frozen | EntryKind::Thawed | EntryKind::Extended => {}
        }
    }
}

/// The sums so far, shared by the process.
#[derive(Clone, Default)]
pub struct SalesCache(pub(crate) Arc<Mutex<SalesSums>>);

#[derive(Clone, Default)]
pub(crate) struct SalesSums {
    /// The last row that is added up of each run: those grow at the same time, each in the order of its commits.
    pub upto: BTreeMap<i64, i64>,
    pub months: BTreeMap<(Month, Kind), SalesFigures>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_entry_falls_into_one_column() {
        let check = |kind, by_usage, amount, want: SalesFigures| {
            let mut figures = SalesFigures::default();
            figures.add(kind, by_usage, amount);
            assert_eq!(figures, want, "{kind:?}");
            assert_eq!(figures.net(), amount, "{kind:?}");
        };
        let none = SalesFigures::default();
        check(EntryKind::Granted, false, 5, SalesFigures { granted: 5, ..none });
        check(EntryKind::Used, true, -5, SalesFigures { used: 5, ..none });
        check(EntryKind::Voided, true, 5, SalesFigures { used: -5, ..none });
        check(EntryKind::Voided, false, -5, SalesFigures { voided: 5, ..none });
        check(EntryKind::Expired, false, -5, SalesFigures { expired: 5, ..none });
        check(EntryKind::Disputed, false, -5, SalesFigures { refunded: 5, ..none });
        check(EntryKind::Restored, false, 5, SalesFigures { refunded: -5, ..none });
    }
}
