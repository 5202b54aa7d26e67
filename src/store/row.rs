//! Rows of both databases, read by column name.

use crate::domain::time::from_millis;
use crate::domain::{Credits, Instant};
use crate::store::errors::{DbError, corrupt};
use sqlx::Row as _;

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
    pub fn at(&self, column: &str) -> Result<Instant, DbError> {
        Ok(from_millis(self.int(column)?))
    }

    /// An instant or null.
    ///
    /// # Errors
    /// No such column, or another type.
    pub fn opt_at(&self, column: &str) -> Result<Option<Instant>, DbError> {
        Ok(self.opt_int(column)?.map(from_millis))
    }

    /// Credits.
    ///
    /// # Errors
    /// No such column, or another type.
    pub fn credits(&self, column: &str) -> Result<Credits, DbError> {
        Ok(Credits(self.int(column)?))
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
