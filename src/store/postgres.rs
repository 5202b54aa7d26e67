//! A connection to PostgreSQL that is never waited for without end.
//!
//! A server that is gone without a word (a cable, a firewall that forgot, a frozen host) leaves sockets that are
//! open and silent: what is asked of them is never answered, and never fails. So every answer is waited for so long
//! as [`ResponseTimeout`] says. What kept silent, or was left in the middle of a statement, is thrown away: its socket is
//! closed, the server undoes what was open, and the pool may open another.
//!
//! The connections of the last write transactions are parked for the next ones: that saves the pool's two questions after its health.
//!
//! A session that began while the server was read-only stays so, whatever the server is now; one that was cut tells that
//! others were. Such sessions are given up, and with them all that are as old (`postgres_sessions`).
//!
//! Invariant: no connection goes back to the pool while an answer of the server is still to come.

use crate::store::errors::DbError;
use crate::store::postgres_hosts::{Hosts, TargetServer};
use crate::store::postgres_place::{LogPlace, PLACE, SNAPSHOT_AT};
use crate::store::postgres_sessions::{FAILED_OVER, Generation, Sessions, is_read_only_error, means_old_sessions};
use crate::store::postgres_standbys;
use crate::store::postgres_standbys::Fence;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgPool, PgRow};
use sqlx::{Executor as _, PgConnection, Postgres, Row as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long one answer of a server is waited for.
#[derive(Clone, Copy, Debug)]
pub struct ResponseTimeout(pub Duration);

impl Default for ResponseTimeout {
    /// More than `lock_timeout`: the server ends a write transaction that waits too long for another process.
    fn default() -> Self {
        Self(Duration::from_secs(6))
    }
}

/// The server's connections.
#[derive(Clone)]
pub struct Server {
    /// All of them but the parked one.
    pub pool: PgPool,
    hosts: Hosts,
    sessions: Sessions,
    response_timeout: ResponseTimeout,
    parked: Arc<Mutex<Vec<Parked>>>,
    /// Where commits must be on standbys: the wait that readers share.
    fence: Option<Arc<Fence>>,
}

/// How long a connection takes at most before other servers are asked.
const SLOW: Duration = Duration::from_millis(500);

/// Connections that are parked at most: one for each lane of the engine.
const PARKED_MAX: usize = 3;

/// What a write transaction of a ledger knew at its beginning.
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    pub generation: Generation,
    /// The transaction's number.
    pub xid: i64,
    /// The segment of keys that grows.
    pub segment: i64,
    /// The first one that is closed and has no filter yet.
    pub closed: Option<i64>,
}

struct Parked {
    connection: PoolConnection<Postgres>,
    since: Instant,
}

/// One of them, given back when it is dropped.
pub struct PostgresConnection {
    connection: Option<PoolConnection<Postgres>>,
    server: Server,
    response_timeout: Option<Duration>,
    in_transaction: bool,
    /// A statement is under way, or was left so.
    busy: bool,
    /// When it was last taken from the pool: its session is at least as old.
    since: Instant,
    begun: Option<Begun>,
}

fn silent() -> DbError {
    DbError::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "the database does not answer"))
}

fn connection_gone() -> DbError {
    DbError::Io(std::io::Error::new(std::io::ErrorKind::NotConnected, "the connection was thrown away"))
}

impl Server {
    /// Of this pool.
    #[must_use]
    pub fn new(
        pool: PgPool,
        (hosts, sessions): (Hosts, Sessions),
        response_timeout: ResponseTimeout,
        is_synchronous: bool,
    ) -> Self {
        let fence = is_synchronous.then(Arc::default);
        Self { pool, hosts, sessions, response_timeout, parked: Arc::default(), fence }
    }

    /// A connection of the pool. One that does not come soon may have to come from another server.
    async fn take(&self) -> Result<PoolConnection<Postgres>, DbError> {
        let mut acquired = std::pin::pin!(self.pool.acquire());
        let soon = tokio::time::timeout(SLOW, &mut acquired).await;
        if !matches!(soon, Ok(Ok(_))) {
            self.hosts.look(&self.pool, &self.sessions);
        }
        match soon {
            Ok(answer) => answer,
            Err(_) => acquired.await,
        }
    }

    fn connection(&self, connection: PoolConnection<Postgres>, since: Instant) -> PostgresConnection {
        let (connection, response_timeout) = (Some(connection), Some(self.response_timeout.0));
        PostgresConnection {
            connection,
            server: self.clone(),
            response_timeout,
            in_transaction: false,
            busy: false,
            since,
            begun: None,
        }
    }

    /// A connection of the pool, which has just answered.
    ///
    /// # Errors
    /// None free in time, or the server is gone.
    pub async fn acquire(&self) -> Result<PostgresConnection, DbError> {
        Ok(self.connection(self.take().await?, Instant::now()))
    }

