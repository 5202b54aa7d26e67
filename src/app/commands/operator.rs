//! `topup operator`: accounts for the operator's pages. May run beside `serve`.
//!
//! The password comes from the terminal, typed twice, or from one line of standard input, never from the command line,
//! which others can see. At a terminal a second factor is set up unless it is declined, and confirmed by a code of the
//! app; elsewhere only on request.

use crate::app::build::{open_existing, read_catalog};
use crate::app::failure::Failure;
use crate::clock::Clock;
use crate::email;
use crate::settings::{DatabaseSettings, values};
use crate::store::Store;
use crate::usecases::operators;
use crate::usecases::operators::{Enrolment, password};
use chrono::SecondsFormat;
use clap::{Args, Subcommand};
use qrcodegen::{QrCode, QrCodeEcc};
use std::io::{BufRead as _, IsTerminal as _, Write as _};

/// The commands of `operator`. The password comes from the terminal or standard input.
#[derive(Clone, Debug, Subcommand)]
pub enum OperatorCommand {
    /// Create an account.
    Add {
        /// The operator's email address
        #[arg(value_parser = values::text())]
        email: String,
        /// The second factor.
        #[command(flatten)]
        factor: FactorSettings,
        /// The database and the catalogue.
        #[command(flatten)]
        database: DatabaseSettings,
    },
    /// List accounts, a line each.
    List {
        /// The database and the catalogue.
        #[command(flatten)]
        database: DatabaseSettings,
    },
    /// Disable an account and end its sessions.
    Disable {
        /// The operator's email address
        #[arg(value_parser = values::text())]
        email: String,
        /// The database and the catalogue.
        #[command(flatten)]
        database: DatabaseSettings,
    },
    /// Set another password, enable the account again, end its sessions. A second factor is replaced by a new one, since
    /// the old password encrypts it
    Reset {
        /// The operator's email address
        #[arg(value_parser = values::text())]
        email: String,
        /// The second factor.
        #[command(flatten)]
        factor: FactorSettings,
        /// The database and the catalogue.
        #[command(flatten)]
        database: DatabaseSettings,
    },
}

/// The second factor of an account.
#[derive(Args, Clone, Copy, Debug)]
pub struct FactorSettings {
    /// Set up a second factor: print its key and recovery codes. The default on a terminal
    #[arg(long)]
    pub totp: bool,
    /// Set up no second factor; the operator can do so later
    #[arg(long, conflicts_with = "totp")]
    pub no_totp: bool,
}

/// `topup operator …`.
///
/// # Errors
/// [`Failure`]; also where there is no account of an address, or one already.
pub async fn run(command: &OperatorCommand) -> Result<(), Failure> {
    match command {
        OperatorCommand::Add { email, factor, database } => {
            let (email, password) = (address(email)?, ask()?);
            let hash = password::hash_password(password.clone()).await?;
            let enrolment = enrolment(*factor, false, password, (&email, database)).await?;
            let new = enrolment.as_ref();
            let added = on(database, async |store, clock| {
                operators::add_operator_with(store, &email, &hash, new, clock.now()).await
            });
            report(added.await?, &format!("{email} can sign in at /operator"), &format!("{email} has an account"))?;
            enrolment.map_or(Ok(()), |enrolment| show(&enrolment, &email, database))
        }
        OperatorCommand::Reset { email, factor, database } => {
            let (email, password) = (address(email)?, ask()?);
            let hash = password::hash_password(password.clone()).await?;
            let had = on(database, async |store, _| operators::has_factor(store, &email).await).await?;
            let enrolment = enrolment(*factor, had, password, (&email, database)).await?;
            let new = enrolment.as_ref();
            let reset = on(database, async |store, clock| {
                operators::reset_operator_with(store, &email, &hash, new, clock.now()).await
            });
            report(reset.await?, &format!("{email} has a new password"), &format!("{email} has no account"))?;
            enrolment.map_or(Ok(()), |enrolment| show(&enrolment, &email, database))
        }
        OperatorCommand::Disable { email, database } => {
            let email = address(email)?;
            let disabled =
                on(database, async |store, clock| operators::disable_operator(store, &email, clock.now()).await);
            report(disabled.await?, &format!("{email} can't sign in any more"), &format!("{email} has no account"))
        }
        OperatorCommand::List { database } => {
            let found = on(database, async |store, _| operators::list_operators(store).await);
            found.await?.iter().for_each(|account| println!("{}", line(account)));
            Ok(())
        }
    }
}

