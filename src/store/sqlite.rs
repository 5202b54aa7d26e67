//! SQLite's one writer: a connection of its own, taken by one write transaction after the other.
//!
//! SQLite answers from a thread of its own, and each question is a hop there and back that costs as much as many rows. So
//! a write transaction begins with one question, and ends with the last of what it writes. A pool would ask after the connection's
//! health each time.
//!
//! Invariant: nobody takes the connection in the middle of somebody else's transaction; what was left open is undone.

use crate::store::errors::DbError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, Row as _};
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// `data_version` tells whether anybody else has written since this connection last looked; nobody can until the end.
const BEGIN: &str = "begin immediate; pragma data_version";

/// The writer; clones are the same one.
#[derive(Clone)]
pub struct Writer(Arc<Mutex<WriterState>>);

struct WriterState {
    options: SqliteConnectOptions,
    /// None after it failed: the next one opens another.
    connection: Option<SqliteConnection>,
}

/// A transaction; undone unless it is committed.
pub struct SqliteWriteTransaction {
    /// None in the end.
    place: Option<OwnedMutexGuard<WriterState>>,
    data_version: i64,
}

fn writer_gone() -> DbError {
    DbError::Io(std::io::Error::new(std::io::ErrorKind::NotConnected, "the writer was thrown away"))
}

impl WriterState {
    async fn connected(&mut self) -> Result<&mut SqliteConnection, DbError> {
        if self.connection.is_none() {
            self.connection = Some(self.options.connect().await?);
        }
        self.connection.as_mut().ok_or_else(writer_gone)
    }

    /// SQLite itself undoes a transaction that met a full or broken disk: then there is none any more.
    async fn undo(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        let undone = connection.execute("rollback").await;
        let is_over = match &undone {
            Ok(_) => true,
            Err(DbError::Database(said)) => said.message().contains("no transaction is active"),
            Err(_) => false,
        };
        if !is_over {
            tracing::warn!("the writer opens the database again");
            self.connection = None;
        }
    }
}

impl Writer {
    /// Opens it.
    ///
    /// # Errors
    /// SQLite fails.
    pub async fn open(options: SqliteConnectOptions) -> Result<Self, DbError> {
        let mut place = WriterState { options, connection: None };
        place.connected().await?;
        Ok(Self(Arc::new(Mutex::new(place))))
    }

    /// Begins when everybody before has ended.
    ///
    /// # Errors
    /// SQLite fails.
    pub async fn begin(&self) -> Result<SqliteWriteTransaction, DbError> {
        // A failure from here on rolls the transaction back.
        let mut tx = SqliteWriteTransaction { place: Some(Arc::clone(&self.0).lock_owned().await), data_version: 0 };
        let rows = tx.connected().await?.fetch_all(BEGIN).await?;
        tx.data_version = rows.first().ok_or(DbError::RowNotFound)?.try_get(0)?;
        Ok(tx)
    }

    /// Brings the tables up to date.
    ///
    /// # Errors
    /// A migration that fails, or one that was changed after it ran.
    pub async fn migrate(&self, migrations: &sqlx::migrate::Migrator) -> Result<(), sqlx::migrate::MigrateError> {
        let mut place = Arc::clone(&self.0).lock_owned().await;
        migrations.run(place.connected().await?).await
    }

    /// Writes a whole copy, as of one instant, into an empty file. Other writers go on meanwhile.
    ///
    /// # Errors
    /// SQLite fails.
    pub async fn copy_into(&self, file: &str) -> Result<(), DbError> {
        let mut place = Arc::clone(&self.0).lock_owned().await;
        sqlx::query("vacuum into $1").bind(file).execute(place.connected().await?).await.map(drop)
    }

    /// Ends the connection.
    pub async fn close(&self) {
        if let Some(connection) = self.0.lock().await.connection.take()
            && let Err(e) = connection.close().await
        {
            tracing::warn!(error = %e, "the writer could not be closed");
        }
    }
}

impl SqliteWriteTransaction {
    async fn connected(&mut self) -> Result<&mut SqliteConnection, DbError> {
        self.place.as_mut().ok_or_else(writer_gone)?.connected().await
    }

    /// Where statements run.
    ///
    /// # Errors
    /// The connection was thrown away.
    pub fn connection(&mut self) -> Result<&mut SqliteConnection, DbError> {
        self.place.as_mut().and_then(|place| place.connection.as_mut()).ok_or_else(writer_gone)
    }

    /// SQLite's counter of foreign writes.
    #[must_use]
    pub const fn data_version(&self) -> i64 {
        self.data_version
    }

    /// Commits, unless the last statement did.
    ///
    /// # Errors
    /// SQLite fails; then nothing was committed.
    pub async fn commit(mut self) -> Result<(), DbError> {
        if self.place.is_none() {
            return Ok(());
        }
        self.connection()?.execute("commit").await?;
        self.is_committed();
        Ok(())
    }

    /// To be said when the last statement was the commit.
    pub fn is_committed(&mut self) {
        self.place = None;
    }
}

impl Drop for SqliteWriteTransaction {
    fn drop(&mut self) {
        let Some(mut place) = self.place.take() else { return };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move { place.undo().await })),
            // The next one opens another; this one's transaction ends with it.
            Err(_) => place.connection = None,
        }
    }
}
