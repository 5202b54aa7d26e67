//! The worker: runs the jobs of `usecases::jobs`, in `serve` or in a process of its own.
//!
//! Each job has a loop of its own, so that a slow mail server, a Stripe that is away or a job that fails (it is
//! tried again, each time after a longer wait) holds up nothing else. Several processes may work at once: what
//! keeps them apart is in the jobs.
//!
//! *Not here:* what the jobs do.

use crate::domain::Instant;
use crate::email::Lane;
use crate::usecases::jobs::{Job, Runs};
use crate::usecases::{App, InternalError, jobs};
use futures::FutureExt;
use futures::future::join_all;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

pub use crate::usecases::jobs::{next_due, pass, run_due};

/// How often each job looks whether there is something to do.
const TICK: Duration = Duration::from_secs(5);
/// The longest wait after failures.
const WAIT_MAX: Duration = Duration::from_secs(300);
/// How often it is noted that a job had nothing to do: each note is a commit.
const NOTE_EVERY: Duration = Duration::from_secs(60);

/// Runs the worker until it is told to stop.
pub async fn run(app: App, stop: CancellationToken) {
    const JOBS: &[Job] = &jobs::ALL;
    join_all(JOBS.iter().map(|job| run_loop(job, &app, &stop))).await;
}

/// Runs one job now, as `topup jobs run` does, and notes how it did; how many pieces of work that were.
pub async fn run_once(job: &'static Job, app: &App, stop: &CancellationToken) -> Result<u64, InternalError> {
    let began = Began::now(app);
    let result = attempt(job, app, stop).await;
    let mut pending = Runs::default();
    pending.add(&result, &began);
    jobs::record(app, job.name, began.at, pending).await?;
    result
}

/// One job's loop.
async fn run_loop(job: &'static Job, app: &App, stop: &CancellationToken) {
    let (mut pending, mut noted) = (Runs::default(), None::<tokio::time::Instant>);
    let mut first = true;
    loop {
        let wait = if std::mem::take(&mut first) { Duration::ZERO } else { wait(pending.failures) };
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
        // What leaves is not cut off: what the other side took is marked, or it would be sent again. Those jobs stop
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
            tracing::error!(job = job.name, failures = pending.failures, error = %fault, "a job failed; it is tried again");
        }
        let news = pending.done > 0 || pending.failures > 0 || was_failing;
        if news || noted.is_none_or(|at| at.elapsed() >= NOTE_EVERY) {
            let failures = pending.failures;
            let runs = std::mem::replace(&mut pending, Runs { failures, ..Runs::default() });
            // It is only a note: where it cannot be written, the job's own next failure says why.
            if jobs::record(app, job.name, began.at, runs).await.is_ok() {
                noted = Some(tokio::time::Instant::now());
            }
        }
    }
}

/// A job's run; a panic is a failure of this job and no other.
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

/// Until a message to the SaaS's backend waits.
async fn nudged(app: &App) {
    match &app.hook {
        Some(hook) => hook.nudged().await,
        None => std::future::pending().await,
    }
}

/// The tick, doubled with every failure in a row.
fn wait(failures: i64) -> Duration {
    let doublings = u32::try_from(failures.clamp(0, 16)).unwrap_or(0);
    TICK.saturating_mul(1 << doublings).min(WAIT_MAX)
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

impl Runs {
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
        let check = |failures, seconds| assert_eq!(wait(failures), Duration::from_secs(seconds), "{failures}");
        check(0, 5);
        check(1, 10);
        check(3, 40);
        check(6, 300);
        check(1_000, 300);
    }
}
