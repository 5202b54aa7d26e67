//! The sources and operations that a customer's day names: the first so many that it meets. All others count together
//! as one, so that a day has a bounded number of rows whatever the SaaS calls its users.
//!
//! Invariant: on one day a name is either counted under itself, wholly, or with the others, wholly. `topup check`
//! compares the totals with the entries on that ground.

use crate::args;
use crate::store::day_totals::DayKey;
use crate::store::db::{Connection, DbError, Value};
use crate::store::statement_batch;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Sources that a customer's day names.
pub const SOURCES_MAX: usize = 30;
/// Operations that it names.
pub const OPERATIONS_MAX: usize = 20;
/// The source that the others count under. Longer than a source can be, so that none is called so.
pub const OTHER_SOURCE: &str = "(other sources: this day had more of them than it names, one by one)";
/// The operation that the others count under. No operation has such letters.
pub const OTHER_OPERATION: &str = "(other)";

/// The names of one customer's day, as far as they are known.
#[derive(Clone, Debug)]
pub struct DayNames {
    /// Days since 1970.
    pub day: i64,
    sources: Names,
    operations: Names,
}

/// Names by their digests: an account in memory keeps some hundred bytes for them, not some thousand.
#[derive(Clone, Debug, Default)]
struct Names {
    known: HashSet<u64>,
    /// Rows of the store that were counted and not read: each may have another name.
    unread: usize,
}

impl Names {
    /// True if there is room for a name, which then has it; none where only a look into the store can tell.
    fn take(&mut self, name: &str, most: usize) -> Option<bool> {
        if name.is_empty() {
            return Some(true);
        }
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let digest = hasher.finish();
        if self.known.contains(&digest) {
            return Some(true);
        }
        if self.known.len() + self.unread < most {
            return Some(self.known.insert(digest));
        }
        (self.unread == 0).then_some(false)
    }
}

impl DayNames {
    /// A day with so many rows, none of which was read.
    #[must_use]
    pub fn of_rows(day: i64, rows: usize) -> Self {
        let names = Names { known: HashSet::new(), unread: rows };
        Self { day, sources: names.clone(), operations: names }
    }

    /// True if all of its names were read, or it has none.
    #[must_use]
    pub const fn is_read(&self) -> bool {
        self.sources.unread == 0 && self.operations.unread == 0
    }

    /// Puts a usage where its day counts it; `false` where the day's names have to be read first.
    pub fn place(&mut self, key: &mut DayKey) -> bool {
        let source = self.sources.take(&key.source, SOURCES_MAX);
        let operation = self.operations.take(&key.operation, OPERATIONS_MAX);
        let (Some(has_source), Some(has_operation)) = (source, operation) else { return false };
        if !has_source {
            OTHER_SOURCE.clone_into(&mut key.source);
        }
        if !has_operation {
            OTHER_OPERATION.clone_into(&mut key.operation);
        }
        true
    }

    /// Reads the names of the rows that were only counted.
    pub async fn read(&mut self, db: &mut Connection, customer_no: i64) -> Result<(), DbError> {
        let sql = "select operation, source from usage_days where day = $1 and customer_no = $2
            group by operation, source";
        let rows = db.fetch_all(sql, args![self.day, customer_no]).await?;
        (self.sources.unread, self.operations.unread) = (0, 0);
        for row in rows {
            let (operation, source) = (row.text("operation")?, row.text("source")?);
            if source != OTHER_SOURCE {
                self.sources.take(&source, usize::MAX);
            }
            if operation != OTHER_OPERATION {
                self.operations.take(&operation, usize::MAX);
            }
        }
        Ok(())
    }
}

/// How many rows each of these customers has on a day; those without any are left out.
pub async fn count_rows(db: &mut Connection, day: i64, customers: &[i64]) -> Result<HashMap<i64, usize>, DbError> {
    let sql = |day: &str, any: &str| {
        format!(
            "select customer_no, count(*) as n from usage_days where day = {day} and customer_no {any}
             group by customer_no"
        )
    };
    let values = customers.iter().map(|no| Value::from(*no)).collect();
    let rows = statement_batch::fetch_all_in(db, sql, args![day], values).await?;
    rows.iter()
        .map(|row| Ok((row.int("customer_no")?, usize::try_from(row.int("n")?).unwrap_or(usize::MAX / 2))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(source: &str, operation: &str) -> DayKey {
        DayKey { day: 1, customer_no: 1, operation: operation.into(), source: source.into(), cycle_start: 0 }
    }

    #[test]
    fn the_first_names_of_a_day_are_kept_and_the_others_count_together() {
        let mut names = DayNames::of_rows(1, 0);
        for n in 0..SOURCES_MAX + 10 {
            let mut one = key(&format!("k{n}"), "");
            assert!(names.place(&mut one));
            assert_eq!(one.source == OTHER_SOURCE, n >= SOURCES_MAX, "{n}");
        }
        let (mut first, mut unsaid) = (key("k0", "scrape"), key("", ""));
        assert!(names.place(&mut first) && names.place(&mut unsaid));
        assert_eq!((first, unsaid), (key("k0", "scrape"), key("", "")));
    }

    #[test]
    fn a_day_of_which_too_much_is_unread_says_so_before_it_names_one_too_many() {
        let mut names = DayNames::of_rows(1, SOURCES_MAX - 1);
        assert!(!names.place(&mut key("k0", "scrape")), "there may be no room for another operation");
        let mut names = DayNames::of_rows(1, OPERATIONS_MAX - 1);
        assert!(names.place(&mut key("k0", "scrape")));
        assert!(names.place(&mut key("k0", "scrape")), "it is known now");
        assert!(!names.place(&mut key("k0", "crawl")));
    }

    #[test]
    fn nothing_can_be_called_as_the_others_are() {
        assert!(OTHER_SOURCE.chars().count() > 64 && OTHER_OPERATION.contains('('));
    }
}
