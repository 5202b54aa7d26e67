//! `/v1/customers/{id}/balance`.

use crate::domain::Balance;
use crate::http::customers::{NextPlanJson, plan_name};
use crate::http::grants::ListedGrantJson;
use crate::http::request::customer::is_customer_id;
use crate::http::request::extract::Id;
use crate::http::request::json;
use crate::http::request::json::{At, Num};
use crate::http::request::problem::Problem;
use crate::usecases::App;
use crate::usecases::credits::accounts;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;

pub fn routes() -> Router<App> {
    Router::new().route("/v1/customers/{id}/balance", get(balance))
}

#[derive(Serialize)]
struct BalanceJson {
    as_of: At,
    available: Num,
    held: Num,
    plan: PlanBalanceJson,
    courtesy: CourtesyJson,
    top_up: TopUpJson,
    grants: Vec<ListedGrantJson>,
}

#[derive(Serialize)]
struct PlanBalanceJson {
    id: String,
    name: String,
    allowance: Num,
    used: Num,
    held: Num,
    remaining: Num,
    resets_at: At,
    next: Option<NextPlanJson>,
}

#[derive(Serialize)]
struct CourtesyJson {
    remaining: Num,
    held: Num,
}

#[derive(Serialize)]
struct TopUpJson {
    remaining: Num,
    held: Num,
    frozen: Num,
    paused: Num,
    next_expiry: Option<ExpiryJson>,
}

#[derive(Serialize)]
struct ExpiryJson {
    at: At,
    credits: Num,
}

async fn balance(State(app): State<App>, Id(id): Id) -> Result<Response, Problem> {
    if !is_customer_id(&id) {
        return Err(Problem::not_found("customer"));
    }
    let balance = accounts::customer_balance(&app, &id).await?.ok_or_else(|| Problem::not_found("customer"))?;
    Ok(json::ok(&balance_json(&app, balance)))
}

fn balance_json(app: &App, b: Balance) -> BalanceJson {
    let next_expiry = b.next_expiry.map(|(at, credits)| ExpiryJson { at: At(at), credits: Num(credits) });
    BalanceJson {
        as_of: At(b.as_of),
        available: Num(b.available),
        held: Num(b.held),
        plan: PlanBalanceJson {
            name: plan_name(app, &b.plan_id),
            id: b.plan_id,
            allowance: Num(b.plan.allowance),
            used: Num(b.plan.used),
            held: Num(b.plan.held),
            remaining: Num(b.plan.remaining),
            resets_at: At(b.cycle.end),
            next: b.next_plan.map(|id| NextPlanJson::new(id, b.cycle.end)),
        },
        courtesy: CourtesyJson { remaining: Num(b.courtesy.remaining), held: Num(b.courtesy.held) },
        top_up: TopUpJson {
            remaining: Num(b.top_up.remaining),
            held: Num(b.top_up.held),
            frozen: Num(b.top_up.frozen),
            paused: Num(b.top_up.paused),
            next_expiry,
        },
        grants: b.grants.iter().map(|line| ListedGrantJson::new(&line.grant, line.state)).collect(),
    }
}
