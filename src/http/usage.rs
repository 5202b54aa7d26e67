//! `/v1/customers/{id}/usage`: charges, and the list of them.

use crate::domain::{Catalog, Credits, Instant, Kind, Summary, UsageId};
use crate::http::body::Fields;
use crate::http::json::{At, DrawJson, Num, SummaryJson, number, rfc3339};
use crate::http::located::{Id, Query};
use crate::http::problem::{Code, Problem, Shortage};
use crate::http::{bound, call, json, lists};
use crate::ledger::{Charge, Outcome};
use crate::store::keys::content_hash;
use crate::usecases::credits::usages;
use crate::usecases::credits::usages::Usage;
use crate::usecases::{App, InternalError};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;
use std::collections::HashMap;

/// The longest `source`, in characters.
const SOURCE_MAX: usize = 64;
/// The largest `metadata`.
const METADATA_MAX: usize = 2_048;

/// Routes.
pub fn routes() -> Router<App> {
    Router::new().route("/v1/customers/{id}/usage", get(list).post(charge))
}

/// A usage as it is answered.
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
    if !call::is_customer_id(&id) {
        // PostgreSQL takes no zero byte: the whole batch would fail for it.
        return Err(Problem::not_found("customer"));
    }
    let charge = match parse(&app.catalog, &headers, body, &id).await {
        Ok(charge) => charge,
        // An unknown customer is said first; a good charge learns it from the engine, without a read of its own.
        Err(problem) => return Err(call::customer_no(&app, &id).await.err().unwrap_or(problem)),
    };
    let asked = Asked::of(&charge);
    let outcome = app.ledger.charge(charge).await?;
    let replayed = replayed(&app, std::slice::from_ref(&outcome)).await?;
    Ok(done(&app, asked, outcome, &replayed)?.response())
}

async fn parse(catalog: &Catalog, headers: &HeaderMap, body: Body, customer: &str) -> Result<Charge, Problem> {
    let key = call::idempotency_key(headers)?;
    let mut fields = call::fields(headers, body).await?;
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

/// What was done.
pub fn operation(fields: &mut Fields) -> Option<String> {
    fields.text("operation", "1 to 32 of a–z 0–9 _ . -", |text| {
        (1..=32).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(&b))
    })
}

/// Counts by the catalogue's metrics, as JSON. A metric that an older catalogue had is refused like any other.
pub fn quantities(catalog: &Catalog, fields: &mut Fields) -> Option<String> {
    fields.counts("quantities", catalog.metrics.iter().map(|metric| metric.key.as_str()))
}

/// Who did it, in the SaaS's own words.
pub fn source(fields: &mut Fields) -> Option<String> {
    fields.line("source", SOURCE_MAX)
}

/// The SaaS's own, as JSON.
pub fn metadata(fields: &mut Fields) -> Option<String> {
    fields.object("metadata", METADATA_MAX)
}

/// 409: the key is bound to something else.
pub fn reused() -> Problem {
    Problem::new(Code::IdempotencyKeyReused, "this key belongs to another request; use a new one for a new write")
}

/// What of a charge its answer repeats.
pub struct Asked {
    customer: String,
    credits: Credits,
    operation: Option<String>,
    source: Option<String>,
}

impl Asked {
    /// What `charge` asks.
    pub fn of(charge: &Charge) -> Self {
        Self {
            customer: charge.customer.clone(),
            credits: charge.credits,
            operation: charge.operation.clone(),
            source: charge.source.clone(),
        }
    }
}

/// A charge that stands.
pub struct Done {
    usage: UsageJson,
    cost: Credits,
    remaining: Credits,
    source: &'static str,
    /// Whether it was answered before.
    pub replayed: bool,
}

/// How many requests read what they repeat at a time. Others wait here, where nothing gives them up, and not for a
/// connection, where after seconds they would be refused.
static REPLAYS: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(4);

