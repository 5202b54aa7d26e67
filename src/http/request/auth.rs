//! The caller's key: `Authorization: Bearer KEY` or `x-api-key: KEY`.
//!
//! One of `OPERATOR_KEYS` opens everything and is compared in memory. A scoped key (`ak_…`) is read from the database, and
//! from memory for some seconds; its scope must open the route ([`scope`]).

use crate::http::request::code::Code;
use crate::http::request::problem::Problem;
use crate::http::request::{rate_limit, scope};
use crate::usecases::App;
use crate::usecases::operators::api_keys;
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use subtle::ConstantTimeEq;

/// Middleware: lets operators through.
pub async fn require_operator(State(app): State<App>, request: Request, next: Next) -> Response {
    match check_operator(&app, KeyUse::of(&app, &request)).await {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Middleware: lets operators and the holder of `METRICS_KEY` through.
pub async fn require_metrics_reader(State(app): State<App>, request: Request, next: Next) -> Response {
    let asked = KeyUse::of(&app, &request);
    let reader = asked.key.as_deref().filter(|key| is_one_of(app.settings.metrics_key.as_slice(), key));
    let checked = match reader {
        Some(key) => rate_limit::count_key(&app, key),
        None => check_operator(&app, asked).await,
    };
    match checked {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// The parts of a request that decide about its key.
struct KeyUse {
    key: Option<String>,
    method: Method,
    /// The pattern of the path; none where no route matches.
    route: Option<MatchedPath>,
    address: Option<IpAddr>,
}

impl KeyUse {
    fn of(app: &App, request: &Request) -> Self {
        Self {
            key: api_key(request.headers()).map(str::to_owned),
            method: request.method().clone(),
            route: request.extensions().get::<MatchedPath>().cloned(),
            address: rate_limit::client_ip(app, request.extensions(), request.headers()),
        }
    }
}

/// Checks the key, its scope and the rate limits. A scoped key that was not valid before counts as anonymous until the
/// database confirms it.
async fn check_operator(app: &App, asked: KeyUse) -> Result<(), Problem> {
    let limits = &app.settings.limits;
    if let Some(key) = asked.key.as_deref().filter(|key| is_one_of(&app.settings.operator_keys, key)) {
        return rate_limit::count_key(app, key);
    }
    let scoped = asked.key.as_deref().filter(|key| key.starts_with(api_keys::PREFIX));
    let hash = scoped.map(api_keys::key_hash);
    if !hash.is_some_and(|hash| limits.knows(&hash)) {
        rate_limit::count_anonymous(app, asked.address)?;
    }
    if let Some((key, hash)) = scoped.zip(hash) {
        let found = api_keys::scope_of(app, key).await?;
        limits.looked_up(&hash, found.is_some());
        if let Some(found) = found {
            rate_limit::count_key(app, key)?;
            let route = asked.route.as_ref().map_or("", MatchedPath::as_str);
            // A path that the API does not have is a 404 for every valid key.
            let is_route = !route.is_empty() && !route.contains("{*");
            if is_route && !scope::opens(found, asked.method.as_str(), route) {
                let opening = scope::scopes_of(asked.method.as_str(), route).join(" or ");
                let detail = format!("The key's scope is {}; this request needs {opening}", found.name());
                return Err(Problem::new(Code::InsufficientScope, detail));
            }
            return Ok(());
        }
    }
    let detail = "Send an operator key as Authorization: Bearer KEY or as x-api-key";
    Err(unauthorized(app, true, detail))
}

/// 404 of a path that the API does not have; 401 without a key.
pub async fn unknown_path(State(app): State<App>, request: Request) -> Problem {
    let checked = check_operator(&app, KeyUse::of(&app, &request)).await;
    checked.err().unwrap_or_else(|| Problem::not_found("path"))
}

fn is_one_of(keys: &[String], key: &str) -> bool {
    let given = Sha256::digest(key.as_bytes());
    // Every key is compared, so that the time does not depend on which one matches.
    let mut is_known = subtle::Choice::from(0);
    for key in keys {
        is_known |= Sha256::digest(key.as_bytes()).ct_eq(&given);
    }
    is_known.into()
}

/// 401, counted; of the operator API or of the customer API.
pub fn unauthorized(app: &App, is_operator_api: bool, detail: &str) -> Problem {
    app.settings.metrics.count_unauthorized(is_operator_api);
    Problem::new(Code::Unauthorized, detail)
}

/// The key in the headers. Headers without a key are skipped: proxies and incomplete settings send them.
pub fn api_key(headers: &HeaderMap) -> Option<&str> {
    let own = headers.get_all("x-api-key").iter().find_map(non_empty);
    own.or_else(|| headers.get_all(AUTHORIZATION).iter().find_map(|value| bearer(non_empty(value)?)))
}

fn non_empty(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok().map(str::trim).filter(|text| !text.is_empty())
}

fn bearer(text: &str) -> Option<&str> {
    let (scheme, key) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderName;

    #[test]
    fn headers_without_a_key_are_skipped() {
        let check = |headers: &[(&'static str, &'static str)], want: Option<&str>| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            assert_eq!(api_key(&map), want, "{headers:?}");
        };
        check(&[("x-api-key", "one")], Some("one"));
        check(&[("authorization", "Bearer one")], Some("one"));
        check(&[("authorization", "bearer  one ")], Some("one"));
        check(&[("x-api-key", ""), ("authorization", "Bearer one")], Some("one"));
        check(&[("x-api-key", " \t"), ("authorization", "Bearer one")], Some("one"));
        check(&[("x-api-key", ""), ("x-api-key", "one")], Some("one"));
        check(&[("authorization", ""), ("authorization", "Bearer one")], Some("one"));
        check(&[("authorization", "Basic b25l"), ("authorization", "Bearer one")], Some("one"));
        check(&[("x-api-key", "two"), ("authorization", "Bearer one")], Some("two"));
        check(&[("x-api-key", ""), ("authorization", "Bearer ")], None);
        check(&[("x-api-key", "")], None);
        check(&[("authorization", "Basic b25l")], None);
    }
}
