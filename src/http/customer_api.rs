//! `/api/…`: the API for customers' own programs, which send a `tk_` key. Its shapes are those of Spidra's clients.
//!
//! Answers are `{"status":"ok","data":…}`, errors `{"status":"error","message","code"}`.

use crate::domain::{Catalog, Credits, Instant};
use crate::http::request::as_of::as_of_header;
use crate::http::request::auth::{api_key, unauthorized};
use crate::http::request::code::Code;
use crate::http::request::extract::Query;
use crate::http::request::json;
use crate::http::request::json::{At, Num};
use crate::http::request::problem::Problem;
use crate::http::request::rate_limit;
use crate::store::daily_usage::day_number;
use crate::store::db::Connection;
use crate::store::metrics::MetricFigure;
use crate::usecases::credits::dated::{Dated, ReadFrom, read_dated};
use crate::usecases::customers::api_keys;
use crate::usecases::insight::usage;
use crate::usecases::insight::usage::{Range, UsageStep};
use crate::usecases::{App, InternalError, subscriptions};
use axum::extract::{Extension, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Router, middleware};
use serde::Serialize;
use std::net::IpAddr;

pub fn routes(app: &App) -> Router<App> {
    let nothing = || any(async || CustomerApiError(Problem::not_found("path")));
    Router::new()
        .route("/api/account", get(account))
        .route("/api/usage-stats", get(usage_stats))
        .route("/api", nothing())
        .route("/api/", nothing())
        .route("/api/{*rest}", nothing())
        .layer(middleware::from_fn_with_state(app.clone(), require_customer))
}

/// An error in the shape of this API.
pub struct CustomerApiError(Problem);

impl From<Problem> for CustomerApiError {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<InternalError> for CustomerApiError {
    fn from(error: InternalError) -> Self {
        Self(error.into())
    }
}

#[derive(Serialize)]
struct ErrorJson<'a> {
    status: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Code>,
}