/// Runs `act` on the opened database.
async fn on<T>(
    settings: &DatabaseSettings,
    act: impl AsyncFnOnce(&Store, &Clock) -> Result<T, crate::usecases::InternalError>,
) -> Result<T, Failure> {
    let store = open_existing(settings).await?;
    let done = act(&store, &Clock::system()).await;
    store.close().await;
    Ok(done?)
}

fn address(text: &str) -> Result<String, Failure> {
    email::address(text).ok_or_else(|| Failure::Setting(format!("EMAIL: {text:?} is not an email address")))
}

fn report(done: bool, good: &str, bad: &str) -> Result<(), Failure> {
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
        if rpassword::prompt_password("Repeat password: ")? != first {
            return Err(Failure::Failed("the passwords differ; nothing was changed".to_owned()));
        }
        first
    } else {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        line.trim_end_matches(['\r', '\n']).to_owned()
    };
    password::check_password(&password).map_err(|reason| Failure::Setting(format!("PASSWORD: {reason}")))?;
    Ok(password)
}

/// A second factor for the account, where it gets one. At a terminal it is shown and confirmed before it is kept.
async fn enrolment(
    factor: FactorSettings,
    had: bool,
    password: String,
    (email, database): (&str, &DatabaseSettings),
) -> Result<Option<Enrolment>, Failure> {
    let at_terminal = std::io::stdin().is_terminal();
    if factor.no_totp || !(factor.totp || at_terminal || had) {
        return Ok(None);
    }
    let mut enrolment = Enrolment::new(password).await?;
    if at_terminal {
        show_key(&enrolment, email, database)?;
        while !enrolment.confirm(&typed("Code in the app: ")?, Clock::system().now())? {
            println!("Wrong code. Check the clock of this machine and try again. Ctrl-C stops; nothing was changed.");
        }
    }
    Ok(Some(enrolment))
}

fn typed(prompt: &str) -> Result<String, Failure> {
    print!("{prompt}");
    std::io::stdout().flush()?;
    let mut line = String::new();
    if std::io::stdin().lock().read_line(&mut line)? == 0 {
        return Err(Failure::Failed("no code entered; nothing was changed".to_owned()));
    }
    Ok(line)
}

/// Prints the recovery codes, and the key unless it was shown before.
fn show(enrolment: &Enrolment, email: &str, database: &DatabaseSettings) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        show_key(enrolment, email, database)?;
    }
    println!("recovery codes: each replaces a code once; they are not shown again");
    enrolment.codes.0.iter().for_each(|code| println!("{code}"));
    Ok(())
}

fn show_key(enrolment: &Enrolment, email: &str, database: &DatabaseSettings) -> Result<(), Failure> {
    // The shop's name tells accounts in the app apart; without a catalogue it is "Topup".
    let shop = read_catalog(&database.catalog).map_or_else(|_| "Topup".to_owned(), |catalog| catalog.shop.name);
    let url = enrolment.secret.url(&shop, email)?;
    println!("second factor: scan or type this into an authenticator app");
    if std::io::stdout().is_terminal() {
        print!("{}", picture(&url));
    }
    println!("{url}");
    println!("key: {}", enrolment.secret.typed()?);
    Ok(())
}

/// A QR code of half blocks, light on dark: two rows in each line of text.
fn picture(text: &str) -> String {
    let Ok(code) = QrCode::encode_text(text, QrCodeEcc::Low) else { return String::new() };
    let light = |x, y| !code.get_module(x, y);
    let (edge, size) = (2, code.size());
    let mut out = String::new();
    for y in (-edge..size + edge).step_by(2) {
        out.extend((-edge..size + edge).map(|x| match (light(x, y), light(x, y + 1)) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        }));
        out.push('\n');
    }
    out
}

fn line(account: &operators::OperatorAccount) -> String {
    let at = |at: crate::domain::Instant| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut words = vec![account.email.clone(), format!("since {}", at(account.created_at))];
    words.push(format!("password set {}", at(account.changed_at)));
    words.extend(account.factor_since.map(|since| format!("second factor since {}", at(since))));
    words.extend(account.seen_at.map(|seen| format!("seen {}", at(seen))));
    words.extend(account.disabled_at.map(|when| format!("disabled {}", at(when))));
    words.join(" · ")
}
