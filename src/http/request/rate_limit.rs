//! Rate limits of the APIs: 429 with `Retry-After`. *Not here:* counting (`crate::rate_limits`); browsers
//! (`web::limits`). Health and Stripe's webhook have no limit.

use crate::http::request::client_ip;
use crate::http::request::problem::Problem;
use crate::metrics::process::LimitKind;
use crate::usecases::App;
use axum::http::{Extensions, HeaderMap};
use sha2::{Digest, Sha256};
use std::net::IpAddr;

/// Counts a request with a valid key.
///
/// # Errors
/// 429.
pub fn count_key(app: &App, key: &str) -> Result<(), Problem> {
    limited(app, LimitKind::Key, app.settings.limits.key(Sha256::digest(key.as_bytes()).into()))
}

/// Counts a request without a valid key, by its address.
///
/// # Errors
/// 429.
pub fn count_anonymous(app: &App, address: Option<IpAddr>) -> Result<(), Problem> {
    let Some(address) = address else { return Ok(()) };
    limited(app, LimitKind::Anonymous, app.settings.limits.anonymous(address))
}

fn limited(app: &App, kind: LimitKind, counted: Result<(), u64>) -> Result<(), Problem> {
    counted.map_err(|seconds| {
        app.settings.metrics.count_limited(kind);
        Problem::rate_limited(seconds)
    })
}

/// The client's address; see [`client_ip::address`].
pub fn client_ip(app: &App, extensions: &Extensions, headers: &HeaderMap) -> Option<IpAddr> {
    client_ip::address(extensions, headers, &app.settings.trusted_proxies)
}
