//! `/v1/customers/{id}/holds` and `/v1/holds/{id}`: open, settle, release (R10).

use crate::domain::hold::TTL_SECONDS_MAX;
use crate::domain::{HoldId, HoldState};
use crate::http::request::body;
use crate::http::request::customer::customer_no;
use crate::http::request::customer::metadata;
use crate::http::request::customer::operation;
use crate::http::request::customer::quantities;
use crate::http::request::customer::source;
use crate::http::request::extract::{Id, Query};
use crate::http::request::idempotency;
use crate::http::request::idempotency::{Owner, Reply};
use crate::http::request::json;
use crate::http::request::json::{At, DrawJson, Num, SummaryJson};
use crate::http::request::paging;
use crate::http::request::problem::Problem;
use crate::http::usage::charge;
use crate::usecases::credits::holds;
use crate::usecases::credits::holds::{HoldRow, NewHold, Settle};
use crate::usecases::{App, InternalError};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub fn routes() -> Router<App> {
    Router::new()
        .route("/v1/customers/{id}/holds", get(list).post(open))
        .route("/v1/holds/{id}", get(read))
        .route("/v1/holds/{id}/settle", post(settle))
        .route("/v1/holds/{id}/release", post(release))
}

#[derive(Serialize)]
struct HoldJson {
    id: String,
    customer: String,
    credits: Num,
    draws: Vec<DrawJson>,
    state: &'static str,
    created_at: At,
    expires_at: At,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<String>,
}

#[derive(Serialize)]
struct OpenedJson {
    id: String,
    customer: String,
    credits: Num,
    draws: Vec<DrawJson>,
    state: &'static str,
    expires_at: At,
    balance: SummaryJson,
}

#[derive(Serialize)]
struct SettledJson {
    id: String,
    state: &'static str,
    credits: Num,
    released: Num,
    draws: Vec<DrawJson>,
    usage: Option<String>,
    balance: SummaryJson,
}

#[derive(Serialize)]
struct ReleasedJson {
    id: String,
    state: &'static str,
    balance: SummaryJson,
}

fn hold_json(hold: HoldRow) -> HoldJson {
    HoldJson {
        id: hold.id.to_string(),
        customer: hold.customer,
        credits: Num(hold.credits),
        draws: json::draws(&hold.draws),
        state: hold.state.name(),
        created_at: At(hold.created_at),
        expires_at: At(hold.expires_at),
        usage: hold.usage.map(|id| id.to_string()),
    }
}

async fn open(State(app): State<App>, Id(customer): Id, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let owner: Owner = (customer_no(&app, &customer).await?, customer);
    let key = idempotency::key(&headers)?;
    let mut fields = body::fields(&headers, body).await?;
    let credits = fields.credits("credits");
    let ttl_seconds =
        if fields.require("ttl_seconds") { fields.whole("ttl_seconds", 1..=TTL_SECONDS_MAX) } else { None };
    let (operation, source) = (operation(&mut fields), source(&mut fields));
    fields.finish()?;
    let canonical = serde_json::json!([credits.0, ttl_seconds, operation, source]);
    let call = idempotency::post(&owner, &key, &format!("/v1/customers/{}/holds", owner.1), &canonical);
    let (customer_no, customer) = owner;
    let new = NewHold { customer_no, credits, ttl_seconds: ttl_seconds.unwrap_or(0), operation, source };
    let reply = idempotency::run_once(&app, call, StatusCode::CREATED, "customer", move |tx| {
        Box::pin(async move {
            let held = holds::open_hold(tx, new).await?;
            Ok(held.map(|held| OpenedJson {
                id: held.id.to_string(),
                customer,
                credits: Num(credits),
                draws: json::draws(&held.draws),
                state: HoldState::Open.name(),
                expires_at: At(held.expires_at),
                balance: held.balance.into(),
            }))
        })
    });
    Ok(reply.await?.response())
}

/// The hold with an id.
async fn find(app: &App, id: &str) -> Result<HoldRow, Problem> {
    let missing = || Problem::not_found("hold");
    let id = HoldId::parse(id).ok_or_else(missing)?;
    holds::find_hold(app, id).await?.ok_or_else(missing)
}

