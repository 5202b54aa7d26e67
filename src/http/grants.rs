//! `POST /v1/customers/{id}/grants` and `POST /v1/grants/{id}/void`: courtesy credits.

use crate::domain::GrantId;
use crate::domain::time::from_millis;
use crate::http::bound::Owner;
use crate::http::json::{At, Num, SummaryJson};
use crate::http::located::Id;
use crate::http::problem::{Code, Problem};
use crate::http::{bound, call, voids};
use crate::usecases::App;
use crate::usecases::credits::courtesy;
use crate::usecases::credits::courtesy::{Granted, NewCourtesy};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::post;
use serde::Serialize;

/// Routes.
pub fn routes() -> Router<App> {
    Router::new().route("/v1/customers/{id}/grants", post(give)).route("/v1/grants/{id}/void", post(void))
}

/// A grant right after a write. Why it was given is added to the answer.
#[derive(Serialize)]
struct GrantedJson {
    id: String,
    kind: &'static str,
    amount: Num,
    remaining: Num,
    held: Num,
    frozen: Num,
    state: &'static str,
    effective_at: At,
    expires_at: At,
    balance: SummaryJson,
}

fn granted_json(granted: Granted) -> GrantedJson {
    let grant = &granted.grant;
    GrantedJson {
        id: grant.id.to_string(),
        kind: grant.kind.name(),
        amount: Num(grant.amount),
        remaining: Num(grant.remaining()),
        held: Num(grant.held),
        frozen: Num(grant.frozen),
        state: grant.state(granted.at, false).name(),
        effective_at: At(grant.effective_at),
        expires_at: At(grant.expires_at),
        balance: granted.balance.into(),
    }
}

async fn give(State(app): State<App>, Id(customer): Id, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let owner: Owner = (call::customer_no(&app, &customer).await?, customer);
    let key = call::idempotency_key(&headers)?;
    let mut fields = call::fields(&headers, body).await?;
    let credits = fields.credits("credits");
    let expires_at = if fields.needs("expires_at") { fields.instant("expires_at") } else { None };
    let reason = voids::reason(&mut fields);
    fields.finish()?;
    let expires_at = expires_at.unwrap_or_else(|| from_millis(0));
    let canonical = serde_json::json!([credits.0, expires_at.timestamp_millis(), reason]);
    let call = bound::post(&owner, &key, &format!("/v1/customers/{}/grants", owner.1), &canonical);
    let new = NewCourtesy { customer_no: owner.0, credits, expires_at, reason: reason.clone() };
    // Whether the instant is in the future is found out behind the key: a repeat years later is answered all the same.
    let reply = bound::once(&app, call, StatusCode::CREATED, "customer", move |tx| {
        Box::pin(async move { Ok(courtesy::give(tx, new).await?.map(granted_json)) })
    });
    let reply = reply.await.map_err(|problem| {
        // With another body the key says nothing about this one, and a wrong value goes first.
        let past = problem.is(Code::IdempotencyKeyReused) && expires_at <= app.clock.now();
        if past { Problem::field("expires_at", Code::InvalidValue, "must be in the future") } else { problem }
    })?;
    Ok(reply.put("reason", Some(&reason)).response())
}

async fn void(State(app): State<App>, Id(id): Id, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let missing = || Problem::not_found("grant");
    let grant = GrantId::parse(&id).ok_or_else(missing)?;
    let owner = courtesy::owner(&app, grant).await?.ok_or_else(missing)?;
    let key = call::idempotency_key(&headers)?;
    let mut fields = call::fields(&headers, body).await?;
    let reason = voids::reason(&mut fields);
    fields.finish()?;
    let call = bound::post(&owner, &key, &format!("/v1/grants/{id}/void"), &serde_json::json!([reason]));
    let reply = bound::once(&app, call, StatusCode::OK, "grant", move |tx| {
        Box::pin(async move { Ok(courtesy::void(tx, owner.0, grant, &reason).await?.map(granted_json)) })
    });
    let reply = reply.await?;
    let given = courtesy::reason(&app, grant).await?;
    Ok(reply.put("reason", given.as_deref()).response())
}
