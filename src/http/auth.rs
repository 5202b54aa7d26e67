//! The caller's key: `Authorization: Bearer KEY` or `x-api-key: KEY`.

use crate::http::limits;
use crate::http::problem::Problem;
use crate::usecases::App;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Lets operators through.
pub async fn operator(State(app): State<App>, request: Request, next: Next) -> Response {
    match admit(&app, &request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Whether an operator asks, and not too often.
fn admit(app: &App, request: &Request) -> Result<(), Problem> {
    match key_of(request.headers()).filter(|key| is_operator(app, key)) {
        Some(key) => limits::key(app, key),
        None => {
            limits::anonymous(app, limits::address(app, request.extensions(), request.headers()))?;
            let detail = "send an operator key as Authorization: Bearer KEY or as x-api-key";
            Err(limits::unauthorized(app, true, detail))
        }
    }
}

/// A path of the API that does not exist; strangers are not told.
pub async fn unknown(State(app): State<App>, request: Request) -> Problem {
    admit(&app, &request).err().unwrap_or_else(|| Problem::not_found("path"))
}

fn is_operator(app: &App, key: &str) -> bool {
    let given = Sha256::digest(key.as_bytes());
    // All keys are compared, whichever matches.
    let mut known = subtle::Choice::from(0);
    for key in &app.settings.operator_keys {
        known |= Sha256::digest(key.as_bytes()).ct_eq(&given);
    }
    known.into()
}

/// The key that a caller sent. A header without a key in it, as proxies and half-filled settings send, hides no other.
pub fn key_of(headers: &HeaderMap) -> Option<&str> {
    let own = headers.get_all("x-api-key").iter().find_map(filled);
    own.or_else(|| headers.get_all(AUTHORIZATION).iter().find_map(|value| bearer(filled(value)?)))
}

fn filled(value: &HeaderValue) -> Option<&str> {
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
    fn a_header_without_a_key_hides_no_other() {
        let check = |headers: &[(&'static str, &'static str)], want: Option<&str>| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            assert_eq!(key_of(&map), want, "{headers:?}");
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
