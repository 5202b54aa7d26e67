//! The caller's key: `Authorization: Bearer KEY` or `x-api-key: KEY`.

use crate::http::request::code::Code;
use crate::http::request::problem::Problem;
use crate::http::request::rate_limit;
use crate::usecases::App;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Middleware: lets operators through.
pub async fn require_operator(State(app): State<App>, request: Request, next: Next) -> Response {
    match check_operator(&app, &request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Middleware: lets operators and the holder of `METRICS_KEY` through.
pub async fn require_metrics_reader(State(app): State<App>, request: Request, next: Next) -> Response {
    let is_reader = |key: &str| is_operator(&app, key) | is_one_of(app.settings.metrics_key.as_slice(), key);
    match check_key(&app, &request, is_reader) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Checks the operator's key and the rate limit.
fn check_operator(app: &App, request: &Request) -> Result<(), Problem> {
    check_key(app, request, |key| is_operator(app, key))
}

fn check_key(app: &App, request: &Request, is_good: impl Fn(&str) -> bool) -> Result<(), Problem> {
    match api_key(request.headers()).filter(|key| is_good(key)) {
        Some(key) => rate_limit::count_key(app, key),
        None => {
            rate_limit::count_anonymous(app, rate_limit::client_ip(app, request.extensions(), request.headers()))?;
            let detail = "Send an operator key as Authorization: Bearer KEY or as x-api-key";
            Err(unauthorized(app, true, detail))
        }
    }
}

/// 404 of a path that the API does not have; 401 without a key.
pub async fn unknown_path(State(app): State<App>, request: Request) -> Problem {
    check_operator(&app, &request).err().unwrap_or_else(|| Problem::not_found("path"))
}

fn is_operator(app: &App, key: &str) -> bool {
    is_one_of(&app.settings.operator_keys, key)
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
