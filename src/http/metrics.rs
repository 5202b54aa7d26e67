//! `/metrics` for Prometheus: jobs, failed writes, the outbox, rate limits, sign-ins. It needs an operator's key.
//!
//! The figures of jobs come from the store, so every process shows all jobs. Failed writes and
//! [`crate::process_metrics`] are of this process alone.

use crate::domain::Instant;
use crate::http::request::problem::Problem;
use crate::usecases::delivery::{failed_items, outbox};
use crate::usecases::{App, InternalError, jobs};
use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

pub fn routes() -> Router<App> {
    Router::new().route("/metrics", get(metrics))
}

type Gauges = Family<Vec<(&'static str, String)>, Gauge>;

struct Metrics(Registry);

impl Metrics {
    fn gauges(&mut self, name: &str, help: &str) -> Gauges {
        let gauges = Gauges::default();
        self.0.register(name, help, gauges.clone());
        gauges
    }
}

async fn metrics(State(app): State<App>) -> Result<Response, Problem> {
    let text = text(&app).await?;
    Ok(([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response())
}

async fn text(app: &App) -> Result<String, InternalError> {
    let mut metrics = Metrics(Registry::with_prefix("topup"));
    let last =
        metrics.gauges("job_last_run_timestamp_seconds", "The start of the job's last run, by the product's clock");
    let ok = metrics.gauges("job_last_success_timestamp_seconds", "The start of its last successful run");
    let took = metrics.gauges("job_duration_milliseconds", "The duration of its last run");
    let runs = metrics.gauges("job_runs", "Recorded runs");
    let done = metrics.gauges("job_work", "Items done in all, if the job counts them");
    let failures = metrics.gauges("job_failures_in_a_row", "Failures since its last success");
    let writes = metrics.gauges("write_failures_in_a_row", "Failed writes of this process since its last success");
    let backlog = metrics.gauges("job_backlog", "Items that are due");
    let waiting = metrics.gauges("emails_waiting", "Emails that wait to be sent, by state");
    let failed = metrics.gauges("failed_items", "Failed items of a list, which are retried one by one");
    let known = jobs::last_runs(app).await?;
    // A job that cannot write cannot record its failure.
    let failed_writes = i64::from(app.ledger.failures());
    writes.get_or_create(&Vec::new()).set(failed_writes);
    for job in &jobs::ALL {
        let set = |gauges: &Gauges, value: i64| {
            gauges.get_or_create(&vec![("job", job.name.to_owned())]).set(value);
        };
        set(&backlog, job.backlog(app).await?);
        let Some(run) = known.iter().find(|run| run.name == job.name) else { continue };
        set(&last, run.started_at.timestamp());
        set(&ok, run.ok_at.map_or(0, |at: Instant| at.timestamp()));
        set(&took, run.duration_ms);
        set(&runs, run.runs);
        set(&done, run.done);
        set(&failures, run.failures.max(failed_writes));
    }
    for (state, emails) in outbox::waiting_emails(app).await? {
        waiting.get_or_create(&vec![("state", state)]).set(emails);
    }
    for (list, items) in failed_items::failed_item_counts(&app.store).await? {
        failed.get_or_create(&vec![("list", list)]).set(items);
    }
    app.settings.metrics.register(&mut metrics.0);
    let mut out = String::new();
    encode(&mut out, &metrics.0).map_err(|e| InternalError::Broken(format!("metrics: {e}")))?;
    Ok(out)
}
