//! `topup backup` and `topup restore`: a verified copy of an SQLite database, and the way back.

use crate::app::build::open_existing;
use crate::app::failure::Failure;
use crate::app::serve::lock::FileLock;
use crate::clock::Clock;
use crate::settings::{DatabaseSettings, values};
use crate::usecases::upkeep::backup::{self, BackupError};
use crate::usecases::upkeep::restore::{self, Restored};
use clap::Args;
use clap::builder::PathBufValueParser;
use std::fs::File;
use std::path::{Path, PathBuf};

/// The arguments of `backup`.
#[derive(Args, Clone, Debug)]
pub struct BackupSettings {
    /// The new file; an existing one is refused
    #[arg(value_parser = values::text_of(PathBufValueParser::new()))]
    pub file: PathBuf,
    /// The database and the catalogue.
    #[command(flatten)]
    pub database: DatabaseSettings,
}

/// The arguments of `restore`.
#[derive(Args, Clone, Debug)]
pub struct RestoreSettings {
    /// A file of `topup backup`; it stays as it is
    #[arg(value_parser = values::text_of(PathBufValueParser::new()))]
    pub file: PathBuf,
    /// Replace a database that is not empty; it is kept beside the restored one
    #[arg(long)]
    pub replace: bool,
    /// The database and the catalogue.
    #[command(flatten)]
    pub database: DatabaseSettings,
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Refused(line) => Self::Setting(line),
            BackupError::Failed(line) => Self::Failed(line),
        }
    }
}

/// The file of an SQLite database; PostgreSQL has better ways.
fn sqlite_file<'a>(settings: &'a DatabaseSettings, way: &str) -> Result<&'a Path, Failure> {
    match settings.database_url.split_once("://") {
        Some(("sqlite", path)) if !path.is_empty() => Ok(Path::new(path)),
        Some(("postgres" | "postgresql", _)) => Err(Failure::Setting(format!(
            "DATABASE_URL: is PostgreSQL, which {way} or pgBackRest copies and restores: docs/operations.md, \"Backup\""
        ))),
        _ => Err(Failure::Setting("DATABASE_URL: names no file of SQLite".to_owned())),
    }
}

/// `topup backup FILE`.
///
/// # Errors
/// [`Failure`].
pub async fn backup(settings: &BackupSettings) -> Result<(), Failure> {
    sqlite_file(&settings.database, "pg_dump")?;
    let store = open_existing(&settings.database).await?;
    let made = backup::write_backup(&store, &settings.file).await;
    store.close().await;
    let made = made?;
    println!("{}", made.report);
    println!("written: {}, {} bytes", settings.file.display(), made.bytes);
    Ok(())
}

/// `topup restore FILE`.
///
/// # Errors
/// [`Failure`].
pub async fn restore(settings: &RestoreSettings) -> Result<(), Failure> {
    let target = sqlite_file(&settings.database, "pg_restore")?;
    let is_new = !target.exists();
    if is_new {
        create_empty(target)?;
    }
    let done = restore_into(settings, target).await;
    // Nothing of a failed attempt stays.
    if is_new && target.metadata().is_ok_and(|empty| empty.len() == 0) {
        std::fs::remove_file(target)?;
    }
    print_restored(target, &done?);
    Ok(())
}

async fn restore_into(settings: &RestoreSettings, target: &Path) -> Result<Restored, Failure> {
    let _lock = FileLock::take(target)?;
    Ok(restore::restore(&settings.file, target, settings.replace, Clock::system().real()).await?)
}

fn create_empty(target: &Path) -> Result<(), Failure> {
    let wrong = |e: std::io::Error| Failure::Setting(format!("DATABASE_URL: {}: {e}", target.display()));
    if let Some(folder) = target.parent() {
        std::fs::create_dir_all(folder).map_err(wrong)?;
    }
    File::create_new(target).map(drop).map_err(wrong)
}

fn print_restored(target: &Path, done: &Restored) {
    println!("{}", done.report);
    let day = done.newest.map(|at| at.format("%Y-%m-%d").to_string());
    println!("restored: {}, as of {}", target.display(), day.as_deref().unwrap_or("its first start"));
    if let Some(kept) = &done.kept {
        println!("kept: {}", kept.display());
    }
    if done.needs_clock {
        println!("next: `topup clock accept`, since nothing was written for more than 48 hours");
    }
    if let Some(day) = day {
        println!("next: start `serve`, then `topup reconcile --since {day} --repair` books what only Stripe knows");
    }
}
