//! `/v1/customers/{id}/purchases` and `/v1/purchases/{id}`.

use crate::domain::PurchaseId;
use crate::http::request::body;
use crate::http::request::code::Code;
use crate::http::request::customer::customer_no;
use crate::http::request::extract::{Id, Query};
use crate::http::request::idempotency;
use crate::http::request::json;
use crate::http::request::json::{At, Num};
use crate::http::request::paging;
use crate::http::request::problem::Problem;
use crate::store::idempotency_keys;
use crate::usecases::purchases::{Purchase, PurchaseEvent, PurchaseRequest, StartOutcome};
use crate::usecases::{App, purchases};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;

pub fn routes() -> Router<App> {
    Router::new().route("/v1/customers/{id}/purchases", get(list).post(start)).route("/v1/purchases/{id}", get(read))
}

#[derive(Serialize)]
struct StartedJson {
    id: String,
    url: Option<String>,
    state: &'static str,
    package: String,
    credits: Num,
    amount: i64,
    currency: String,
}

#[derive(Serialize)]
struct PurchaseJson {
    id: String,
    package: String,
    credits: Num,
    amount: i64,
    currency: String,
    origin: &'static str,
    quantity: i64,
    state: &'static str,
    refunded_amount: i64,
    dispute: Option<String>,
    shortfall: Num,
    created_at: At,
    credited_at: Option<At>,
    expires_at: Option<At>,
    grant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeline: Option<Vec<PurchaseEventJson>>,
}

#[derive(Serialize)]
struct PurchaseEventJson {
    what: String,
    at: At,
}

fn purchase_json(p: Purchase, timeline: Option<Vec<PurchaseEvent>>) -> PurchaseJson {
    PurchaseJson {
        id: p.id.to_string(),
        package: p.package,
        credits: Num(p.credits),
        amount: p.amount,
        currency: p.currency,
        origin: p.origin.name(),
        quantity: p.quantity,
        state: p.state.name(),
        refunded_amount: p.refunded_amount,
        dispute: p.dispute,
        shortfall: Num(p.shortfall),
        created_at: At(p.created_at),
        credited_at: p.credited_at.map(At),
        expires_at: p.expires_at.map(At),
        grant: p.grant.map(|id| id.to_string()),
        timeline: timeline
            .map(|all| all.into_iter().map(|m| PurchaseEventJson { what: m.what, at: At(m.at) }).collect()),
    }
}

async fn list(State(app): State<App>, Id(id): Id, Query(query): Query) -> Result<Response, Problem> {
    let no = customer_no(&app, &id).await?;
    let paging = paging::paging(&query, &[])?;
    let before = match &paging.cursor {
        None => None,
        Some(text) => Some(parse_cursor(&app, no, text).await?),
    };
    let mut found = purchases::list_purchases(&app, no, before, paging.limit + 1).await?;
    let next = paging::cut(&mut found, &paging).map(|p| p.id.to_string());
    Ok(paging::list(found.into_iter().map(|p| purchase_json(p, None)).collect(), next))
}

/// The cursor is the id of one of the customer's purchases.
async fn parse_cursor(app: &App, customer_no: i64, text: &str) -> Result<PurchaseId, Problem> {
    let id = PurchaseId::parse(text).ok_or_else(Problem::invalid_cursor)?;
    let purchase = purchases::find_purchase(app, id).await?.filter(|p| p.customer_no == customer_no);
    purchase.map(|p| p.id).ok_or_else(Problem::invalid_cursor)
}

async fn read(State(app): State<App>, Id(id): Id) -> Result<Response, Problem> {
    let missing = || Problem::not_found("purchase");
    let id = PurchaseId::parse(&id).ok_or_else(missing)?;
    let purchase = purchases::find_purchase(&app, id).await?.ok_or_else(missing)?;
    let timeline = purchases::purchase_timeline(&app, id).await?;
    Ok(json::ok(&purchase_json(purchase, Some(timeline))))
}

async fn start(State(app): State<App>, Id(customer): Id, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let customer_no = customer_no(&app, &customer).await?;
    let key = idempotency::key(&headers)?;
    let mut fields = body::fields(&headers, body).await?;
    let package = fields.required("package", "a package of the catalogue", |id| app.catalog.package(id).is_some());
    fields.finish()?;
    let owner = (customer_no, customer);
    let path = format!("/v1/customers/{}/purchases", owner.1);
    let call = idempotency::post(&owner, &key, &path, &serde_json::json!([package]));
    if let Some(reply) = idempotency::stored_reply(&app, call, StatusCode::CREATED).await? {
        return Ok(reply.response());
    }
    let started = start_with_key(&app, &owner.1, customer_no, &key, package).await?;
    let reply = idempotency::run_once(&app, call, StatusCode::CREATED, "customer", move |_| {
        Box::pin(async move { Ok(Ok(started)) })
    });
    Ok(reply.await?.response())
}

/// Starts a purchase whose id derives from the key, so that a repeat after a 503 continues it. If its Checkout Session
/// expired, the key's next purchase starts.
async fn start_with_key(
    app: &App,
    customer: &str,
    customer_no: i64,
    key: &str,
    package: String,
) -> Result<StartedJson, Problem> {
    for generation in 0..20 {
        let start = PurchaseRequest {
            purchase: purchase_id(customer, key, generation),
            customer_no,
            package: package.clone(),
            shown: None,
            member_email: None,
        };
        let purchase = match purchases::start_purchase(app, start).await? {
            StartOutcome::CheckoutExpired => continue,
            StartOutcome::Open(purchase) | StartOutcome::AlreadyBought(purchase) => purchase,
            other => return Err(start_error(&other)),
        };
        return Ok(StartedJson {
            id: purchase.id.to_string(),
            url: purchase.url,
            state: "open",
            package: purchase.package,
            credits: Num(purchase.credits),
            amount: purchase.amount,
            currency: purchase.currency,
        });
    }
    Err(Problem::new(Code::StripeUnavailable, "No Checkout was opened for this key. Use a new one"))
}

fn purchase_id(customer: &str, key: &str, generation: u8) -> PurchaseId {
    let hash = idempotency_keys::content_hash("purchase", customer, &format!("{generation}\n{key}"));
    PurchaseId(uuid::Builder::from_custom_bytes(hash).into_uuid())
}

fn start_error(started: &StartOutcome) -> Problem {
    match started {
        StartOutcome::PlanCannotBuy => {
            Problem::new(Code::PlanCannotBuy, "The customer's plan can't buy top-ups. Upgrade it first")
        }
        StartOutcome::BuyingOff => Problem::new(Code::BuyingOff, "Buying is off, since no Stripe key is set"),
        StartOutcome::NotYours => Problem::key_reused(),
        StartOutcome::Closed => Problem::new(Code::CustomerClosed, "The customer is closed and can't buy"),
        StartOutcome::StripeUnavailable => {
            Problem::new(Code::StripeUnavailable, "Stripe can't be reached. Repeat with the same idempotency key")
        }
        StartOutcome::StripeRefused => {
            Problem::new(Code::PurchaseRefused, "Stripe refused to open this Checkout. The alarms quote its reason")
        }
        StartOutcome::LimitReached => Problem::new(
            Code::LimitReached,
            "The customer has 10 open purchases. One must be paid or expire before the next",
        ),
        _ => Problem::field("package", Code::InvalidValue, "must be a package of the catalogue"),
    }
}
