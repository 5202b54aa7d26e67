//! Rate limits at the door: 429 with `Retry-After`. *Not here:* counting (`crate::limits`); health and Stripe's
//! webhook, which nothing limits.

use super::client;
use super::problem::Problem;
use crate::usecases::Services;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use std::net::IpAddr;

/// Counts a request of a key that was found good.
///
/// # Errors
/// 429.
pub fn key(services: &Services, key: &str) -> Result<(), Problem> {
    services.settings.limits.key(Sha256::digest(key.as_bytes()).into()).map_err(Problem::rate_limited)
}

/// Counts somebody without a key, by the address that the request came from.
///
/// # Errors
/// 429.
pub fn stranger(services: &Services, address: Option<IpAddr>) -> Result<(), Problem> {
    match address {
        Some(address) => services.settings.limits.address(address).map_err(Problem::rate_limited),
        None => Ok(()),
    }
}

/// Before browsers' routes: what they send is counted by address, what they read is not.
pub async fn browsers(State(services): State<Services>, request: Request, next: Next) -> Response {
    if request.method() == Method::POST
        && let Err(problem) = stranger(&services, client::address(&request, &services.settings.trusted_proxies))
    {
        let mut headers = HeaderMap::new();
        problem.put_headers(&mut headers);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        return (StatusCode::TOO_MANY_REQUESTS, headers, "That was a lot at once. Please try again in a moment.\n")
            .into_response();
    }
    next.run(request).await
}
