//! The worker: its last runs, failing jobs, open alarms.

use crate::app::commands::doctor::report::DoctorReport;
use crate::clock::Clock;
use crate::store::Store;
use crate::usecases::{InternalError, alarms, jobs};
use chrono::TimeDelta;

/// Checks the jobs and the alarms.
pub async fn check(report: &mut DoctorReport, store: &Store) -> Result<(), InternalError> {
    let runs = jobs::last_runs_of(store).await?;
    let failing: Vec<_> = runs.iter().filter(|run| run.failures > 0).collect();
    for run in &failing {
        let error = run.last_error.as_deref().unwrap_or("no reason");
        report.wrong("worker", format!("{} failed {} times in a row: {error}", run.name, run.failures));
    }
    let newest = runs.iter().map(|run| run.started_at).max();
    match newest.map(|at| Clock::system().real() - at) {
        None => report.note("worker", "no run yet: `serve` or `topup work` runs the jobs"),
        Some(ago) if ago > TimeDelta::minutes(10) => report.wrong(
            "worker",
            format!(
                "no run for {} minutes: no reminders and no emails are sent. Is `serve` or `topup \
                 work` running?",
                ago.num_minutes()
            ),
        ),
        Some(_) if failing.is_empty() => report.good("worker", "all jobs work"),
        Some(_) => {}
    }
    match alarms::open_alarms(store).await?.len() {
        0 => report.good("alarms", "none"),
        n => report.note("alarms", format!("{n} open: `topup alarms`")),
    }
    Ok(())
}
