//! `/v1`: who calls, what is asked, under which idempotency key.
//!
//! Invariants: a request is one transaction, so that a refusal changes nothing; it runs to its end even
//! if the caller has hung up; every answer carries a `Request-Id`.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::SqliteConnection;

use super::error::ApiError;
use super::faults::ApiFault;
use super::form::{self, Branch};
use super::{
    Sandbox, aftermath, auth, customers, endpoints, events, invoices, lists, objects, params, payments, portal, schema,
    sessions, store, subscriptions,
};

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const VERSION: HeaderName = HeaderName::from_static("stripe-version");

/// One call, inside its transaction.
pub(super) struct Call<'a> {
    pub conn: &'a mut SqliteConnection,
    pub params: Branch,
    /// By the product's clock, in seconds.
    pub now: i64,
    /// Where the pay page is.
    pub base: &'a str,
    /// Where Checkouts and portals are shown, if at a domain of the shop's own.
    pub domain: Option<&'a str>,
    /// Whether its events are lost.
    pub lost: bool,
    request_id: &'a str,
    key: Option<&'a str>,
}

impl Call<'_> {
    /// Where a Checkout is paid.
    pub fn checkout_url(&self, session: &str) -> String {
        match self.domain {
            Some(domain) => format!("{domain}/c/pay/{session}"),
            None => format!("{}/pay/{session}", self.base),
        }
    }

    /// Where a portal is.
    pub fn portal_url(&self, session: &str) -> String {
        match self.domain {
            Some(domain) => format!("{domain}/p/session/{session}"),
            None => format!("{}/portal/{session}", self.base),
        }
    }

    /// The `request` of the events that this call causes.
    pub fn request(&self) -> Value {
        json!({ "id": self.request_id, "idempotency_key": self.key })
    }
}

/// What a request is answered with.
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

/// Every request below `/v1`.
pub(super) async fn serve(
    State(sandbox): State<Sandbox>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fault = sandbox.faults().api(uri.path());
    match &fault {
        ApiFault::Down => return broken_off(),
        ApiFault::Status(status) => {
            let (request_id, error) = (objects::id("req_", 14).unwrap_or_default(), fault_error(*status));
            return respond(&request_id, error.into(), None);
        }
        ApiFault::None | ApiFault::Slow(_) => {}
    }
    // In a task of its own, since a handler ends where its caller hangs up.
    let task = tokio::spawn(async move { handle(&sandbox, &method, &uri, &headers, &body).await });
    let response = task
        .await
        .unwrap_or_else(|_| respond("", ApiError::broken("The sandbox failed on this request.").into(), None));
    if let ApiFault::Slow(delay) = fault {
        tokio::time::sleep(delay).await;
    }
    response
}

async fn handle(sandbox: &Sandbox, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Response {
    let request_id = objects::id("req_", 14).unwrap_or_default();
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).filter(|_| method == Method::POST);
    let result = match auth::check(headers.get(AUTHORIZATION), &sandbox.settings().secret_key) {
        Ok(()) => answer(sandbox, method, uri, headers, body, &request_id, key).await,
        Err(error) => Err(error),
    };
    let answer = result.unwrap_or_else(Answer::from);
    sandbox.wake();
    respond(&request_id, answer, key)
}

async fn answer(
    sandbox: &Sandbox,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
    request_id: &str,
    key: Option<&str>,
) -> Result<Answer, ApiError> {
    let posted = method == Method::POST;
    if posted && !body.is_empty() && !is_form(headers) {
        let message = "Invalid request (check that your POST content type is application/x-www-form-urlencoded).";
        return Err(ApiError::invalid(message));
    }
    if key.is_some_and(|key| key.is_empty() || key.len() > 255) {
        return Err(ApiError::idempotency("Idempotency keys have 1 to 255 characters."));
    }
    let params = form::parse(if posted { body } else { uri.query().unwrap_or_default().as_bytes() })?;
    let request = fingerprint(uri.path(), &params)?;
    let settings = sandbox.settings();
    let mut transaction = sandbox.pool().begin().await?;
    let bound = match key {
        Some(key) => store::recall(&mut transaction, key, (settings.now)()).await?,
        None => None,
    };
    if let Some((bound, status, body)) = bound {
        return if bound == request { Ok(Answer { status, body, replayed: true }) } else { Err(reused(key)) };
    }
    let domain = sandbox.faults().custom_domain();
    let mut call = Call {
        conn: &mut transaction,
        params,
        now: (settings.now)(),
        base: &settings.public_base,
        domain: domain.as_deref(),
        lost: sandbox.faults().webhooks_lost(),
        request_id,
        key,
    };
    let now = call.now;
    let mut object = objects::public(dispatch(&mut call, method, uri).await?);
    let paths = expansions(&call.params);
    for path in paths {
        lists::expand(call.conn, &mut object, &path).await?;
    }
    let body = object.to_string();
    if let Some(key) = key {
        // Bound by success only, as at Stripe: a refused request may be mended and sent again.
        store::remember(&mut transaction, key, &request, &body, now).await?;
    }
    transaction.commit().await?;
    Ok(Answer { status: StatusCode::OK, body, replayed: false })
}

