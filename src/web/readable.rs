//! Refuses addresses and forms that are not text.
//!
//! PostgreSQL fails on NUL, SQLite cuts text at it, and no page of ours sends one. In an address NUL can only be `%00`. A
//! form's bytes must be UTF-8, too: bytes that are not would read as U+FFFD.
//!
//! *Not here:* the API's own fields (`http::request`), which are refused by name.

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{StatusCode, Uri};

/// The largest form, in bytes: its longest field is a reason of 500 characters.
pub const FORM_BYTES_MAX: usize = 64 * 1024;

#[must_use]
pub fn is_text(uri: &Uri) -> bool {
    !uri.path().contains("%00") && !uri.query().unwrap_or_default().contains("%00")
}

/// The whole form.
///
/// # Errors
/// 413 if the form is too large or ended early, 400 if it is not text.
pub async fn form(body: Body) -> Result<Bytes, StatusCode> {
    let bytes = to_bytes(body, FORM_BYTES_MAX).await.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
    let is_text = |text: &str| !text.contains(['\0', char::REPLACEMENT_CHARACTER]);
    let all = url::form_urlencoded::parse(&bytes).all(|(name, value)| is_text(&name) && is_text(&value));
    if all { Ok(bytes) } else { Err(StatusCode::BAD_REQUEST) }
}

/// True if a server function refused its arguments: a field is missing or malformed.
#[must_use]
pub fn is_refusal(error: &[u8]) -> bool {
    [&b"Args|"[..], b"MissingArg|", b"Deserialization|"].iter().any(|kind| error.starts_with(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_is_found_in_path_and_query() {
        let check = |uri: &'static str, want| assert_eq!(is_text(&Uri::from_static(uri)), want, "{uri}");
        check("/operator?q=acme", true);
        check("/operator?q=%2500", true);
        check("/operator?q=100%25", true);
        check("/operator?q=a%00b", false);
        check("/operator?%00=a", false);
        check("/operator/customers/%00", false);
    }
}
