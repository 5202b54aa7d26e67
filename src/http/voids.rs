//! `POST /v1/usage/{id}/void`: a usage is undone (R11).

use super::body::Fields;
use super::json::{self, At, DrawJson, Num, SummaryJson};
use super::located::Id;
use super::problem::Problem;
use super::{bound, call};
use crate::domain::UsageId;
use crate::usecases::voids::{self, Voided};
use crate::usecases::{Services, usages};
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
pub fn routes() -> Router<Services> {
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

async fn void(
    State(services): State<Services>,
    Id(id): Id,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let missing = || Problem::not_found("usage");
    let usage = UsageId::parse(&id).ok_or_else(missing)?;
    let found = usages::find(&services, usage).await?.ok_or_else(missing)?;
    let key = call::idempotency_key(&headers)?;
    let mut fields = call::fields(&headers, body).await?;
    let reason = reason(&mut fields);
    fields.finish()?;
    let owner = (found.customer_no, found.customer);
    let call = bound::post(&owner, &key, &format!("/v1/usage/{id}/void"), &serde_json::json!([reason]));
    let reply = bound::once(&services, call, StatusCode::OK, "usage", move |turn| {
        Box::pin(async move { Ok(voids::usage(turn, usage, &reason).await?.map(voided_json)) })
    });
    Ok(reply.await?.put("source", found.source.as_deref()).response())
}
