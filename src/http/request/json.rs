//! JSON answers: credits as exact numbers, instants as RFC 3339, and the shapes that several answers share.

use crate::domain::{Credits, Draw, Instant, Summary};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// Credits as a JSON number.
#[derive(Clone, Copy, Debug)]
pub struct Num(pub Credits);

impl Serialize for Num {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        number(self.0).serialize(serializer)
    }
}

/// Credits as a JSON number.
pub fn number(credits: Credits) -> Box<RawValue> {
    RawValue::from_string(credits.to_string()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// An instant in UTC; with milliseconds if it has any.
#[derive(Clone, Copy, Debug)]
pub struct At(pub Instant);

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&rfc3339(self.0))
    }
}

pub use crate::time_zone::rfc3339;

/// The balance in the answer of a write.
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

/// The credits that a usage or hold took from one grant.
#[derive(Serialize)]
pub struct DrawJson {
    grant: String,
    kind: &'static str,
    credits: Num,
}

pub fn draws(draws: &[Draw]) -> Vec<DrawJson> {
    let draw = |d: &Draw| DrawJson { grant: d.grant.to_string(), kind: d.kind.name(), credits: Num(d.credits) };
    draws.iter().map(draw).collect()
}

/// An answer of JSON text.
pub fn text(status: StatusCode, json: String) -> Response {
    let mut response = (status, json).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// 200.
pub fn ok(value: &impl Serialize) -> Response {
    with(StatusCode::OK, value)
}

pub fn with(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_string(value) {
        Ok(json) => text(status, json),
        Err(e) => {
            tracing::error!(error = %e, "an answer could not be serialised");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
