//! `topup work` and `topup jobs`: the worker in a process of its own, the state of its jobs, one job by hand.
//!
//! All may run beside `serve`, on SQLite too: write transactions exclude each other in the database, and a counter in the
//! database shows each process that another wrote.

use crate::app::build::with_app;
use crate::app::failure::Failure;
use crate::app::signal::stop_on_signal;
use crate::domain::Instant;
use crate::settings::{Settings, values};
use crate::usecases::delivery::failed_items;
use crate::usecases::jobs::LastRun;
use crate::usecases::{App, InternalError, jobs};
use clap::Subcommand;
use tokio_util::sync::CancellationToken;

/// The commands of `jobs`.
#[derive(Debug, Subcommand)]
pub enum JobsCommand {
    /// List each job's last run in any process, and its backlog.
    List {
        /// The settings of `serve`.
        #[command(flatten)]
        settings: Box<Settings>,
    },
    /// Run one job now.
    Run {
        /// The job's name in the list
        #[arg(value_parser = values::word())]
        name: String,
        /// The settings of `serve`.
        #[command(flatten)]
        settings: Box<Settings>,
    },
}

/// `topup work`.
///
/// # Errors
/// [`Failure`].
pub async fn work(settings: &Settings) -> Result<(), Failure> {
    with_app(settings, async |app| {
        let stop = CancellationToken::new();
        stop_on_signal(stop.clone());
        println!("working");
        crate::jobs::run(app, stop).await;
        Ok(())
    })
    .await
}

/// `topup jobs list` and `topup jobs run NAME`.
///
/// # Errors
/// [`Failure`]; also for an unknown job, and if the job failed.
pub async fn jobs(command: &JobsCommand) -> Result<(), Failure> {
    match command {
        JobsCommand::List { settings } => {
            with_app(settings, async |app| {
                for line in list(&app).await? {
                    println!("{line}");
                }
                Ok(())
            })
            .await
        }
        JobsCommand::Run { name, settings } => {
            let Some(job) = jobs::job_named(name) else {
                let known: Vec<_> = jobs::ALL.iter().map(|job| job.name).collect();
                return Err(Failure::Setting(format!("NAME: unknown job {name:?}; the jobs are {}", known.join(", "))));
            };
            with_app(settings, async |app| {
                let stop = CancellationToken::new();
                stop_on_signal(stop.clone());
                let done = crate::jobs::run_once(job, &app, &stop).await?;
                println!("{name}: items done: {done}, waiting: {}", job.backlog(&app).await?);
                Ok(())
            })
            .await
        }
    }
}

/// A line for each job: its last run in any process, and its backlog.
async fn list(app: &App) -> Result<Vec<String>, InternalError> {
    let runs = jobs::last_runs(app).await?;
    let failed = failed_items::failed_item_counts(&app.store).await?;
    let mut lines = Vec::new();
    for job in &jobs::ALL {
        let waiting = job.backlog(app).await?;
        let last = runs.iter().find(|run| run.name == job.name).map_or_else(|| "no run yet".to_owned(), describe);
        lines.push(format!("{:<10} {last}; waiting: {waiting}  ({})", job.name, job.about));
    }
    let failed = failed
        .iter()
        .map(|(list, items)| format!("{list}: {items} failed items, retried one by one; see `topup alarms`"));
    lines.extend(failed);
    Ok(lines)
}

fn describe(run: &LastRun) -> String {
    let at = |at: Instant| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    if run.failures > 0 {
        let error = run.last_error.as_deref().unwrap_or_default();
        return format!("failed {} times, last {}: {error}", run.failures, at(run.started_at));
    }
    format!("last {}, {} ms", at(run.started_at), run.duration_ms)
}
