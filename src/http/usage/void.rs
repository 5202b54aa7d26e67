//! `POST /v1/usage/{id}/void`: returns a usage to the grants that it drew from (R11).

use crate::domain::UsageId;
use crate::http::request::body;
use crate::http::request::customer::reason;
use crate::http::request::extract::Id;
use crate::http::request::idempotency;
use crate::http::request::json;
use crate::http::request::json::{At, DrawJson, Num, SummaryJson};
use crate::http::request::problem::Problem;
use crate::usecases::App;
use crate::usecases::credits::voids::Voided;
use crate::usecases::credits::{usages, voids};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::post;
use serde::Serialize;

pub fn routes() -> Router<App> {
    Router::new().route("/v1/usage/{id}/void", post(void))
}

/// A voided usage. `source` is added to the answer.
#[derive(Serialize)]
struct VoidedJson {
    id: String,
    customer: String,
    credits: Num,
    operation: Option<String>,
    draws: Vec<DrawJson>,
    created_at: At,
    voided_at: At,
    balance: SummaryJson,
}

fn voided_json(voided: Voided) -> VoidedJson {
    let usage = voided.usage;
    VoidedJson {
        id: usage.id.to_string(),
        customer: usage.customer,
        credits: Num(usage.credits),
        operation: usage.operation,
        draws: json::draws(&usage.draws),
        created_at: At(usage.created_at),
        voided_at: At(voided.at),
        balance: voided.balance.into(),
    }
}

async fn void(State(app): State<App>, Id(id): Id, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let missing = || Problem::not_found("usage");
    let usage = UsageId::parse(&id).ok_or_else(missing)?;
    let found = usages::find_usage(&app, usage).await?.ok_or_else(missing)?;
    let key = idempotency::key(&headers)?;
    let mut fields = body::fields(&headers, body).await?;
    let reason = reason(&mut fields);
    fields.finish()?;
    let owner = (found.customer_no, found.customer);
    let call = idempotency::post(&owner, &key, &format!("/v1/usage/{id}/void"), &serde_json::json!([reason]));
    let reply = idempotency::run_once(&app, call, StatusCode::OK, "usage", move |tx| {
        Box::pin(async move { Ok(voids::void_customer_usage(tx, usage, &reason).await?.map(voided_json)) })
    });
    Ok(reply.await?.with_field("source", found.source.as_deref()).response())
}
