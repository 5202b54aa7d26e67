//! `POST /v1/customers/{id}/api_keys`, and `DELETE /v1/customers/{id}`, which ends them.

use crate::http::located::Id;
use crate::http::problem::Problem;
use crate::http::{bound, call, json};
use crate::usecases::App;
use crate::usecases::customers::{api_keys, erasure};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, post};
use serde::Serialize;

/// Routes.
pub fn routes() -> Router<App> {
    Router::new().route("/v1/customers/{id}", delete(close)).route("/v1/customers/{id}/api_keys", post(make))
}

/// A key: shown once.
#[derive(Serialize)]
struct KeyJson {
    id: String,
    key: String,
}

async fn make(State(app): State<App>, Id(customer): Id, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let no = call::customer_no(&app, &customer).await?;
    let mut fields = call::fields(&headers, body).await?;
    let name = fields.required_line("name", api_keys::NAME_MAX);
    fields.finish()?;
    let made = api_keys::make(&app, no, name).await?.ok_or_else(bound::closed)?;
    Ok(json::with(StatusCode::CREATED, &KeyJson { id: made.id.to_string(), key: made.key }))
}

async fn close(State(app): State<App>, Id(customer): Id) -> Result<Response, Problem> {
    let no = call::customer_no(&app, &customer).await?;
    erasure::close(&app, no).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
