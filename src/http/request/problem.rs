//! Errors as `application/problem+json` (RFC 9457).

use crate::http::request::code::Code;
use crate::ledger::Unavailable;
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
    /// The rule that the value breaks; it reads on after the field's name.
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
    detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
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
        let name = serde_json::to_string(&code).unwrap_or_default();
        Self {
            kind: format!("urn:topup:problem:{}", name.trim_matches('"')).into(),
            title: code.title(),
            status: code.status(),
            code: Some(code),
            detail: detail.into(),
            errors: Vec::new(),
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
            detail: "the request cannot be done until its cause is mended, which the log of the server names"
                .to_owned(),
            errors: Vec::new(),
            members: Vec::new(),
            retry_after: None,
        }
    }

    /// An error of one field.
    pub fn field(field: &str, code: Code, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let error = FieldError { field: field.to_owned(), code, detail: detail.clone() };
        Self { errors: vec![error], ..Self::new(code, format!("{field} {detail}")) }
    }

    /// Errors of one or more fields; the first gives the status and the detail.
    pub fn fields(errors: Vec<FieldError>) -> Self {
        let first = errors
            .first()
            .map_or((Code::InvalidValue, String::new()), |e| (e.code, format!("{} {}", e.field, e.detail)));
        Self { errors, ..Self::new(first.0, first.1) }
    }

    /// 400: a bad query parameter.
    pub fn query(field: &str, detail: impl Into<String>) -> Self {
        Self { status: 400, ..Self::field(field, Code::InvalidValue, detail) }
    }

    /// Whether it has this code.
    pub fn is(&self, code: Code) -> bool {
        self.code == Some(code)
    }

    pub const fn status(&self) -> u16 {
        self.status
    }

    /// 429 with `Retry-After`.
    pub fn rate_limited(seconds: u64) -> Self {
        let seconds = seconds.max(1);
        let detail = format!("too many requests; try again in {seconds} s");
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
        Self::new(Code::NotFound, format!("there is no such {what}"))
    }

    /// 409: the customer is closed.
    pub fn customer_closed() -> Self {
        Self::new(Code::CustomerClosed, "the customer is closed; nothing is written any more")
    }

    /// 409: the idempotency key belongs to another request.
    pub fn key_reused() -> Self {
        Self::new(Code::IdempotencyKeyReused, "this key belongs to another request; use a new one for a new write")
    }

    /// 400: the cursor does not belong to this list.
    pub fn invalid_cursor() -> Self {
        Self::new(Code::InvalidCursor, "use the `next` of the page before")
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
        Self::new(Code::Overloaded, "the request could not be done now; repeat it with the same idempotency key")
    }
}

impl From<Unavailable> for Problem {
    fn from(unavailable: Unavailable) -> Self {
        InternalError::from(unavailable).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_string(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        self.set_headers(headers);
        response
    }
}
