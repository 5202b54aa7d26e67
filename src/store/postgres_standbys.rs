//! `PG_SYNCHRONOUS=required`: what is committed counts once the standbys have it.
//!
//! PostgreSQL's own wait for a standby can be canceled (`pg_cancel_backend`). The commit then comes back as if all were well,
//! with a warning that the database library only logs. So after each commit the server says, in the same answer, up to where
//! its log is on its own disk, and which standbys have that much on theirs. That place is behind the commit, and behind
//! each commit that the transaction has seen; if standbys lack it, they are asked for it for a while.
//!
//! Invariant: a write transaction that answered has nothing, and has seen nothing, that too few standbys have.

use crate::store::errors::DbError;
use sqlx::postgres::PgRow;
use sqlx::{Executor as _, PgConnection, Row as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio::time::sleep;

/// A question about the standbys: whether those that commits wait for have the log up to a place. Nobody to wait for is no.
macro_rules! standbys_at {
    ($place:literal) => {
        concat!(
            "select cast(place as text) as place, coalesce(needed <= (
               select count(*) from pg_stat_replication where sync_state in ('sync', 'quorum') and flush_lsn >= place), false)
               as are_there
             from (select ", $place, " as place, case
               when names = '' then null
               when names ~* '^((first|any)\\s+)?\\d+\\s*\\(' then cast(substring(names from '\\d+') as bigint)
               else 1 end as needed
               from (select trim(current_setting('synchronous_standby_names')) as names) it offset 0) asked"
        )
    };
}

/// Commits, and says how the standbys are.
const COMMIT: &str = concat!("commit; ", standbys_at!("pg_current_wal_flush_lsn()"));

/// Says how the standbys are.
const ASK: &str = standbys_at!("pg_current_wal_flush_lsn()");

/// The same about a place that was told.
const ASK_ABOUT: &str = standbys_at!("cast($1 as pg_lsn)");

/// How long a commit waits for standbys after PostgreSQL's own wait.
const WAIT: Duration = Duration::from_secs(3);

/// The longest pause between two questions.
const PAUSE_MAX: Duration = Duration::from_millis(64);

/// Why a commit does not count.
const NOT_THERE: &str =
    "PG_SYNCHRONOUS=required: too few synchronous standbys have the commit, so its outcome is unknown";

/// One wait for all who ask for it before it begins.
#[derive(Default)]
pub struct Fence {
    asked: AtomicU64,
    /// How many have an answer, and the last one.
    done: Mutex<(u64, bool)>,
}

impl Fence {
    /// Runs `wait`, or takes the answer of one that began later than this was asked for.
    ///
    /// # Errors
    /// The wait failed.
    pub async fn pass(&self, wait: impl AsyncFnOnce() -> Result<(), DbError>) -> Result<(), DbError> {
        let place = self.asked.fetch_add(1, Ordering::SeqCst);
        let mut done = self.done.lock().await;
        if done.0 > place {
            return if done.1 { Ok(()) } else { Err(DbError::Protocol(NOT_THERE.to_owned())) };
        }
        let all = self.asked.load(Ordering::SeqCst);
        let answer = wait().await;
        *done = (all, answer.is_ok());
        answer
    }
}

/// Waits until the standbys have all that the server has on its disk by now.
///
/// # Errors
/// They have not in time, or the server fails.
pub async fn wait(connection: &mut PgConnection) -> Result<(), DbError> {
    let row = sqlx::query(ASK).fetch_one(&mut *connection).await?;
    wait_for(connection, &row).await
}

/// Commits, and waits until the standbys have it.
///
/// # Errors
/// The server fails, or they have not in time; then the outcome is unknown.
pub async fn commit(connection: &mut PgConnection) -> Result<(), DbError> {
    let row = (&mut *connection).fetch_one(sqlx::raw_sql(COMMIT)).await?;
    wait_for(connection, &row).await
}

async fn wait_for(connection: &mut PgConnection, row: &PgRow) -> Result<(), DbError> {
    if row.try_get("are_there")? {
        return Ok(());
    }
    let (place, until) = (row.try_get::<String, _>("place")?, Instant::now() + WAIT);
    let mut pause = Duration::from_millis(1);
    loop {
        let row = sqlx::query(ASK_ABOUT).bind(&place).fetch_one(&mut *connection).await?;
        if row.try_get("are_there")? {
            return Ok(());
        }
        if Instant::now() + pause > until {
            return Err(DbError::Protocol(NOT_THERE.to_owned()));
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// True if this user sees how far standbys are.
///
/// # Errors
/// The server fails.
pub async fn may_see(connection: &mut PgConnection) -> Result<bool, DbError> {
    let sql = "select pg_has_role(current_user, 'pg_read_all_stats', 'usage') as may";
    sqlx::query(sql).fetch_one(connection).await?.try_get("may")
}
