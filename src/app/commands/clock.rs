//! `topup clock accept`: the operator confirms that the clock is right.

use crate::app::build::open_existing;
use crate::app::failure::Failure;
use crate::clock::Clock;
use crate::domain::Instant;
use crate::settings::DatabaseSettings;
use crate::store::db::DbError;
use crate::store::{Store, newest_commit};
use crate::usecases::InternalError;
use chrono::SecondsFormat;
use clap::Subcommand;

/// The commands of `clock`.
#[derive(Clone, Debug, Subcommand)]
pub enum ClockCommand {
    /// Accept a clock that is far ahead of the newest commit, after a long pause.
    Accept {
        /// The database and the catalogue.
        #[command(flatten)]
        database: DatabaseSettings,
    },
}

/// `topup clock …`.
///
/// # Errors
/// [`Failure`].
pub async fn run(command: &ClockCommand) -> Result<(), Failure> {
    let ClockCommand::Accept { database } = command;
    let store = open_existing(database).await?;
    let now = Clock::system().real();
    let said = accept(&store, now).await;
    store.close().await;
    println!("{}", said.map_err(InternalError::from)?);
    Ok(())
}

/// Records nothing if the ledger follows the clock anyway: a record would only loosen the guard later.
async fn accept(store: &Store, now: Instant) -> Result<String, DbError> {
    let text = now.to_rfc3339_opts(SecondsFormat::Secs, true);
    if newest_commit::clock_refusal(store, now).await?.is_none() {
        return Ok(format!("nothing to accept: the clock says {text} and the ledger follows it"));
    }
    let mut db = store.begin_write().await?;
    newest_commit::accept_clock(&mut db, now).await?;
    db.commit().await?;
    Ok(format!("accepted: {text}. `topup serve` starts, and a running one continues"))
}
