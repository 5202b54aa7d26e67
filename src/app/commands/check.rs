//! `topup check`: verifies the ledger, the whole or what is new.

use crate::app::build::{open_existing, opening};
use crate::app::failure::Failure;
use crate::clock::Clock;
use crate::domain::Instant;
use crate::settings::{DatabaseSettings, values};
use crate::store::Store;
use crate::time_zone::rfc3339;
use crate::usecases::InternalError;
use crate::usecases::upkeep::check::{CheckReport, Extent, check_and_keep};
use clap::Args;
use std::time::Duration;
use tokio::time::{Instant as Moment, sleep};

/// The arguments of `check`.
#[derive(Args, Clone, Debug)]
pub struct CheckSettings {
    /// Read only what is new since the last good check, and compare all balances: `LAST`
    #[arg(long, value_name = "LAST", value_parser = values::word_of(parse_extent))]
    pub since: Option<Extent>,
    /// The database and the catalogue.
    #[command(flatten)]
    pub database: DatabaseSettings,
}

/// A check goes on from what one knew at its end, and that is stored of the last one alone.
fn parse_extent(text: &str) -> Result<Extent, String> {
    if text.eq_ignore_ascii_case("last") {
        return Ok(Extent::SinceLast);
    }
    Err("must be LAST, the last good check; a check goes on from no other, and from no date".to_owned())
}

/// `topup check [--since LAST]`.
///
/// # Errors
/// [`Failure`] with the first broken row.
pub async fn run(settings: &CheckSettings) -> Result<(), Failure> {
    settings.database.check_standby()?;
    let store = open_existing(&settings.database).await?;
    let copy = match &settings.database.read_database_url {
        Some(url) => Some(store.open_copy(url, opening(&settings.database)).await?),
        None => None,
    };
    let extent = settings.since.unwrap_or(Extent::Whole);
    let report = match &copy {
        Some(copy) => check_copy(&store, copy, extent).await,
        None => check(&store, &store, extent).await,
    };
    if let Some(copy) = copy {
        copy.close().await;
    }
    store.close().await;
    match report? {
        Ok(Good { report, unkept }) => {
            println!("{report}");
            if extent == Extent::SinceLast && report.since.is_none() {
                println!("there was no good check to go on from: everything was replayed");
            }
            if let Some(fault) = unkept {
                eprintln!(
                    "for the next `topup check --since LAST` this one does not count: it could not be stored: {fault}"
                );
            }
            Ok(())
        }
        Err(broken) => Err(Failure::Failed(broken)),
    }
}

/// A good check, and why the next one cannot go on from it, if so.
struct Good {
    report: CheckReport,
    unkept: Option<String>,
}

type Checked = Result<Result<Good, String>, InternalError>;

/// Verifies `store`, and keeps the result in the primary.
async fn check(store: &Store, primary: &Store, extent: Extent) -> Checked {
    let checked = check_and_keep(store, primary, &Clock::system(), extent).await?;
    Ok(checked.map(|(report, fault)| Good { report, unkept: fault.map(|fault| fault.to_string()) }))
}

/// Verifies the standby, and says as of when it is. A standby cancels a query that is in the way of what it has to copy: then
/// all is verified on the primary, because parts of both would not fit together.
async fn check_copy(store: &Store, copy: &Store, extent: Extent) -> Checked {
    let checked = async {
        let as_of = as_of(store, copy).await?;
        Ok((as_of, check(copy, store, extent).await?))
    };
    match checked.await {
        Ok((as_of, report)) => {
            println!("as of {}, from READ_DATABASE_URL", as_of.map_or_else(|| "an unknown time".to_owned(), rfc3339));
            Ok(report)
        }
        Err(fault) => {
            let fault: InternalError = fault;
            eprintln!("READ_DATABASE_URL: {fault}; DATABASE_URL is checked instead");
            check(store, store, extent).await
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
