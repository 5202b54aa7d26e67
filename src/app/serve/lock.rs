//! One `serve` for one SQLite file, since two engines would each trust their own cache.
//!
//! A symlink, another path and (on Linux) a hard link of the file lead to the same lock.

use crate::app::failure::Failure;
use crate::usecases::upkeep::restore::give_to_owner_of_folder;
use std::fs::{File, TryLockError};
use std::path::Path;

/// The lock; it ends with the process.
pub struct FileLock {
    _beside: File,
    _itself: Option<File>,
}

impl FileLock {
    /// Takes the lock of an existing database.
    ///
    /// # Errors
    /// Another process has it: exit code 2.
    pub fn take(database: &Path) -> Result<Self, Failure> {
        let wrong = |e: std::io::Error| Failure::Setting(format!("DATABASE_URL: {}: {e}", database.display()));
        let real = std::fs::canonicalize(database).map_err(wrong)?;
        let mut name = real.clone().into_os_string();
        name.push(".lock");
        let beside = File::options().create(true).truncate(false).write(true).open(&name).map_err(wrong)?;
        give_to_owner_of_folder(Path::new(&name)).map_err(wrong)?;
        lock(&beside, database)?;
        // A hard link has another lock file beside it. Other systems than Linux would let this lock and SQLite's own
        // block each other.
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
