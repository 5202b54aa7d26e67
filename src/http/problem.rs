//! Refusals as `application/problem+json` (RFC 9457), from a closed list of codes.

use crate::usecases::InternalError;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;

/// The closed list of codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it; docs/api.md explains them")]
pub enum Code {
    InvalidJson,
    InvalidHeader,
    InvalidCursor,
    InvalidValue,
    MissingField,
    UnknownField,
    Unauthorized,
    InsufficientCredits,
    PlanCannotBuy,
    BuyingOff,
    NotFound,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    HoldSettled,
    HoldReleased,
    HoldLapsed,
    AlreadyVoided,
    GrantEnded,
    GrantNotCourtesy,
    LimitReached,
    PurchaseRefused,
    PlanManagedBySubscription,
    CustomerClosed,
    PayloadTooLarge,
    UnsupportedMediaType,
    RateLimited,
    Overloaded,
    StripeUnavailable,
    ClockBackwards,
}

impl Code {
    /// The whole list.
    pub const ALL: [Self; 29] = [
        Self::InvalidJson,
        Self::InvalidHeader,
        Self::InvalidCursor,
        Self::InvalidValue,
        Self::MissingField,
        Self::UnknownField,
        Self::Unauthorized,
        Self::InsufficientCredits,
        Self::PlanCannotBuy,
        Self::BuyingOff,
        Self::NotFound,
        Self::IdempotencyKeyMissing,
        Self::IdempotencyKeyReused,
        Self::HoldSettled,
        Self::HoldReleased,
        Self::HoldLapsed,
        Self::AlreadyVoided,
        Self::GrantEnded,
        Self::GrantNotCourtesy,
        Self::LimitReached,
        Self::PurchaseRefused,
        Self::PlanManagedBySubscription,
        Self::CustomerClosed,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::RateLimited,
        Self::Overloaded,
        Self::StripeUnavailable,
        Self::ClockBackwards,
    ];

    /// What it is called.
    pub const fn title(self) -> &'static str {
        match self {
            Self::InvalidJson => "The body is not JSON",
            Self::InvalidHeader => "A header is malformed",
            Self::InvalidCursor => "The cursor is none of ours",
            Self::InvalidValue => "A value is wrong",
            Self::MissingField => "A field is missing",
            Self::UnknownField => "A field is unknown",
            Self::Unauthorized => "No or wrong key",
            Self::InsufficientCredits => "Not enough credits",
            Self::PlanCannotBuy => "The plan cannot buy top-ups",
            Self::BuyingOff => "Buying is switched off",
            Self::NotFound => "Not found",
            Self::IdempotencyKeyMissing => "The Idempotency-Key header is missing",
            Self::IdempotencyKeyReused => "The idempotency key is bound to another request",
            Self::HoldSettled => "The hold was settled",
            Self::HoldReleased => "The hold was released",
            Self::HoldLapsed => "The hold has lapsed",
            Self::AlreadyVoided => "It was voided before",
            Self::GrantEnded => "The grant has ended",
            Self::GrantNotCourtesy => "The grant is not a courtesy",
            Self::LimitReached => "A limit is reached",
            Self::PurchaseRefused => "Stripe refuses the purchase",
            Self::PlanManagedBySubscription => "The subscription decides the plan",
            Self::CustomerClosed => "The customer is closed",
            Self::PayloadTooLarge => "The body is too large",
            Self::UnsupportedMediaType => "The body is not application/json",
            Self::RateLimited => "Too many requests",
            Self::Overloaded => "Try again",
            Self::StripeUnavailable => "Stripe cannot be reached",
            Self::ClockBackwards => "The clock does not go backwards",
        }
    }

    /// Its status, but for a bad value of the query, which is 400.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidJson | Self::InvalidHeader | Self::InvalidCursor | Self::IdempotencyKeyMissing => 400,
            Self::Unauthorized => 401,
            Self::InsufficientCredits => 402,
            Self::PlanCannotBuy | Self::BuyingOff => 403,
            Self::NotFound => 404,
            Self::IdempotencyKeyReused
            | Self::HoldSettled
            | Self::HoldReleased
            | Self::HoldLapsed
            | Self::AlreadyVoided
            | Self::GrantEnded
            | Self::GrantNotCourtesy
            | Self::LimitReached
            | Self::PurchaseRefused
            | Self::PlanManagedBySubscription
            | Self::CustomerClosed => 409,
            Self::PayloadTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::InvalidValue | Self::MissingField | Self::UnknownField | Self::ClockBackwards => 422,
            Self::RateLimited => 429,
            Self::Overloaded | Self::StripeUnavailable => 503,
        }
    }
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Its name.
    pub field: String,
    /// What kind of wrong.
    pub code: Code,
    /// What would be right.
    pub detail: String,
}

