//! What machines call: the operator API, Stripe's webhook, health.
//!
//! Each module owns its routes. The order of refusals is everywhere the same: the caller's key (401), the
//! id in the path (404), headers (400), body (400, 413, 415, 422), a bound idempotency key (409 or the
//! replay), state (402, 403, 409).
//!
//! *Not here:* pages (`web`), rules, SQL.

mod api_keys;
mod auth;
mod batch;
mod body;
mod bound;
mod call;
mod canonical;
mod clock;
mod customer_api;
mod customers;
mod entries;
mod grants;
mod health;
mod holds;
mod json;
pub mod limits;
mod lists;
mod located;
mod mails;
mod metrics;
pub mod openapi;
mod portal;
mod problem;
mod purchases;
mod usage;
mod voids;
mod webhook;

use crate::usecases::App;
use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::response::Response;
use axum::routing::any;
use axum::{Router, middleware};

/// All routes that machines call.
pub fn routes(app: &App) -> Router<App> {
    let mut operator = Router::new()
        .merge(customers::routes())
        .merge(usage::routes())
        .merge(batch::routes())
        .merge(holds::routes())
        .merge(grants::routes())
        .merge(voids::routes())
        .merge(api_keys::routes())
        .merge(entries::routes())
        .merge(purchases::routes())
        .merge(portal::routes())
        .merge(metrics::routes());
    if app.clock.is_test() {
        operator = operator.merge(clock::routes());
    }
    let operator = operator.route_layer(middleware::from_fn_with_state(app.clone(), auth::operator));
    // Said here, since the pages' guard would answer a POST from nowhere by 403.
    let nothing = || any(async || problem::Problem::not_found("path"));
    let rest = Router::new()
        .route("/test/{*rest}", nothing())
        .route("/v1", any(auth::unknown))
        .route("/v1/", any(auth::unknown))
        .route("/v1/{*rest}", any(auth::unknown));
    Router::new()
        .merge(operator)
        .merge(rest)
        .merge(customer_api::routes(app))
        .merge(webhook::routes())
        .merge(mails::routes())
        .merge(health::routes())
        .merge(openapi::routes(app))
        .layer(middleware::from_fn_with_state(app.clone(), clock::refresh))
        .layer(middleware::map_response(private))
}

/// An answer, a refusal too, is kept by nobody on the way, and is nothing but what it says it is.
async fn private(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
