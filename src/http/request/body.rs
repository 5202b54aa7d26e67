//! Reading a body: its media type, its size, its fields.

use crate::http::request::code::Code;
use crate::http::request::fields::Fields;
use crate::http::request::problem::Problem;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use futures::StreamExt;

/// The largest body, in bytes.
const BODY_MAX: usize = 1024 * 1024;
/// How much of a larger body is read and dropped.
const DISCARD_MAX: usize = 16 * BODY_MAX;

/// The fields of a JSON body.
///
/// # Errors
/// 400, 413, 415, 422.
pub async fn fields(headers: &HeaderMap, body: Body) -> Result<Fields, Problem> {
    Fields::parse(&json_bytes(headers, body).await?)
}

/// The fields of a JSON body whose inner values are parsed one by one later.
///
/// # Errors
/// 400, 413, 415, 422.
pub async fn outer_fields(headers: &HeaderMap, body: Body) -> Result<Fields, Problem> {
    Fields::parse_outer(&json_bytes(headers, body).await?)
}

async fn json_bytes(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let is_json = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"));
    if !is_json {
        return Err(Problem::new(Code::UnsupportedMediaType, "Send Content-Type: application/json"));
    }
    read(body).await
}

/// Reads the whole body.
///
/// The rest of a body that is too large is read for a while and dropped: a caller that still sends while the server
/// closes the connection would see a broken pipe and not the 413.
///
/// # Errors
/// 413; 400 if the body ends early.
pub async fn read(body: Body) -> Result<Bytes, Problem> {
    let (mut stream, mut bytes, mut length) = (body.into_data_stream(), Vec::new(), 0_usize);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Problem::new(Code::InvalidJson, "The body ended early"))?;
        length = length.saturating_add(chunk.len());
        if length <= BODY_MAX {
            bytes.extend_from_slice(&chunk);
        } else if length > DISCARD_MAX {
            break;
        }
    }
    if length > BODY_MAX {
        return Err(Problem::new(Code::PayloadTooLarge, "The body is larger than 1 MiB"));
    }
    Ok(bytes.into())
}
