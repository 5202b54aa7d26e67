//! The command line. Doc comments are `--help`; each command's arguments stand in its file in `app::commands`.

use crate::app::commands::alarms::AlarmsSettings;
use crate::app::commands::backup::{BackupSettings, RestoreSettings};
use crate::app::commands::check::CheckSettings;
use crate::app::commands::clock::ClockCommand;
use crate::app::commands::healthy::HealthySettings;
use crate::app::commands::hooks::HooksCommand;
use crate::app::commands::keys::KeysCommand;
use crate::app::commands::operator::OperatorCommand;
use crate::app::commands::purchases::PurchasesCommand;
use crate::app::commands::reconcile::ReconcileSettings;
use crate::app::commands::stripe::StripeCommand;
use crate::app::commands::verify_export::ExportSettings;
use crate::app::commands::work::JobsCommand;
use crate::settings::log::LogFormat;
use crate::settings::{DatabaseSettings, Settings, values};
use clap::builder::EnumValueParser;
use clap::{Parser, Subcommand};

/// Sells prepaid credits on top of a SaaS plan: a ledger, a Billing page, Stripe Checkout.
#[derive(Debug, Parser)]
#[command(name = "topup", version, about)]
pub struct Cli {
    /// The form of the log: `text` or `json`
    #[arg(long, env = "LOG_FORMAT", global = true, default_value = "text", value_parser = values::word_of(EnumValueParser::<LogFormat>::new()))]
    pub log_format: LogFormat,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve pages and APIs, and run the worker's jobs.
    Serve(Box<Settings>),
    /// Serve with a Stripe sandbox and sample customers. Loopback only.
    #[cfg(feature = "demo")]
    Demo(Box<Settings>),
    /// Migrate the database's tables to this version.
    Migrate(DatabaseSettings),
    /// Verify the whole ledger, or what is new in it. May run beside `serve`.
    Check(CheckSettings),
    /// Copy an SQLite database into a new file, and verify the copy. May run beside `serve`.
    Backup(BackupSettings),
    /// Put a file of `backup` in the place of the database, verified. Stop `serve` first.
    Restore(RestoreSettings),
    /// Verify a customer's exported entries, CSV or JSON, without a database.
    VerifyExport(ExportSettings),
    /// List alarms, a line each; `ack` acknowledges them.
    Alarms(AlarmsSettings),
    /// Run the worker's jobs without serving. May run beside `serve`.
    Work(Box<Settings>),
    /// List the worker's jobs, or run one now. May run beside `serve`.
    #[command(subcommand)]
    Jobs(JobsCommand),
    /// Accept the clock after a long pause.
    #[command(subcommand)]
    Clock(ClockCommand),
    /// Compare sales, refunds and disputes at Stripe with the ledger. May run beside `serve`.
    Reconcile(Box<ReconcileSettings>),
    /// Check settings, database, Stripe, email, clock and worker, and name the next steps. It changes nothing.
    Doctor(Box<Settings>),
    /// Ask the `serve` of this machine whether it is ready: for health checks of containers.
    Healthy(HealthySettings),
    /// Set up Stripe.
    #[command(subcommand)]
    Stripe(StripeCommand),
    /// Webhooks to HOOK_URL: list failed ones, send them again, test the endpoint.
    #[command(subcommand)]
    Hooks(HooksCommand),
    /// Keys of the operator API with a scope: make, list, revoke. May run beside `serve`.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Manage accounts for the operator's pages.
    #[command(subcommand)]
    Operator(OperatorCommand),
    /// Find purchases, and check one at Stripe. May run beside `serve`.
    #[command(subcommand)]
    Purchases(PurchasesCommand),
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
    fn every_secret_of_every_command_may_come_from_a_file() {
        use crate::settings::secret_files::read_secret_files;
        let file = std::env::temp_dir().join(format!("topup-secret-{}", std::process::id()));
        let (mut all, mut names) = (Vec::new(), std::collections::BTreeSet::new());
        values_of(&Cli::command(), &["topup".to_owned()], &mut all);
        for (words, arg) in all.iter().filter(|(_, arg)| arg.is_hide_env_values_set()) {
            let name = arg.get_env().expect("a name").to_string_lossy().into_owned();
            let words: Vec<std::ffi::OsString> = words.iter().skip(1).map(Into::into).collect();
            let file_name = format!("{name}_FILE");
            let given = |path: &std::path::Path, beside: Option<&str>| {
                let (path, beside) = (path.as_os_str().to_owned(), beside.map(Into::into));
                let read = |asked: &str| if asked == file_name { Some(path.clone()) } else { beside.clone() };
                read_secret_files(Cli::command(), &words, |asked| {
                    (asked == name || asked == file_name).then(|| read(asked)).flatten()
                })
            };
            // The content reaches the value's own reader, which refuses it.
            std::fs::write(&file, "s\u{7}ecret\n").expect("a file");
            let command = given(&file, None).expect("a readable file");
            let called = std::iter::once("topup".into()).chain(words.iter().cloned());
            let said = command.try_get_matches_from(called).expect_err("a control character").to_string();
            assert!(said.contains(&name) && said.contains("control") && !said.contains("ecret"), "{words:?}: {said}");
            let twice = given(&file, Some("value")).expect_err("two values");
            assert!(twice.starts_with(&format!("{name}: is given twice")), "{twice}");
            let missing = given(std::path::Path::new("/nowhere/secret"), None).expect_err("no file");
            assert!(missing.starts_with(&format!("{file_name}: /nowhere/secret")), "{missing}");
            names.insert(name);
        }
        std::fs::remove_file(&file).expect("a file");
        for name in
            ["DATABASE_URL", "HOOK_SECRETS", "OPERATOR_KEYS", "SMTP_URL", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRETS"]
        {
            assert!(names.contains(name), "{name} is no secret");
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
