//! `topup hooks`: the outgoing webhooks. May run beside `serve`.

use crate::app::build::{open_existing, with_app};
use crate::app::failure::Failure;
use crate::settings::{DatabaseSettings, Settings, values};
use crate::usecases::delivery::webhooks;
use crate::webhooks::Delivered;
use clap::Subcommand;

/// The commands of `hooks`.
#[derive(Debug, Subcommand)]
pub enum HooksCommand {
    /// List messages that were not accepted, a line each, newest first.
    List {
        /// Accepted messages too
        #[arg(long)]
        all: bool,
        /// The database and the catalogue.
        #[command(flatten)]
        database: DatabaseSettings,
    },
    /// Send messages again, with their ids and content.
    Retry {
        /// The ids in the list
        #[arg(required = true, value_name = "ID", value_parser = values::word())]
        ids: Vec<String>,
        /// The settings of `serve`.
        #[command(flatten)]
        settings: Box<Settings>,
    },
    /// Send a message of type topup.test now and report the result.
    Test {
        /// The settings of `serve`.
        #[command(flatten)]
        settings: Box<Settings>,
    },
}

/// `topup hooks list`, `retry` and `test`.
///
/// # Errors
/// [`Failure`]; also where there is no message of an id, and where the endpoint did not accept the test.
pub async fn run(command: &HooksCommand) -> Result<(), Failure> {
    match command {
        HooksCommand::List { all, database } => {
            let store = open_existing(database).await?;
            let found = webhooks::list_webhooks(&store, *all).await;
            store.close().await;
            found?.iter().for_each(|message| println!("{message}"));
            Ok(())
        }
        HooksCommand::Retry { ids, settings } => {
            with_app(settings, async |app| {
                let unknown = webhooks::resend_webhooks(&app, ids).await?;
                for id in ids.iter().filter(|id| !unknown.contains(id)) {
                    println!("{id}: will be sent again");
                }
                if unknown.is_empty() {
                    return Ok(());
                }
                let unknown = unknown.join(", ");
                Err(Failure::Failed(format!("no message has the id {unknown}; `topup hooks list --all` lists them")))
            })
            .await
        }
        HooksCommand::Test { settings } => {
            with_app(settings, async |app| {
                let Some(hook) = &app.hook else {
                    return Err(Failure::Setting("HOOK_URL: is missing".to_owned()));
                };
                match webhooks::send_test_webhook(&app, hook).await {
                    Delivered::Accepted => {
                        println!("the endpoint accepted a message of the type topup.test");
                        Ok(())
                    }
                    Delivered::Deferred(reason) | Delivered::Refused(reason) => Err(Failure::Failed(reason)),
                }
            })
            .await
        }
    }
}
