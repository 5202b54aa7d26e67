//! One `serve` for one SQLite file: two engines would each trust their own memory.
//!
//! The file counts, not its name: a symlink, another path and (on Linux) a hard link lead to the same lock.

use crate::app::failure::Failure;
use std::fs::{File, TryLockError};
use std::path::Path;

/// The lock; gone with the process, however it ends.
pub struct FileLock {
    _beside: File,
    _itself: Option<File>,
}

impl FileLock {
    /// Takes the lock of a database that is there.
    ///
    /// # Errors
    /// Another process has it: exit code 2.
    pub fn take(database: &Path) -> Result<Self, Failure> {
        let wrong = |e: std::io::Error| Failure::Setting(format!("DATABASE_URL: {}: {e}", database.display()));
        let real = std::fs::canonicalize(database).map_err(wrong)?;
        let mut name = real.clone().into_os_string();
        name.push(".lock");
        let beside = File::options().create(true).truncate(false).write(true).open(&name).map_err(wrong)?;
        lock(&beside, database)?;
        // A hard link has another name for the lock beside it. Elsewhere than on Linux this kind of lock and SQLite's own
        // would wait for each other.
        let itself = if cfg!(target_os = "linux") { Some(File::open(&real).map_err(wrong)?) } else { None };
        itself.as_ref().map_or(Ok(()), |file| lock(file, database))?;
        Ok(Self { _beside: beside, _itself: itself })
    }
}

fn lock(file: &File, database: &Path) -> Result<(), Failure> {
    let name = database.display();
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            Err(Failure::Setting(format!("DATABASE_URL: {name} is served by another process")))
        }
        Err(TryLockError::Error(e)) => Err(Failure::Setting(format!("DATABASE_URL: {name}: {e}"))),
    }
}
