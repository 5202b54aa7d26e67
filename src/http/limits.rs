//! Rate limits of the APIs: 429 with `Retry-After`. *Not here:* counting (`crate::limits`); browsers (`web::limits`);
//! health and Stripe's webhook, which nothing limits.

use crate::client;
use crate::counts::Refused;
use crate::http::problem::{Code, Problem};
use crate::usecases::App;
use axum::http::{Extensions, HeaderMap};
use sha2::{Digest, Sha256};
use std::net::IpAddr;

/// Counts a request of a key that was found good.
///
/// # Errors
/// 429.
pub fn key(app: &App, key: &str) -> Result<(), Problem> {
    app.settings.limits.key(Sha256::digest(key.as_bytes()).into()).map_err(|seconds| {
        app.settings.counts.refused(Refused::Key);
        Problem::rate_limited(seconds)
    })
}

/// Counts a request without a good key, by the address it came from.
///
/// # Errors
/// 429.
pub fn anonymous(app: &App, address: Option<IpAddr>) -> Result<(), Problem> {
    let Some(address) = address else { return Ok(()) };
    app.settings.limits.anonymous(address).map_err(|seconds| {
        app.settings.counts.refused(Refused::Anonymous);
        Problem::rate_limited(seconds)
    })
}

/// Where a request came from.
pub fn address(app: &App, extensions: &Extensions, headers: &HeaderMap) -> Option<IpAddr> {
    client::address(extensions, headers, &app.settings.trusted_proxies)
}

/// The answer to a request without a good key, counted. `is_operator_api`: or a customer's.
pub fn unauthorized(app: &App, is_operator_api: bool, detail: &str) -> Problem {
    app.settings.counts.unauthorized(is_operator_api);
    Problem::new(Code::Unauthorized, detail)
}
