//! The command line. The doc comments are `--help`.

pub mod stripe;

use crate::cli::stripe::StripeCommand;
use crate::settings::{DatabaseSettings, Settings, values};
use clap::builder::PathBufValueParser;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Sells prepaid credits on top of a SaaS plan: a ledger, a Billing page, Stripe Checkout.
#[derive(Debug, Parser)]
#[command(name = "topup", version, about)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve pages and APIs, and do the worker's jobs.
    Serve(Box<Settings>),
    /// Serve with a stand-in for Stripe and sample customers. Loopback only.
    #[cfg(feature = "demo")]
    Demo(Box<Settings>),
    /// Bring the database's tables up to date.
    Migrate(DatabaseSettings),
    /// Verify the whole ledger against its rules, beside a running `serve` if need be.
    Check(DatabaseSettings),
    /// Verify a customer's exported entries, CSV or JSON, without a database.
    VerifyExport(ExportSettings),
    /// List the alarms, a line each; `ack` acknowledges them.
    Alarms(AlarmsSettings),
    /// Run the worker's jobs without serving, beside a `serve` or in its place.
    Work(Box<Settings>),
    /// List the worker's jobs, or run one now, beside a running `serve` if need be.
    #[command(subcommand)]
    Jobs(JobsCommand),
    /// The clock that credits expire by.
    #[command(subcommand)]
    Clock(ClockCommand),
    /// Compare sales, refunds and disputes at Stripe with the ledger, beside a running `serve` if need be.
    Reconcile(Box<ReconcileSettings>),
    /// Check settings, database, Stripe, email, clock and worker, and name the next steps. Changes nothing.
    Doctor(Box<Settings>),
    /// Set Stripe up.
    #[command(subcommand)]
    Stripe(StripeCommand),
    /// Webhooks to the SaaS's backend at HOOK_URL: list failed ones, send them again, test the endpoint.
    #[command(subcommand)]
    Hooks(HooksCommand),
    /// Accounts for the operator's pages.
    #[command(subcommand)]
    Operator(OperatorCommand),
    /// Find purchases, and ask Stripe about one, beside a running `serve` if need be.
    #[command(subcommand)]
    Purchases(PurchasesCommand),
}

/// The arguments of `reconcile`.
#[derive(Args, Debug)]
pub struct ReconcileSettings {
    /// The first day or instant; 30 days ago by default
    #[arg(long, value_name = "DAY", value_parser = values::word())]
    pub since: Option<String>,
    /// Repair what can be repaired
    #[arg(long)]
    pub repair: bool,
    /// The settings of `serve`.
    #[command(flatten)]
    pub settings: Settings,
}

/// The arguments of `verify-export`.
#[derive(Args, Clone, Debug)]
pub struct ExportSettings {
    /// The file, as it was downloaded: all of `/v1/customers/{id}/entries`, as CSV or page after page
    #[arg(value_parser = values::text_of(PathBufValueParser::new()))]
    pub file: PathBuf,
    /// The customer of the entries, by the id in the API
    #[arg(long, value_name = "ID", value_parser = values::word())]
    pub customer: Option<String>,
    /// The hash of the last entry as noted elsewhere: proves that no entry is missing at the end
    #[arg(long, value_name = "HASH", value_parser = values::word())]
    pub head: Option<String>,
}

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
    /// Acknowledge alarms. The list leaves them out; the name and the time are kept.
    Ack {
        /// Their numbers, as the list shows them
        #[arg(required = true, value_name = "ID", value_parser = values::parsed::<i64>())]
        ids: Vec<i64>,
        /// Your name; the system's user by default
        #[arg(long, env = "USER", value_parser = values::text())]
        by: Option<String>,
        /// Where the data are.
        #[command(flatten)]
        database: DatabaseSettings,
    },
}

/// The second factor of an account.
#[derive(Args, Clone, Copy, Debug)]
pub struct FactorSettings {
    /// Set up a second factor: print its key and recovery codes. The default where standard input is a terminal
    #[arg(long)]
    pub totp: bool,
    /// Set up no second factor; the operator can do so in the console
    #[arg(long, conflicts_with = "totp")]
    pub no_totp: bool,
}

