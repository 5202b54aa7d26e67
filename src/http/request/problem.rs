//! Errors as `application/problem+json` (RFC 9457).

use crate::http::request::code::Code;
use crate::ledger::Unavailable;
use crate::request_trace;
use crate::usecases::InternalError;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// An error of one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field's name.
    pub field: String,
    /// The error code.
    pub code: Code,
    /// The rule that the value breaks.
    pub detail: String,
}

/// An error answer.
#[derive(Debug, Serialize)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: Box<str>,
    title: &'static str,
    status: u16,
    /// A 500 has none: the list holds only errors that a caller can act on.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Code>,
    detail: Box<str>,
    /// The request's id, by which the log names it; set as the answer is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<Box<str>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: Box<[FieldError]>,
    #[serde(flatten, serialize_with = "serialize_members")]
    members: Members,
    /// Seconds.
    #[serde(skip)]
    retry_after: Option<u32>,
}

/// Extension members of a problem (RFC 9457), in their order.
type Members = Vec<(&'static str, Box<RawValue>)>;

fn serialize_members<S: Serializer>(members: &Members, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(members.iter().map(|(name, value)| (name, value)))
}

impl Problem {
    /// An error of this code.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:topup:problem:{}", code.name()).into(),
            title: code.title(),
            status: code.status(),
            code: Some(code),
            detail: detail.into().into(),
            request_id: None,
            errors: Box::default(),
            members: Vec::new(),
            retry_after: None,
        }
    }

    /// 500: an error that stays until an operator removes its cause. A retry does not help, so it has no `Retry-After`.
    pub fn internal() -> Self {
        Self {
            kind: "about:blank".into(),
            title: "Internal server error",
            status: 500,
            code: None,
            detail: "The request fails until an operator repairs the cause. The server's log names it".into(),
            request_id: None,
            errors: Box::default(),
            members: Vec::new(),
            retry_after: None,
        }
    }

    /// An error of one field.
    pub fn field(field: &str, code: Code, detail: impl Into<String>) -> Self {
        Self::fields(vec![FieldError { field: field.to_owned(), code, detail: detail.into() }])
    }

    /// Errors of one or more fields; the first gives the status and the detail.
    pub fn fields(errors: Vec<FieldError>) -> Self {
        let (code, detail) = errors.first().map_or((Code::InvalidValue, String::new()), |first| match first.code {
            code @ (Code::UnknownField | Code::MissingField) => (code, format!("{}: {}", code.title(), first.field)),
            code => (code, format!("{} {}", first.field, first.detail)),
        });
        Self { errors: errors.into(), ..Self::new(code, detail) }
    }

    /// 400: a bad query parameter.
    pub fn query(field: &str, detail: impl Into<String>) -> Self {
        Self { status: 400, ..Self::field(field, Code::InvalidValue, detail) }
    }

    pub fn is(&self, code: Code) -> bool {
        self.code == Some(code)
    }

    pub const fn status(&self) -> u16 {
        self.status
    }

    /// 429 with `Retry-After`.
    pub fn rate_limited(seconds: u64) -> Self {
        let seconds = seconds.max(1);
        let detail = format!("Too many requests. Try again in {seconds} s");
        Self { retry_after: u32::try_from(seconds).ok(), ..Self::new(Code::RateLimited, detail) }
    }

    /// The error code; a 500 has none.
    pub const fn code(&self) -> Option<Code> {
        self.code
    }

    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// 404.
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("Unknown {what}"))
    }

    /// 409: the customer is closed.
    pub fn customer_closed() -> Self {
        Self::new(Code::CustomerClosed, "The customer is closed")
    }

    /// 409: the idempotency key belongs to another request.
    pub fn key_reused() -> Self {
        Self::new(Code::IdempotencyKeyReused, "This key belongs to another request. Use a new key for each write")
    }

    /// 400: the cursor does not belong to this list.
    pub fn invalid_cursor() -> Self {
        Self::new(Code::InvalidCursor, "Use the `next` of the previous page")
    }

    /// Sets `Retry-After` and `WWW-Authenticate`.
    pub fn set_headers(&self, headers: &mut HeaderMap) {
        let retry_after = self.retry_after.or((self.status == 503).then_some(1));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == 401 {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
    }

    /// Adds extension members.
    pub fn with_members(self, members: Members) -> Self {
        Self { members, ..self }
    }
}

impl From<InternalError> for Problem {
    /// Logs the cause, once. The answer never shows it.
    fn from(error: InternalError) -> Self {
        if !error.is_logged() {
            tracing::error!(%error, lasting = error.is_lasting(), "a request failed");
        }
        if error.is_lasting() {
            return Self::internal();
        }
        Self::new(Code::Overloaded, "The server is overloaded. Repeat the request with the same idempotency key")
    }
}

impl From<Unavailable> for Problem {
    fn from(unavailable: Unavailable) -> Self {
        InternalError::from(unavailable).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        self.request_id = request_trace::current().map(|trace| trace.request_id.into());
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_string(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        self.set_headers(headers);
        if let Some(code) = self.code {
            response.extensions_mut().insert(code);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_detail_names_the_field() {
        let check = |code, rule: &str, want: &str| assert_eq!(Problem::field("amount", code, rule).detail(), want);
        check(Code::UnknownField, "is unknown", "Unknown field: amount");
        check(Code::MissingField, "is missing", "Missing field: amount");
        check(Code::InvalidValue, "must be in the future", "amount must be in the future");
    }
}
