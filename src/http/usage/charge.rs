//! `/v1/customers/{id}/usage`: charges, and the list of them.

use crate::domain::{Catalog, Credits, Kind, Summary, UsageId};
use crate::http::request::as_of::as_of_header;
use crate::http::request::body;
use crate::http::request::code::Code;
use crate::http::request::customer::customer_no;
use crate::http::request::customer::is_customer_id;
use crate::http::request::customer::metadata;
use crate::http::request::customer::operation;
use crate::http::request::customer::quantities;
use crate::http::request::customer::source;
use crate::http::request::extract::{Id, Query};
use crate::http::request::fields::Fields;
use crate::http::request::idempotency;
use crate::http::request::json;
use crate::http::request::json::{At, DrawJson, Num, SummaryJson};
use crate::http::request::paging;
use crate::http::request::problem::Problem;
use crate::http::request::refusal::insufficient;
use crate::ledger::{Charge, ChargeOutcome};
use crate::store::db::Connection;
use crate::store::idempotency_keys::content_hash;
use crate::usecases::credits::dated::{Dated, ReadFrom, read_dated};
use crate::usecases::credits::usages;
use crate::usecases::credits::usages::Usage;
use crate::usecases::{App, InternalError};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde::Serialize;
use std::collections::HashMap;

pub fn routes() -> Router<App> {
    Router::new().route("/v1/customers/{id}/usage", get(list).post(charge))
}

/// A usage.
#[derive(Serialize)]
pub struct UsageJson {
    id: String,
    customer: String,
    credits: Num,
    operation: Option<String>,
    draws: Vec<DrawJson>,
    source: Option<String>,
    created_at: At,
    #[serde(skip_serializing_if = "Option::is_none")]
    voided_at: Option<At>,
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<SummaryJson>,
}

async fn charge(State(app): State<App>, Id(id): Id, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    if !is_customer_id(&id) {
        // PostgreSQL rejects U+0000 in text, and the whole batch would fail.
        return Err(Problem::not_found("customer"));
    }
    let charge = match parse(&app.catalog, &headers, body, &id).await {
        Ok(charge) => charge,
        // 404 goes before a bad body. For a valid charge the ledger finds the customer, without another read.
        Err(problem) => return Err(customer_no(&app, &id).await.err().unwrap_or(problem)),
    };
    let echo = ChargeEcho::new(&charge);
    let outcome = app.ledger.charge(charge).await?;
    let replayed = replayed(&app, std::slice::from_ref(&outcome)).await?;
    Ok(charged(&app, echo, outcome, &replayed)?.response())
}

async fn parse(catalog: &Catalog, headers: &HeaderMap, body: Body, customer: &str) -> Result<Charge, Problem> {
    let key = idempotency::key(headers)?;
    let mut fields = body::fields(headers, body).await?;
    let charge = read_charge(catalog, &mut fields, customer.to_owned(), key);
    fields.finish()?;
    Ok(charge)
}

/// The charge in a body.
pub fn read_charge(catalog: &Catalog, fields: &mut Fields, customer: String, key: String) -> Charge {
    let credits = fields.credits("credits");
    let operation = operation(fields);
    let quantities = quantities(catalog, fields);
    let source = source(fields);
    let metadata = metadata(fields);
    let canonical = serde_json::json!([credits.0, operation, quantities, source, metadata]).to_string();
    let content = content_hash("POST", &format!("/v1/customers/{customer}/usage"), &canonical);
    Charge { customer, key, content, credits, operation, quantities, source, metadata }
}

/// The parts of a charge that its answer repeats.
pub struct ChargeEcho {
    customer: String,
    credits: Credits,
    operation: Option<String>,
    source: Option<String>,
}

impl ChargeEcho {
    /// Copies them.
    pub fn new(charge: &Charge) -> Self {
        Self {
            customer: charge.customer.clone(),
            credits: charge.credits,
            operation: charge.operation.clone(),
            source: charge.source.clone(),
        }
    }
}

/// A charge that succeeded.
pub struct ChargeAnswer {
    usage: UsageJson,
    cost: Credits,
    remaining: Credits,
    source: &'static str,
    /// The stored answer of an earlier request.
    pub replayed: bool,
}

/// Limits the requests that read replayed usages at one time. The others wait here without a time limit; the wait for a
/// connection would end after seconds with an error.
static REPLAYS: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(4);

/// The usages of replayed outcomes, read together.
pub async fn replayed(app: &App, outcomes: &[ChargeOutcome]) -> Result<HashMap<UsageId, Usage>, Problem> {
    let id = |outcome: &ChargeOutcome| match outcome {
        ChargeOutcome::Replayed(id, _) => Some(*id),
        _ => None,
    };
    let ids: Vec<UsageId> = outcomes.iter().filter_map(id).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    // The semaphore is never closed.
    let _permit = REPLAYS.acquire().await.ok();
    Ok(usages::find_usages(app, &ids).await?)
}

