//! `topup check`: verifies the whole ledger.

use crate::app::build::{open_existing, opening};
use crate::app::failure::Failure;
use crate::clock::Clock;
use crate::domain::Instant;
use crate::settings::DatabaseSettings;
use crate::store::Store;
use crate::time_zone::rfc3339;
use crate::usecases::InternalError;
use crate::usecases::upkeep::check as ledger_check;
use std::time::Duration;
use tokio::time::{Instant as Moment, sleep};

/// `topup check`.
///
/// # Errors
/// [`Failure`] with the first broken row.
pub async fn run(settings: &DatabaseSettings) -> Result<(), Failure> {
    settings.check_standby()?;
    let store = open_existing(settings).await?;
    let copy = match &settings.read_database_url {
        Some(url) => Some(store.open_copy(url, opening(settings)).await?),
        None => None,
    };
    let report = match &copy {
        Some(copy) => check_copy(&store, copy).await,
        None => ledger_check::check_all(&store).await,
    };
    if let Some(copy) = copy {
        copy.close().await;
    }
    store.close().await;
    match report? {
        Ok(summary) => {
            println!("{summary}");
            Ok(())
        }
        Err(broken) => Err(Failure::Failed(broken)),
    }
}

type Checked = Result<Result<ledger_check::CheckReport, String>, InternalError>;

/// Verifies the standby, and says as of when it is. A standby cancels a query that is in the way of what it has to copy: then
/// all is verified on the primary, because parts of both would not fit together.
async fn check_copy(store: &Store, copy: &Store) -> Checked {
    let checked = async {
        let as_of = as_of(store, copy).await?;
        Ok((as_of, ledger_check::check_all(copy).await?))
    };
    match checked.await {
        Ok((as_of, report)) => {
            println!("as of {}, from READ_DATABASE_URL", as_of.map_or_else(|| "an unknown time".to_owned(), rfc3339));
            Ok(report)
        }
        Err(fault) => {
            let fault: InternalError = fault;
            eprintln!("READ_DATABASE_URL: {fault}; DATABASE_URL is checked instead");
            ledger_check::check_all(store).await
        }
    }
}

/// How long a standby has to catch up.
const CATCH_UP: Duration = Duration::from_secs(5);

/// The instant before the primary was asked how far it is, if the standby reaches that place soon. One that is behind knows when
/// the last commit was made that it has.
async fn as_of(store: &Store, copy: &Store) -> Result<Option<Instant>, InternalError> {
    let (now, until) = (Clock::system().real(), Moment::now() + CATCH_UP);
    let here = store.place().await?;
    loop {
        let there = copy.place().await?;
        if here.database != there.database {
            return Err(InternalError::Broken("it is of another database".to_owned()));
        }
        if there.bytes >= here.bytes {
            return Ok(Some(now));
        }
        if Moment::now() >= until {
            return Ok(there.last_commit);
        }
        sleep(Duration::from_millis(50)).await;
    }
}
