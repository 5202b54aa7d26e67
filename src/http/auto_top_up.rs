//! `/v1/customers/{id}/auto_top_up`: reading the rule, and switching it off. Nothing switches it on but a person in a
//! browser (R20).

use crate::http::request::customer::customer_no;
use crate::http::request::extract::Id;
use crate::http::request::json;
use crate::http::request::json::{At, Num};
use crate::http::request::problem::Problem;
use crate::usecases::auto_top_up::{AutoTopUp, Card};
use crate::usecases::{App, auto_top_up};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;

pub fn routes() -> Router<App> {
    Router::new().route("/v1/customers/{id}/auto_top_up", get(read).delete(switch_off))
}

/// The fields of a rule that is off are null.
#[derive(Serialize)]
struct AutoTopUpJson {
    state: &'static str,
    reason: Option<&'static str>,
    package: Option<String>,
    threshold: Option<Num>,
    cap: Option<i64>,
    spent: Option<i64>,
    currency: Option<String>,
    card: Option<CardJson>,
    consented_at: Option<At>,
    blocked: bool,
}

#[derive(Serialize)]
struct CardJson {
    brand: String,
    last4: String,
    exp_month: i64,
    exp_year: i64,
}

impl From<Card> for CardJson {
    fn from(card: Card) -> Self {
        Self { brand: card.brand, last4: card.last4, exp_month: card.exp_month, exp_year: card.exp_year }
    }
}

impl From<AutoTopUp> for AutoTopUpJson {
    fn from(rule: AutoTopUp) -> Self {
        let agreed = rule.agreed;
        Self {
            state: rule.state.name(),
            reason: rule.state.reason(),
            threshold: agreed.as_ref().map(|agreed| Num(agreed.threshold)),
            cap: agreed.as_ref().map(|agreed| agreed.cap),
            spent: agreed.as_ref().map(|_| rule.spent),
            currency: agreed.as_ref().map(|agreed| agreed.currency.clone()),
            package: agreed.map(|agreed| agreed.package),
            card: rule.card.map(CardJson::from),
            consented_at: rule.consent.map(|consent| At(consent.at)),
            blocked: rule.blocked,
        }
    }
}

async fn read(State(app): State<App>, Id(id): Id) -> Result<Response, Problem> {
    let no = customer_no(&app, &id).await?;
    Ok(json::ok(&AutoTopUpJson::from(auto_top_up::find_auto_top_up(&app, no).await?)))
}

async fn switch_off(State(app): State<App>, Id(id): Id) -> Result<Response, Problem> {
    let no = customer_no(&app, &id).await?;
    auto_top_up::switch_off_by_api(&app, no).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
