//! `topup keys`: scoped keys of the operator API. May run beside `serve`.

use crate::app::build::with_app;
use crate::app::failure::Failure;
use crate::domain::id::KeyId;
use crate::domain::text;
use crate::settings::{Settings, values};
use crate::usecases::App;
use crate::usecases::app::Scope;
use crate::usecases::operators::actions::{self, ActionOutcome, ActionRequest};
use crate::usecases::operators::api_keys;
use crate::usecases::operators::api_keys::ScopedKey;
use chrono::SecondsFormat;
use clap::Subcommand;
use clap::builder::EnumValueParser;

/// The commands of `keys`.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make a key of one scope and show it, once.
    Add {
        /// A name for it, such as the program that gets it
        #[arg(value_parser = values::text())]
        name: String,
        /// The requests that it opens: usage, holds and balances, everything that only reads, or everything
        #[arg(long, value_parser = values::word_of(EnumValueParser::<Scope>::new()))]
        scope: Scope,
        /// Your name; by default the system's user
        #[arg(long, env = "USER", value_parser = values::text())]
        by: Option<String>,
        /// The settings of `serve`.
        #[command(flatten)]
        settings: Box<Settings>,
    },
    /// List keys, a line each, newest first.
    List {
        /// The settings of `serve`.
        #[command(flatten)]
        settings: Box<Settings>,
    },
    /// Revoke a key: processes refuse it within seconds.
    Revoke {
        /// The id in the list
        #[arg(value_parser = values::word())]
        id: String,
        /// Your name; by default the system's user
        #[arg(long, env = "USER", value_parser = values::text())]
        by: Option<String>,
        /// The settings of `serve`.
        #[command(flatten)]
        settings: Box<Settings>,
    },
}

/// The longest `--by`, in characters.
const BY_MAX: usize = 200;

/// `topup keys add`, `list` and `revoke`.
///
/// # Errors
/// [`Failure`]; also where there is no living key of an id.
pub async fn run(command: &KeysCommand) -> Result<(), Failure> {
    match command {
        KeysCommand::Add { name, scope, by, settings } => {
            let by = operator(by.as_deref())?;
            with_app(settings, async |app| {
                let mut bytes = [0_u8; 32];
                getrandom::fill(&mut bytes).map_err(|e| Failure::Failed(format!("no random bytes: {e}")))?;
                let key = api_keys::key_of(&bytes);
                let order = order(&app, by, "topup keys add");
                match actions::make_key(&app, order, name, *scope, api_keys::key_hash(&key)).await? {
                    ActionOutcome::Done => {
                        println!("{key}");
                        eprintln!("The key is shown once. It opens what the scope {} opens.", scope.name());
                        Ok(())
                    }
                    ActionOutcome::LimitReached => {
                        Err(Failure::Failed(format!("there are {} keys already; revoke some", api_keys::KEYS_MAX)))
                    }
                    _ => Err(Failure::Setting(format!(
                        "NAME: must be one line of 1 to {} characters",
                        api_keys::NAME_MAX
                    ))),
                }
            })
            .await
        }
        KeysCommand::List { settings } => {
            with_app(settings, async |app| {
                api_keys::list_keys(&app).await?.iter().for_each(|key| println!("{}", line(key)));
                Ok(())
            })
            .await
        }
        KeysCommand::Revoke { id, by, settings } => {
            let by = operator(by.as_deref())?;
            let Some(key) = KeyId::parse(id) else {
                return Err(Failure::Setting("ID: must be an id such as key_…; `topup keys list` has them".to_owned()));
            };
            with_app(settings, async |app| {
                let order = order(&app, by, "topup keys revoke");
                match actions::revoke_key(&app, order, key).await? {
                    ActionOutcome::Done => {
                        println!("{id}: revoked");
                        Ok(())
                    }
                    _ => Err(Failure::Failed(format!("no living key has the id {id}"))),
                }
            })
            .await
        }
    }
}

fn operator(by: Option<&str>) -> Result<String, Failure> {
    let by = by.unwrap_or("unknown").trim();
    match text::check_line(by, BY_MAX) {
        Ok(()) => Ok(by.to_owned()),
        Err(_) => Err(Failure::Setting(format!("--by: must be one line of 1 to {BY_MAX} characters"))),
    }
}

fn order(app: &App, operator: String, reason: &str) -> ActionRequest {
    ActionRequest { key: app.clock.mint(), operator, reason: reason.to_owned() }
}

/// `key_… charge 2026-11-30T16:30:00Z by ada, last used 2026-11-30T17:00:00Z: backend`
fn line(key: &ScopedKey) -> String {
    let at = |at: crate::domain::Instant| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let used = key.last_used_at.map_or_else(|| "never used".to_owned(), |used| format!("last used {}", at(used)));
    format!("{} {:<6} {} by {}, {used}: {}", key.id, key.scope.name(), at(key.created_at), key.made_by, key.name)
}
