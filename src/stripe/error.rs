//! Errors of requests to Stripe, sorted by the next step of the caller.
//!
//! Invariant: no message has a key or an email address, since messages are shown to operators and stored.

use ::stripe::{ApiErrorsCode, StripeError as ClientError};
use thiserror::Error;

/// The error of a request to Stripe.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StripeError {
    /// No answer after all retries: time-out, connection, 429, 5xx. The outcome is unknown; the same request with the same
    /// idempotency key shows it.
    #[error("Stripe can't be reached: {0}")]
    Unavailable(String),
    /// A refusal (4xx). Nothing happened, and the same request would be refused again.
    #[error("Stripe refused the request ({status}{}{}): {message}", optional_part(code), optional_part(param))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Stripe's error code, such as `parameter_unknown`.
        code: Option<String>,
        /// The parameter that Stripe objects to.
        param: Option<String>,
        /// Stripe's words.
        message: String,
    },
    /// 402: the card's own answer to a charge, or to be confirmed by a person. No money moved.
    #[error("the card was refused ({code}{}): {message}", optional_part(decline_code))]
    Card {
        /// Stripe's error code, such as `card_declined`.
        code: String,
        /// The bank's reason.
        decline_code: Option<String>,
        /// Stripe's advice, such as `do_not_try_again`.
        advice_code: Option<String>,
        /// Stripe's words.
        message: String,
    },
    /// 401 or 403: the key is wrong or lacks a right. An operator must act.
    #[error("Stripe refused the key: {0}")]
    Unauthorized(String),
    /// An unreadable answer.
    #[error("Stripe's answer is unreadable: {0}")]
    Malformed(String),
}

impl StripeError {
    /// True if Stripe does not have the object, or the one that `param` names.
    #[must_use]
    pub fn lacks(&self, param: &str) -> bool {
        match self {
            Self::Refused { status, code, param: at, .. } => {
                let missing = code.as_deref() == Some("resource_missing");
                missing && (*status == 404 || at.as_deref() == Some(param))
            }
            _ => false,
        }
    }

    /// True if nothing happened and the same request would be refused again: a repeat may use another key.
    #[must_use]
    pub const fn is_definite(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Card { .. } | Self::Unauthorized(_))
    }

    /// The kind of its alarm; none for a passing error.
    #[must_use]
    pub const fn alarm(&self) -> Option<&'static str> {
        match self {
            Self::Unavailable(_) => None,
            Self::Unauthorized(_) => Some("stripe_key"),
            Self::Refused { .. } | Self::Card { .. } => Some("stripe_refused"),
            Self::Malformed(_) => Some("stripe_malformed"),
        }
    }
}

/// An error, and whether the same request may be retried at once.
pub(super) struct Classified {
    pub error: StripeError,
    pub is_retryable: bool,
}

/// Classifies an error of the HTTP client.
pub(super) fn classify(error: ClientError) -> Classified {
    match error {
        ClientError::Stripe(api, status) => classify_answer(*api, status),
        // The library has this text for a 2xx body that it cannot read. Every other unreadable body had an error status and
        // comes from a proxy in between.
        ClientError::JSONDeserialize(text) if text == "error deserializing request data" => {
            Classified { error: StripeError::Malformed(text), is_retryable: false }
        }
        ClientError::JSONDeserialize(_) => unavailable("an error answer that is not Stripe's"),
        ClientError::Timeout => unavailable("no answer in time"),
        ClientError::ClientError(text) => unavailable(&scrub(&text)),
        ClientError::ConfigError(text) => {
            Classified { error: StripeError::Malformed(scrub(&text)), is_retryable: false }
        }
    }
}

fn classify_answer(api: ::stripe::ApiErrors, status: u16) -> Classified {
    let code = api.code.as_ref().map(ApiErrorsCode::as_str);
    let message = scrub(api.message.as_deref().unwrap_or("no reason"));
    match status {
        401 | 403 => {
            Classified { error: StripeError::Unauthorized(format!("{status}, {message}")), is_retryable: false }
        }
        // A conflict with another request that still runs.
        409 => unavailable("an earlier try is still running"),
        408 | 424 => unavailable(&format!("{status}, {message}")),
        429 => unavailable("too many requests (429)"),
        402 => {
            let (code, said) = (code.unwrap_or("card_declined").to_owned(), api);
            let error =
                StripeError::Card { code, decline_code: said.decline_code, advice_code: said.advice_code, message };
            Classified { error, is_retryable: false }
        }
        500.. => unavailable(&format!("{status}, {message}")),
        _ => Classified {
            error: StripeError::Refused { status, code: code.map(str::to_owned), param: api.param, message },
            is_retryable: false,
        },
    }
}

fn unavailable(reason: &str) -> Classified {
    Classified { error: StripeError::Unavailable(reason.to_owned()), is_retryable: true }
}

fn optional_part(value: &Option<String>) -> String {
    value.as_ref().map(|text| format!(", {text}")).unwrap_or_default()
}

/// Replaces words that look like a key or an email address. Replacing too much is harmless.
pub(super) fn scrub(text: &str) -> String {
    const MARKS: [(&str, &str); 5] =
        [("sk_", "[key]"), ("rk_", "[key]"), ("pk_", "[key]"), ("whsec_", "[key]"), ("@", "[address]")];
    let clean = |word: &str| {
        let found = MARKS.iter().find(|(mark, _)| word.contains(mark));
        found.map_or_else(|| word.to_owned(), |(_, instead)| (*instead).to_owned())
    };
    text.split(' ').map(clean).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{StripeError, classify, scrub};

    #[test]
    fn keys_and_addresses_are_taken_out_of_messages() {
        assert_eq!(scrub("Invalid API Key provided: sk_test_***1234"), "Invalid API Key provided: [key]");
        assert_eq!(scrub("Invalid email address: ada@acme.example"), "Invalid email address: [address]");
        assert_eq!(scrub("No such customer: 'cus_1'"), "No such customer: 'cus_1'");
    }

    #[test]
    fn an_unreadable_error_answer_is_an_unknown_outcome() {
        let classified = classify(::stripe::StripeError::JSONDeserialize("error deserializing Stripe error".into()));
        assert!(classified.is_retryable);
        assert!(matches!(classified.error, StripeError::Unavailable(_)));
    }

    #[test]
    fn an_unreadable_result_is_not_retried() {
        let classified = classify(::stripe::StripeError::JSONDeserialize("error deserializing request data".into()));
        assert!(!classified.is_retryable);
        assert!(matches!(classified.error, StripeError::Malformed(_)));
    }

    #[test]
    fn a_refusal_names_its_status_code_and_parameter() {
        let refused = StripeError::Refused {
            status: 400,
            code: Some("parameter_unknown".into()),
            param: Some("foo".into()),
            message: "Received unknown parameter: foo".into(),
        };
        let words = "Stripe refused the request (400, parameter_unknown, foo): Received unknown parameter: foo";
        assert_eq!(refused.to_string(), words);
    }
}
