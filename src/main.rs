//! The binary: commands and exit codes. 2 means a setting is wrong, and the one line names it.

use clap::Parser;
use std::process::ExitCode;
use topup::app;
use topup::config::{Cli, Command, PurchasesCommand};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_env("RUST_LOG").unwrap_or_else(|_| EnvFilter::new("topup=info,warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).compact().init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(e) => {
            eprintln!("the runtime could not start: {e}");
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(async {
        match cli.command {
            Command::Serve(settings) => app::serve(*settings).await,
            #[cfg(feature = "demo")]
            Command::Demo(settings) => app::demo::run(*settings).await,
            Command::Migrate(settings) => app::migrate(&settings).await,
            Command::Check(settings) => app::check(&settings).await,
            Command::Alarms(settings) => app::alarms(&settings).await,
            Command::Purchases(PurchasesCommand::Find { text, database }) => {
                app::purchases::find(&database, &text).await
            }
            Command::Purchases(PurchasesCommand::Recheck { id, settings }) => {
                app::purchases::recheck(&settings, &id).await
            }
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(app::Failure::Setting(line)) => {
            eprintln!("{line}");
            ExitCode::from(2)
        }
        Err(app::Failure::Failed(line)) => {
            eprintln!("{line}");
            ExitCode::FAILURE
        }
    }
}
