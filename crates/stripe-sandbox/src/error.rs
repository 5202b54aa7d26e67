//! Errors in Stripe's shape: `{"error":{"type","code","message","param","doc_url"}}`.
//!
//! The words follow Stripe's, since people compare what they see here with what they see there.

use axum::http::StatusCode;
use serde_json::{Value, json};

/// A refusal, or a fault of the sandbox itself.
#[derive(Debug)]
pub(super) struct ApiError {
    pub status: StatusCode,
    pub kind: &'static str,
    pub code: Option<&'static str>,
    pub message: String,
    pub param: Option<String>,
}

impl ApiError {
    /// 400 `invalid_request_error`, without a code.
    pub fn invalid(message: impl Into<String>) -> ApiError {
        ApiError {
            status: StatusCode::BAD_REQUEST,
            kind: "invalid_request_error",
            code: None,
            message: message.into(),
            param: None,
        }
    }

    pub fn code(mut self, code: &'static str) -> ApiError {
        self.code = Some(code);
        self
    }

    pub fn param(mut self, param: impl Into<String>) -> ApiError {
        self.param = Some(param.into());
        self
    }

    pub fn status(mut self, status: StatusCode) -> ApiError {
        self.status = status;
        self
    }

    pub fn missing(param: &str) -> ApiError {
        ApiError::invalid(format!("Missing required param: {param}.")).code("parameter_missing").param(param)
    }

    pub fn unknown(param: &str) -> ApiError {
        ApiError::invalid(format!("Received unknown parameter: {param}")).code("parameter_unknown").param(param)
    }

    /// 404 for an id in the path; a reference in a body is a 400 with its `param`.
    pub fn no_such(what: &str, id: &str) -> ApiError {
        ApiError::invalid(format!("No such {what}: '{id}'"))
            .code("resource_missing")
            .param("id")
            .status(StatusCode::NOT_FOUND)
    }

    pub fn idempotency(message: impl Into<String>) -> ApiError {
        ApiError { kind: "idempotency_error", ..ApiError::invalid(message) }
    }

    pub fn unauthorized(message: impl Into<String>) -> ApiError {
        ApiError::invalid(message).status(StatusCode::UNAUTHORIZED)
    }

    /// 500, for a fault of the sandbox's own.
    pub fn broken(message: impl Into<String>) -> ApiError {
        ApiError { kind: "api_error", ..ApiError::invalid(message).status(StatusCode::INTERNAL_SERVER_ERROR) }
    }

    pub fn body(&self) -> Value {
        let mut error = json!({ "type": self.kind, "message": self.message });
        if let Some(code) = self.code {
            error["code"] = code.into();
            error["doc_url"] = format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-")).into();
        }
        if let Some(param) = &self.param {
            error["param"] = param.as_str().into();
        }
        json!({ "error": error })
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> ApiError {
        ApiError::broken(format!("the sandbox's own store failed: {error}"))
    }
}

impl From<serde_json::Error> for ApiError {
    fn from(error: serde_json::Error) -> ApiError {
        ApiError::broken(format!("the sandbox's own store holds something unreadable: {error}"))
    }
}

impl From<getrandom::Error> for ApiError {
    fn from(error: getrandom::Error) -> ApiError {
        ApiError::broken(format!("no randomness: {error}"))
    }
}
