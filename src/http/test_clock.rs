//! `/test/clock`: only with `TEST_CLOCK=1`.

use crate::http::request::body;
use crate::http::request::code::Code;
use crate::http::request::json;
use crate::http::request::json::At;
use crate::http::request::problem::Problem;
use crate::usecases::jobs::test_clock;
use crate::usecases::{App, InternalError};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::TimeDelta;
use serde::Serialize;

pub fn routes() -> Router<App> {
    Router::new().route("/test/clock", get(read).post(advance))
}

#[derive(Serialize)]
struct ClockJson {
    now: At,
}

/// Middleware: reads the test clock, which another process may have advanced.
pub async fn refresh(State(app): State<App>, request: Request, next: Next) -> Response {
    if app.clock.is_test()
        && let Err(e) = app.clock.refresh(&app.store).await
    {
        return Problem::from(InternalError::from(e)).into_response();
    }
    next.run(request).await
}

async fn read(State(app): State<App>) -> Response {
    json::ok(&ClockJson { now: At(app.clock.now()) })
}

async fn advance(State(app): State<App>, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let mut fields = body::fields(&headers, body).await?;
    let to = fields.instant("advance_to");
    let days = fields.whole("advance_days", 0..=36_500);
    let is_one = to.is_some() != days.is_some() || fields.has_error("advance_days") || fields.has_error("advance_to");
    fields.finish()?;
    if !is_one {
        let said = "or advance_days is required, not both";
        return Err(Problem::field("advance_to", Code::InvalidValue, said));
    }
    let now = app.clock.now();
    let target = to.unwrap_or_else(|| now + TimeDelta::days(days.unwrap_or(0)));
    if test_clock::advance_clock(&app, target).await?.is_err() {
        return Err(Problem::field("advance_to", Code::ClockBackwards, "is before the time of the clock"));
    }
    Ok(json::ok(&ClockJson { now: At(app.clock.now()) }))
}
