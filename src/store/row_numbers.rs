//! Numbers of entries' rows and of grants.
//!
//! SQLite's one writer counts. On PostgreSQL each writer takes a run of rows for itself, so that numbers are no order of
//! commits; but a run is: its one writer numbers upwards, and leaves it after a transaction whose end is unknown.

use crate::args;
use crate::store::db::{Connection, DbError, corrupt};

/// Rows of a run.
pub const RUN: i64 = 1_048_576;

/// The rows that a writer may number. The default has none.
#[derive(Clone, Copy, Debug, Default)]
pub struct RowNumbers {
    /// The last number that was given.
    pub last: i64,
    /// The last of the run.
    end: i64,
}

impl RowNumbers {
    /// Makes sure that `count` numbers stand behind one another, for SQLite in an own transaction that nobody else is in.
    ///
    /// # Errors
    /// The database fails.
    pub async fn reserve(&mut self, db: &mut Connection, count: i64) -> Result<(), DbError> {
        if self.end - self.last >= count {
            return Ok(());
        }
        *self = if db.is_sqlite() {
            let last = fetch_number(db, "select coalesce(max(row_no), 0) as n from entries").await?;
            Self { last, end: i64::MAX }
        } else {
            let run = fetch_number(db, "select nextval('entry_runs') as n").await?;
            // No row is 0: that stands for none.
            Self { last: (run * RUN - 1).max(0), end: run * RUN + RUN - 1 }
        };
        if self.end - self.last >= count { Ok(()) } else { Err(corrupt("more entries than a run has rows")) }
    }
}

/// Numbers for `count` new grants, ascending. On SQLite they follow `last`.
///
/// # Errors
/// The database fails.
pub async fn grant_numbers(db: &mut Connection, last: i64, count: usize) -> Result<Vec<i64>, DbError> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let count = i64::try_from(count).map_err(|_| corrupt("too many grants"))?;
    if db.is_sqlite() {
        return Ok((last + 1..=last + count).collect());
    }
    let sql = "select nextval('grant_numbers') as n from generate_series(1, $1)";
    db.fetch_all(sql, args![count]).await?.iter().map(|row| row.int("n")).collect()
}

/// The last grant's number.
///
/// # Errors
/// The database fails.
pub async fn last_grant_no(db: &mut Connection) -> Result<i64, DbError> {
    fetch_number(db, "select coalesce(max(no), 0) as n from grants").await
}

async fn fetch_number(db: &mut Connection, sql: &str) -> Result<i64, DbError> {
    db.fetch_optional(sql, Vec::new()).await?.map_or(Ok(0), |row| row.int("n"))
}
