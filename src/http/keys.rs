//! `POST /v1/customers/{id}/api_keys`: a key for the customer's own programs.

use crate::http::request::body;
use crate::http::request::customer::customer_no;
use crate::http::request::extract::Id;
use crate::http::request::json;
use crate::http::request::problem::Problem;
use crate::usecases::App;
use crate::usecases::customers::api_keys;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::post;
use serde::Serialize;

pub fn routes() -> Router<App> {
    Router::new().route("/v1/customers/{id}/api_keys", post(create))
}

/// A new key. The API never shows it again.
#[derive(Serialize)]
struct KeyJson {
    id: String,
    key: String,
}

async fn create(State(app): State<App>, Id(customer): Id, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let no = customer_no(&app, &customer).await?;
    let mut fields = body::fields(&headers, body).await?;
    let name = fields.required_line("name", api_keys::NAME_MAX);
    fields.finish()?;
    let created = api_keys::create_api_key(&app, no, name).await?.ok_or_else(Problem::customer_closed)?;
    Ok(json::with(StatusCode::CREATED, &KeyJson { id: created.id.to_string(), key: created.key }))
}
