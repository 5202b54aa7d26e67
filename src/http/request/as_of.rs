//! The header `As-Of` of what may have been read from a standby.

use crate::domain::Instant;
use crate::http::request::json::rfc3339;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// Everything before this instant is in the answer; no header where no standby is set.
pub fn as_of_header(as_of: Option<Instant>) -> HeaderMap {
    let value = as_of.and_then(|at| HeaderValue::from_str(&rfc3339(at)).ok());
    value.map(|value| (HeaderName::from_static("as-of"), value)).into_iter().collect()
}
