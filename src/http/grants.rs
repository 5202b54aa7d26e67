//! `/v1/customers/{id}/grants` and `POST /v1/grants/{id}/void`: the list of grants, and courtesy credits.

use crate::domain::time::from_millis;
use crate::domain::{Grant, GrantId, GrantState, Kind};
use crate::http::request::body;
use crate::http::request::code::Code;
use crate::http::request::customer::customer_no;
use crate::http::request::customer::reason;
use crate::http::request::extract::{Id, Query};
use crate::http::request::idempotency;
use crate::http::request::idempotency::Owner;
use crate::http::request::json::{At, Num, SummaryJson};
use crate::http::request::paging;
use crate::http::request::problem::Problem;
use crate::usecases::App;
use crate::usecases::credits::courtesy::{Granted, NewCourtesy};
use crate::usecases::credits::{accounts, courtesy};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use serde::Serialize;

pub fn routes() -> Router<App> {
    Router::new().route("/v1/customers/{id}/grants", get(list).post(give)).route("/v1/grants/{id}/void", post(void))
}

/// A grant.
#[derive(Serialize)]
struct GrantJson {
    id: String,
    kind: &'static str,
    amount: Num,
    remaining: Num,
    held: Num,
    frozen: Num,
    state: &'static str,
    effective_at: At,
    expires_at: At,
}

impl GrantJson {
    fn new(grant: &Grant, state: GrantState) -> Self {
        Self {
            id: grant.id.to_string(),
            kind: grant.kind.name(),
            amount: Num(grant.amount),
            remaining: Num(grant.remaining()),
            held: Num(grant.held),
            frozen: Num(grant.frozen),
            state: state.name(),
            effective_at: At(grant.effective_at),
            expires_at: At(grant.expires_at),
        }
    }
}

/// A grant in the balance and in the list.
#[derive(Serialize)]
pub struct ListedGrantJson {
    #[serde(flatten)]
    grant: GrantJson,
    purchase: Option<String>,
}

impl ListedGrantJson {
    pub fn new(grant: &Grant, state: GrantState) -> Self {
        let purchase = grant.purchase.filter(|_| grant.kind == Kind::TopUp).map(|id| id.to_string());
        Self { grant: GrantJson::new(grant, state), purchase }
    }
}

/// A grant after a write. `reason` is added to the answer.
#[derive(Serialize)]
struct GrantedJson {
    #[serde(flatten)]
    grant: GrantJson,
    balance: SummaryJson,
}

fn granted_json(granted: Granted) -> GrantedJson {
    let state = granted.grant.state(granted.at, false);
    GrantedJson { grant: GrantJson::new(&granted.grant, state), balance: granted.balance.into() }
}

async fn give(State(app): State<App>, Id(customer): Id, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let owner: Owner = (customer_no(&app, &customer).await?, customer);
    let key = idempotency::key(&headers)?;
    let mut fields = body::fields(&headers, body).await?;
    let credits = fields.credits("credits");
    let expires_at = if fields.require("expires_at") { fields.instant("expires_at") } else { None };
    let reason = reason(&mut fields);
    fields.finish()?;
    let expires_at = expires_at.unwrap_or_else(|| from_millis(0));
    let canonical = serde_json::json!([credits.0, expires_at.timestamp_millis(), reason]);
    let call = idempotency::post(&owner, &key, &format!("/v1/customers/{}/grants", owner.1), &canonical);
    let new = NewCourtesy { customer_no: owner.0, credits, expires_at, reason: reason.clone() };
    // `expires_at` is checked against the clock only after the key: a repeat years later must get the stored answer.
    let reply = idempotency::run_once(&app, call, StatusCode::CREATED, "customer", move |tx| {
        Box::pin(async move { Ok(courtesy::give_courtesy(tx, new).await?.map(granted_json)) })
    });
    let reply = reply.await.map_err(|problem| {
        // With another body, the wrong value is reported before the reused key.
        let past = problem.is(Code::IdempotencyKeyReused) && expires_at <= app.clock.now();
        if past { Problem::field("expires_at", Code::InvalidValue, "must be in the future") } else { problem }
    })?;
    Ok(reply.with_field("reason", Some(&reason)).response())
}

async fn void(State(app): State<App>, Id(id): Id, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let missing = || Problem::not_found("grant");
    let grant = GrantId::parse(&id).ok_or_else(missing)?;
    let owner = courtesy::grant_owner(&app, grant).await?.ok_or_else(missing)?;
    let key = idempotency::key(&headers)?;
    let mut fields = body::fields(&headers, body).await?;
    let reason = reason(&mut fields);
    fields.finish()?;
    let call = idempotency::post(&owner, &key, &format!("/v1/grants/{id}/void"), &serde_json::json!([reason]));
    let reply = idempotency::run_once(&app, call, StatusCode::OK, "grant", move |tx| {
        Box::pin(async move { Ok(courtesy::void_courtesy(tx, owner.0, grant, &reason).await?.map(granted_json)) })
    });
    let reply = reply.await?;
    let given = courtesy::courtesy_reason(&app, grant).await?;
    Ok(reply.with_field("reason", given.as_deref()).response())
}

async fn list(State(app): State<App>, Id(id): Id, Query(query): Query) -> Result<Response, Problem> {
    let no = customer_no(&app, &id).await?;
    let paging = paging::paging(&query, &[])?;
    let before = paging.number(i64::MAX)?;
    let mut found = accounts::list_grants(&app, no, None, before, paging.limit + 1).await?;
    let next = paging::cut(&mut found, &paging).map(|row| paging::cursor(row.no));
    Ok(paging::list(found.iter().map(|row| ListedGrantJson::new(&row.grant, row.state)).collect(), next))
}
