//! The last run of each job, in any process.

use crate::args;
use crate::domain::Instant;
use crate::ledger::WriteTransaction;
use crate::store::Store;
use crate::store::db::{DbError, Row};
use crate::usecases::delivery::plain_reason;
use crate::usecases::{App, InternalError, alarms};
use std::time::Duration;

/// Failures in a row of a whole job (about ten minutes) that raise an alarm.
const ALARM_AT_FAILURES: i64 = 7;
/// The kind of that alarm.
const ALARM: &str = "job";

/// How a job did last, in any process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastRun {
    pub name: String,
    /// When it last began.
    pub started_at: Instant,
    /// When it last ended well.
    pub ok_at: Option<Instant>,
    /// How long it took.
    pub duration_ms: i64,
    /// How often it ran, as far as that was noted.
    pub runs: i64,
    /// Pieces of work in all, where it counts them.
    pub done: i64,
    pub failures: i64,
    /// The last error.
    pub last_error: Option<String>,
}

/// The last run of each job.
pub async fn last_runs(app: &App) -> Result<Vec<LastRun>, InternalError> {
    last_runs_of(&app.store).await
}

/// The same of a database at hand.
pub async fn last_runs_of(store: &Store) -> Result<Vec<LastRun>, InternalError> {
    let sql = "select name, started_at, ok_at, duration_ms, runs, done, failures, last_error from job_runs";
    let rows = store.read().await?.fetch_all(sql, Vec::new()).await?;
    let run = |row: &Row| {
        Ok(LastRun {
            name: row.text("name")?,
            started_at: row.at("started_at")?,
            ok_at: row.opt_at("ok_at")?,
            duration_ms: row.int("duration_ms")?,
            runs: row.int("runs")?,
            done: row.int("done")?,
            failures: row.int("failures")?,
            last_error: row.opt_text("last_error")?,
        })
    };
    rows.iter().map(run).collect::<Result<_, DbError>>().map_err(InternalError::from)
}

/// A run, or several that are noted together.
#[derive(Clone, Debug, Default)]
pub struct JobRuns {
    pub runs: i64,
    /// Pieces of work.
    pub done: i64,
    /// How long the last took.
    pub took: Duration,
    /// Failures in a row up to the last.
    pub failures: i64,
    /// The last error.
    pub error: Option<String>,
}

/// Records how a job did.
pub async fn record_runs(
    app: &App,
    name: &'static str,
    started_at: Instant,
    runs: JobRuns,
) -> Result<(), InternalError> {
    app.write(move |tx| Box::pin(async move { Ok(write_runs(tx, name, started_at, runs).await?) })).await
}

async fn write_runs(tx: &mut WriteTransaction, name: &str, started_at: Instant, runs: JobRuns) -> Result<(), DbError> {
    let ok_at = runs.error.is_none().then_some(started_at);
    let took = i64::try_from(runs.took.as_millis()).unwrap_or(i64::MAX);
    tx.db
        .execute(
            "insert into job_runs (name, started_at, ok_at, duration_ms, runs, done, failures, last_error)
             values ($1, $2, $3, $4, $5, $6, $7, $8)
             on conflict (name) do update set started_at = excluded.started_at,
               ok_at = coalesce(excluded.ok_at, job_runs.ok_at), duration_ms = excluded.duration_ms,
               runs = job_runs.runs + excluded.runs, done = job_runs.done + excluded.done,
               failures = excluded.failures, last_error = coalesce(excluded.last_error, job_runs.last_error)",
            args![name, started_at, ok_at, took, runs.runs, runs.done, runs.failures, runs.error.clone()],
        )
        .await?;
    match runs.error {
        Some(error) if runs.failures >= ALARM_AT_FAILURES => {
            let detail = format!("failed {} times in a row: {}", runs.failures, plain_reason(&error));
            alarms::raise_alarm(tx, ALARM, name, &detail).await
        }
        Some(_) => Ok(()),
        None => alarms::end_alarm(tx, ALARM, name).await,
    }
}
