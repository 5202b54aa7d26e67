//! JSON out: credits as exact number tokens, instants as RFC 3339.

use crate::domain::{Credits, Draw, Instant, Summary};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// Credits as a number token.
#[derive(Clone, Copy, Debug)]
pub struct Num(pub Credits);

impl Serialize for Num {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        number(self.0).serialize(serializer)
    }
}

/// Credits as a number token.
pub fn number(credits: Credits) -> Box<RawValue> {
    RawValue::from_string(credits.to_string()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// An instant: UTC, milliseconds where there are any.
#[derive(Clone, Copy, Debug)]
pub struct At(pub Instant);

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&rfc3339(self.0))
    }
}

pub use crate::usecases::credits::export::rfc3339;

/// The five numbers that answer a write.
#[derive(Serialize)]
pub struct SummaryJson {
    available: Num,
    plan: Num,
    courtesy: Num,
    top_up: Num,
    held: Num,
}

impl From<Summary> for SummaryJson {
    fn from(s: Summary) -> Self {
        Self {
            available: Num(s.available),
            plan: Num(s.plan),
            courtesy: Num(s.courtesy),
            top_up: Num(s.top_up),
            held: Num(s.held),
        }
    }
}

/// What was taken from one grant.
#[derive(Serialize)]
pub struct DrawJson {
    grant: String,
    kind: &'static str,
    credits: Num,
}

/// Draws as JSON.
pub fn draws(draws: &[Draw]) -> Vec<DrawJson> {
    let draw = |d: &Draw| DrawJson { grant: d.grant.to_string(), kind: d.kind.name(), credits: Num(d.credits) };
    draws.iter().map(draw).collect()
}

/// A JSON answer whose text is made already.
pub fn text(status: StatusCode, json: String) -> Response {
    let mut response = (status, json).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A JSON answer.
pub fn ok(value: &impl Serialize) -> Response {
    with(StatusCode::OK, value)
}

/// A JSON answer of a status.
pub fn with(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_string(value) {
        Ok(json) => text(status, json),
        Err(e) => {
            tracing::error!(error = %e, "an answer could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
