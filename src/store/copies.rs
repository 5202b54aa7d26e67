//! Copies of an SQLite file, and what putting one back needs to know of the file there.

use crate::store::Store;
use crate::store::db::{DbError, corrupt};
use crate::store::migration_state::{Tables, tables};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use std::path::Path;
use std::time::Duration;

impl Store {
    /// True if the product's tables are there, of any version.
    ///
    /// # Errors
    /// The database fails.
    pub async fn has_tables(&self) -> Result<bool, DbError> {
        Ok(tables(&mut self.read().await?).await? != Tables::None)
    }

    /// Writes a whole copy into an empty file, as of one instant. SQLite only.
    ///
    /// # Errors
    /// The database fails, or the disk is full.
    pub async fn copy_into(&self, file: &Path) -> Result<(), DbError> {
        let name = file.to_str().ok_or_else(|| corrupt("the file's name is not UTF-8"))?;
        match self {
            Self::Sqlite { write, .. } => write.copy_into(name).await,
            Self::Postgres(_) => Err(corrupt("PostgreSQL is not copied into a file")),
        }
    }
}

/// Moves the log of a database into its file, and deletes the log.
///
/// # Errors
/// Anybody has the file open ("database is locked"), or SQLite fails.
pub async fn end_log(file: &Path) -> Result<(), DbError> {
    let options = SqliteConnectOptions::new().filename(file).busy_timeout(Duration::from_millis(200));
    let mut connection = options.connect().await?;
    connection.execute("pragma journal_mode = delete").await?;
    connection.close().await
}