    /// A transaction that begins with this SQL.
    ///
    /// # Errors
    /// None free in time, or the server is gone.
    pub async fn begin(&self, sql: &'static str) -> Result<PostgresConnection, DbError> {
        let mut connection = self.acquire().await?;
        connection.begin(sql).await?;
        Ok(connection)
    }

    /// The same on the connection of the last write transaction, if that is still good for it. The first row that `sql` returns says
    /// whether the session is read-only.
    ///
    /// # Errors
    /// The server fails, is silent, or accepts no writes.
    pub async fn begin_write(&self, sql: &'static str) -> Result<PostgresConnection, DbError> {
        let parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(Parked { connection, since }) = parked {
            let mut connection = self.connection(connection, since);
            if self.sessions.generation_of(since).is_none() {
                connection.throw_away();
            } else {
                match connection.begin_writing(sql).await {
                    Ok(()) => return Ok(connection),
                    // The server was restarted since; nothing was asked of it yet, so another may be tried.
                    Err(e) if connection.is_lost(&e) => {
                        tracing::info!(error = %e, "the writer connects again");
                        self.sessions.discard_all();
                    }
                    Err(e) => return Err(e),
                }
            }
        }
        // One may have waited in the pool since the server was read-only; the next may be the first at a server that
        // has taken its place.
        let mut was_read_only = false;
        for _ in 0..2 {
            match self.begin_in_pool(sql).await {
                Err(DbError::Protocol(said)) if said == FAILED_OVER => {}
                Err(e) if is_read_only_error(&e) && !std::mem::replace(&mut was_read_only, true) => {}
                begun => return begun,
            }
        }
        self.begin_in_pool(sql).await
    }

    async fn begin_in_pool(&self, sql: &'static str) -> Result<PostgresConnection, DbError> {
        let since = Instant::now();
        let mut connection = self.connection(self.take().await?, since);
        connection.begin_writing(sql).await.map(|()| connection)
    }

    /// True if a session that begins now may write.
    ///
    /// # Errors
    /// It may not, or the server does not answer.
    pub async fn refuse_read_only(&self) -> Result<(), DbError> {
        const ASK: &str = "select current_setting('transaction_read_only') as read_only";
        match self.acquire().await?.refuse_read_only(ASK).await {
            Err(e) if is_read_only_error(&e) => self.acquire().await?.refuse_read_only(ASK).await,
            answer => answer,
        }
    }

    /// Waits until the standbys have all that was committed before, where they must.
    ///
    /// # Errors
    /// They have not in time, or the server fails.
    pub async fn wait_for_standbys(&self) -> Result<(), DbError> {
        let Some(fence) = &self.fence else { return Ok(()) };
        fence.pass(async || self.acquire().await?.with_timeout(postgres_standbys::wait).await).await
    }

    /// The place of the server.
    ///
    /// # Errors
    /// The server fails.
    pub async fn place(&self) -> Result<LogPlace, DbError> {
        let mut connection = self.acquire().await?;
        let rows = connection.with_timeout(async |c| c.fetch_all(sqlx::raw_sql(PLACE)).await).await?;
        LogPlace::of_row(rows.first())
    }

    /// A snapshot, and a place that it has all of. A server that will do no more is looked for another one.
    ///
    /// # Errors
    /// The server fails.
    pub async fn snapshot_at(&self) -> Result<(PostgresConnection, LogPlace), DbError> {
        let mut connection = self.acquire().await?;
        connection.in_transaction = true;
        let rows = connection.with_timeout(async |c| c.fetch_all(sqlx::raw_sql(SNAPSHOT_AT)).await).await?;
        let place = LogPlace::of_row(rows.first())?;
        if self.hosts.target() == TargetServer::Standby && !place.timeline.is_empty() {
            self.hosts.look(&self.pool, &self.sessions);
        }
        Ok((connection, place))
    }

    /// Ends all connections.
    pub async fn close(&self) {
        let parked = std::mem::take(&mut *self.parked.lock().unwrap_or_else(PoisonError::into_inner));
        parked.into_iter().for_each(|parked| drop(parked.connection.detach()));
        if tokio::time::timeout(self.response_timeout.0, self.pool.close()).await.is_err() {
            tracing::warn!("the database did not close the connection");
        }
    }

    fn park(&self, connection: PoolConnection<Postgres>, since: Instant) {
        let mut parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        if parked.len() < PARKED_MAX && !self.pool.is_closed() {
            parked.push(Parked { connection, since });
        }
    }
}

impl PostgresConnection {
    /// Waits for answers without end: for what reads a whole database.
    pub fn wait_without_timeout(&mut self) {
        self.response_timeout = None;
    }

