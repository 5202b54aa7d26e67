//! One way to speak to both databases: SQL with `$1`, three kinds of values, rows by column name.
//!
//! Cold SQL is written once against this. sqlx's own `Any` driver does the same for fewer types
//! and hides the native pools that the engine's transactions need.
//!
//! Invariant: every integer column is 64 bits, every id is bytes, every yes/no is 1 or 0.

use crate::metrics::METRICS;
pub use crate::store::errors::{DbError, corrupt};
use crate::store::postgres::{Begun, PostgresConnection};
pub use crate::store::row::Row;
use crate::store::sqlite::SqliteWriteTransaction;
pub use crate::store::values::{Column, Value};
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection, Transaction};

/// A connection, or a transaction that is undone unless it is committed.
pub enum Connection {
    /// A connection of SQLite's readers.
    Sqlite(PoolConnection<Sqlite>),
    /// A reading transaction on SQLite.
    SqliteTx(Transaction<'static, Sqlite>),
    /// The writing one.
    SqliteWrite(SqliteWriteTransaction),
    /// A connection to PostgreSQL, or a transaction on it.
    Postgres(PostgresConnection),
}

enum RawConnection<'a> {
    Sqlite(&'a mut SqliteConnection),
    Postgres(&'a mut PostgresConnection),
}

macro_rules! bound {
    ($sql:expr, $args:expr) => {{
        let mut query = sqlx::query(AssertSqlSafe($sql));
        for value in $args {
            query = match value {
                Value::Int(v) => query.bind(v),
                Value::Text(v) => query.bind(v),
                Value::Blob(v) => query.bind(v),
            };
        }
        query
    }};
}

impl Connection {
    fn raw(&mut self) -> Result<RawConnection<'_>, DbError> {
        METRICS.database.count_round_trip();
        Ok(match self {
            Self::Sqlite(c) => RawConnection::Sqlite(c),
            Self::SqliteTx(c) => RawConnection::Sqlite(c),
            Self::SqliteWrite(tx) => RawConnection::Sqlite(tx.connection()?),
            Self::Postgres(c) => RawConnection::Postgres(c),
        })
    }

    /// True if this is SQLite.
    #[must_use]
    pub const fn is_sqlite(&self) -> bool {
        !matches!(self, Self::Postgres(_))
    }

    /// Waits for each answer without end: for what reads a whole database.
    #[must_use]
    pub fn without_timeout(mut self) -> Self {
        if let Self::Postgres(link) = &mut self {
            link.wait_without_timeout();
        }
        self
    }

    /// All rows. SQL is the project's own text, never made from input.
    pub async fn fetch_all(&mut self, sql: impl Into<String>, args: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let sql: String = sql.into();
        Ok(match self.raw()? {
            RawConnection::Sqlite(c) => bound!(sql, args).fetch_all(c).await?.into_iter().map(Row::Sqlite).collect(),
            RawConnection::Postgres(c) => c
                .with_timeout(async |c| bound!(sql, args).fetch_all(c).await)
                .await?
                .into_iter()
                .map(Row::Postgres)
                .collect(),
        })
    }

    /// The first row, if any.
    pub async fn fetch_optional(&mut self, sql: impl Into<String>, args: Vec<Value>) -> Result<Option<Row>, DbError> {
        let sql: String = sql.into();
        Ok(match self.raw()? {
            RawConnection::Sqlite(c) => bound!(sql, args).fetch_optional(c).await?.map(Row::Sqlite),
            RawConnection::Postgres(c) => {
                c.with_timeout(async |c| bound!(sql, args).fetch_optional(c).await).await?.map(Row::Postgres)
            }
        })
    }

    /// Runs a statement and returns how many rows it touched.
    pub async fn execute(&mut self, sql: impl Into<String>, args: Vec<Value>) -> Result<u64, DbError> {
        let sql: String = sql.into();
        Ok(match self.raw()? {
            RawConnection::Sqlite(c) => bound!(sql, args).execute(c).await?.rows_affected(),
            RawConnection::Postgres(c) => {
                c.with_timeout(async |c| bound!(sql, args).execute(c).await).await?.rows_affected()
            }
        })
    }

    /// All rows, of a statement whose last parameters are arrays.
    ///
    /// # Errors
    /// The database fails; SQLite has no arrays.
    pub async fn fetch_all_with_arrays(
        &mut self,
        sql: String,
        args: Vec<Value>,
        columns: Vec<Column>,
    ) -> Result<Vec<Row>, DbError> {
        let RawConnection::Postgres(link) = self.raw()? else { return Err(corrupt("SQLite has no arrays")) };
        let mut query = bound!(sql, args);
        for column in columns {
            query = match column {
                Column::Int(values) => query.bind(values),
                Column::Text(values) => query.bind(values),
                Column::Blob(values) => query.bind(values),
            };
        }
        let rows = link.with_timeout(async |c| query.fetch_all(c).await).await?;
        Ok(rows.into_iter().map(Row::Postgres).collect())
    }

    /// SQLite's counter of foreign writes when this transaction began.
    #[must_use]
    pub const fn data_version(&self) -> Option<i64> {
        match self {
            Self::SqliteWrite(tx) => Some(tx.data_version()),
            _ => None,
        }
    }

    /// What a ledger's write transaction knew at its beginning, on PostgreSQL.
    #[must_use]
    pub const fn begun(&self) -> Option<Begun> {
        match self {
            Self::Postgres(link) => link.begun(),
            _ => None,
        }
    }

    /// Runs statements of which the last one is SQLite's commit.
    ///
    /// # Errors
    /// SQLite fails; then nothing was committed.
    pub async fn execute_last(&mut self, sql: String, args: Vec<Value>) -> Result<(), DbError> {
        self.execute(sql, args).await?;
        if let Self::SqliteWrite(tx) = self {
            tx.is_committed();
        }
        Ok(())
    }

    /// Begins a savepoint inside a transaction.
    ///
    /// # Errors
    /// The database's.
    pub async fn begin_savepoint(&mut self) -> Result<(), DbError> {
        self.execute("savepoint job", Vec::new()).await.map(drop)
    }

    /// Ends the savepoint; `undo` undoes all statements since it began.
    ///
    /// # Errors
    /// The database's.
    pub async fn end_savepoint(&mut self, undo: bool) -> Result<(), DbError> {
        if undo {
            self.execute("rollback to savepoint job", Vec::new()).await?;
        }
        self.execute("release savepoint job", Vec::new()).await.map(drop)
    }

    /// Commits a transaction; a plain connection has nothing to commit.
    ///
    /// # Errors
    /// The database fails; nothing was committed, or on a lost connection the outcome is unknown.
    pub async fn commit(self) -> Result<(), DbError> {
        METRICS.database.count_round_trip();
        match self {
            Self::SqliteTx(tx) => tx.commit().await,
            Self::SqliteWrite(tx) => tx.commit().await,
            Self::Postgres(link) => link.commit().await,
            Self::Sqlite(_) => Ok(()),
        }
    }
}
