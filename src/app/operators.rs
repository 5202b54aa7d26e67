//! `topup operator`: accounts for the operator's pages. Beside `serve`, if need be.
//!
//! A password comes from the terminal, asked twice and not shown, or from standard input, one line: never from the
//! command line, which others see.

use super::Failure;
use crate::clock::Clock;
use crate::config::{DatabaseSettings, OperatorCommand};
use crate::mail;
use crate::store::Store;
use crate::usecases::operators::{self, password};
use chrono::SecondsFormat;
use std::io::{BufRead as _, IsTerminal as _};

/// `topup operator …`.
///
/// # Errors
/// [`Failure`]; also where there is no account of an address, or one already.
pub async fn run(command: &OperatorCommand) -> Result<(), Failure> {
    match command {
        OperatorCommand::Add { email, database } => {
            let email = address(email)?;
            let hash = password::hash(ask()?).await?;
            let added = on(database, async |store, clock| operators::add(store, &email, &hash, clock.now()).await);
            told(added.await?, &format!("{email} may sign in at /operator"), &format!("{email} has an account"))
        }
        OperatorCommand::Reset { email, database } => {
            let email = address(email)?;
            let hash = password::hash(ask()?).await?;
            let reset = on(database, async |store, clock| operators::reset(store, &email, &hash, clock.now()).await);
            told(reset.await?, &format!("{email} has a new password"), &format!("{email} has no account"))
        }
        OperatorCommand::Disable { email, database } => {
            let email = address(email)?;
            let shut = on(database, async |store, clock| operators::disable(store, &email, clock.now()).await);
            told(shut.await?, &format!("{email} may not sign in any more"), &format!("{email} has no account"))
        }
        OperatorCommand::List { database } => {
            let found = on(database, async |store, _| operators::list(store).await);
            found.await?.iter().for_each(|account| println!("{}", line(account)));
            Ok(())
        }
    }
}

/// Opens the database, does it, and closes.
async fn on<T>(
    settings: &DatabaseSettings,
    act: impl AsyncFnOnce(&Store, &Clock) -> Result<T, crate::usecases::Fault>,
) -> Result<T, Failure> {
    let store = Store::open_existing(&settings.database_url).await?;
    let done = act(&store, &Clock::system()).await;
    store.close().await;
    Ok(done?)
}

fn address(text: &str) -> Result<String, Failure> {
    mail::address(text).ok_or_else(|| Failure::Setting(format!("EMAIL: {text:?} is no address")))
}

fn told(done: bool, good: &str, bad: &str) -> Result<(), Failure> {
    if done {
        println!("{good}");
        return Ok(());
    }
    Err(Failure::Failed(bad.to_owned()))
}

/// A password, from the terminal or one line of standard input.
fn ask() -> Result<String, Failure> {
    let password = if std::io::stdin().is_terminal() {
        let first = rpassword::prompt_password("Password: ")?;
        if rpassword::prompt_password("Again: ")? != first {
            return Err(Failure::Failed("the two are not the same; nothing was changed".to_owned()));
        }
        first
    } else {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        line.trim_end_matches(['\r', '\n']).to_owned()
    };
    password::check(&password).map_err(|reason| Failure::Setting(format!("PASSWORD: {reason}")))?;
    Ok(password)
}

fn line(account: &operators::Account) -> String {
    let at = |at: crate::domain::Instant| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut words = vec![account.email.clone(), format!("since {}", at(account.created_at))];
    words.push(format!("password of {}", at(account.changed_at)));
    words.extend(account.seen_at.map(|seen| format!("seen {}", at(seen))));
    words.extend(account.disabled_at.map(|when| format!("disabled {}", at(when))));
    words.join(" · ")
}
