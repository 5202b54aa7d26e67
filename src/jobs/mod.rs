//! The worker: runs the jobs of `usecases::jobs`, in `serve` or in a process of its own.
//!
//! Each job has its own loop, so that a slow email server, a Stripe outage or a failing job (retried with back-off)
//! delays no other. Several processes may work at once; the jobs exclude each other.

use crate::domain::Instant;
use crate::email::Lane;
use crate::usecases::jobs::{Job, JobRuns};
use crate::usecases::{App, InternalError, jobs};
use futures::FutureExt;
use futures::future::join_all;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

pub use crate::usecases::jobs::{next_job_due, pass_time, run_due};

/// The time between two runs of a job.
const TICK: Duration = Duration::from_secs(5);
/// The same of jobs that begin within seconds of what makes them due (R20).
const QUICK_TICK: Duration = Duration::from_secs(2);
/// The longest wait after failures.
const WAIT_MAX: Duration = Duration::from_secs(300);
/// The time between two records of idle runs: each record is a commit.
const NOTE_EVERY: Duration = Duration::from_secs(60);

/// Runs the worker until stopped.
pub async fn run(app: App, stop: CancellationToken) {
    const JOBS: &[Job] = &jobs::ALL;
    join_all(JOBS.iter().map(|job| run_loop(job, &app, &stop))).await;
}

/// Runs one job now and records the run. Returns the number of items.
pub async fn run_once(job: &'static Job, app: &App, stop: &CancellationToken) -> Result<u64, InternalError> {
    let began = Began::now(app);
    let result = attempt(job, app, stop).await;
    let mut pending = JobRuns::default();
    pending.add(&result, &began);
    jobs::record_runs(app, job.name, began.at, pending).await?;
    result
}

/// One job's loop.
async fn run_loop(job: &'static Job, app: &App, stop: &CancellationToken) {
    let (mut pending, mut noted) = (JobRuns::default(), None::<tokio::time::Instant>);
    let mut first = true;
    loop {
        let is_quick = matches!(job.name, "auto_top_ups" | "auto_payments");
        let tick = if is_quick { QUICK_TICK } else { TICK };
        let wait = if std::mem::take(&mut first) { Duration::ZERO } else { wait(tick, pending.failures) };
        let due = async {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                // Somebody waits for an email.
                () = app.mailer.nudged(Lane::Urgent), if job.name == "sign_in" => {}
                () = app.mailer.nudged(Lane::Bulk), if job.name == "mails" => {}
                () = nudged(app), if job.name == "hooks" => {}
            }
        };
        if stop.run_until_cancelled(due).await.is_none() {
            return;
        }
        let began = Began::now(app);
        // A job that sends is not cut off: an accepted email must be marked, or it would be sent twice. Such jobs stop
        // themselves.
        let attempt = attempt(job, app, stop);
        let result = if matches!(job.name, "sign_in" | "mails" | "hooks") {
            Some(attempt.await)
        } else {
            stop.run_until_cancelled(attempt).await
        };
        let Some(result) = result else { return };
        let was_failing = pending.failures > 0;
        pending.add(&result, &began);
        if let Err(fault) = &result {
            tracing::error!(job = job.name, failures = pending.failures, error = %fault, "a job failed and will be retried");
        }
        let news = pending.done > 0 || pending.failures > 0 || was_failing;
        if news || noted.is_none_or(|at| at.elapsed() >= NOTE_EVERY) {
            let failures = pending.failures;
            let runs = std::mem::replace(&mut pending, JobRuns { failures, ..JobRuns::default() });
            // If the record can't be written, the job's next failure shows why.
            if jobs::record_runs(app, job.name, began.at, runs).await.is_ok() {
                noted = Some(tokio::time::Instant::now());
            }
        }
    }
}

/// One run; a panic is a failure of this job alone.
async fn attempt(job: &'static Job, app: &App, stop: &CancellationToken) -> Result<u64, InternalError> {
    let run = async {
        app.clock.refresh(&app.store).await?;
        job.run(app, stop).await
    };
    AssertUnwindSafe(run)
        .catch_unwind()
        .await
        .unwrap_or_else(|_| Err(InternalError::Broken("the job panicked".to_owned())))
}

/// Waits for an outgoing webhook.
async fn nudged(app: &App) {
    match &app.hook {
        Some(hook) => hook.nudged().await,
        None => std::future::pending().await,
    }
}

/// The tick, doubled with each failure in a row.
fn wait(tick: Duration, failures: i64) -> Duration {
    let doublings = u32::try_from(failures.clamp(0, 16)).unwrap_or(0);
    tick.saturating_mul(1 << doublings).min(WAIT_MAX)
}

/// When a run began, by both clocks.
struct Began {
    at: Instant,
    real: tokio::time::Instant,
}

impl Began {
    fn now(app: &App) -> Self {
        Self { at: app.clock.now(), real: tokio::time::Instant::now() }
    }
}

impl JobRuns {
    fn add(&mut self, result: &Result<u64, InternalError>, began: &Began) {
        self.runs += 1;
        self.took = began.real.elapsed();
        match result {
            Ok(done) => {
                self.done += i64::try_from(*done).unwrap_or(0);
                self.failures = 0;
                self.error = None;
            }
            Err(fault) => {
                self.failures += 1;
                self.error = Some(fault.to_string());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_the_tick_to_five_minutes() {
        let check = |failures, seconds| assert_eq!(wait(TICK, failures), Duration::from_secs(seconds), "{failures}");
        check(0, 5);
        check(1, 10);
        check(3, 40);
        check(6, 300);
        check(1_000, 300);
    }
}
