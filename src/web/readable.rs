//! What a browser sends, before anybody acts on it: NUL in an address or a form is refused.
//!
//! PostgreSQL stores NUL in no text and fails on it, SQLite cuts text at it; no page of ours sends one. In an address it
//! can only come as `%00`. A form's bytes must be UTF-8, too: what is read in their place (U+FFFD) is nobody's text.
//!
//! *Not here:* the API's own fields (`http::body`, `http::located`), which are refused by name.

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{StatusCode, Uri};

/// The largest form: no page has one of a tenth of it.
const FORM_MAX: usize = 64 * 1024;

/// Whether an address is text.
#[must_use]
pub fn is_text(uri: &Uri) -> bool {
    !uri.path().contains("%00") && !uri.query().unwrap_or_default().contains("%00")
}

/// The whole form.
///
/// # Errors
/// The status of the refusal: it is too large, it ended early, or it is no text.
pub async fn form(body: Body) -> Result<Bytes, StatusCode> {
    let bytes = to_bytes(body, FORM_MAX).await.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
    let is_text = |text: &str| !text.contains(['\0', char::REPLACEMENT_CHARACTER]);
    let all = url::form_urlencoded::parse(&bytes).all(|(name, value)| is_text(&name) && is_text(&value));
    if all { Ok(bytes) } else { Err(StatusCode::BAD_REQUEST) }
}

/// Whether a server function refused its arguments and did not fail: a field is missing, or is none of its type.
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
