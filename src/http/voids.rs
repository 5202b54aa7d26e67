//! `POST /v1/usage/{id}/void`: a usage is undone (R11).

use crate::domain::UsageId;
use crate::http::body::Fields;
use crate::http::json::{At, DrawJson, Num, SummaryJson};
use crate::http::located::Id;
use crate::http::problem::Problem;
use crate::http::{bound, call, json};
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

/// The longest reason, in characters.
const REASON_MAX: usize = 200;

/// Routes.
pub fn routes() -> Router<App> {
    Router::new().route("/v1/usage/{id}/void", post(void))
}

/// Why something is done.
pub fn reason(fields: &mut Fields) -> String {
    fields.required_line("reason", REASON_MAX)
}

/// A usage right after it was undone; its source is added to the answer.
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
    let found = usages::find(&app, usage).await?.ok_or_else(missing)?;
    let key = call::idempotency_key(&headers)?;
    let mut fields = call::fields(&headers, body).await?;
    let reason = reason(&mut fields);
    fields.finish()?;
    let owner = (found.customer_no, found.customer);
    let call = bound::post(&owner, &key, &format!("/v1/usage/{id}/void"), &serde_json::json!([reason]));
    let reply = bound::once(&app, call, StatusCode::OK, "usage", move |tx| {
        Box::pin(async move { Ok(voids::usage(tx, usage, &reason).await?.map(voided_json)) })
    });
    Ok(reply.await?.put("source", found.source.as_deref()).response())
}