async fn dispatch(call: &mut Call<'_>, method: &Method, uri: &Uri) -> Result<Value, ApiError> {
    let path: Vec<_> = uri.path().trim_start_matches("/v1/").trim_end_matches('/').split('/').collect();
    match (method.as_str(), path.as_slice()) {
        ("POST", ["customers"]) => customers::create(call).await,
        ("POST", ["customers", id]) => customers::update(call, id).await,
        ("DELETE", ["customers", id]) => customers::delete(call, id).await,
        ("GET", ["customers", id]) => payments::retrieve(call, "customer", id).await,
        ("POST", ["checkout", "sessions"]) => sessions::create(call).await,
        ("GET", ["checkout", "sessions"]) => lists::sessions(call).await,
        ("GET", ["checkout", "sessions", id]) => sessions::retrieve(call, id).await,
        ("POST", ["checkout", "sessions", id, "expire"]) => sessions::expire(call, id).await,
        ("GET", ["payment_intents", id]) => payments::retrieve(call, "payment_intent", id).await,
        ("GET", ["charges", id]) => payments::retrieve(call, "charge", id).await,
        ("POST", ["refunds"]) => aftermath::create_refund(call).await,
        ("GET", ["refunds"]) => aftermath::list(call, "refund").await,
        ("GET", ["refunds", id]) => payments::retrieve(call, "refund", id).await,
        ("GET", ["disputes"]) => aftermath::list(call, "dispute").await,
        ("GET", ["disputes", id]) => payments::retrieve(call, "dispute", id).await,
        ("POST", ["disputes", id]) => aftermath::update_dispute(call, id).await,
        ("POST", ["disputes", id, "close"]) => aftermath::close_dispute(call, id).await,
        ("GET", ["invoices", id]) => payments::retrieve(call, "invoice", id).await,
        ("POST", ["webhook_endpoints"]) => endpoints::create(call).await,
        ("POST", ["webhook_endpoints", id]) => endpoints::update(call, id).await,
        ("GET", ["webhook_endpoints"]) => endpoints::list(call).await,
        ("GET", ["webhook_endpoints", id]) => payments::retrieve(call, "webhook_endpoint", id).await,
        ("GET", ["customers"]) => customers::list(call).await,
        ("GET", ["charges"]) => lists::plain(call, "charge").await,
        ("GET", ["invoices"]) => invoices::list(call).await,
        ("GET", ["prices", id]) => payments::retrieve(call, "price", id).await,
        ("GET", ["subscriptions"]) => subscriptions::list(call).await,
        ("GET", ["subscriptions", id]) => subscriptions::retrieve(call, id).await,
        ("POST", ["subscriptions", id]) => subscriptions::update(call, id).await,
        ("DELETE", ["subscriptions", id]) => subscriptions::cancel(call, id).await,
        ("POST", ["billing_portal", "sessions"]) => portal::create(call).await,
        ("GET", ["events"]) => events::list(call).await,
        ("GET", ["events", id]) => events::retrieve(call, id).await,
        _ => Err(ApiError::invalid(format!(
            "Unrecognized request URL ({method}: {}). The sandbox speaks a part of Stripe's API only.",
            uri.path()
        ))
        .status(StatusCode::NOT_FOUND)),
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// What an idempotency key is bound to: the order of parameters does not matter.
fn fingerprint(path: &str, params: &Branch) -> Result<String, ApiError> {
    let text = serde_json::to_string(&(path, params))?;
    Ok(hex::encode(Sha256::digest(text.as_bytes())))
}

fn reused(key: Option<&str>) -> ApiError {
    ApiError::idempotency(format!(
        "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a \
         key other than '{}' if you meant to execute a different request.",
        key.unwrap_or_default()
    ))
}

fn expansions(params: &Branch) -> Vec<String> {
    let only = Branch::from_iter(params.get("expand").map(|paths| ("expand".to_owned(), paths.clone())));
    // The endpoint has checked them already; a list that holds anything else never comes here.
    let checked = schema::check(params::ONE, &only).unwrap_or_default();
    let paths = checked.get("expand").and_then(Value::as_array).cloned().unwrap_or_default();
    paths.iter().filter_map(Value::as_str).map(str::to_owned).collect()
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

/// A head, and then the connection ends: the nearest that a handler comes to a server that is gone.
fn broken_off() -> Response {
    let gone = futures::stream::once(async { Err::<Bytes, _>(std::io::Error::other("the sandbox is down")) });
    Response::new(Body::from_stream(gone))
}

fn respond(request_id: &str, answer: Answer, key: Option<&str>) -> Response {
    let json = HeaderValue::from_static("application/json");
    let mut response = (answer.status, [(CONTENT_TYPE, json)], answer.body).into_response();
    let headers = response.headers_mut();
    headers.insert(VERSION, HeaderValue::from_static(objects::API_VERSION));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("request-id", id);
    }
    if let Some(Ok(key)) = key.map(HeaderValue::from_str) {
        headers.insert("idempotency-key", key);
    }
    if answer.replayed {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    if answer.status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"Stripe\""));
    }
    response
}