    /// The answer to `ask`.
    ///
    /// # Errors
    /// The server fails or is silent; then the connection is dropped.
    pub async fn with_timeout<T>(
        &mut self,
        with_timeout: impl AsyncFnOnce(&mut PgConnection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let connection = self.connection.as_mut().ok_or_else(connection_gone)?;
        self.busy = true;
        let answer = match self.response_timeout {
            Some(response_timeout) => tokio::time::timeout(response_timeout, with_timeout(connection)).await,
            None => Ok(with_timeout(connection).await),
        };
        match answer {
            Ok(answer) => {
                self.busy = false;
                if answer.as_ref().is_err_and(means_old_sessions) {
                    self.discard_all();
                }
                answer
            }
            Err(_) => {
                self.server.hosts.look(&self.server.pool, &self.server.sessions);
                self.throw_away();
                Err(silent())
            }
        }
    }

    async fn begin(&mut self, sql: &'static str) -> Result<(), DbError> {
        self.in_transaction = true;
        self.with_timeout(async |connection| connection.execute(sqlx::raw_sql(sql)).await.map(drop)).await
    }

    /// Begins a transaction that writes.
    async fn begin_writing(&mut self, sql: &'static str) -> Result<(), DbError> {
        self.in_transaction = true;
        self.refuse_read_only(sql).await
    }

    /// Runs `sql`, whose first row says whether the session is read-only; one that is is given up.
    async fn refuse_read_only(&mut self, sql: &'static str) -> Result<(), DbError> {
        let rows = self.with_timeout(async |connection| connection.fetch_all(sqlx::raw_sql(sql)).await).await?;
        let read_only: String = rows.first().ok_or(DbError::RowNotFound)?.try_get("read_only")?;
        if read_only == "on" {
            self.server.sessions.discard_all_now();
            self.server.hosts.look(&self.server.pool, &self.server.sessions);
            self.throw_away();
            return Err(DbError::Protocol(super::postgres_sessions::READ_ONLY.to_owned()));
        }
        let Some(generation) = self.server.sessions.generation_of(self.since) else {
            self.throw_away();
            return Err(DbError::Protocol(FAILED_OVER.to_owned()));
        };
        self.begun = rows.get(1).map(|keys| begun(generation, &rows[0], keys)).transpose()?;
        Ok(())
    }

    /// Throws the connection away, and lets the pool drop all that are as old.
    fn discard_all(&mut self) {
        self.server.sessions.discard_all();
        self.throw_away();
    }

    /// What was known at the beginning of a ledger's write transaction.
    #[must_use]
    pub const fn begun(&self) -> Option<Begun> {
        self.begun
    }

    /// Commits, and parks the connection for the next write transaction.
    ///
    /// # Errors
    /// The server fails; if it is silent, or standbys lack the commit, the outcome is unknown.
    pub async fn commit(mut self) -> Result<(), DbError> {
        if self.in_transaction {
            let is_synchronous = self.server.fence.is_some();
            self.with_timeout(async |connection| match is_synchronous {
                true => postgres_standbys::commit(connection).await,
                false => connection.execute(sqlx::raw_sql("commit")).await.map(drop),
            })
            .await?;
            self.in_transaction = false;
            if let Some(connection) = self.connection.take() {
                self.server.park(connection, self.since);
            }
        }
        Ok(())
    }

    /// True if the connection is of no more use, and it was not silence that told.
    fn is_lost(&self, e: &DbError) -> bool {
        match e {
            _ if is_read_only_error(e) => true,
            // Class 57P: the server ended the session, or is ending.
            DbError::Database(said) => said.code().is_some_and(|code| code.starts_with("57P")),
            _ => self.connection.is_some(),
        }
    }

    /// Closes the socket, and says nothing more.
    fn throw_away(&mut self) {
        drop(self.connection.take().map(PoolConnection::detach));
    }
}

fn begun(generation: Generation, first: &PgRow, keys: &PgRow) -> Result<Begun, DbError> {
    Ok(Begun {
        generation,
        xid: first.try_get("xid")?,
        segment: keys.try_get("segment")?,
        closed: keys.try_get("closed")?,
    })
}

impl Drop for PostgresConnection {
    fn drop(&mut self) {
        if self.busy {
            self.throw_away();
        }
        let Some(mut connection) = self.connection.take() else { return };
        let (in_transaction, response_timeout) = (self.in_transaction, self.server.response_timeout.0);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return drop(connection.detach()) };
        // The pool asks after its health, and by itself would wait for ever.
        runtime.spawn(async move {
            if in_transaction {
                let undo = tokio::time::timeout(response_timeout, connection.execute(sqlx::raw_sql("rollback"))).await;
                if !matches!(undo, Ok(Ok(_))) {
                    return drop(connection.detach());
                }
            }
            let _closed_if_silent = tokio::time::timeout(response_timeout, connection.return_to_pool()).await;
        });
    }
}
