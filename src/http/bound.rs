//! Answers of writes that a key binds: the same status, JSON and headers, now and again.
//!
//! Free text is no part of what the key keeps, so that it can be erased; [`Reply::put`] adds it to each answer.

use crate::domain::HoldState;
use crate::http::problem::{Code, Problem};
use crate::http::{json, usage};
use crate::ledger::WriteTransaction;
use crate::store::keys;
use crate::usecases::credits::idempotency;
use crate::usecases::credits::idempotency::{Bound, Call, Refused};
use crate::usecases::{App, InternalError};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use futures::future::BoxFuture;
use serde::Serialize;

/// An answer, fresh or again.
pub struct Reply {
    status: StatusCode,
    json: String,
    replayed: bool,
}

/// Whose write: the customer's number and the SaaS's id.
pub type Owner = (i64, String);

/// The call of a `POST`: `path` as the caller sent it, `body` in its canonical form.
pub fn post(owner: &Owner, key: &str, path: &str, body: &serde_json::Value) -> Call {
    let content = keys::content_hash("POST", path, &body.to_string());
    Call { customer_no: owner.0, key: keys::hash(&owner.1, key), content }
}

/// Does a write once and answers what it made; `what` is the thing that a 404 is about.
///
/// # Errors
/// The refusals of R4, of the rules, 503.
pub async fn once<T, F>(app: &App, call: Call, status: StatusCode, what: &str, write: F) -> Result<Reply, Problem>
where
    T: Serialize + Send,
    F: for<'a> FnOnce(&'a mut WriteTransaction) -> BoxFuture<'a, Result<Result<T, Refused>, InternalError>>
        + Send
        + 'static,
{
    let made = idempotency::run_once(app, call, status.as_u16().into(), move |tx| {
        Box::pin(async move {
            match write(tx).await? {
                Ok(made) => serde_json::to_string(&made).map(Ok).map_err(|e| InternalError::Broken(e.to_string())),
                Err(refused) => Ok(Err(refused)),
            }
        })
    });
    reply(app, status, what, made.await?)
}

/// What the call's key answers already, if it does.
///
/// # Errors
/// 409, 503.
pub async fn known(app: &App, call: Call, status: StatusCode) -> Result<Option<Reply>, Problem> {
    let found = idempotency::find(app, call).await?;
    found.map(|found| reply(app, status, "customer", found)).transpose()
}

fn reply(app: &App, status: StatusCode, what: &str, bound: Bound) -> Result<Reply, Problem> {
    match bound {
        Bound::Answer { json, replayed } => Ok(Reply { status, json, replayed }),
        Bound::KeyReused => Err(usage::reused()),
        Bound::Refused(refused) => Err(refusal(app, refused, what)),
    }
}

fn refusal(app: &App, refused: Refused, what: &str) -> Problem {
    match refused {
        Refused::Closed => closed(),
        Refused::Insufficient { needed, balance, resets_at, may_buy } => {
            usage::insufficient(app, needed, balance, resets_at, may_buy)
        }
        Refused::HoldClosed(HoldState::Settled) => Problem::new(Code::HoldSettled, "the hold was settled before"),
        Refused::HoldClosed(HoldState::Released) => Problem::new(Code::HoldReleased, "the hold was released before"),
        Refused::HoldClosed(HoldState::Lapsed | HoldState::Open) => {
            Problem::new(Code::HoldLapsed, "the hold's time was over; its credits went back")
        }
        Refused::AlreadyVoided => Problem::new(Code::AlreadyVoided, format!("the {what} was voided before")),
        Refused::GrantEnded => {
            Problem::new(Code::GrantEnded, "the grant's life is over; there is nothing to take back")
        }
        Refused::GrantNotCourtesy => Problem::new(Code::GrantNotCourtesy, "only courtesy grants can be voided"),
        Refused::LimitReached(of) => {
            Problem::new(Code::LimitReached, format!("the customer has as many {of} as one customer may have"))
        }
        Refused::Past(field) => Problem::field(field, Code::InvalidValue, "must be in the future"),
        Refused::Unknown => Problem::not_found(what),
    }
}

/// 409: the customer is closed.
pub fn closed() -> Problem {
    Problem::new(Code::CustomerClosed, "the customer is closed; nothing is written any more")
}

impl Reply {
    /// The JSON as it stands.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Adds a field to the object that is answered.
    pub fn put(mut self, name: &str, value: Option<&str>) -> Self {
        let field = serde_json::json!({ name: value }).to_string();
        if let (Some(rest), Some(field)) = (self.json.strip_suffix('}'), field.strip_prefix('{')) {
            self.json = format!("{rest},{field}");
        }
        self
    }

    /// The answer itself.
    pub fn response(self) -> Response {
        let mut response = json::text(self.status, self.json);
        if self.replayed {
            response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
        }
        response
    }
}
