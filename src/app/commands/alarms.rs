//! `topup alarms`: lists and acknowledges alarms.

use crate::app::build::open_existing;
use crate::app::failure::Failure;
use crate::clock::Clock;
use crate::domain::text;
use crate::settings::{DatabaseSettings, values};
use crate::store::Store;
use crate::usecases::alarms;
use clap::{Args, Subcommand};

/// The arguments of `alarms`.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct AlarmsSettings {
    /// The command, instead of listing.
    #[command(subcommand)]
    pub command: Option<AlarmsCommand>,
    /// Acknowledged alarms too
    #[arg(long)]
    pub all: bool,
    /// The database and the catalogue.
    #[command(flatten)]
    pub database: DatabaseSettings,
}

/// The commands of `alarms`.
#[derive(Clone, Debug, Subcommand)]
pub enum AlarmsCommand {
    /// Acknowledge alarms, which removes them from the list and keeps name and time.
    Ack {
        /// The numbers in the list
        #[arg(required = true, value_name = "ID", value_parser = values::parsed::<i64>())]
        ids: Vec<i64>,
        /// Your name; by default the system's user
        #[arg(long, env = "USER", value_parser = values::text())]
        by: Option<String>,
        /// The database and the catalogue.
        #[command(flatten)]
        database: DatabaseSettings,
    },
}

/// The longest `--by`, in characters.
const BY_MAX: usize = 200;

/// `topup alarms` and `topup alarms ack`.
///
/// # Errors
/// [`Failure`]; also where there is no alarm of a number.
pub async fn run(settings: &AlarmsSettings) -> Result<(), Failure> {
    match &settings.command {
        None => {
            let store = open_existing(&settings.database).await?;
            let found = if settings.all { alarms::all_alarms(&store).await } else { alarms::open_alarms(&store).await };
            store.close().await;
            found?.iter().for_each(|alarm| println!("{alarm}"));
            Ok(())
        }
        Some(AlarmsCommand::Ack { ids, by, database }) => {
            let by = by.as_deref().map(str::trim).filter(|by| !by.is_empty());
            let by = by.ok_or_else(|| Failure::Setting("--by: is missing: give your name".to_owned()))?;
            text::check_line(by, BY_MAX).map_err(|e| Failure::Setting(format!("--by: {e}")))?;
            let store = open_existing(database).await?;
            let done = acknowledge(&store, ids, by).await;
            store.close().await;
            done
        }
    }
}

async fn acknowledge(store: &Store, ids: &[i64], by: &str) -> Result<(), Failure> {
    // An acknowledgement has the machine's time, even with a test clock.
    let at = Clock::system().real();
    let mut unknown = Vec::new();
    for id in ids {
        match alarms::acknowledge_alarm(store, *id, by, at).await? {
            Some(alarm) => println!("{alarm}"),
            None => unknown.push(id.to_string()),
        }
    }
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Failure::Failed(format!("no alarm has the number {}; `topup alarms` lists them", unknown.join(", "))))
}
