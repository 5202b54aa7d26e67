//! `POST /v1/usage`: up to 1,000 charges in order, each on its own, in one commit.

use crate::domain::Catalog;
use crate::http::body::Fields;
use crate::http::problem::{Code, Problem};
use crate::http::usage::{Asked, UsageJson};
use crate::http::{call, json, usage};
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

/// Routes.
pub fn routes() -> Router<App> {
    Router::new().route("/v1/usage", post(charge))
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

/// Why a charge of a batch is not even tried, and for whom it was, where that can be read.
struct Bad {
    customer: Option<String>,
    problem: Box<Problem>,
}

async fn charge(State(app): State<App>, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let mut fields = call::outer_fields(&headers, body).await?;
    let list = fields.list("charges", CHARGES_MAX);
    fields.finish()?;
    let mut results: Vec<Option<ResultJson>> = list.iter().map(|_| None).collect();
    let (mut places, mut charges, mut bads) = (Vec::new(), Vec::new(), Vec::new());
    for (place, raw) in list.iter().enumerate() {
        match read(&app.catalog, raw) {
            Ok(charge) => {
                places.push((place, Asked::of(&charge)));
                charges.push(charge);
            }
            Err(bad) => bads.push((place, bad)),
        }
    }
    for (place, problem) in judge(&app, bads).await? {
        if let Some(there) = results.get_mut(place) {
            *there = Some(problem.into());
        }
    }
    let outcomes = if charges.is_empty() { Vec::new() } else { app.ledger.charge_many(charges).await? };
    let replayed = usage::replayed(&app, &outcomes).await?;
    for ((place, asked), outcome) in places.into_iter().zip(outcomes) {
        let result = match usage::done(&app, asked, outcome, &replayed) {
            Ok(done) => ResultJson::Charged { status: 201, replayed: done.replayed, usage: done.into_json() },
            Err(problem) => problem.into(),
        };
        if let Some(there) = results.get_mut(place) {
            *there = Some(result);
        }
    }
    Ok(json::ok(&BatchJson { results: results.into_iter().flatten().collect() }))
}

/// The order of refusals is that of a charge alone: an unknown customer goes first. All are asked for together.
async fn judge(app: &App, bads: Vec<(usize, Bad)>) -> Result<Vec<(usize, Problem)>, Problem> {
    let ids = bads.iter().filter_map(|(_, bad)| bad.customer.clone()).filter(|id| call::is_customer_id(id)).collect();
    let known = customers::known(app, ids).await?;
    let judged = |(place, bad): (usize, Bad)| match bad.customer {
        Some(customer) if !known.contains(&customer) => (place, Problem::not_found("customer")),
        _ => (place, *bad.problem),
    };
    Ok(bads.into_iter().map(judged).collect())
}

/// One charge of the list.
fn read(catalog: &Catalog, raw: &RawValue) -> Result<Charge, Bad> {
    let nobody = |problem| Bad { customer: None, problem: Box::new(problem) };
    let mut fields = Fields::parse(raw.get().as_bytes()).map_err(nobody)?;
    let customer = fields.required("customer", "the id of a customer", |_| true);
    let known = (!customer.is_empty()).then(|| customer.clone());
    let bad = |problem| Bad { customer: known.clone(), problem: Box::new(problem) };
    let key = match fields.any_text("idempotency_key") {
        None => {
            let detail = "give each charge an idempotency_key, unique for each write";
            return Err(bad(Problem::new(Code::IdempotencyKeyMissing, detail)));
        }
        Some(key) if call::is_key(key.as_bytes()) => key,
        Some(_) => {
            let detail = "idempotency_key must be 1 to 255 visible ASCII characters";
            return Err(bad(Problem::new(Code::InvalidHeader, detail)));
        }
    };
    let charge = usage::read_charge(catalog, &mut fields, customer, key);
    fields.finish().map_err(bad)?;
    Ok(charge)
}
