//! `/test/clock`: only with `TEST_CLOCK=1`.

use super::call;
use super::json::{self, At};
use super::problem::{Code, Problem};
use crate::usecases::{Fault, Services, test_clock};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::TimeDelta;
use serde::Serialize;

/// Routes.
pub fn routes() -> Router<Services> {
    Router::new().route("/test/clock", get(read).post(advance))
}

#[derive(Serialize)]
struct ClockJson {
    now: At,
}

/// Another process may have moved the clock: every request looks first.
pub async fn refresh(State(services): State<Services>, request: Request, next: Next) -> Response {
    if services.clock.is_test()
        && let Err(e) = services.clock.refresh(&services.store).await
    {
        return Problem::from(Fault::from(e)).into_response();
    }
    next.run(request).await
}

async fn read(State(services): State<Services>) -> Response {
    json::ok(&ClockJson { now: At(services.clock.now()) })
}

async fn advance(State(services): State<Services>, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let mut fields = call::fields(&headers, body).await?;
    let to = fields.instant("advance_to");
    let days = fields.whole("advance_days", 0..=36_500);
    let is_one = to.is_some() != days.is_some() || fields.is_wrong("advance_days") || fields.is_wrong("advance_to");
    fields.finish()?;
    if !is_one {
        let said = "or advance_days must be given, one of them";
        return Err(Problem::field("advance_to", Code::InvalidValue, said));
    }
    let now = services.clock.now();
    let target = to.unwrap_or_else(|| now + TimeDelta::days(days.unwrap_or(0)));
    if test_clock::advance(&services, target).await?.is_err() {
        return Err(Problem::field("advance_to", Code::ClockBackwards, "is before the clock's instant"));
    }
    Ok(json::ok(&ClockJson { now: At(services.clock.now()) }))
}
