//! The common parts of a call: customer in the path, headers, body, idempotency key.

use crate::email;
use crate::http::body::Fields;
use crate::http::problem::{Code, Problem};
use crate::usecases::{App, customers};
use axum::body::Body;
use axum::http::{HeaderMap, header};
use futures::StreamExt;

/// The largest body.
const BODY_MAX: usize = 1024 * 1024;
/// How much of a larger one is read and thrown away.
const DISCARD_MAX: usize = 16 * BODY_MAX;

/// Whether a text can be a customer's id. A path that ends in `.` or `..` is another path to every client and proxy.
pub fn is_customer_id(id: &str) -> bool {
    !matches!(id, "." | "..")
        && (1..=128).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(&b))
}

/// The address in a field, as the pages have it: its domain in ASCII.
pub fn email(fields: &mut Fields, name: &str) -> Option<String> {
    let meant = "an email address; beyond ASCII only its domain may be";
    let text = fields.text(name, meant, |text| text.trim() == text && email::spelled(text).is_some())?;
    email::spelled(&text)
}

/// The number of the customer in the path.
///
/// # Errors
/// 404.
pub async fn customer_no(app: &App, id: &str) -> Result<i64, Problem> {
    if !is_customer_id(id) {
        return Err(Problem::not_found("customer"));
    }
    customers::number(app, id).await?.ok_or_else(|| Problem::not_found("customer"))
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
/// What is too large is read on for a while and thrown away: a caller that still sends while the connection is
/// closed sees a broken pipe and not the 413.
///
/// # Errors
/// 413; 400 where the caller broke off.
pub async fn read(body: Body) -> Result<axum::body::Bytes, Problem> {
    let (mut stream, mut kept, mut seen) = (body.into_data_stream(), Vec::new(), 0_usize);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Problem::new(Code::InvalidJson, "the body ended early"))?;
        seen = seen.saturating_add(chunk.len());
        if seen <= BODY_MAX {
            kept.extend_from_slice(&chunk);
        } else if seen > DISCARD_MAX {
            break;
        }
    }
    if seen > BODY_MAX {
        return Err(Problem::new(Code::PayloadTooLarge, "the body is larger than 1 MiB"));
    }
    Ok(kept.into())
}