/// A refusal.
#[derive(Debug, Serialize)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    /// None of a 500: the closed list names what a caller can act on.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Code>,
    detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    more: Option<Box<Shortage>>,
    /// In how many seconds it may be tried again.
    #[serde(skip)]
    retry_after: Option<u64>,
}

/// What a 402 says beside its words.
#[derive(Debug, Serialize)]
pub struct Shortage {
    /// The whole amount asked.
    pub needed: Box<RawValue>,
    /// What could be drawn.
    pub available: Box<RawValue>,
    /// Left of plan credits.
    pub plan: Box<RawValue>,
    /// Left of courtesy credits.
    pub courtesy: Box<RawValue>,
    /// Left of top-ups.
    pub top_up: Box<RawValue>,
    /// Held.
    pub held: Box<RawValue>,
    /// When plan credits reset.
    pub resets_at: String,
    /// Where more can be bought.
    pub buy_url: Option<String>,
}

impl Problem {
    /// A refusal of this code.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let name = serde_json::to_string(&code).unwrap_or_default();
        Self {
            kind: format!("urn:topup:problem:{}", name.trim_matches('"')),
            title: code.title(),
            status: code.status(),
            code: Some(code),
            detail: detail.into(),
            errors: Vec::new(),
            more: None,
            retry_after: None,
        }
    }

    /// 500: a fault that stays until a person mends its cause. No repeat helps, so it carries no `Retry-After`.
    pub fn lasting() -> Self {
        Self {
            kind: "about:blank".to_owned(),
            title: "Internal server error",
            status: 500,
            code: None,
            detail: "the request cannot be done until its cause is mended, which the log of the server names"
                .to_owned(),
            errors: Vec::new(),
            more: None,
            retry_after: None,
        }
    }

    /// A refusal that names a field.
    pub fn field(field: &str, code: Code, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let error = FieldError { field: field.to_owned(), code, detail: detail.clone() };
        Self { errors: vec![error], ..Self::new(code, format!("{field} {detail}")) }
    }

    /// A refusal of one or more fields.
    pub fn fields(errors: Vec<FieldError>) -> Self {
        let first = errors
            .first()
            .map_or((Code::InvalidValue, String::new()), |e| (e.code, format!("{} {}", e.field, e.detail)));
        Self { errors, ..Self::new(first.0, first.1) }
    }

    /// A bad value of the query.
    pub fn query(field: &str, detail: impl Into<String>) -> Self {
        Self { status: 400, ..Self::field(field, Code::InvalidValue, detail) }
    }

    /// Whether it is of this code.
    pub fn is(&self, code: Code) -> bool {
        self.code == Some(code)
    }

    /// Its status.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Too much was asked; again in so many seconds.
    pub fn rate_limited(seconds: u64) -> Self {
        let seconds = seconds.max(1);
        let detail = format!("too many requests; try again in {seconds} s");
        Self { retry_after: Some(seconds), ..Self::new(Code::RateLimited, detail) }
    }

    /// Its code; a 500 has none.
    pub const fn code(&self) -> Option<Code> {
        self.code
    }

    /// What is wrong, in words.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Nothing of that id.
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("there is no such {what}"))
    }

    /// The headers that go with it, in whichever shape its body is.
    pub fn put_headers(&self, headers: &mut HeaderMap) {
        let retry_after = self.retry_after.or((self.status == 503).then_some(1));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == 401 {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
    }

    /// What a charge lacks.
    pub fn short(mut self, shortage: Shortage) -> Self {
        self.more = Some(Box::new(shortage));
        self
    }
}

impl From<InternalError> for Problem {
    /// The cause is logged here, once, and never shown.
    fn from(fault: InternalError) -> Self {
        if !fault.is_logged() {
            tracing::error!(error = %fault, lasting = fault.is_lasting(), "a request failed");
        }
        if fault.is_lasting() {
            return Self::lasting();
        }
        Self::new(Code::Overloaded, "the request could not be done now; repeat it with the same idempotency key")
    }
}

impl From<crate::ledger::Unavailable> for Problem {
    fn from(unavailable: crate::ledger::Unavailable) -> Self {
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
        self.put_headers(headers);
        response
    }
}