/// The commands of `operator`. A password is asked for on the terminal, or read from standard input.
#[derive(Clone, Debug, Subcommand)]
pub enum OperatorCommand {
    /// Create an account.
    Add {
        /// The person's address
        #[arg(value_parser = values::text())]
        email: String,
        /// The second factor.
        #[command(flatten)]
        factor: FactorSettings,
        /// Where the data are.
        #[command(flatten)]
        database: DatabaseSettings,
    },
    /// List the accounts, a line each.
    List {
        /// Where the data are.
        #[command(flatten)]
        database: DatabaseSettings,
    },
    /// Disable an account and end its sessions.
    Disable {
        /// The person's address
        #[arg(value_parser = values::text())]
        email: String,
        /// Where the data are.
        #[command(flatten)]
        database: DatabaseSettings,
    },
    /// Set another password, open the account again, end its sessions. A second factor ends with the password that it
    /// was kept by: an account that has one gets a new one
    Reset {
        /// The person's address
        #[arg(value_parser = values::text())]
        email: String,
        /// The second factor.
        #[command(flatten)]
        factor: FactorSettings,
        /// Where the data are.
        #[command(flatten)]
        database: DatabaseSettings,
    },
}

/// The commands of `hooks`.
#[derive(Debug, Subcommand)]
pub enum HooksCommand {
    /// List messages that were not accepted, a line each, newest first.
    List {
        /// Accepted messages too
        #[arg(long)]
        all: bool,
        /// Where the data are.
        #[command(flatten)]
        database: DatabaseSettings,
    },
    /// Send messages again, with the same ids and contents.
    Retry {
        /// The messages, as the list names them
        #[arg(required = true, value_name = "ID", value_parser = values::word())]
        ids: Vec<String>,
        /// The settings of `serve`.
        #[command(flatten)]
        settings: Box<Settings>,
    },
    /// Send a message of the type topup.test now, and report whether the endpoint accepted it.
    Test {
        /// The settings of `serve`.
        #[command(flatten)]
        settings: Box<Settings>,
    },
}

/// The commands of `purchases`.
#[derive(Debug, Subcommand)]
pub enum PurchasesCommand {
    /// Find purchases by email, customer id, pur_, cs_, pi_, in_ or invoice number.
    Find {
        /// The text to search for
        #[arg(value_parser = values::text())]
        text: String,
        /// Where the data are.
        #[command(flatten)]
        database: DatabaseSettings,
    },
    /// Ask Stripe about one purchase, credit it if it is paid, and print what Stripe and the ledger know.
    Recheck {
        /// The purchase, by any of what `find` takes
        #[arg(value_parser = values::text())]
        id: String,
        /// The settings of `serve`.
        #[command(flatten)]
        settings: Box<Settings>,
    },
}

/// The commands of `jobs`.
#[derive(Debug, Subcommand)]
pub enum JobsCommand {
    /// The last run of each job, in any process, and its backlog.
    List {
        /// The settings of `serve`.
        #[command(flatten)]
        settings: Box<Settings>,
    },
    /// Run one job now.
    Run {
        /// The job, as the list names it
        #[arg(value_parser = values::word())]
        name: String,
        /// The settings of `serve`.
        #[command(flatten)]
        settings: Box<Settings>,
    },
}

/// The commands of `clock`.
#[derive(Clone, Debug, Subcommand)]
pub enum ClockCommand {
    /// Say that this machine's clock is right although it is far ahead of the newest commit, because nothing ran since.
    Accept {
        /// Where the data are.
        #[command(flatten)]
        database: DatabaseSettings,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    /// Every argument of every command that takes a value, with the words that lead to it.
    fn values_of(command: &clap::Command, words: &[String], out: &mut Vec<(Vec<String>, clap::Arg)>) {
        for arg in command.get_arguments().filter(|arg| arg.get_action().takes_values()) {
            out.push((words.to_vec(), arg.clone()));
        }
        for below in command.get_subcommands() {
            values_of(below, &[words, &[below.get_name().to_owned()]].concat(), out);
        }
    }

    #[test]
    fn every_value_of_every_command_is_read_by_the_one_reader_and_refused_by_its_own_name() {
        let mut all = Vec::new();
        values_of(&Cli::command(), &["topup".to_owned()], &mut all);
        assert!(all.len() > 60, "{}", all.len());
        for (mut words, arg) in all {
            words.extend(arg.get_long().map(|long| format!("--{long}")));
            let name = arg.get_env().map(|env| env.to_string_lossy().into_owned());
            let name = name.unwrap_or_else(|| words.last().cloned().unwrap_or_default());
            for wrong in ["s\u{7}ecret", "s\necret", "s\u{200b}ecret"] {
                let given = words.iter().map(String::as_str).chain([wrong]);
                let said = Cli::try_parse_from(given).expect_err("a control character").to_string();
                let ours = said.contains("has a control or invisible character inside");
                // A number's and a path's own readers are behind ours; only the place of an argument has no name.
                assert!(ours && (arg.is_positional() || said.contains(&name)), "{words:?}: {said}");
                assert!(!said.contains("ecret"), "{words:?} repeats the value: {said}");
            }
        }
    }
}
