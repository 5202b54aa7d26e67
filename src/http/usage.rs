//! `POST /v1/customers/{id}/usage`: a charge.

use super::json::{self, At, DrawJson, Num, SummaryJson, number, rfc3339};
use super::problem::{Code, Problem, Shortage};
use super::{body, call};
use crate::domain::{Credits, Draw, Instant, Kind, Summary, UsageId};
use crate::ledger::{Charge, Outcome};
use crate::store::keys::content_hash;
use crate::usecases::{Fault, Services, usages};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::post;
use serde::Serialize;

/// What `quantities` may count.
const QUANTITIES: [&str; 5] = ["requests", "crawls", "tokens", "captchas", "latency_ms"];
/// The largest `metadata`.
const METADATA_MAX: usize = 2_048;

/// Routes.
pub fn routes() -> Router<Services> {
    Router::new().route("/v1/customers/{id}/usage", post(charge))
}

#[derive(Serialize)]
struct UsageJson {
    id: String,
    customer: String,
    credits: Num,
    operation: Option<String>,
    draws: Vec<DrawJson>,
    source: Option<String>,
    created_at: At,
    balance: SummaryJson,
}

async fn charge(
    State(services): State<Services>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let charge = match parse(&headers, body, &id).await {
        Ok(charge) => charge,
        // An unknown customer is said first; a good charge learns it from the engine, without a read of its own.
        Err(problem) => return Err(call::customer_no(&services, &id).await.err().unwrap_or(problem)),
    };
    let (operation, source, credits) = (charge.operation.clone(), charge.source.clone(), charge.credits);
    let customer = charge.customer.clone();
    match services.ledger.charge(charge).await? {
        Outcome::Charged(done) => {
            let usage = Usage { id: done.usage, customer, credits, operation, source, draws: done.draws, at: done.at };
            answer(usage, done.balance, false)
        }
        Outcome::Replayed(usage, balance) => answer(stored(&services, usage).await?, balance, true),
        Outcome::KeyReused => Err(reused()),
        Outcome::UnknownCustomer => Err(Problem::not_found("customer")),
        Outcome::Closed => Err(Problem::new(Code::CustomerClosed, "a closed customer cannot be charged")),
        Outcome::Nothing => Err(Problem::field("credits", Code::InvalidValue, "must be more than 0")),
        Outcome::Insufficient { balance, resets_at, may_buy } => {
            Err(insufficient(&services, credits, balance, resets_at, may_buy))
        }
    }
}

async fn parse(headers: &HeaderMap, body: Body, customer: &str) -> Result<Charge, Problem> {
    let key = call::idempotency_key(headers)?;
    let mut fields = call::fields(headers, body).await?;
    let charge = read_charge(&mut fields, customer.to_owned(), key);
    fields.finish()?;
    Ok(charge)
}

/// The charge in a body.
fn read_charge(fields: &mut body::Fields, customer: String, key: String) -> Charge {
    let credits = fields.credits("credits");
    let operation = fields.text("operation", "1 to 32 of a–z 0–9 _ . -", |text| {
        (1..=32).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(&b))
    });
    let quantities = fields.counts("quantities", &QUANTITIES);
    let source = fields.text("source", "1 to 64 characters", |text| (1..=64).contains(&text.chars().count()));
    let metadata = fields.object("metadata", METADATA_MAX);
    let canonical = serde_json::json!([credits.0, operation, quantities, source, metadata]).to_string();
    let content = content_hash("POST", &format!("/v1/customers/{customer}/usage"), &canonical);
    Charge { customer, key, content, credits, operation, quantities, source, metadata }
}

/// 409: the key is bound to something else.
pub fn reused() -> Problem {
    Problem::new(Code::IdempotencyKeyReused, "this key belongs to another request; use a new one for a new write")
}

struct Usage {
    id: UsageId,
    customer: String,
    credits: Credits,
    operation: Option<String>,
    source: Option<String>,
    draws: Vec<Draw>,
    at: Instant,
}

async fn stored(services: &Services, id: UsageId) -> Result<Usage, Problem> {
    let usage = usages::find(services, id).await?;
    let usage = usage.ok_or_else(|| Problem::from(Fault::Broken(format!("{id} is bound and not there"))))?;
    Ok(Usage {
        id,
        customer: usage.customer,
        credits: usage.credits,
        operation: usage.operation,
        source: usage.source,
        draws: usage.draws,
        at: usage.created_at,
    })
}

fn answer(usage: Usage, balance: Summary, replayed: bool) -> Result<Response, Problem> {
    let source = source_of(&usage.draws);
    let json = UsageJson {
        id: usage.id.to_string(),
        customer: usage.customer,
        credits: Num(usage.credits),
        operation: usage.operation,
        draws: json::draws(&usage.draws),
        source: usage.source,
        created_at: At(usage.at),
        balance: balance.into(),
    };
    let mut response = json::with(StatusCode::CREATED, &json);
    let headers = response.headers_mut();
    let mut put = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    };
    put("x-credits-cost", usage.credits.to_string());
    put("x-credits-remaining", balance.available.to_string());
    put("x-credits-source", source.to_owned());
    if replayed {
        put("idempotent-replayed", "true".to_owned());
    }
    Ok(response)
}

fn source_of(draws: &[Draw]) -> &'static str {
    let mut kinds = draws.iter().map(|draw| draw.kind);
    let first = kinds.next().unwrap_or(Kind::Plan);
    if kinds.all(|kind| kind == first) { first.name() } else { "mixed" }
}

fn insufficient(services: &Services, needed: Credits, b: Summary, resets_at: Instant, may_buy: bool) -> Problem {
    let detail = format!("{needed} credits are needed and {} are available", b.available);
    Problem::new(Code::InsufficientCredits, detail).short(Shortage {
        needed: number(needed),
        available: number(b.available),
        plan: number(b.plan),
        courtesy: number(b.courtesy),
        top_up: number(b.top_up),
        held: number(b.held),
        resets_at: rfc3339(resets_at),
        buy_url: may_buy.then(|| format!("{}/billing", services.settings.public_url)),
    })
}