/// The usages that outcomes repeat, read together.
///
/// # Errors
/// The database does not answer.
pub async fn replayed(app: &App, outcomes: &[Outcome]) -> Result<HashMap<UsageId, Usage>, Problem> {
    let id = |outcome: &Outcome| match outcome {
        Outcome::Replayed(id, _) => Some(*id),
        _ => None,
    };
    let ids: Vec<UsageId> = outcomes.iter().filter_map(id).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    // It is never closed.
    let _turn = REPLAYS.acquire().await.ok();
    Ok(usages::find_all(app, &ids).await?)
}

/// What a charge's outcome means to the caller; `replayed` has the usage where it was answered before.
///
/// # Errors
/// What was refused.
pub fn done(app: &App, asked: Asked, outcome: Outcome, replayed: &HashMap<UsageId, Usage>) -> Result<Done, Problem> {
    match outcome {
        Outcome::Charged(done) => {
            let source = source_of(done.draws.iter().map(|draw| draw.kind.name()));
            let usage = UsageJson {
                id: done.usage.to_string(),
                customer: asked.customer,
                credits: Num(asked.credits),
                operation: asked.operation,
                draws: json::draws(&done.draws),
                source: asked.source,
                created_at: At(done.at),
                voided_at: None,
                balance: Some(done.balance.into()),
            };
            Ok(Done { usage, cost: asked.credits, remaining: done.balance.available, source, replayed: false })
        }
        Outcome::Replayed(id, balance) => again(id, replayed.get(&id), balance),
        Outcome::KeyReused => Err(reused()),
        Outcome::UnknownCustomer => Err(Problem::not_found("customer")),
        Outcome::Closed => Err(bound::closed()),
        Outcome::Nothing => Err(Problem::field("credits", Code::InvalidValue, "must be more than 0")),
        Outcome::Insufficient { balance, resets_at, may_buy } => {
            Err(insufficient(app, asked.credits, balance, resets_at, may_buy))
        }
    }
}

/// The answer that a key is bound to: as the usage was then, voided since or not.
fn again(id: UsageId, usage: Option<&Usage>, balance: Summary) -> Result<Done, Problem> {
    let usage = usage.ok_or_else(|| Problem::from(InternalError::Broken(format!("{id} is bound and not there"))))?;
    let source = source_of(usage.draws.iter().map(|draw| draw.kind.name()));
    let cost = usage.credits;
    let usage = UsageJson { voided_at: None, balance: Some(balance.into()), ..usage_json(usage.clone()) };
    Ok(Done { usage, cost, remaining: balance.available, source, replayed: true })
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

impl Done {
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

/// The headers of charges and settles.
pub fn credit_headers(headers: &mut HeaderMap, cost: &str, remaining: &str, source: &str) {
    let all = [("x-credits-cost", cost), ("x-credits-remaining", remaining), ("x-credits-source", source)];
    for (name, value) in all {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
}

/// The one kind that was drawn from, or `mixed`.
pub fn source_of<'a>(mut kinds: impl Iterator<Item = &'a str>) -> &'a str {
    let first = kinds.next().unwrap_or(Kind::Plan.name());
    if kinds.all(|kind| kind == first) { first } else { "mixed" }
}

/// 402.
pub fn insufficient(app: &App, needed: Credits, b: Summary, resets_at: Instant, may_buy: bool) -> Problem {
    let detail = format!("{needed} credits are needed and {} are available", b.available);
    Problem::new(Code::InsufficientCredits, detail).short(Shortage {
        needed: number(needed),
        available: number(b.available),
        plan: number(b.plan),
        courtesy: number(b.courtesy),
        top_up: number(b.top_up),
        held: number(b.held),
        resets_at: rfc3339(resets_at),
        buy_url: may_buy.then(|| format!("{}/billing", app.settings.public_url)),
    })
}

async fn list(State(app): State<App>, Id(id): Id, Query(query): Query) -> Result<Response, Problem> {
    let no = call::customer_no(&app, &id).await?;
    let page = lists::page(&query, &[])?;
    let before = page.number(i64::MAX)?;
    let mut found = usages::list(&app, no, before, page.limit + 1).await?;
    let next = lists::cut(&mut found, &page).map(|row| lists::cursor(row.seq));
    Ok(lists::list(found.into_iter().map(|row| usage_json(row.usage)).collect(), next))
}
