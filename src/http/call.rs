//! The common parts of a call: customer in the path, headers, body, idempotency key.

use super::body::Fields;
use super::problem::{Code, Problem};
use crate::usecases::{Services, customers};
use axum::body::Body;
use axum::http::{HeaderMap, header};

/// The largest body.
const BODY_MAX: usize = 1024 * 1024;

/// Whether a text can be a customer's id.
pub fn is_customer_id(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(&b))
}

/// The number of the customer in the path.
///
/// # Errors
/// 404.
pub async fn customer_no(services: &Services, id: &str) -> Result<i64, Problem> {
    if !is_customer_id(id) {
        return Err(Problem::not_found("customer"));
    }
    customers::number(services, id).await?.ok_or_else(|| Problem::not_found("customer"))
}

/// The idempotency key.
///
/// # Errors
/// 400 where it is absent or malformed.
pub fn idempotency_key(headers: &HeaderMap) -> Result<String, Problem> {
    let mut keys = headers.get_all("idempotency-key").iter();
    let Some(key) = keys.next() else {
        return Err(Problem::new(Code::IdempotencyKeyMissing, "send an Idempotency-Key header, unique for each write"));
    };
    let bytes = key.as_bytes();
    match (is_key(bytes) && keys.next().is_none(), std::str::from_utf8(bytes)) {
        (true, Ok(key)) => Ok(key.to_owned()),
        _ => {
            Err(Problem::new(Code::InvalidHeader, "Idempotency-Key must be one, of 1 to 255 visible ASCII characters"))
        }
    }
}

/// Whether bytes can be an idempotency key.
pub fn is_key(bytes: &[u8]) -> bool {
    (1..=255).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
}

/// The body's fields.
///
/// # Errors
/// 400, 413, 415, 422.
pub async fn fields(headers: &HeaderMap, body: Body) -> Result<Fields, Problem> {
    Fields::parse(&json_bytes(headers, body).await?)
}

/// The fields of a body whose parts are judged one by one.
///
/// # Errors
/// 400, 413, 415, 422.
pub async fn outer_fields(headers: &HeaderMap, body: Body) -> Result<Fields, Problem> {
    Fields::parse_outer(&json_bytes(headers, body).await?)
}

async fn json_bytes(headers: &HeaderMap, body: Body) -> Result<axum::body::Bytes, Problem> {
    let json = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
    if !json {
        return Err(Problem::new(Code::UnsupportedMediaType, "send Content-Type: application/json"));
    }
    read(body).await
}

/// The whole body.
///
/// # Errors
/// 413; 400 where the caller broke off.
pub async fn read(body: Body) -> Result<axum::body::Bytes, Problem> {
    axum::body::to_bytes(body, BODY_MAX).await.map_err(|e| {
        if is_limit(&e) {
            Problem::new(Code::PayloadTooLarge, "the body is larger than 1 MiB")
        } else {
            Problem::new(Code::InvalidJson, "the body ended early")
        }
    })
}

fn is_limit(error: &axum::Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(e) = source {
        if e.to_string().contains("length limit exceeded") {
            return true;
        }
        source = e.source();
    }
    false
}
