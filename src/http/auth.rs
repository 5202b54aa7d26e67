//! The caller's key: `Authorization: Bearer KEY` or `x-api-key: KEY`.

use super::problem::{Code, Problem};
use crate::usecases::Services;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Lets operators through.
pub async fn operator(State(services): State<Services>, request: Request, next: Next) -> Response {
    if is_operator(&services, request.headers()) {
        return next.run(request).await;
    }
    Problem::new(Code::Unauthorized, "send an operator key as Authorization: Bearer KEY or as x-api-key")
        .into_response()
}

/// A path of the API that does not exist; strangers are not told.
pub async fn unknown(State(services): State<Services>, headers: HeaderMap) -> Problem {
    if is_operator(&services, &headers) {
        return Problem::new(Code::NotFound, "there is no such path");
    }
    Problem::new(Code::Unauthorized, "send an operator key as Authorization: Bearer KEY or as x-api-key")
}

fn is_operator(services: &Services, headers: &HeaderMap) -> bool {
    let Some(key) = key_of(headers) else { return false };
    let given = Sha256::digest(key.as_bytes());
    // All keys are compared, whichever matches.
    let mut known = subtle::Choice::from(0);
    for key in &services.settings.operator_keys {
        known |= Sha256::digest(key.as_bytes()).ct_eq(&given);
    }
    known.into()
}

/// The key that a caller sent.
pub fn key_of(headers: &HeaderMap) -> Option<&str> {
    if let Some(value) = headers.get("x-api-key") {
        return value.to_str().ok();
    }
    let value = headers.get(axum::http::header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}
