//! Sessions of PostgreSQL: which settings each is given, which are too old to be used, and whether a pooler shares them.

use crate::store::errors::DbError;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Postgres, Row as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The settings of each session, set after its start, because a pooler drops settings of the start. A frozen process must
/// not keep a lock for ever, and commits are durable; where the operator asks for more than that, it stays.
const SET: &str = "set lock_timeout = '4s'; set idle_in_transaction_session_timeout = '3s';
    select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') in ('off', 'local')";

/// Those settings with what they must be, for `doctor`.
pub const SETTINGS: [(&str, &str); 2] = [("lock_timeout", "4s"), ("idle_in_transaction_session_timeout", "3s")];

/// Which server it is: another timeline means that a standby was promoted. Some providers have no such functions.
const TIMELINE: &str =
    "select case when pg_is_in_recovery() then 'standby' else left(pg_walfile_name(pg_current_wal_lsn()), 8) end";

/// How often all sessions are given up at most because some were ended: all that were cut say so one by one.
const DISCARD_EVERY: Duration = Duration::from_secs(1);

/// How a write is refused by a server that takes none.
pub const READ_ONLY: &str = "the database is read-only";

/// How a session is refused that was there before another server took over.
pub const FAILED_OVER: &str = "the database failed over";

/// True if a write was refused because the session is read-only, or of a server that is no longer the one.
pub fn is_read_only_error(e: &DbError) -> bool {
    match e {
        DbError::Database(said) => said.code().is_some_and(|code| code == "25006"),
        DbError::Protocol(said) => said == READ_ONLY || said == FAILED_OVER,
        _ => false,
    }
}

/// True if an error tells that sessions of its age are of no more use: read-only (25006), or ended by the server
/// (class 57P), which then restarts or is no longer the one that takes writes.
pub fn means_old_sessions(e: &DbError) -> bool {
    match e {
        DbError::Database(said) => said.code().is_some_and(|code| code == "25006" || code.starts_with("57P")),
        _ => false,
    }
}

/// The sessions of one pool. Clones share them.
#[derive(Clone, Default)]
pub struct Sessions(Arc<Mutex<SessionState>>);

/// What is remembered of the database is of one generation: another server may have taken its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Generation {
    /// How often sessions were given up.
    pub sessions: i64,
    /// How often another server answered.
    pub timelines: i64,
}

#[derive(Default)]
struct SessionState {
    /// Sessions that are older are not used any more.
    discarded_at: Option<Instant>,
    /// How often sessions were given up, and how often because another server answered.
    generation: Generation,
    timeline: Option<String>,
}

impl SessionState {
    fn discard(&mut self) {
        self.discarded_at = Some(Instant::now());
        self.generation.sessions += 1;
    }
}

impl Sessions {
    /// The pool's options, with what is done for each session. One that was not used for a while is asked whether it is
    /// there before it is used; for the answer it has half of the time that a caller waits for a connection, so that
    /// another one can be opened in the rest.
    pub fn watched(&self, options: PgPoolOptions, wait: Duration) -> PgPoolOptions {
        let (connected, asked) = (self.clone(), self.clone());
        options
            .acquire_timeout(wait)
            .test_before_acquire(false)
            .after_connect(move |connection, _| {
                let sessions = connected.clone();
                Box::pin(async move { sessions.begin(connection).await })
            })
            .before_acquire(move |connection, meta| {
                let sessions = asked.clone();
                Box::pin(async move { Ok(sessions.is_good(connection, meta.age, wait / 2).await) })
            })
    }

    async fn is_good(&self, connection: &mut PgConnection, age: Duration, wait: Duration) -> bool {
        if Instant::now().checked_sub(age).is_some_and(|began| self.is_discarded(began)) {
            return false;
        }
        // A server with too much to do may be slow to answer: only this one is left.
        tokio::time::timeout(wait, connection.ping()).await.is_ok_and(|answer| answer.is_ok())
    }

    async fn begin(&self, connection: &mut PgConnection) -> Result<(), DbError> {
        connection.execute(sqlx::raw_sql(SET)).await?;
        let timeline = connection.fetch_one(sqlx::raw_sql(TIMELINE)).await;
        if let Ok(timeline) = timeline.and_then(|row| row.try_get::<String, _>(0)) {
            let mut known = self.known();
            if known.timeline.as_ref().is_some_and(|before| *before != timeline) {
                tracing::info!("the database failed over; older connections are closed");
                known.discard();
                known.generation.timelines += 1;
            }
            known.timeline = Some(timeline);
        }
        Ok(())
    }

    /// Gives up all sessions, unless that was done a moment ago. What is remembered is forgotten in any case.
    pub fn discard_all(&self) {
        let mut known = self.known();
        if known.discarded_at.is_none_or(|last| last.elapsed() >= DISCARD_EVERY) {
            known.discard();
        } else {
            known.generation.sessions += 1;
        }
    }

    /// Gives up all sessions. One that is read-only says that sessions begun since the last time may be so, too.
    pub fn discard_all_now(&self) {
        self.known().discard();
    }

    /// The generation that a session belongs to that was there at `since`; none if it is given up.
    #[must_use]
    pub fn generation_of(&self, since: Instant) -> Option<Generation> {
        let known = self.known();
        known.discarded_at.is_none_or(|discarded_at| since >= discarded_at).then_some(known.generation)
    }

    /// True if a session that was there at `since` is given up.
    fn is_discarded(&self, since: Instant) -> bool {
        self.generation_of(since).is_none()
    }

    fn known(&self) -> std::sync::MutexGuard<'_, SessionState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// True if two connections meet in one session of the server: a pooler in transaction mode, or statement mode, is in
/// between. What cannot be found out is no.
pub async fn are_shared(pool: &PgPool, response_timeout: Duration) -> bool {
    matches!(tokio::time::timeout(response_timeout, meet(pool)).await, Ok(Ok(true)))
}

/// Marks the session of one connection, and looks for the mark from a transaction of another one. A pooler hands out the
/// session that was used last; somebody else may come in between, so it is tried more than once.
async fn meet(pool: &PgPool) -> Result<bool, DbError> {
    let (mut one, mut other) = (pool.acquire().await?, pool.acquire().await?);
    for _ in 0..3 {
        let mut mark = [0_u8; 16];
        getrandom::fill(&mut mark).map_err(|e| DbError::Protocol(e.to_string()))?;
        let mark = hex::encode(mark);
        let set = format!("select set_config('topup.session', '{mark}', false)");
        one.execute(sqlx::raw_sql(AssertSqlSafe(set))).await?;
        let seen = see_session(&mut other).await;
        if seen.as_ref().is_ok_and(|seen| *seen == Some(mark)) || seen.is_err_and(|e| e.to_string().contains("pooling"))
        {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn see_session(other: &mut PoolConnection<Postgres>) -> Result<Option<String>, DbError> {
    other.execute(sqlx::raw_sql("begin")).await?;
    let row = other.fetch_one(sqlx::raw_sql("select current_setting('topup.session', true)")).await;
    other.execute(sqlx::raw_sql("rollback")).await?;
    row?.try_get(0)
}
