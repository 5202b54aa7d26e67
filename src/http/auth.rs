//! The caller's key: `Authorization: Bearer KEY` or `x-api-key: KEY`.

use super::problem::{Code, Problem};
use super::{client, limits};
use crate::usecases::Services;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Lets operators through.
pub async fn operator(State(services): State<Services>, request: Request, next: Next) -> Response {
    match admit(&services, &request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Whether an operator asks, and not too often.
fn admit(services: &Services, request: &Request) -> Result<(), Problem> {
    match key_of(request.headers()).filter(|key| is_operator(services, key)) {
        Some(key) => limits::key(services, key),
        None => {
            limits::stranger(services, client::address(request, &services.settings.trusted_proxies))?;
            let detail = "send an operator key as Authorization: Bearer KEY or as x-api-key";
            Err(Problem::new(Code::Unauthorized, detail))
        }
    }
}

/// A path of the API that does not exist; strangers are not told.
pub async fn unknown(State(services): State<Services>, request: Request) -> Problem {
    admit(&services, &request).err().unwrap_or_else(|| Problem::not_found("path"))
}

fn is_operator(services: &Services, key: &str) -> bool {
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
