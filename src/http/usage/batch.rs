//! `POST /v1/usage`: up to 1,000 charges in order, each on its own, in one commit.

use crate::domain::Catalog;
use crate::http::request::body;
use crate::http::request::code::Code;
use crate::http::request::customer::is_customer_id;
use crate::http::request::fields::Fields;
use crate::http::request::idempotency;
use crate::http::request::json;
use crate::http::request::problem::Problem;
use crate::http::usage::charge;
use crate::http::usage::charge::{ChargeEcho, UsageJson};
use crate::ledger::Charge;
use crate::usecases::{App, customers};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use serde::Serialize;
use serde_json::value::RawValue;

/// The most charges of a batch.
const CHARGES_MAX: usize = 1_000;

pub fn routes() -> Router<App> {
    Router::new().route("/v1/usage", post(charge_many))
}

#[derive(Serialize)]
struct BatchJson {
    results: Vec<ResultJson>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ResultJson {
    Charged {
        status: u16,
        usage: UsageJson,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        replayed: bool,
    },
    Refused {
        status: u16,
        error: Problem,
    },
}

impl From<Problem> for ResultJson {
    fn from(error: Problem) -> Self {
        Self::Refused { status: error.status(), error }
    }
}

/// A charge that cannot be parsed, with its customer if that field can be read.
struct Invalid {
    customer: Option<String>,
    problem: Box<Problem>,
}

async fn charge_many(State(app): State<App>, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let mut fields = body::outer_fields(&headers, body).await?;
    let list = fields.list("charges", CHARGES_MAX);
    fields.finish()?;
    let mut results: Vec<Option<ResultJson>> = list.iter().map(|_| None).collect();
    let (mut places, mut charges, mut invalid) = (Vec::new(), Vec::new(), Vec::new());
    for (place, raw) in list.iter().enumerate() {
        match parse(&app.catalog, raw) {
            Ok(charge) => {
                places.push((place, ChargeEcho::new(&charge)));
                charges.push(charge);
            }
            Err(error) => invalid.push((place, error)),
        }
    }
    for (place, problem) in find_errors(&app, invalid).await? {
        if let Some(result) = results.get_mut(place) {
            *result = Some(problem.into());
        }
    }
    let outcomes = if charges.is_empty() { Vec::new() } else { app.ledger.charge_many(charges).await? };
    let replayed = charge::replayed(&app, &outcomes).await?;
    for ((place, echo), outcome) in places.into_iter().zip(outcomes) {
        let result = match charge::charged(&app, echo, outcome, &replayed) {
            Ok(done) => ResultJson::Charged { status: 201, replayed: done.replayed, usage: done.into_json() },
            Err(problem) => problem.into(),
        };
        if let Some(slot) = results.get_mut(place) {
            *slot = Some(result);
        }
    }
    Ok(json::ok(&BatchJson { results: results.into_iter().flatten().collect() }))
}

/// The errors of invalid charges. As with a single charge, an unknown customer goes first.
async fn find_errors(app: &App, invalid: Vec<(usize, Invalid)>) -> Result<Vec<(usize, Problem)>, Problem> {
    let ids = invalid.iter().filter_map(|(_, bad)| bad.customer.clone()).filter(|id| is_customer_id(id)).collect();
    let known = customers::existing_customers(app, ids).await?;
    let error = |(place, bad): (usize, Invalid)| match bad.customer {
        Some(customer) if !known.contains(&customer) => (place, Problem::not_found("customer")),
        _ => (place, *bad.problem),
    };
    Ok(invalid.into_iter().map(error).collect())
}

/// Parses one charge of the list.
fn parse(catalog: &Catalog, raw: &RawValue) -> Result<Charge, Invalid> {
    let without_customer = |problem| Invalid { customer: None, problem: Box::new(problem) };
    let mut fields = Fields::parse(raw.get().as_bytes()).map_err(without_customer)?;
    let customer = fields.required("customer", "the id of a customer", |_| true);
    let known = (!customer.is_empty()).then(|| customer.clone());
    let invalid = |problem| Invalid { customer: known.clone(), problem: Box::new(problem) };
    let key = match fields.any_text("idempotency_key") {
        None => {
            let detail = "Give each charge an idempotency_key, unique for each write";
            return Err(invalid(Problem::new(Code::IdempotencyKeyMissing, detail)));
        }
        Some(key) if idempotency::is_valid_key(key.as_bytes()) => key,
        Some(_) => {
            let detail = "idempotency_key must be 1 to 255 visible ASCII characters";
            return Err(invalid(Problem::new(Code::InvalidHeader, detail)));
        }
    };
    let charge = charge::read_charge(catalog, &mut fields, customer, key);
    fields.finish().map_err(invalid)?;
    Ok(charge)
}
