//! A connection to PostgreSQL that is never waited for without end.
//!
//! A server that is gone without a word (a cable, a firewall that forgot, a frozen host) leaves sockets that are
//! open and silent: what is asked of them is never answered, and never fails. So every answer is waited for so long
//! as [`Patience`] says. What kept silent, or was left in the middle of a statement, is thrown away: its socket is
//! closed, the server undoes what was open, and the pool may open another.
//!
//! The connection of the last turn is parked for the next one: that saves the pool's two questions after its health.
//!
//! Invariant: no connection goes back to the pool while an answer of the server is still to come.

use super::db::DbError;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgPool;
use sqlx::{Executor as _, PgConnection, Postgres};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long one answer of a server is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience(pub Duration);

impl Default for Patience {
    /// More than `lock_timeout`: a turn that waits for another process is told so by the server.
    fn default() -> Self {
        Self(Duration::from_secs(6))
    }
}

/// The server's connections.
#[derive(Clone)]
pub struct Server {
    /// All of them but the parked one.
    pub pool: PgPool,
    patience: Patience,
    parked: Arc<Mutex<Option<PoolConnection<Postgres>>>>,
}

/// One of them, given back when it is dropped.
pub struct PgLink {
    connection: Option<PoolConnection<Postgres>>,
    server: Server,
    patience: Option<Duration>,
    in_transaction: bool,
    /// A statement is under way, or was left so.
    busy: bool,
}

fn silent() -> DbError {
    DbError::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "the database does not answer"))
}

fn gone() -> DbError {
    DbError::Io(std::io::Error::new(std::io::ErrorKind::NotConnected, "the connection was thrown away"))
}

impl Server {
    /// Of this pool.
    #[must_use]
    pub fn new(pool: PgPool, patience: Patience) -> Self {
        Self { pool, patience, parked: Arc::default() }
    }

    fn link(&self, connection: PoolConnection<Postgres>) -> PgLink {
        let patience = Some(self.patience.0);
        PgLink { connection: Some(connection), server: self.clone(), patience, in_transaction: false, busy: false }
    }

    /// A connection of the pool, which has just answered.
    ///
    /// # Errors
    /// None free in time, or the server is gone.
    pub async fn acquire(&self) -> Result<PgLink, DbError> {
        Ok(self.link(self.pool.acquire().await?))
    }

    /// A transaction that begins with this SQL.
    ///
    /// # Errors
    /// None free in time, or the server is gone.
    pub async fn begin(&self, sql: &'static str) -> Result<PgLink, DbError> {
        let mut link = self.acquire().await?;
        link.begin(sql).await?;
        Ok(link)
    }

    /// The same on the connection of the last turn, if that is still good for it.
    ///
    /// # Errors
    /// Whatever the server says, or that it says nothing.
    pub async fn begin_turn(&self, sql: &'static str) -> Result<PgLink, DbError> {
        let parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(connection) = parked {
            let mut link = self.link(connection);
            match link.begin(sql).await {
                Ok(()) => return Ok(link),
                // The server was restarted since; nothing was asked of it yet, so another may be tried.
                Err(e) if link.is_lost(&e) => tracing::info!(error = %e, "the writer connects anew"),
                Err(e) => return Err(e),
            }
        }
        self.begin(sql).await
    }

    /// Ends all connections.
    pub async fn close(&self) {
        drop(self.parked.lock().unwrap_or_else(PoisonError::into_inner).take().map(PoolConnection::detach));
        if tokio::time::timeout(self.patience.0, self.pool.close()).await.is_err() {
            tracing::warn!("the database did not say goodbye");
        }
    }

    fn park(&self, connection: PoolConnection<Postgres>) {
        let mut parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        if parked.is_none() && !self.pool.is_closed() {
            *parked = Some(connection);
        }
    }
}

impl PgLink {
    /// Waits for answers without end: for what reads a whole database.
    pub fn wait_for_ever(&mut self) {
        self.patience = None;
    }

    /// What `ask` is answered.
    ///
    /// # Errors
    /// Whatever the server says, or that it says nothing: then the connection is thrown away.
    pub async fn ask<T>(
        &mut self,
        ask: impl AsyncFnOnce(&mut PgConnection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        let connection = self.connection.as_mut().ok_or_else(gone)?;
        self.busy = true;
        let answer = match self.patience {
            Some(patience) => tokio::time::timeout(patience, ask(connection)).await,
            None => Ok(ask(connection).await),
        };
        match answer {
            Ok(answer) => {
                self.busy = false;
                answer
            }
            Err(_) => {
                self.throw_away();
                Err(silent())
            }
        }
    }

    async fn begin(&mut self, sql: &'static str) -> Result<(), DbError> {
        self.in_transaction = true;
        self.ask(async |connection| connection.execute(sqlx::raw_sql(sql)).await.map(drop)).await
    }

    /// Commits, and parks the connection for the next turn.
    ///
    /// # Errors
    /// Whatever the server says; if it says nothing, nobody knows whether it was done.
    pub async fn commit(mut self) -> Result<(), DbError> {
        if self.in_transaction {
            self.ask(async |connection| connection.execute(sqlx::raw_sql("commit")).await.map(drop)).await?;
            self.in_transaction = false;
            if let Some(connection) = self.connection.take() {
                self.server.park(connection);
            }
        }
        Ok(())
    }

    /// Whether the connection is of no more use, and it was not silence that told.
    fn is_lost(&self, e: &DbError) -> bool {
        match e {
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

impl Drop for PgLink {
    fn drop(&mut self) {
        if self.busy {
            self.throw_away();
        }
        let Some(mut connection) = self.connection.take() else { return };
        let (in_transaction, patience) = (self.in_transaction, self.server.patience.0);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return drop(connection.detach()) };
        // The pool asks after its health, and by itself would wait for ever.
        runtime.spawn(async move {
            if in_transaction {
                let undo = tokio::time::timeout(patience, connection.execute(sqlx::raw_sql("rollback"))).await;
                if !matches!(undo, Ok(Ok(_))) {
                    return drop(connection.detach());
                }
            }
            let _closed_if_silent = tokio::time::timeout(patience, connection.return_to_pool()).await;
        });
    }
}
