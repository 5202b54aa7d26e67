//! SQL, and nothing but: two native pools behind one [`Store`].
//!
//! SQLite has one writing connection, which is the engine's; everybody else reads. On PostgreSQL several write at the
//! same time: a ledger's writers have its account's row ([`account_locks`]), all others one advisory lock.
//!
//! Invariants: durable commits (`synchronous = full`, `synchronous_commit = on`); no read
//! transaction is long; nothing orders by text collation.

pub mod account_locks;
pub mod accounts;
pub mod copies;
pub mod daily_usage;
pub mod daily_usage_names;
mod day_totals;
pub mod db;
pub mod entries;
pub mod errors;
pub mod idempotency_keys;
pub mod key_filters;
pub mod key_index;
pub mod key_merging;
pub mod key_segments;
pub mod metrics;
mod migration_state;
pub mod migrations;
pub mod newest_commit;
mod opening;
pub mod postgres;
mod postgres_hosts;
pub mod postgres_place;
pub mod postgres_sessions;
mod postgres_standbys;
mod read_standby;
mod row;
pub mod row_numbers;
pub mod sealed_segments;
pub mod segment_filter;
pub mod segment_sizes;
pub mod sqlite;
pub mod statement_batch;
pub mod values;
pub mod write_set;

pub use opening::{OpenError, Opening};

use db::{Connection, DbError};
use migration_state::{Tables, tables};
use migrations::{POSTGRES, SQLITE};
use postgres::Server;
use postgres_hosts::{Hosts, TargetServer};
use postgres_sessions::Sessions;
use sqlite::Writer;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Begins a write transaction on PostgreSQL: the first row says whether the session may write at all. One question, one
/// answer.
const BEGIN: &str =
    "begin isolation level read committed; select current_setting('transaction_read_only') as read_only";

/// The same for a ledger. The transaction has its number before it sees which segment of keys grows: whoever closes that
/// one can tell it from those that may still write into it (`key_filters`). The message in the log is read by nobody: a
/// transaction that writes nothing would not wait for a standby, and a replay must not be answered before its first answer
/// is where commits must be.
const BEGIN_LEDGER: &str =
    "begin isolation level read committed; select current_setting('transaction_read_only') as read_only,
      case when current_setting('transaction_read_only') = 'on' then 0 else txid_current() end as xid,
      case when current_setting('transaction_read_only') = 'on' then ''
        else cast(pg_logical_emit_message(true, 'topup', '') as text) end as message;
    select coalesce((select max(segment) + 1 from key_segments), 0) as segment,
      (select min(segment) from key_segments where length(bits) = 0) as closed";

/// The lock of all writes that no account's row guards. Nobody waits for it who has the row of an account. The number
/// spells the product's name.
const LOCK_SHARED: &str = "select pg_advisory_xact_lock(362646893936)";

/// What a write transaction is about, which on PostgreSQL says what it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Ledgers: the rows of their accounts are locked one by one.
    Ledgers,
    /// All else, and ledgers: such writers take turns.
    Jobs,
    /// The same beside the engine, without a ledger.
    Beside,
    /// One row that nobody else works on.
    Row,
}

/// SQLite's own default of 2 MB is smaller than a segment of keys, whose pages are touched at random.
const WRITER_CACHE: &str = "-16384";
/// Pages of the log at which they are copied into the file: accounts and grants that are charged again and again are
/// copied once. 32 MB; the default of 1,000 pages comes every few batches.
const CHECKPOINT: &str = "8000";

/// The way to open a file of SQLite.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FileAccess {
    /// Made where missing.
    Make,
    /// Opened as it is.
    Existing,
    /// A copy that nobody writes to, in a folder where nothing can be made.
    Immutable,
}

/// The connections of a pool.
#[derive(Clone, Copy, Debug)]
pub struct Connections {
    pub open: u32,
    pub idle: usize,
    pub max: u32,
}

impl Connections {
    fn of<D: sqlx::Database>(pool: &sqlx::Pool<D>) -> Self {
        Self { open: pool.size(), idle: pool.num_idle(), max: pool.options().get_max_connections() }
    }

    /// How many are idle, and how many are used.
    #[must_use]
    pub fn by_state(self) -> [(&'static str, i64); 2] {
        let idle = i64::try_from(self.idle).unwrap_or(i64::MAX);
        [("idle", idle), ("used", (i64::from(self.open) - idle).max(0))]
    }
}

/// A database that holds the product's tables.
#[derive(Clone)]
pub enum Store {
    /// One file.
    Sqlite {
        /// Its one writer.
        write: Writer,
        /// Its readers.
        read: SqlitePool,
        /// Where it is.
        file: PathBuf,
    },
    /// A server.
    Postgres(Server),
}

impl Store {
    /// Opens `sqlite://path` (made where missing) or `postgres://…` without touching its tables.
    ///
    /// # Errors
    /// A malformed URL, or a database that does not answer.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        Self::open_with(url, Opening::default()).await
    }

