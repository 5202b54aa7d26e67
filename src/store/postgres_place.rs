//! Which database a session of PostgreSQL is in, and how far its server's log is: how old a standby's copy is can be told only
//! by comparing it with the primary.

use crate::domain::Instant;
use crate::domain::time::from_millis;
use crate::store::errors::{DbError, corrupt};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

/// A question about the place. Of a primary all is told that is on its disk, so all that was answered; of a standby what
/// readers see.
macro_rules! place {
    () => {
        "select (select cast(system_identifier as text) from pg_control_system()) || '/' ||
             (select cast(oid as text) from pg_database where datname = current_database()) as database,
           case when pg_is_in_recovery() then '' else left(pg_walfile_name(pg_current_wal_lsn()), 8) end as timeline,
           cast(case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_flush_lsn() end
             - pg_lsn '0/0' as bigint) as bytes,
           cast(extract(epoch from pg_last_xact_replay_timestamp()) * 1000 as bigint) as last_commit"
    };
}

/// The place alone.
pub const PLACE: &str = place!();

/// The place, and then a snapshot that has at least that.
pub const SNAPSHOT_AT: &str = concat!("begin; ", place!(), "; commit; begin isolation level repeatable read read only");

/// The place of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPlace {
    /// The cluster and the database in it. Copies have the same.
    pub database: String,
    /// The timeline of a server that takes writes; empty on a standby.
    pub timeline: String,
    /// How far the log is.
    pub bytes: i64,
    /// When the last commit was made that a standby has read, by the primary's clock.
    pub last_commit: Option<Instant>,
}

impl LogPlace {
    /// Reads the answer to one of the questions.
    ///
    /// # Errors
    /// It is none.
    pub fn of_row(row: Option<&PgRow>) -> Result<Self, DbError> {
        let row = row.ok_or_else(|| corrupt("a server without a place"))?;
        let last_commit: Option<i64> = row.try_get("last_commit")?;
        Ok(Self {
            database: row.try_get("database")?,
            timeline: row.try_get("timeline")?,
            bytes: row.try_get("bytes")?,
            last_commit: last_commit.map(from_millis),
        })
    }
}
