//! Writes with an idempotency key: a repeat has the same status, JSON and headers (R4).
//!
//! The stored answer has no free text, so that text can be erased; [`Reply::with_field`] adds it to each answer.

use crate::http::request::code::Code;
use crate::http::request::json;
use crate::http::request::problem::Problem;
use crate::http::request::refusal::refusal;
use crate::ledger::WriteTransaction;
use crate::store::idempotency_keys;
use crate::usecases::credits::idempotency;
use crate::usecases::credits::idempotency::{Bound, Call, Refused};
use crate::usecases::{App, InternalError};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use futures::future::BoxFuture;
use serde::Serialize;

/// The `Idempotency-Key` header.
///
/// # Errors
/// 400 if it is absent or malformed.
pub fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let mut keys = headers.get_all("idempotency-key").iter();
    let Some(key) = keys.next() else {
        return Err(Problem::new(Code::IdempotencyKeyMissing, "Send an Idempotency-Key header, unique for each write"));
    };
    let bytes = key.as_bytes();
    match (is_valid_key(bytes) && keys.next().is_none(), std::str::from_utf8(bytes)) {
        (true, Ok(key)) => Ok(key.to_owned()),
        _ => Err(Problem::new(Code::InvalidHeader, "Send one Idempotency-Key of 1 to 255 visible ASCII characters")),
    }
}

pub fn is_valid_key(bytes: &[u8]) -> bool {
    (1..=255).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
}

/// The answer of a write, new or replayed.
pub struct Reply {
    status: StatusCode,
    json: String,
    replayed: bool,
}

/// The customer's number, and its id at the SaaS.
pub type Owner = (i64, String);

/// A `POST` that a key identifies: `path` as the caller sent it, `body` in its canonical form.
pub fn post(owner: &Owner, key: &str, path: &str, body: &serde_json::Value) -> Call {
    let content = idempotency_keys::content_hash("POST", path, &body.to_string());
    Call { customer_no: owner.0, key: idempotency_keys::idempotency_key_hash(&owner.1, key), content }
}

/// Runs a write once and answers with its result; `resource` is the thing that a 404 speaks of.
///
/// # Errors
/// 402, 404, 409, 503.
pub async fn run_once<T, F>(
    app: &App,
    call: Call,
    status: StatusCode,
    resource: &str,
    write: F,
) -> Result<Reply, Problem>
where
    T: Serialize + Send,
    F: for<'a> FnOnce(&'a mut WriteTransaction) -> BoxFuture<'a, Result<Result<T, Refused>, InternalError>>
        + Send
        + 'static,
{
    let bound = idempotency::run_once(app, call, status.as_u16().into(), move |tx| {
        Box::pin(async move {
            match write(tx).await? {
                Ok(value) => serde_json::to_string(&value).map(Ok).map_err(|e| InternalError::Broken(e.to_string())),
                Err(refused) => Ok(Err(refused)),
            }
        })
    });
    reply(app, status, resource, bound.await?)
}

/// The stored answer of a key.
///
/// # Errors
/// 409, 503.
pub async fn stored_reply(app: &App, call: Call, status: StatusCode) -> Result<Option<Reply>, Problem> {
    let found = idempotency::find_answer(app, call).await?;
    found.map(|found| reply(app, status, "customer", found)).transpose()
}

fn reply(app: &App, status: StatusCode, resource: &str, bound: Bound) -> Result<Reply, Problem> {
    match bound {
        Bound::Answer { json, replayed } => Ok(Reply { status, json, replayed }),
        Bound::KeyReused => Err(Problem::key_reused()),
        Bound::Refused(refused) => Err(refusal(app, refused, resource)),
    }
}

impl Reply {
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Adds a field to the JSON object.
    pub fn with_field(mut self, name: &str, value: Option<&str>) -> Self {
        let field = serde_json::json!({ name: value }).to_string();
        if let (Some(rest), Some(field)) = (self.json.strip_suffix('}'), field.strip_prefix('{')) {
            self.json = format!("{rest},{field}");
        }
        self
    }

    /// The HTTP response.
    pub fn response(self) -> Response {
        let mut response = json::text(self.status, self.json);
        if self.replayed {
            response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
        }
        response
    }
}
