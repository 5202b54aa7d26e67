//! `/metrics` for Prometheus. It needs an operator's key or `METRICS_KEY`.
//!
//! The figures of jobs, messages and alarms come from the store, so every process shows all of them. The others
//! ([`crate::metrics`], [`crate::metrics::process`]) are of this process alone.

use crate::domain::Instant;
use crate::http::request::auth;
use crate::http::request::problem::Problem;
use crate::metrics::{Figures, METRICS, register_process};
use crate::store::newest_commit::server_clock_offset;
use crate::usecases::delivery::{failed_items, outbox, queue};
use crate::usecases::{App, InternalError, alarms, jobs};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::time::Duration;

pub fn routes(app: &App) -> Router<App> {
    let may_read = middleware::from_fn_with_state(app.clone(), auth::require_metrics_reader);
    Router::new().route("/metrics", get(metrics)).route_layer(may_read)
}

async fn metrics(State(app): State<App>) -> Result<Response, Problem> {
    let text = text(&app).await?;
    Ok(([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response())
}

async fn text(app: &App) -> Result<String, InternalError> {
    let mut root = Registry::default();
    register_process(&mut root);
    let registry = root.sub_registry_with_prefix("topup");
    let database = if app.store.is_sqlite() { "sqlite" } else { "postgres" };
    let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION")), ("database", database)]);
    registry.register("build", "The program's version and its database", build);
    METRICS.register(registry);
    app.settings.metrics.register(registry);
    add_jobs(app, &mut Figures(registry)).await?;
    add_messages(app, &mut Figures(registry)).await?;
    add_state(app, registry);
    if let Some(offset) = server_clock_offset(&app.store, app.clock.real()).await? {
        let help = "How far the database's clock is ahead of this process's";
        let seconds = offset.abs().to_std().unwrap_or_default().as_secs_f64();
        let seconds = seconds.copysign(if offset < chrono::TimeDelta::zero() { -1.0 } else { 1.0 });
        registry.register("clock_offset_seconds", help, ConstGauge::new(seconds));
    }
    let mut out = String::new();
    encode(&mut out, &root).map_err(|e| InternalError::Broken(format!("metrics: {e}")))?;
    Ok(out)
}

/// The jobs, as all processes do them.
async fn add_jobs(app: &App, figures: &mut Figures<'_>) -> Result<(), InternalError> {
    let last =
        figures.gauges("job_last_run_timestamp_seconds", "The start of the job's last run, by the product's clock");
    let ok = figures.gauges("job_last_success_timestamp_seconds", "The start of its last successful run");
    let took = figures.fractions("job_last_duration_seconds", "The duration of its last run");
    let runs = figures.counters("job_runs", "Recorded runs");
    let done = figures.counters("job_items", "Items done, if the job counts them");
    let failures = figures.gauges("job_failures_in_a_row", "Failures since its last success");
    let backlog = figures.gauges("job_backlog", "Items that are due");
    let known = jobs::last_runs(app).await?;
    // A job that cannot write cannot record its failure.
    let failed_writes = i64::from(app.ledger.failures());
    for job in &jobs::ALL {
        let name = vec![("name", job.name.to_owned())];
        let due = job.backlog(app).await?;
        backlog.get_or_create(&name).set(due);
        let Some(run) = known.iter().find(|run| run.name == job.name) else { continue };
        last.get_or_create(&name).set(run.started_at.timestamp());
        ok.get_or_create(&name).set(run.ok_at.map_or(0, |at: Instant| at.timestamp()));
        took.get_or_create(&name).set(Duration::from_millis(run.duration_ms.unsigned_abs()).as_secs_f64());
        runs.get_or_create(&name).inc_by(run.runs.unsigned_abs());
        done.get_or_create(&name).inc_by(run.done.unsigned_abs());
        failures.get_or_create(&name).set(run.failures.max(failed_writes));
    }
    Ok(())
}

/// Messages that wait, failed items, open alarms.
async fn add_messages(app: &App, figures: &mut Figures<'_>) -> Result<(), InternalError> {
    let waiting = figures.gauges("emails_waiting", "Emails that wait to be sent, by state");
    for (state, emails) in outbox::waiting_emails(app).await? {
        waiting.get_or_create(&vec![("state", state)]).set(emails);
    }
    let oldest = figures.fractions("delivery_oldest_seconds", "Age of the oldest message that waits, by kind");
    for (kind, since) in queue::oldest_waiting(app).await? {
        let age = since.map_or(Duration::ZERO, |since| (app.clock.now() - since).to_std().unwrap_or_default());
        oldest.get_or_create(&vec![("kind", kind)]).set(age.as_secs_f64());
    }
    let failed = figures.gauges("failed_items", "Failed items of a list, which are retried one by one");
    for (list, items) in failed_items::failed_item_counts(&app.store).await? {
        failed.get_or_create(&vec![("list", list)]).set(items);
    }
    let open = figures.gauges("alarms_open", "Alarms that nobody has acknowledged, by kind");
    let mut kinds: BTreeMap<String, i64> = BTreeMap::new();
    for alarm in alarms::open_alarms(&app.store).await? {
        *kinds.entry(alarm.kind).or_default() += 1;
    }
    for (kind, alarms) in kinds {
        open.get_or_create(&vec![("kind", kind)]).set(alarms);
    }
    Ok(())
}

/// The state of this process.
fn add_state(app: &App, registry: &mut Registry) {
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let (writes, charges) = app.ledger.waiting();
    for (name, help, value) in [
        (
            "write_failures_in_a_row",
            "Failed writes of this process since its last success",
            i64::from(app.ledger.failures()),
        ),
        ("queue_writes", "Writes in the queue", count(writes)),
        ("queue_charges", "Their size in charges; other writes count as 16", count(charges)),
        ("live_streams", "Open pages that are updated", count(app.live_pages.count())),
        ("database_connections_max", "Connections that may be open", i64::from(app.store.connections().max)),
    ] {
        registry.register(name, help, ConstGauge::new(value));
    }
    let pool = Figures(registry).gauges("database_connections", "Open connections for reading and writing, by state");
    for (state, count) in app.store.connections().by_state() {
        pool.get_or_create(&vec![("state", state.to_owned())]).set(count);
    }
    add_standby(app, registry);
}

/// The standby that is read from, if one is set.
fn add_standby(app: &App, registry: &mut Registry) {
    let Some(standby) = app.read_store.standby() else { return };
    let age = app.read_store.age();
    let help = "1 if the standby of READ_DATABASE_URL is read from";
    registry.register("read_standby_up", help, ConstGauge::new(i64::from(age.is_some())));
    if let Some(age) = age {
        let help = "How old its copy was when it was last asked";
        registry.register("read_standby_age_seconds", help, ConstGauge::new(age.as_secs_f64()));
    }
    let pool = Figures(registry).gauges("read_standby_connections", "Open connections to it, by state");
    for (state, count) in standby.connections().by_state() {
        pool.get_or_create(&vec![("state", state.to_owned())]).set(count);
    }
}
