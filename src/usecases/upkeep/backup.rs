//! Copies of an SQLite database, written beside a running `serve`.
//!
//! Invariant: a file under the wanted name is whole. It is written under another name, verified, flushed to the disk,
//! and renamed last.
//!
//! *Not here:* putting a copy back (`restore`). PostgreSQL has tools of its own (docs/operations.md).

use crate::store::db::DbError;
use crate::store::{OpenError, Store};
use crate::usecases::InternalError;
use crate::usecases::upkeep::check::{CheckReport, check_all};
use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Why a copy was not made, or not put back. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A person names another file, or another way.
    #[error("{0}")]
    Refused(String),
    /// The disk, the database or the copy fails.
    #[error("{0}")]
    Failed(String),
}

impl From<DbError> for BackupError {
    fn from(error: DbError) -> Self {
        Self::Failed(InternalError::from(error).to_string())
    }
}

/// A verified copy.
#[derive(Debug)]
pub struct Backup {
    /// The verified rows.
    pub report: CheckReport,
    pub bytes: u64,
}

/// An unfinished file, which only its owner may read. It is deleted unless it is renamed.
pub(super) struct PartialFile {
    pub(super) path: PathBuf,
    file: File,
    is_finished: bool,
}

impl PartialFile {
    /// Creates it, or empties one that an interrupted run left behind.
    pub(super) fn create(path: PathBuf) -> Result<Self, BackupError> {
        let mut options = File::options();
        let options = options.create(true).truncate(false).read(true).write(true).mode(0o600);
        let file = options.open(&path).map_err(|e| BackupError::Refused(format!("FILE: {}: {e}", path.display())))?;
        // Other systems than Linux would let this lock and SQLite's own block each other.
        if cfg!(target_os = "linux")
            && let Err(TryLockError::WouldBlock) = file.try_lock()
        {
            let reason = format!("FILE: {} is being written by another process", path.display());
            return Err(BackupError::Refused(reason));
        }
        let partial = Self { path, file, is_finished: false };
        partial.file.set_len(0).map_err(|e| failed(&partial.path, &e))?;
        Ok(partial)
    }

    pub(super) fn fill_from(&self, source: &Path) -> Result<(), BackupError> {
        let mut from = File::open(source).map_err(|e| failed(source, &e))?;
        std::io::copy(&mut from, &mut &self.file).map_err(|e| failed(&self.path, &e)).map(drop)
    }

    /// Flushes it to the disk and gives it its name.
    pub(super) fn rename_to(mut self, target: &Path) -> Result<(), BackupError> {
        self.file.sync_all().map_err(|e| failed(&self.path, &e))?;
        std::fs::rename(&self.path, target).map_err(|e| failed(target, &e))?;
        self.is_finished = true;
        sync_folder(target).map_err(|e| failed(target, &e))
    }

    pub(super) fn metadata(&self) -> Result<std::fs::Metadata, BackupError> {
        self.file.metadata().map_err(|e| failed(&self.path, &e))
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        if !self.is_finished {
            for rest in ["", "-wal", "-shm", "-journal"] {
                let _gone = std::fs::remove_file(beside(&self.path, rest));
            }
        }
    }
}

/// Copies the database into a new file, and verifies the copy.
///
/// # Errors
/// [`BackupError`]: the file exists, its folder does not, the disk is full, a broken row.
pub async fn write_backup(store: &Store, file: &Path) -> Result<Backup, BackupError> {
    refuse_existing(file)?;
    let partial = PartialFile::create(beside(file, ".partial"))?;
    store.copy_into(&partial.path).await?;
    let copy = Store::open_existing(&url(&partial.path)?).await.map_err(|e| failed_copy(&partial.path, &e))?;
    let report = match check_pages(&copy, file).await {
        Ok(()) => check_ledger(&copy).await,
        Err(e) => Err(e),
    };
    copy.close().await;
    let report = report?;
    let bytes = partial.metadata()?.len();
    refuse_existing(file)?;
    partial.rename_to(file)?;
    Ok(Backup { report, bytes })
}

/// SQLite's own check of pages and indexes; `file` is how the copy is named.
pub(super) async fn check_pages(copy: &Store, file: &Path) -> Result<(), BackupError> {
    let damaged = |said: &str| BackupError::Failed(format!("{}: the copy is damaged: {said}", file.display()));
    let row = copy.read().await?.fetch_optional("pragma integrity_check(1)", Vec::new()).await;
    let said = row.and_then(|row| row.map_or_else(|| Ok(String::new()), |row| row.text("integrity_check")));
    match said.map_err(|e| damaged(&e.to_string()))?.as_str() {
        "ok" => Ok(()),
        said => Err(damaged(said.lines().last().unwrap_or_default())),
    }
}

/// `topup check`.
pub(super) async fn check_ledger(copy: &Store) -> Result<CheckReport, BackupError> {
    let report = check_all(copy).await.map_err(|e| BackupError::Failed(e.to_string()))?;
    report.map_err(|broken| BackupError::Failed(format!("the copy is refused by `topup check`: {broken}")))
}

fn refuse_existing(file: &Path) -> Result<(), BackupError> {
    if file.symlink_metadata().is_ok() {
        return Err(BackupError::Refused(format!("FILE: {} exists; name a new file", file.display())));
    }
    Ok(())
}

pub(super) fn failed(file: &Path, error: &std::io::Error) -> BackupError {
    BackupError::Failed(format!("{}: {error}", file.display()))
}

/// The store names the setting, but this database is a file of ours.
pub(super) fn failed_copy(file: &Path, error: &OpenError) -> BackupError {
    let said = error.to_string();
    let said = said.strip_prefix("DATABASE_URL: ").unwrap_or(&said);
    BackupError::Failed(format!("{}: {said}", file.display()))
}

pub(super) fn url(file: &Path) -> Result<String, BackupError> {
    let name = file.to_str().ok_or_else(|| BackupError::Refused("FILE: its name is not UTF-8".to_owned()))?;
    Ok(format!("sqlite://{name}"))
}

/// A file whose name begins with that of another.
pub(super) fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name: OsString = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// So that a new name outlives a power cut.
pub(super) fn sync_folder(file: &Path) -> std::io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    File::open(folder)?.sync_all()
}
