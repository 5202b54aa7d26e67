//! One way to speak to both databases: SQL with `$1`, three kinds of values, rows by column name.
//!
//! Cold SQL is written once against this. sqlx's own `Any` driver does the same for fewer types
//! and hides the native pools that the engine's transactions need.
//!
//! Invariant: every integer column is 64 bits, every id is bytes, every yes/no is 1 or 0.

use crate::store::postgres::PostgresConnection;
use crate::store::sqlite::SqliteWriteTransaction;
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Row as _, Sqlite, SqliteConnection, Transaction};

/// A database error.
pub type DbError = sqlx::Error;

/// A value to bind. `None` keeps its type, since PostgreSQL wants to know it.
#[derive(Clone, Debug)]
pub enum Value {
    /// 64-bit integer.
    Int(Option<i64>),
    /// Text.
    Text(Option<String>),
    /// Bytes.
    Blob(Option<Vec<u8>>),
}

/// The values of one column in many rows, bound as an array: PostgreSQL only.
pub enum Column {
    /// 64-bit integers.
    Int(Vec<Option<i64>>),
    /// Text.
    Text(Vec<Option<String>>),
    /// Bytes.
    Blob(Vec<Option<Vec<u8>>>),
}

impl Value {
    /// An empty column of this type.
    #[must_use]
    pub fn column(&self, rows: usize) -> Column {
        match self {
            Self::Int(_) => Column::Int(Vec::with_capacity(rows)),
            Self::Text(_) => Column::Text(Vec::with_capacity(rows)),
            Self::Blob(_) => Column::Blob(Vec::with_capacity(rows)),
        }
    }
}

impl Column {
    /// Appends a value.
    ///
    /// # Errors
    /// The value, if it is of another type.
    pub fn push(&mut self, value: Value) -> Result<(), Value> {
        match (self, value) {
            (Self::Int(column), Value::Int(value)) => column.push(value),
            (Self::Text(column), Value::Text(value)) => column.push(value),
            (Self::Blob(column), Value::Blob(value)) => column.push(value),
            (_, value) => return Err(value),
        }
        Ok(())
    }

    /// What PostgreSQL calls the type.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Int(_) => "bigint",
            Self::Text(_) => "text",
            Self::Blob(_) => "bytea",
        }
    }
}

macro_rules! value_from {
    ($($type:ty => |$v:ident| $make:expr;)*) => {
        $(impl From<$type> for Value {
            fn from($v: $type) -> Self { $make }
        })*
    };
}

value_from! {
    i64 => |v| Self::Int(Some(v));
    i32 => |v| Self::Int(Some(v.into()));
    bool => |v| Self::Int(Some(v.into()));
    Option<i64> => |v| Self::Int(v);
    &str => |v| Self::Text(Some(v.to_owned()));
    String => |v| Self::Text(Some(v));
    &String => |v| Self::Text(Some(v.clone()));
    Option<String> => |v| Self::Text(v);
    Option<&str> => |v| Self::Text(v.map(str::to_owned));
    Vec<u8> => |v| Self::Blob(Some(v));
    &[u8] => |v| Self::Blob(Some(v.to_vec()));
    Option<Vec<u8>> => |v| Self::Blob(v);
    crate::domain::Credits => |v| Self::Int(Some(v.0));
    crate::domain::Instant => |v| Self::Int(Some(v.timestamp_millis()));
    Option<crate::domain::Instant> => |v| Self::Int(v.map(|at| at.timestamp_millis()));
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Self {
        Self::Blob(Some(bytes.to_vec()))
    }
}

impl<const N: usize> From<Option<[u8; N]>> for Value {
    fn from(bytes: Option<[u8; N]>) -> Self {
        Self::Blob(bytes.map(|b| b.to_vec()))
    }
}