/// The answer to a charge. `replayed` holds the usages of replayed outcomes.
///
/// # Errors
/// 402, 404, 409, 422.
pub fn charged(
    app: &App,
    echo: ChargeEcho,
    outcome: ChargeOutcome,
    replayed: &HashMap<UsageId, Usage>,
) -> Result<ChargeAnswer, Problem> {
    match outcome {
        ChargeOutcome::Charged(done) => {
            let source = source_of(done.draws.iter().map(|draw| draw.kind.name()));
            let usage = UsageJson {
                id: done.usage.to_string(),
                customer: echo.customer,
                credits: Num(echo.credits),
                operation: echo.operation,
                draws: json::draws(&done.draws),
                source: echo.source,
                created_at: At(done.at),
                voided_at: None,
                balance: Some(done.balance.into()),
            };
            Ok(ChargeAnswer { usage, cost: echo.credits, remaining: done.balance.available, source, replayed: false })
        }
        ChargeOutcome::Replayed(id, balance) => replay(id, replayed.get(&id), balance),
        ChargeOutcome::KeyReused => Err(Problem::key_reused()),
        ChargeOutcome::UnknownCustomer => Err(Problem::not_found("customer")),
        ChargeOutcome::Closed => Err(Problem::customer_closed()),
        ChargeOutcome::Nothing => Err(Problem::field("credits", Code::InvalidValue, "must be more than 0")),
        ChargeOutcome::Insufficient { balance, resets_at, may_buy } => {
            Err(insufficient(app, echo.credits, balance, resets_at, may_buy))
        }
    }
}

/// The first answer again: without `voided_at`, even if the usage was voided since.
fn replay(id: UsageId, usage: Option<&Usage>, balance: Summary) -> Result<ChargeAnswer, Problem> {
    let usage = usage.ok_or_else(|| Problem::from(InternalError::Broken(format!("{id} is bound and not there"))))?;
    let source = source_of(usage.draws.iter().map(|draw| draw.kind.name()));
    let cost = usage.credits;
    let usage = UsageJson { voided_at: None, balance: Some(balance.into()), ..usage_json(usage.clone()) };
    Ok(ChargeAnswer { usage, cost, remaining: balance.available, source, replayed: true })
}

/// A stored usage.
pub fn usage_json(usage: usages::Usage) -> UsageJson {
    UsageJson {
        id: usage.id.to_string(),
        customer: usage.customer,
        credits: Num(usage.credits),
        operation: usage.operation,
        draws: json::draws(&usage.draws),
        source: usage.source,
        created_at: At(usage.created_at),
        voided_at: usage.voided_at.map(At),
        balance: None,
    }
}

impl ChargeAnswer {
    /// The usage with the balance.
    pub fn into_json(self) -> UsageJson {
        self.usage
    }

    fn response(self) -> Response {
        let mut response = json::with(StatusCode::CREATED, &self.usage);
        let (cost, remaining) = (self.cost.to_string(), self.remaining.to_string());
        credit_headers(response.headers_mut(), &cost, &remaining, self.source);
        if self.replayed {
            response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
        }
        response
    }
}

/// Sets the headers of charges and settled holds.
pub fn credit_headers(headers: &mut HeaderMap, cost: &str, remaining: &str, source: &str) {
    let all = [("x-credits-cost", cost), ("x-credits-remaining", remaining), ("x-credits-source", source)];
    for (name, value) in all {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
}

/// The kind of grant that all draws took from, or `mixed`.
pub fn source_of<'a>(mut kinds: impl Iterator<Item = &'a str>) -> &'a str {
    let first = kinds.next().unwrap_or(Kind::Plan.name());
    if kinds.all(|kind| kind == first) { first } else { "mixed" }
}

async fn list(State(app): State<App>, Id(id): Id, Query(query): Query) -> Result<Response, Problem> {
    let no = customer_no(&app, &id).await?;
    let paging = paging::paging(&query, &[])?;
    let before = paging.number(i64::MAX)?;
    let limit = paging.limit + 1;
    let read = |mut db: Connection| async move { usages::load_usage_rows(&mut db, no, before, limit).await };
    let Dated { mut found, as_of } = read_dated(&app, no, ReadFrom::Standby, read).await?;
    let next = paging::cut(&mut found, &paging).map(|row| paging::cursor(row.seq));
    let list = paging::list(found.into_iter().map(|row| usage_json(row.usage)).collect(), next);
    Ok((as_of_header(as_of), list).into_response())
}