impl IntoResponse for CustomerApiError {
    fn into_response(self) -> Response {
        let error = ErrorJson { status: "error", message: self.0.detail(), code: self.0.code() };
        let status = StatusCode::from_u16(self.0.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = json::with(status, &error);
        self.0.set_headers(response.headers_mut());
        if let Some(code) = self.0.code() {
            response.extensions_mut().insert(code);
        }
        response
    }
}

#[derive(Serialize)]
struct OkJson<T> {
    status: &'static str,
    data: T,
}

fn ok(data: impl Serialize) -> Response {
    json::ok(&OkJson { status: "ok", data })
}

/// The customer of a key. A key that was not valid before counts as anonymous until the database confirms it.
async fn owner(app: &App, key: Option<&str>, address: Option<IpAddr>) -> Result<i64, CustomerApiError> {
    let settings = &app.settings;
    let hash = key.map(api_keys::api_key_hash);
    if !hash.is_some_and(|hash| settings.limits.knows(&hash)) {
        rate_limit::count_anonymous(app, address)?;
    }
    if let Some((key, hash)) = key.zip(hash) {
        let owner = api_keys::api_key_owner(app, key).await?;
        settings.limits.looked_up(&hash, owner.is_some());
        if let Some(owner) = owner {
            rate_limit::count_key(app, key)?;
            return Ok(owner);
        }
    }
    Err(unauthorized(app, false, "Send your API key (tk_…) as x-api-key or as Authorization: Bearer").into())
}

/// Middleware: lets customers' keys through and adds their [`KeyOwner`] to the request.
async fn require_customer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let key = api_key(request.headers()).map(str::to_owned);
    let address = rate_limit::client_ip(&app, request.extensions(), request.headers());
    match owner(&app, key.as_deref(), address).await {
        Ok(no) => {
            request.extensions_mut().insert(KeyOwner(no));
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

/// The number of the customer that owns the key.
#[derive(Clone, Copy)]
struct KeyOwner(i64);

#[derive(Serialize)]
struct AccountJson {
    plan: AccountPlanJson,
    credits: CreditsJson,
    subscription: AccountSubscriptionJson,
}

#[derive(Serialize)]
struct AccountPlanJson {
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreditsJson {
    limit: Num,
    used: Num,
    remaining: Num,
    billing_cycle_start: At,
}

#[derive(Serialize)]
struct AccountSubscriptionJson {
    status: Option<String>,
}

/// `used` counts the cycle's usages of any grant, and open holds.
async fn account(
    State(app): State<App>,
    Extension(KeyOwner(no)): Extension<KeyOwner>,
) -> Result<Response, CustomerApiError> {
    let found = usage::in_cycle(&app, no).await?;
    let found = found.ok_or_else(|| InternalError::Broken("a key of no customer".to_owned()))?;
    let subscription = subscriptions::followed_subscription(&app, no, true).await?;
    let (used, remaining) = (found.used + found.balance.held, found.balance.available);
    let name = app.catalog.plan(&found.plan).map_or_else(|| found.plan.clone(), |plan| plan.name.clone());
    Ok(ok(AccountJson {
        plan: AccountPlanJson { name },
        credits: CreditsJson {
            limit: Num(used + remaining),
            used: Num(used),
            remaining: Num(remaining),
            billing_cycle_start: At(found.cycle_start),
        },
        subscription: AccountSubscriptionJson { status: subscription.map(|it| it.status) },
    }))
}

#[derive(Serialize)]
struct StepJson {
    label: String,
    date: String,
    requests: i64,
    crawls: i64,
    tokens: i64,
    captchas: i64,
    latency: Num,
    credits: Num,
}

/// Usage by day or by week, oldest first. Days are UTC.
async fn usage_stats(
    State(app): State<App>,
    Extension(KeyOwner(no)): Extension<KeyOwner>,
    query: Result<Query, Problem>,
) -> Result<Response, CustomerApiError> {
    let Query(query) = query?;
    let bad = |name: &str, detail: &str| CustomerApiError(Problem::query(name, detail));
    if let Some(name) = query.keys().find(|name| name.as_str() != "range") {
        return Err(bad(name, "is not a parameter of this request"));
    }
    let range = query.get("range").and_then(|name| Range::parse(name));
    let range = range.ok_or_else(|| bad("range", "must be 7d, 30d or weekly"))?;
    let today = day_number(app.clock.now());
    let read = |mut db: Connection| async move { Ok(usage::usage_steps(&mut db, no, range, today).await?) };
    let Dated { found, as_of } = read_dated(&app, no, ReadFrom::Standby, read).await?;
    let steps = ok(found.iter().map(|step| step_json(step, &app.catalog)).collect::<Vec<_>>());
    Ok((as_of_header(as_of), steps).into_response())
}

/// The fields are fixed. A metric that the catalogue lacks is 0.
fn step_json(step: &UsageStep, catalog: &Catalog) -> StepJson {
    let figure = |key: &str| catalog.metric(key).map_or_else(MetricFigure::default, |_| step.figures.metrics.get(key));
    let latency = figure("latency_ms");
    StepJson {
        label: label(step.first, step.last),
        date: step.first.format("%Y-%m-%d").to_string(),
        requests: figure("requests").total,
        crawls: figure("crawls").total,
        tokens: figure("tokens").total,
        captchas: figure("captchas").total,
        latency: Num(average(latency.total, latency.said)),
        credits: Num(step.figures.totals.credits()),
    }
}

/// `22 Nov`, `16–22 Nov`, `28 Oct–3 Nov`.
fn label(first: Instant, last: Instant) -> String {
    let day = |at: Instant, how: &str| at.format(how).to_string();
    if first == last {
        return day(first, "%-d %b");
    }
    let same_month = day(first, "%Y-%m") == day(last, "%Y-%m");
    format!("{}–{}", day(first, if same_month { "%-d" } else { "%-d %b" }), day(last, "%-d %b"))
}

/// The average, rounded to a thousandth; 0 without values.
fn average(sum: i64, count: i64) -> Credits {
    let (sum, count) = (i128::from(sum), i128::from(count));
    if count <= 0 {
        return Credits::ZERO;
    }
    Credits(i64::try_from((sum * 2_000 + count) / (count * 2)).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_are_rounded_to_the_thousandth() {
        let check = |sum, count, want: &str| assert_eq!(average(sum, count).to_string(), want);
        check(0, 0, "0");
        check(100, 1, "100");
        check(201, 2, "100.5");
        check(200, 3, "66.667");
        check(100, 3, "33.333");
    }

    #[test]
    fn labels_name_the_days() {
        let at = |text: &str| format!("{text}T00:00:00Z").parse::<Instant>().expect("an instant");
        let check = |first, last, want: &str| assert_eq!(label(at(first), at(last)), want);
        check("2026-11-05", "2026-11-05", "5 Nov");
        check("2026-11-16", "2026-11-22", "16–22 Nov");
        check("2026-10-28", "2026-11-03", "28 Oct–3 Nov");
        check("2026-12-28", "2027-01-03", "28 Dec–3 Jan");
    }
}