/// The values of a statement: `args![id, 5_i64]`.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::db::Value::from($value)),*] };
}

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
        Ok(match self {
            Self::Sqlite(c) => RawConnection::Sqlite(c),
            Self::SqliteTx(c) => RawConnection::Sqlite(c),
            Self::SqliteWrite(tx) => RawConnection::Sqlite(tx.connection()?),
            Self::Postgres(c) => RawConnection::Postgres(c),
        })
    }

    /// Whether this is SQLite.
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
    ///
    /// # Errors
    /// Whatever the database says.
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
    ///
    /// # Errors
    /// Whatever the database says.
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
    ///
    /// # Errors
    /// Whatever the database says.
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
    /// Whatever the database says; SQLite has no arrays.
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

    /// What SQLite said of foreign writes when this transaction began.
    #[must_use]
    pub const fn data_version(&self) -> Option<i64> {
        match self {
            Self::SqliteWrite(tx) => Some(tx.data_version()),
            _ => None,
        }
    }

    /// Runs statements of which the last one is SQLite's commit.
    ///
    /// # Errors
    /// Whatever SQLite says: then nothing is committed.
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
    /// Whatever the database says: then nothing of it is there, or on a lost connection nobody knows.
    pub async fn commit(self) -> Result<(), DbError> {
        match self {
            Self::SqliteTx(tx) => tx.commit().await,
            Self::SqliteWrite(tx) => tx.commit().await,
            Self::Postgres(link) => link.commit().await,
            Self::Sqlite(_) => Ok(()),
        }
    }
}

/// A row; columns by name.
pub enum Row {
    /// SQLite's.
    Sqlite(sqlx::sqlite::SqliteRow),
    /// PostgreSQL's.
    Postgres(sqlx::postgres::PgRow),
}

macro_rules! getter {
    ($(#[$doc:meta])* $name:ident, $type:ty) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// No such column, or another type.
        pub fn $name(&self, column: &str) -> Result<$type, DbError> {
            match self {
                Self::Sqlite(row) => row.try_get(column),
                Self::Postgres(row) => row.try_get(column),
            }
        }
    };
}

impl Row {
    getter!(/** An integer. */ int, i64);
    getter!(/** An integer or null. */ opt_int, Option<i64>);
    getter!(/** Text. */ text, String);
    getter!(/** Text or null. */ opt_text, Option<String>);
    getter!(/** Bytes. */ blob, Vec<u8>);
    getter!(/** Bytes or null. */ opt_blob, Option<Vec<u8>>);

    /// A yes/no column.
    ///
    /// # Errors
    /// No such column, or another type.
    pub fn flag(&self, column: &str) -> Result<bool, DbError> {
        Ok(self.int(column)? != 0)
    }

    /// An instant.
    ///
    /// # Errors
    /// No such column, or another type.
    pub fn at(&self, column: &str) -> Result<crate::domain::Instant, DbError> {
        Ok(crate::domain::time::from_millis(self.int(column)?))
    }

    /// An instant or null.
    ///
    /// # Errors
    /// No such column, or another type.
    pub fn opt_at(&self, column: &str) -> Result<Option<crate::domain::Instant>, DbError> {
        Ok(self.opt_int(column)?.map(crate::domain::time::from_millis))
    }

    /// Credits.
    ///
    /// # Errors
    /// No such column, or another type.
    pub fn credits(&self, column: &str) -> Result<crate::domain::Credits, DbError> {
        Ok(crate::domain::Credits(self.int(column)?))
    }

    /// A fixed number of bytes: an id or a hash.
    ///
    /// # Errors
    /// No such column, or another length.
    pub fn bytes<const N: usize>(&self, column: &str) -> Result<[u8; N], DbError> {
        let blob = self.blob(column)?;
        <[u8; N]>::try_from(blob).map_err(|blob| corrupt(format!("{column} has {} bytes, not {N}", blob.len())))
    }

    /// An id or nothing.
    ///
    /// # Errors
    /// No such column, or not 16 bytes.
    pub fn uuid(&self, column: &str) -> Result<uuid::Uuid, DbError> {
        self.bytes::<16>(column).map(uuid::Uuid::from_bytes)
    }
}

/// An error for a row that no code of ours has written.
#[must_use]
pub fn corrupt(what: impl Into<String>) -> DbError {
    DbError::Decode(what.into().into())
}
