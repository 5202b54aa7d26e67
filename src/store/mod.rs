//! SQL, and nothing but: two native pools behind one [`Store`].
//!
//! SQLite has one writing connection, which is the engine's; everybody else reads. On PostgreSQL
//! writers take turns under an advisory lock ([`Store::begin_turn`]).
//!
//! Invariants: durable commits (`synchronous = full`, `synchronous_commit = on`); no read
//! transaction is long; nothing orders by text collation.

pub mod accounts;
pub mod bulk;
pub mod db;
pub mod entries;
pub mod keys;

use db::{DbError, Link};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// The number of the advisory lock under which PostgreSQL's writers take turns.
const TURN_LOCK: i64 = 0x0054_6f70_7570;

/// A database that holds the product's tables.
#[derive(Clone)]
pub enum Store {
    /// One file.
    Sqlite {
        /// Its one writer.
        write: SqlitePool,
        /// Its readers.
        read: SqlitePool,
        /// Where it is.
        file: PathBuf,
    },
    /// A server.
    Postgres(PgPool),
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not `sqlite://…` or `postgres://…`.
    #[error("DATABASE_URL: {0}")]
    Url(String),
    /// The database's own word.
    #[error("DATABASE_URL: {0}")]
    Db(#[from] DbError),
    /// The tables could not be brought up to date.
    #[error("DATABASE_URL: migration failed: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

impl Store {
    /// Opens `sqlite://path` (made where missing) or `postgres://…` without touching its tables.
    ///
    /// # Errors
    /// A malformed URL, or a database that does not answer.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            return Self::open_sqlite(Path::new(path)).await;
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Self::open_postgres(url).await;
        }
        Err(OpenError::Url("is neither sqlite://… nor postgres://…".to_owned()))
    }

    async fn open_sqlite(path: &Path) -> Result<Self, OpenError> {
        if path.as_os_str().is_empty() {
            return Err(OpenError::Url("sqlite:// names no file".to_owned()));
        }
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|e| OpenError::Url(format!("{}: {e}", folder.display())))?;
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(5))
            .foreign_keys(true)
            .pragma("temp_store", "memory")
            .statement_cache_capacity(200);
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options.clone())
            .await?;
        let read = SqlitePoolOptions::new().max_connections(8).connect_lazy_with(options.pragma("query_only", "on"));
        Ok(Self::Sqlite { write, read, file: path.to_owned() })
    }

    async fn open_postgres(url: &str) -> Result<Self, OpenError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|e| OpenError::Url(e.to_string()))?
            .application_name("topup")
            .options([
                ("lock_timeout", "5s"),
                ("idle_in_transaction_session_timeout", "5s"),
                ("synchronous_commit", "on"),
            ]);
        let pool = PgPoolOptions::new()
            .max_connections(12)
            .acquire_timeout(Duration::from_secs(5))
            .connect_with(options)
            .await?;
        Ok(Self::Postgres(pool))
    }

    /// Brings the tables up to date.
    ///
    /// # Errors
    /// A migration that fails, or one that was changed after it ran.
    pub async fn migrate(&self) -> Result<(), OpenError> {
        match self {
            Self::Sqlite { write, .. } => sqlx::migrate!("migrations/sqlite").run(write).await?,
            Self::Postgres(pool) => sqlx::migrate!("migrations/postgres").run(pool).await?,
        }
        Ok(())
    }

    /// A connection to read from.
    ///
    /// # Errors
    /// None free in time, or the database is gone.
    pub async fn read(&self) -> Result<Link, DbError> {
        Ok(match self {
            Self::Sqlite { read, .. } => Link::Sqlite(read.acquire().await?),
            Self::Postgres(pool) => Link::Postgres(pool.acquire().await?),
        })
    }

    /// A short transaction that sees one state of the database.
    ///
    /// # Errors
    /// None free in time, or the database is gone.
    pub async fn snapshot(&self) -> Result<Link, DbError> {
        Ok(match self {
            Self::Sqlite { read, .. } => Link::SqliteTx(read.begin().await?),
            Self::Postgres(pool) => {
                Link::PostgresTx(pool.begin_with("begin isolation level repeatable read read only").await?)
            }
        })
    }

    /// A writing transaction: the ledger's turn. On PostgreSQL several processes wait for each other here,
    /// and a frozen one is thrown out by the session's time-outs.
    ///
    /// # Errors
    /// Nobody gave way in time, or the database is gone.
    pub async fn begin_turn(&self) -> Result<Link, DbError> {
        match self {
            Self::Sqlite { write, .. } => Ok(Link::SqliteTx(write.begin_with("begin immediate").await?)),
            Self::Postgres(pool) => {
                let mut link = Link::PostgresTx(pool.begin().await?);
                link.run(format!("select pg_advisory_xact_lock({TURN_LOCK})"), Vec::new()).await?;
                Ok(link)
            }
        }
    }

    /// Ends all connections.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { write, read, .. } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}
