//! One `serve` for one SQLite file: two engines would each trust their own memory.

use super::Failure;
use std::fs::{File, TryLockError};
use std::path::Path;

/// The lock; gone with the process, however it ends.
pub struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the lock beside the database.
    ///
    /// # Errors
    /// Another process has it: exit code 2.
    pub fn take(database: &Path) -> Result<Self, Failure> {
        let mut name = database.as_os_str().to_owned();
        name.push(".lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&name)
            .map_err(|e| Failure::Setting(format!("DATABASE_URL: {}: {e}", database.display())))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => {
                Err(Failure::Setting(format!("DATABASE_URL: {} is served by another process", database.display())))
            }
            Err(TryLockError::Error(e)) => Err(Failure::Setting(format!("DATABASE_URL: {}: {e}", database.display()))),
        }
    }
}
