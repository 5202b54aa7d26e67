//! HTTP below `/v1`: keys, idempotency, faults, headers.
//!
//! Invariants: a request is one transaction, so a refusal changes nothing, unless it is a card's; it runs to its end even if the caller hangs
//! up; every answer has a `Request-Id`.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::call::Call;
use super::{auth, dispatch, lists};
use crate::error::{ApiError, Result};
use crate::faults::ApiFault;
use crate::objects;
use crate::params::form::{self, Branch};
use crate::sandbox::Sandbox;

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const VERSION: HeaderName = HeaderName::from_static("stripe-version");

struct Answer {
    status: StatusCode,
    body: String,
    replayed: bool,
}

impl From<ApiError> for Answer {
    fn from(error: ApiError) -> Answer {
        Answer { status: error.status, body: error.body().to_string(), replayed: false }
    }
}

/// Answers every request below `/v1`.
pub(crate) async fn serve(
    State(sandbox): State<Sandbox>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fault = sandbox.faults().api(uri.path());
    match &fault {
        ApiFault::Down => return break_off(),
        ApiFault::Status(status) => return respond(&request_id(), fault_error(*status).into(), None),
        ApiFault::None | ApiFault::Slow(_) => {}
    }
    // In a task of its own, because a handler ends when its caller hangs up.
    let task = tokio::spawn(async move { handle(&sandbox, &method, &uri, &headers, &body).await });
    let failed = |_| respond("", ApiError::internal("The sandbox failed on this request.").into(), None);
    let response = task.await.unwrap_or_else(failed);
    if let ApiFault::Slow(delay) = fault {
        tokio::time::sleep(delay).await;
    }
    response
}

async fn handle(sandbox: &Sandbox, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Response {
    let request_id = request_id();
    let key = headers.get(IDEMPOTENCY_KEY).and_then(|key| key.to_str().ok()).filter(|_| method == Method::POST);
    let result = async {
        auth::check(headers.get(AUTHORIZATION), &sandbox.settings().secret_key)?;
        let params = params(method, uri, headers, body)?;
        answer(sandbox, method, uri.path(), params, &request_id, key).await
    };
    let answer = result.await.unwrap_or_else(Answer::from);
    sandbox.wake();
    respond(&request_id, answer, key)
}

fn params(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Result<Branch> {
    if method != Method::POST {
        return form::parse(uri.query().unwrap_or_default().as_bytes());
    }
    if !body.is_empty() && !is_form(headers) {
        let message = "Invalid request (check that your POST content type is application/x-www-form-urlencoded).";
        return Err(ApiError::invalid(message));
    }
    form::parse(body)
}

async fn answer(
    sandbox: &Sandbox,
    method: &Method,
    path: &str,
    params: Branch,
    request_id: &str,
    key: Option<&str>,
) -> Result<Answer> {
    if key.is_some_and(|key| key.is_empty() || key.len() > 255) {
        return Err(ApiError::idempotency("Idempotency keys have 1 to 255 characters."));
    }
    let request = content_hash(path, &params)?;
    let mut tx = sandbox.begin().await?;
    if let Some(key) = key
        && let Some((stored, status, body)) = tx.stored_answer(key).await?
    {
        return if stored == request {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
            Ok(Answer { status, body, replayed: true })
        } else {
            Err(ApiError::idempotency(format!(
                "Keys for idempotent requests can only be used with the same parameters they were first used with. Try \
                 using a key other than '{key}' if you meant to execute a different request."
            )))
        };
    }
    let (domain, request_id) = (sandbox.faults().custom_domain(), request_id.to_owned());
    let mut call = Call { tx, params, domain, request_id, idempotency_key: key.map(str::to_owned), declined: None };
    let mut object = objects::public(dispatch::dispatch(&mut call, method, path).await?);
    let (status, body) = match call.declined.take() {
        Some(refusal) => (refusal.status, refusal.body().to_string()),
        None => {
            lists::expand(&mut call, &mut object).await?;
            (StatusCode::OK, object.to_string())
        }
    };
    if let Some(key) = key {
        // As at Stripe, no other refusal is kept: the request may be corrected and repeated.
        call.tx.store_answer(key, &request, status.as_u16(), &body).await?;
    }
    call.tx.commit().await?;
    Ok(Answer { status, body, replayed: false })
}

fn request_id() -> String {
    objects::new_id("req_", 14).unwrap_or_default()
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// A hash of the request. The order of parameters does not matter.
fn content_hash(path: &str, params: &Branch) -> Result<String> {
    Ok(hex::encode(Sha256::digest(serde_json::to_string(&(path, params))?)))
}

fn fault_error(status: u16) -> ApiError {
    let code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let error = ApiError::invalid("The sandbox was told to answer so.").status(code);
    match status {
        429 => error.code("rate_limit"),
        409 => error.code("idempotency_key_in_use"),
        500.. => ApiError { kind: "api_error", ..error },
        _ => error,
    }
}

/// Sends a head and then ends the connection, which is as close as a handler comes to a server that is down.
fn break_off() -> Response {
    let gone = futures::stream::once(async { Err::<Bytes, _>(std::io::Error::other("the sandbox is down")) });
    Response::new(Body::from_stream(gone))
}

fn respond(request_id: &str, answer: Answer, key: Option<&str>) -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (VERSION, objects::API_VERSION), (REQUEST_ID, request_id)];
    let key = key.map(|key| [(IDEMPOTENCY_KEY, key)]);
    let replayed = answer.replayed.then_some([(REPLAYED, "true")]);
    let unauthorized = answer.status == StatusCode::UNAUTHORIZED;
    let realm = unauthorized.then_some([(WWW_AUTHENTICATE, "Bearer realm=\"Stripe\"")]);
    (answer.status, headers, key, replayed, realm, answer.body).into_response()
}
