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

/// What a person reads. It is no page like others: whoever sends too much is not to have pages drawn for it.
const TOO_MANY: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>One moment, please</title>
<link rel="stylesheet" href="/pkg/topup.css">
</head>
<body>
<main class="wide"><div class="card narrow" role="alert">
<h1>That was a lot at once</h1>
<p class="note">Nothing was done. Wait a moment, then try again.</p>
<a class="button" href="/billing">Back to Billing</a>
</div></main>
</body>
</html>
"#;
const TOO_MANY_POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Before browsers' routes: what they send is counted by address, what they read is not.
pub async fn browsers(State(services): State<Services>, request: Request, next: Next) -> Response {
    if request.method() == Method::POST
        && let Err(problem) = stranger(&services, client::address(&request, &services.settings.trusted_proxies))
    {
        let mut headers = HeaderMap::new();
        problem.put_headers(&mut headers);
        let mut put = |name, value| headers.insert(name, HeaderValue::from_static(value));
        put(header::CONTENT_TYPE, "text/html; charset=utf-8");
        put(header::CONTENT_SECURITY_POLICY, TOO_MANY_POLICY);
        put(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        put(header::CACHE_CONTROL, "no-store");
        return (StatusCode::TOO_MANY_REQUESTS, headers, TOO_MANY).into_response();
    }
    next.run(request).await
}
