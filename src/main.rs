//! The binary: commands and exit codes. 2 means an invalid setting, which one line names.

use clap::{CommandFactory as _, FromArgMatches as _};
use std::io::IsTerminal as _;
use std::process::ExitCode;
use topup::app;
use topup::app::commands;
use topup::app::commands::purchases::PurchasesCommand;
use topup::app::commands::stripe::StripeCommand;
use topup::app::failure::Failure;
use topup::app::log_json::{JsonFields, JsonLines};
use topup::cli::{Cli, Command};
use topup::settings::log::LogFormat;
use topup::settings::secret_files::read_secret_files;
use tracing_subscriber::EnvFilter;

/// The default of `RUST_LOG`. Stripe's client library logs every failure; ours logs the outcome of a call once.
const LOG_FILTER: &str = "topup=info,warn,stripe=off";

/// Starts logging to stderr, in colours on a terminal.
fn start_log(format: LogFormat) -> Result<(), String> {
    let filter = std::env::var("RUST_LOG").unwrap_or_default();
    let filter = match filter.trim() {
        "" => EnvFilter::new(LOG_FILTER),
        filter => EnvFilter::try_new(filter).map_err(|e| format!("RUST_LOG: {e}"))?,
    };
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    match format {
        LogFormat::Text => log.compact().init(),
        LogFormat::Json => log.with_ansi(false).fmt_fields(JsonFields).event_format(JsonLines).init(),
    }
    Ok(())
}

/// Prints an error of the command line in one line, and help and version in full.
fn print_error(error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion};
    if matches!(error.kind(), DisplayHelp | DisplayVersion | DisplayHelpOnMissingArgumentOrSubcommand) {
        error.exit();
    }
    let text = error.to_string();
    let lines: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
    let line = lines.join(" ");
    eprintln!("{}; see --help", line.strip_prefix("error: ").unwrap_or(&line));
    ExitCode::from(2)
}

/// The command line, the environment, and the files of secrets that it names.
fn read_command_line() -> Result<Cli, ExitCode> {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    let command = read_secret_files(Cli::command(), &words, |name| std::env::var_os(name)).map_err(|line| {
        eprintln!("{line}");
        ExitCode::from(2)
    })?;
    let matches = command.try_get_matches().map_err(|error| print_error(&error))?;
    Cli::from_arg_matches(&matches).map_err(|error| print_error(&error))
}

fn main() -> ExitCode {
    let cli = match read_command_line() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    if let Err(line) = start_log(cli.log_format) {
        eprintln!("{line}");
        return ExitCode::from(2);
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(e) => {
            eprintln!("the runtime could not start: {e}");
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(async {
        match cli.command {
            Command::Serve(settings) => app::serve::run(*settings).await,
            #[cfg(feature = "demo")]
            Command::Demo(settings) => app::demo::run(*settings).await,
            Command::Migrate(settings) => commands::migrate::run(&settings).await,
            Command::Check(settings) => commands::check::run(&settings).await,
            Command::Backup(settings) => commands::backup::backup(&settings).await,
            Command::Restore(settings) => commands::backup::restore(&settings).await,
            Command::Alarms(settings) => commands::alarms::run(&settings).await,
            Command::VerifyExport(settings) => commands::verify_export::run(&settings),
            Command::Work(settings) => commands::work::work(&settings).await,
            Command::Jobs(command) => commands::work::jobs(&command).await,
            Command::Clock(command) => commands::clock::run(&command).await,
            Command::Reconcile(args) => commands::reconcile::run(&args).await,
            Command::Doctor(settings) => commands::doctor::run(&settings).await,
            Command::Healthy(settings) => commands::healthy::run(&settings).await,
            Command::Stripe(StripeCommand::Setup(settings)) => commands::stripe::run(&settings).await,
            Command::Hooks(command) => commands::hooks::run(&command).await,
            Command::Keys(command) => commands::keys::run(&command).await,
            Command::Operator(command) => commands::operator::run(&command).await,
            Command::Purchases(PurchasesCommand::Find { text, database }) => {
                commands::purchases::find(&database, &text).await
            }
            Command::Purchases(PurchasesCommand::Recheck { id, settings }) => {
                commands::purchases::recheck(&settings, &id).await
            }
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Setting(line)) => {
            eprintln!("{line}");
            ExitCode::from(2)
        }
        Err(Failure::Failed(line)) => {
            eprintln!("{line}");
            ExitCode::FAILURE
        }
    }
}