async fn settle(State(app): State<App>, Id(id): Id, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let hold = find(&app, &id).await?;
    let key = idempotency::key(&headers)?;
    let mut fields = body::fields(&headers, body).await?;
    let settle = Settle {
        hold: hold.id,
        customer_no: hold.customer_no,
        credits: fields.credits_or_zero("credits"),
        operation: operation(&mut fields),
        quantities: quantities(&app.catalog, &mut fields),
        source: source(&mut fields),
        metadata: metadata(&mut fields),
    };
    fields.finish()?;
    let s = &settle;
    let canonical = serde_json::json!([s.credits.0, s.operation, s.quantities, s.source, s.metadata]);
    let owner = (hold.customer_no, hold.customer);
    let call = idempotency::post(&owner, &key, &format!("/v1/holds/{id}/settle"), &canonical);
    let (credits, text) = (settle.credits, hold.id.to_string());
    let reply = idempotency::run_once(&app, call, StatusCode::OK, "hold", move |tx| {
        Box::pin(async move {
            let settled = holds::settle_hold(tx, settle).await?;
            Ok(settled.map(|settled| SettledJson {
                id: text,
                state: HoldState::Settled.name(),
                credits: Num(credits),
                released: Num(settled.released),
                draws: json::draws(&settled.draws),
                usage: settled.usage.map(|id| id.to_string()),
                balance: settled.balance.into(),
            }))
        })
    });
    with_credit_headers(reply.await?)
}

/// The parts of the stored answer that the headers of a settled hold repeat.
#[derive(Deserialize)]
struct StoredAnswer<'a> {
    #[serde(borrow)]
    credits: &'a RawValue,
    #[serde(borrow)]
    draws: Vec<StoredDraw<'a>>,
    #[serde(borrow)]
    balance: StoredBalance<'a>,
}

#[derive(Deserialize)]
struct StoredDraw<'a> {
    kind: &'a str,
}

#[derive(Deserialize)]
struct StoredBalance<'a> {
    #[serde(borrow)]
    available: &'a RawValue,
}

fn with_credit_headers(reply: Reply) -> Result<Response, Problem> {
    let mut headers = HeaderMap::new();
    let stored: StoredAnswer<'_> =
        serde_json::from_str(reply.json()).map_err(|e| InternalError::Broken(e.to_string()))?;
    let source = charge::source_of(stored.draws.iter().map(|draw| draw.kind));
    charge::credit_headers(&mut headers, stored.credits.get(), stored.balance.available.get(), source);
    let mut response = reply.response();
    response.headers_mut().extend(headers);
    Ok(response)
}

async fn release(State(app): State<App>, Id(id): Id, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let hold = find(&app, &id).await?;
    let key = idempotency::key(&headers)?;
    body::fields(&headers, body).await?.finish()?;
    let owner = (hold.customer_no, hold.customer);
    let call = idempotency::post(&owner, &key, &format!("/v1/holds/{id}/release"), &serde_json::json!([]));
    let (customer_no, id) = (hold.customer_no, hold.id);
    let reply = idempotency::run_once(&app, call, StatusCode::OK, "hold", move |tx| {
        Box::pin(async move {
            let balance = holds::release_hold(tx, customer_no, id).await?;
            Ok(balance.map(|balance| ReleasedJson {
                id: id.to_string(),
                state: HoldState::Released.name(),
                balance: balance.into(),
            }))
        })
    });
    Ok(reply.await?.response())
}

async fn read(State(app): State<App>, Id(id): Id) -> Result<Response, Problem> {
    Ok(json::ok(&hold_json(find(&app, &id).await?)))
}

async fn list(State(app): State<App>, Id(customer): Id, Query(query): Query) -> Result<Response, Problem> {
    let no = customer_no(&app, &customer).await?;
    let paging = paging::paging(&query, &["state"])?;
    let states = [HoldState::Open, HoldState::Settled, HoldState::Released, HoldState::Lapsed];
    let state = match query.get("state") {
        None => None,
        Some(name) => match states.into_iter().find(|state| state.name() == name) {
            Some(state) => Some(state),
            None => return Err(Problem::query("state", "must be open, settled, released or lapsed")),
        },
    };
    let before = match &paging.cursor {
        None => None,
        Some(text) => {
            let hold = find(&app, text).await.ok().filter(|hold| hold.customer_no == no);
            Some(hold.map(|hold| (hold.created_at, hold.id)).ok_or_else(Problem::invalid_cursor)?)
        }
    };
    let mut found = holds::list_holds(&app, no, state, before, paging.limit + 1).await?;
    let next = paging::cut(&mut found, &paging).map(|hold| hold.id.to_string());
    Ok(paging::list(found.into_iter().map(hold_json).collect(), next))
}