    /// The same, with other bounds.
    ///
    /// # Errors
    /// A malformed URL, or a database that does not answer.
    pub async fn open_with(url: &str, opening: Opening) -> Result<Self, OpenError> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            return Self::open_sqlite(Path::new(path), FileAccess::Make).await;
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Self::open_postgres(url, opening).await;
        }
        Err(OpenError::Url("is neither sqlite://… nor postgres://…".to_owned()))
    }

    /// Opens a database that must be there already, with its tables. Nothing is made.
    ///
    /// # Errors
    /// The errors of [`Store::open`]; no such file; no tables, or those of another version.
    pub async fn open_existing(url: &str) -> Result<Self, OpenError> {
        Self::open_existing_with(url, Opening::default()).await
    }

    /// The same, with other bounds.
    ///
    /// # Errors
    /// Those of [`Store::open_existing`].
    pub async fn open_existing_with(url: &str, opening: Opening) -> Result<Self, OpenError> {
        let store = match url.strip_prefix("sqlite://").filter(|path| !path.is_empty()) {
            Some(path) if !Path::new(path).is_file() => {
                return Err(OpenError::Missing(format!("{path} does not exist")));
            }
            Some(path) => return Self::open_existing_file(Path::new(path)).await,
            None => Self::open_with(url, opening).await?,
        };
        store.with_our_tables().await
    }

    /// A file in WAL mode needs another beside it even to be read. Where none can be made, a copy that nobody writes to
    /// is read as it stands.
    async fn open_existing_file(path: &Path) -> Result<Self, OpenError> {
        let error = match Self::open_sqlite(path, FileAccess::Existing).await {
            Ok(store) => match store.with_our_tables().await {
                Err(OpenError::Db(error)) => error,
                other => return other,
            },
            Err(OpenError::Db(error)) => error,
            Err(other) => return Err(other),
        };
        if !opening::cannot_open(&error) {
            return Err(error.into());
        }
        if opening::has_log(path) {
            return Err(OpenError::Url(format!(
                "{} has a log beside it, which needs a folder that can be written to; copy both there, or make the copy \
                 with `.backup`",
                path.display()
            )));
        }
        Self::open_sqlite(path, FileAccess::Immutable).await?.with_our_tables().await
    }

    /// This store, if its tables are those of this version.
    async fn with_our_tables(self) -> Result<Self, OpenError> {
        let found = match self.read().await {
            Ok(mut db) => tables(&mut db).await,
            Err(e) => Err(e),
        };
        let wrong = match found {
            Ok(Tables::Current | Tables::Changed) => return Ok(self),
            Ok(Tables::None) => OpenError::Missing("the database has no tables of Topup".to_owned()),
            Ok(Tables::Older { ran, of }) => {
                OpenError::Missing(format!("the tables are those of another version ({ran} migrations of {of})"))
            }
            Ok(Tables::Newer { theirs, ours }) => OpenError::Newer { theirs, ours },
            Err(e) => e.into(),
        };
        self.close().await;
        Err(wrong)
    }

    async fn open_sqlite(path: &Path, access: FileAccess) -> Result<Self, OpenError> {
        if path.as_os_str().is_empty() {
            return Err(OpenError::Url("sqlite:// names no file".to_owned()));
        }
        let make = access == FileAccess::Make;
        if let Some(folder) = path.parent().filter(|folder| make && !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|e| OpenError::Url(format!("{}: {e}", folder.display())))?;
        }
        // A file that is not ours is left as it is, its journal too.
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(make);
        let options = if make { options.journal_mode(SqliteJournalMode::Wal) } else { options };
        let is_copy = access == FileAccess::Immutable;
        let options = options
            .immutable(is_copy)
            .read_only(is_copy)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(5))
            .foreign_keys(true)
            .pragma("temp_store", "memory")
            .statement_cache_capacity(200);
        let writer = options.clone().pragma("cache_size", WRITER_CACHE).pragma("wal_autocheckpoint", CHECKPOINT);
        let write = Writer::open(writer).await?;
        let read = SqlitePoolOptions::new()
            .max_connections(8)
            // A file does not go away; asking costs a hop to SQLite's thread and back.
            .test_before_acquire(false)
            .connect_lazy_with(options.pragma("query_only", "on"));
        Ok(Self::Sqlite { write, read, file: path.to_owned() })
    }

    async fn open_postgres(url: &str, opening: Opening) -> Result<Self, OpenError> {
        let hosts = Hosts::parse(url).map_err(OpenError::Url)?;
        if hosts.target() == TargetServer::Standby {
            return Err(OpenError::Url("asks for a standby, which takes no writes; READ_DATABASE_URL may".to_owned()));
        }
        let options = opening.until_it_answers(&hosts).await?;
        let sessions = Sessions::default();
        let pool = sessions.watched(PgPoolOptions::new(), opening.response_timeout.0.min(Duration::from_secs(5)));
        let pool = pool.max_connections(opening.connections).connect_with(options).await?;
        if postgres_sessions::are_shared(&pool, opening.response_timeout.0).await {
            return Err(OpenError::SharedSessions);
        }
        if opening.is_synchronous && !Self::sees_standbys(&pool).await? {
            return Err(OpenError::Standbys);
        }
        Ok(Self::Postgres(Server::new(pool, (hosts, sessions), opening.response_timeout, opening.is_synchronous)))
    }

    async fn sees_standbys(pool: &PgPool) -> Result<bool, DbError> {
        postgres_standbys::may_see(&mut *pool.acquire().await?).await
    }

    /// Brings the tables up to date. Tables of this version are left alone: that needs no right to make any.
    ///
    /// # Errors
    /// A migration that fails, or one that was changed after it ran; tables of a newer version.
    pub async fn migrate(&self) -> Result<(), OpenError> {
        let found = tables(&mut self.read().await?).await?;
        match found {
            Tables::Current => return Ok(()),
            Tables::Newer { theirs, ours } => return Err(OpenError::Newer { theirs, ours }),
            Tables::None | Tables::Older { .. } | Tables::Changed => {}
        }
        match self {
            Self::Sqlite { write, .. } => write.migrate(&SQLITE).await?,
            Self::Postgres(server) => POSTGRES.run(&server.pool).await?,
        }
        Ok(())
    }

    /// A connection to read from.
    ///
    /// # Errors
    /// None free in time, or the database is gone.
    pub async fn read(&self) -> Result<Connection, DbError> {
        Ok(match self {
            Self::Sqlite { read, .. } => Connection::Sqlite(read.acquire().await?),
            Self::Postgres(server) => Connection::Postgres(server.acquire().await?),
        })
    }

    /// A short transaction that sees one state of the database.
    ///
    /// # Errors
    /// None free in time, or the database is gone.
    pub async fn snapshot(&self) -> Result<Connection, DbError> {
        Ok(match self {
            Self::Sqlite { read, .. } => Connection::SqliteTx(read.begin().await?),
            Self::Postgres(server) => {
                Connection::Postgres(server.begin("begin isolation level repeatable read read only").await?)
            }
        })
    }

    /// A write transaction beside the engine. On PostgreSQL those that belong to no ledger wait for each other here, and a
    /// frozen process is thrown out by the session's time-outs.
    ///
    /// # Errors
    /// Nobody gave way in time, or the database is gone.
    pub async fn begin_write(&self) -> Result<Connection, DbError> {
        self.begin_write_of(Scope::Beside).await
    }

    /// A write transaction that waits for no more than its scope.
    ///
    /// # Errors
    /// As [`Store::begin_write`].
    pub async fn begin_write_of(&self, scope: Scope) -> Result<Connection, DbError> {
        let server = match self {
            Self::Sqlite { write, .. } => return Ok(Connection::SqliteWrite(write.begin().await?)),
            Self::Postgres(server) => server,
        };
        let begin = if matches!(scope, Scope::Ledgers | Scope::Jobs) { BEGIN_LEDGER } else { BEGIN };
        let mut db = Connection::Postgres(server.begin_write(begin).await?);
        if matches!(scope, Scope::Jobs | Scope::Beside) {
            db.execute(LOCK_SHARED, Vec::new()).await?;
        }
        Ok(db)
    }

    /// Waits until the standbys have all that was committed before, where `PG_SYNCHRONOUS=required` says that they must: for
    /// reads that somebody acts on.
    ///
    /// # Errors
    /// They have not in time, or the database fails.
    pub async fn wait_for_standbys(&self) -> Result<(), DbError> {
        match self {
            Self::Sqlite { .. } => Ok(()),
            Self::Postgres(server) => server.wait_for_standbys().await,
        }
    }

    /// Writes a row and commits it: whether writes go through.
    ///
    /// # Errors
    /// The database fails.
    pub async fn try_write(&self) -> Result<(), DbError> {
        let mut db = self.begin_write_of(Scope::Row).await?;
        let sql =
            "insert into write_probe (id, at) values ($1, 1) on conflict (id) do update set at = write_probe.at + 1";
        // Processes have rows of their own, so that none waits for one that is frozen.
        db.execute(sql, crate::args![1 + i64::from(std::process::id() % 1_000)]).await?;
        db.commit().await
    }

    /// True if the database answers, and would take a write so far as it says so itself.
    ///
    /// # Errors
    /// It does not answer, or says that it is read-only.
    pub async fn try_read(&self) -> Result<(), DbError> {
        let mut db = self.read().await?;
        db.fetch_optional("select 1 as n from customers limit 1", Vec::new()).await?;
        drop(db);
        match self {
            Self::Sqlite { .. } => Ok(()),
            Self::Postgres(server) => server.refuse_read_only().await,
        }
    }

    /// True if this is SQLite.
    #[must_use]
    pub const fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite { .. })
    }

    /// The connections of its pool.
    #[must_use]
    pub fn connections(&self) -> Connections {
        match self {
            Self::Sqlite { read, .. } => Connections::of(read),
            Self::Postgres(server) => Connections::of(&server.pool),
        }
    }

    /// Ends all connections.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { write, read, .. } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(server) => server.close().await,
        }
    }
}
