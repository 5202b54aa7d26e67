//! Errors in Stripe's shape: `{"error":{"type","code","message","param","doc_url"}}`.
//!
//! Messages follow Stripe's, since people compare the two.

use axum::http::StatusCode;
use serde_json::{Value, json};

pub(crate) type Result<T> = std::result::Result<T, ApiError>;

/// A refusal, or a failure of the sandbox itself.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub status: StatusCode,
    pub kind: &'static str,
    pub code: Option<&'static str>,
    pub message: String,
    pub param: Option<String>,
    /// Further fields.
    pub fields: Option<Box<Value>>,
}

impl ApiError {
    /// 400 `invalid_request_error`, without a code.
    pub fn invalid(message: impl Into<String>) -> ApiError {
        let (status, kind) = (StatusCode::BAD_REQUEST, "invalid_request_error");
        ApiError { status, kind, code: None, message: message.into(), param: None, fields: None }
    }

    pub fn code(self, code: &'static str) -> ApiError {
        ApiError { code: Some(code), ..self }
    }

    pub fn param(self, param: impl Into<String>) -> ApiError {
        ApiError { param: Some(param.into()), ..self }
    }

    pub fn status(self, status: StatusCode) -> ApiError {
        ApiError { status, ..self }
    }

    pub fn missing(param: &str) -> ApiError {
        ApiError::invalid(format!("Missing required param: {param}.")).code("parameter_missing").param(param)
    }

    /// 404, for an id in the path.
    pub fn no_such(kind: &str, id: &str) -> ApiError {
        ApiError::no_such_param(kind, id, "id").status(StatusCode::NOT_FOUND)
    }

    /// 400, for an id in the parameter `param`.
    pub fn no_such_param(kind: &str, id: &str, param: &str) -> ApiError {
        ApiError::invalid(format!("No such {kind}: '{id}'")).code("resource_missing").param(param)
    }

    pub fn idempotency(message: impl Into<String>) -> ApiError {
        ApiError { kind: "idempotency_error", ..ApiError::invalid(message) }
    }

    pub fn unauthorized(message: impl Into<String>) -> ApiError {
        ApiError::invalid(message).status(StatusCode::UNAUTHORIZED)
    }

    /// 500, for a failure of the sandbox itself.
    pub fn internal(message: impl Into<String>) -> ApiError {
        ApiError { kind: "api_error", ..ApiError::invalid(message).status(StatusCode::INTERNAL_SERVER_ERROR) }
    }

    /// 402 `card_error`. `error` is that of the payment; the answer has the PaymentIntent too.
    pub fn card(mut error: Value, intent: &Value) -> ApiError {
        error["payment_intent"] = intent.clone();
        let message = error["message"].as_str().unwrap_or_default();
        let refusal = ApiError::invalid(message).status(StatusCode::PAYMENT_REQUIRED);
        ApiError { kind: "card_error", fields: Some(Box::new(error)), ..refusal }
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
        if let Some(Value::Object(fields)) = self.fields.as_deref() {
            fields.iter().for_each(|(name, value)| error[name] = value.clone());
        }
        json!({ "error": error })
    }
}

/// The store, its JSON or the random numbers failed.
impl<E: std::error::Error> From<E> for ApiError {
    fn from(error: E) -> ApiError {
        ApiError::internal(format!("the sandbox itself failed: {error}"))
    }
}

/// The error of the methods of [`crate::Sandbox`].
impl From<ApiError> for String {
    fn from(error: ApiError) -> String {
        error.message
    }
}
