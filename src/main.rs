//! The binary: commands and exit codes. 2 means a setting is wrong, and the one line names it.

use clap::Parser;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use topup::app;
use topup::app::commands;
use topup::app::failure::Failure;
use topup::cli::{Cli, Command, PurchasesCommand, StripeCommand};
use tracing_subscriber::EnvFilter;

/// What is logged unless `RUST_LOG` says otherwise. Stripe's client tells of every failure itself; ours says what became
/// of the call, once.
const LOGGED: &str = "topup=info,warn,stripe=off";

/// Logs to stderr; in colours where somebody looks at it.
fn log() -> Result<(), String> {
    let asked = std::env::var("RUST_LOG").unwrap_or_default();
    let filter = match asked.trim() {
        "" => EnvFilter::new(LOGGED),
        asked => EnvFilter::try_new(asked).map_err(|e| format!("RUST_LOG: {e}"))?,
    };
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    log.compact().init();
    Ok(())
}

/// Says what is wrong with the command line or a setting in one line; help and version as they are.
fn refuse(error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion};
    if matches!(error.kind(), DisplayHelp | DisplayVersion | DisplayHelpOnMissingArgumentOrSubcommand) {
        error.exit();
    }
    let text = error.to_string();
    let said: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
    let said = said.join(" ");
    eprintln!("{}; see --help", said.strip_prefix("error: ").unwrap_or(&said));
    ExitCode::from(2)
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    if let Err(line) = log() {
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
            Command::Alarms(settings) => commands::alarms::run(&settings).await,
            Command::VerifyExport(settings) => commands::verify_export::run(&settings),
            Command::Work(settings) => commands::worker::work(&settings).await,
            Command::Jobs(command) => commands::worker::jobs(&command).await,
            Command::Clock(command) => commands::clock::run(&command).await,
            Command::Reconcile(args) => commands::reconcile::run(&args).await,
            Command::Doctor(settings) => commands::doctor::run(&settings).await,
            Command::Stripe(StripeCommand::Setup(settings)) => commands::stripe_setup::run(&settings).await,
            Command::Hooks(command) => commands::hooks::run(&command).await,
            Command::Operator(command) => commands::operators::run(&command).await,
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
