//! The routes that programs call: the operator API, the customer API, Stripe's webhook, health.
//!
//! Each module owns one resource: routes, shapes, errors. Errors have the same order everywhere: the caller's key (401),
//! the id in the path (404), headers (400), body (400, 413, 415, 422), a bound idempotency key (409 or the stored
//! answer), state (402, 403, 409).
//!
//! *Not here:* pages (`web`), rules, SQL.

mod auto_top_up;
mod balance;
mod catalog;
mod customer_api;
mod customers;
mod entries;
mod grants;
mod health;
mod holds;
mod keys;
mod metrics;
pub mod openapi;
mod portal_links;
mod purchases;
pub(crate) mod request;
mod stripe_webhook;
mod test_clock;
mod unsubscribe;
mod usage;

use crate::http::request::auth;
use crate::http::request::problem::Problem;
use crate::usecases::App;
use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::response::Response;
use axum::routing::any;
use axum::{Router, middleware};

/// All routes that programs call.
pub fn routes(app: &App) -> Router<App> {
    let mut operator = Router::new()
        .merge(catalog::routes())
        .merge(customers::routes())
        .merge(balance::routes())
        .merge(usage::routes())
        .merge(holds::routes())
        .merge(grants::routes())
        .merge(keys::routes())
        .merge(entries::routes())
        .merge(purchases::routes())
        .merge(auto_top_up::routes())
        .merge(portal_links::routes());
    if app.clock.is_test() {
        operator = operator.merge(test_clock::routes());
    }
    let operator = operator.route_layer(middleware::from_fn_with_state(app.clone(), auth::require_operator));
    // Without these routes, the pages' CSRF guard would answer a POST with 403.
    let not_found = || any(async || Problem::not_found("path"));
    let rest = Router::new()
        .route("/test/{*rest}", not_found())
        .route("/v1", any(auth::unknown_path))
        .route("/v1/", any(auth::unknown_path))
        .route("/v1/{*rest}", any(auth::unknown_path));
    Router::new()
        .merge(operator)
        .merge(rest)
        .merge(customer_api::routes(app))
        .merge(stripe_webhook::routes())
        .merge(unsubscribe::routes())
        .merge(health::routes())
        .merge(metrics::routes(app))
        .merge(openapi::routes(app))
        .layer(middleware::from_fn_with_state(app.clone(), test_clock::refresh))
        .layer(middleware::map_response(add_headers))
}

/// Answers and errors are not cached, and browsers must not guess their type.
async fn add_headers(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
