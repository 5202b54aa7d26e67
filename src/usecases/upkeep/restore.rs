//! Puts a copy of an SQLite database in its place. The former database is kept beside it.
//!
//! Invariants: the copy is verified before anything changes; at each instant one whole database has the name.
//! The caller holds the lock of `serve`.

use crate::domain::Instant;
use crate::store::copies::end_log;
use crate::store::{Store, newest_commit};
use crate::usecases::upkeep::backfill::run_backfill;
use crate::usecases::upkeep::backup::{
    BackupError, PartialFile, beside, check_ledger, check_pages, failed, failed_copy, sync_folder, url,
};
use crate::usecases::upkeep::check::CheckReport;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};

/// A copy in its place.
#[derive(Debug)]
pub struct Restored {
    /// The verified rows.
    pub report: CheckReport,
    /// The former database.
    pub kept: Option<PathBuf>,
    /// The instant of the copy's newest commit.
    pub newest: Option<Instant>,
    /// `serve` would refuse the clock, since the copy is old.
    pub needs_clock: bool,
}

/// Replaces `target`, a file that is there, by a verified copy of `file`. Older tables are migrated on the way.
///
/// # Errors
/// [`BackupError`]: a copy that is not whole; a database that is in use, or is not empty without `replace`.
pub async fn restore(file: &Path, target: &Path, replace: bool, now: Instant) -> Result<Restored, BackupError> {
    let target = std::fs::canonicalize(target).map_err(|e| failed(target, &e))?;
    check_source(file, &target)?;
    let is_new = std::fs::metadata(&target).map_err(|e| failed(&target, &e))?.len() == 0;
    if !is_new && !replace {
        refuse_full(&target).await?;
    }
    let partial = PartialFile::create(beside(&target, ".restoring"))?;
    partial.fill_from(file)?;
    give_to_owner_of_folder(&partial.path).map_err(|e| failed(&partial.path, &e))?;
    let copy = Store::open(&url(&partial.path)?).await.map_err(|e| failed_copy(file, &e))?;
    let found = inspect(&copy, file, now).await;
    copy.close().await;
    let mut restored = found?;
    restored.kept = if is_new { None } else { Some(set_aside(&target, now).await?) };
    partial.rename_to(&target)?;
    Ok(restored)
}

/// Migrates and verifies the copy.
async fn inspect(copy: &Store, file: &Path, now: Instant) -> Result<Restored, BackupError> {
    if !copy.has_tables().await.map_err(|e| failed_copy(file, &e.into()))? {
        let reason = format!("FILE: {}: the database has no tables of Topup", file.display());
        return Err(BackupError::Refused(reason));
    }
    check_pages(copy, file).await?;
    copy.migrate().await.map_err(|e| failed_copy(file, &e))?;
    run_backfill(copy).await.map_err(|e| BackupError::Failed(e.to_string()))?;
    let report = check_ledger(copy).await?;
    let newest = newest_commit::newest_commit(&mut copy.read().await?).await?;
    let needs_clock = newest_commit::clock_refusal(copy, now).await?.is_some();
    Ok(Restored { report, kept: None, newest, needs_clock })
}

fn check_source(file: &Path, target: &Path) -> Result<(), BackupError> {
    let refused = |reason: &str| Err(BackupError::Refused(format!("FILE: {} {reason}", file.display())));
    match std::fs::canonicalize(file) {
        Err(e) => return Err(BackupError::Refused(format!("FILE: {}: {e}", file.display()))),
        Ok(real) if real == target => return refused("is the database itself"),
        Ok(real) if !real.is_file() => return refused("is no file"),
        Ok(_) => {}
    }
    if std::fs::metadata(beside(file, "-wal")).is_ok_and(|log| log.len() > 0) {
        return refused("has a log (-wal) beside it, so it is no backup: copy it with `topup backup` first");
    }
    Ok(())
}

/// A database without customers and operators may be replaced.
async fn refuse_full(target: &Path) -> Result<(), BackupError> {
    let said = match Store::open_existing(&url(target)?).await {
        Ok(store) => {
            let sql =
                "select (select count(*) from customers) as customers, (select count(*) from operators) as operators";
            let row = store.read().await?.fetch_optional(sql, Vec::new()).await?;
            store.close().await;
            match row.map(|row| Ok::<_, BackupError>((row.int("customers")?, row.int("operators")?))).transpose()? {
                None | Some((0, 0)) => return Ok(()),
                Some((customers, operators)) => format!("has {customers} customers and {operators} operators"),
            }
        }
        Err(e) => format!("cannot be read ({})", e.to_string().trim_start_matches("DATABASE_URL: ")),
    };
    let name = target.display();
    Err(BackupError::Refused(format!("DATABASE_URL: {name} {said}; `--replace` keeps it beside the restored one")))
}

/// Gives the database a second name. Its first name stays until the copy takes it.
async fn set_aside(target: &Path, now: Instant) -> Result<PathBuf, BackupError> {
    let kept = beside(target, &format!(".before-{}", now.format("%Y%m%dT%H%M%SZ")));
    if let Err(error) = end_log(target).await {
        if error.as_database_error().is_some_and(|said| said.message().contains("locked")) {
            let name = target.display();
            let reason = format!("DATABASE_URL: {name} is in use by another process: stop `work` and other commands");
            return Err(BackupError::Refused(reason));
        }
        // A damaged database keeps its log.
        for rest in ["-wal", "-shm"] {
            let log = beside(target, rest);
            if log.exists() {
                std::fs::rename(&log, beside(&kept, rest)).map_err(|e| failed(&log, &e))?;
            }
        }
    }
    // Some file systems have no second names.
    if std::fs::hard_link(target, &kept).is_err() {
        std::fs::rename(target, &kept).map_err(|e| failed(&kept, &e))?;
    }
    sync_folder(&kept).map_err(|e| failed(&kept, &e))?;
    Ok(kept)
}

/// Root restores for the user of the service, who owns the folder.
pub fn give_to_owner_of_folder(file: &Path) -> std::io::Result<()> {
    let (made, folder) = (file.metadata()?, file.parent().map_or_else(|| Path::new(".").metadata(), Path::metadata)?);
    if made.uid() == 0 && folder.uid() != 0 { chown(file, Some(folder.uid()), Some(folder.gid())) } else { Ok(()) }
}
