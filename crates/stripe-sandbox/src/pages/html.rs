//! Documents, their headers, and escaped text.

use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use url::Url;

use crate::error::ApiError;
use crate::objects::text;
use crate::sandbox::Sandbox;

const NOSNIFF: HeaderName = HeaderName::from_static("x-content-type-options");

/// `GET /pay.css`
pub(crate) async fn style() -> Response {
    let headers = [(CONTENT_TYPE, "text/css; charset=utf-8"), (NOSNIFF, "nosniff")];
    (headers, include_str!("style.css")).into_response()
}

/// A page. `success_url` is the URL that its form may redirect to.
pub(super) fn respond(status: StatusCode, success_url: &str, page: String) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (NOSNIFF, HeaderValue::from_static("nosniff")),
        (CONTENT_SECURITY_POLICY, policy(success_url)),
    ];
    (status, headers, page).into_response()
}

/// Chromium applies `form-action` to a form's redirects too, so the shop is in it.
fn policy(success_url: &str) -> HeaderValue {
    let shop = Url::parse(success_url).map(|url| url.origin().ascii_serialization()).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src data:; form-action 'self' {shop}; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

pub(super) fn redirect(url: &str) -> Response {
    match HeaderValue::from_str(url) {
        Ok(url) => (StatusCode::SEE_OTHER, [(LOCATION, url)]).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The page for an error. `missing` is the message of a 404.
pub(super) fn failed(sandbox: &Sandbox, error: &ApiError, missing: &str) -> Response {
    let words = if error.status == StatusCode::NOT_FOUND { missing } else { "The sandbox failed. Look at its log." };
    if error.status.is_server_error() {
        tracing::error!(error = %error.message, "the sandbox failed");
    }
    respond(error.status, "", message(words, &sandbox.settings().shop_name, None))
}

/// A page with one message.
pub(super) fn message(message: &str, shop: &str, back_url: Option<&str>) -> String {
    document(message, shop, &format!("<h1>{}</h1>{}", escape(message), back(shop, back_url)))
}

pub(super) fn back(shop: &str, url: Option<&str>) -> String {
    let link = |url| format!("<p><a href=\"{}\">Back to {}</a></p>", escape(url), escape(shop));
    url.map(link).unwrap_or_default()
}

pub(super) fn document(title: &str, shop: &str, main: &str) -> String {
    let (title, shop) = (escape(title), escape(shop));
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} · {shop}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\"><link rel=\"icon\" href=\"data:,\">\
         <link rel=\"stylesheet\" href=\"/pay.css\"></head><body>\
         <header><strong>{shop}</strong> <span class=\"badge\">Sandbox</span></header><main>{main}</main></body></html>"
    )
}

pub(super) fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

pub(super) fn escaped(value: &Value) -> String {
    escape(text(value))
}

#[cfg(test)]
mod tests {
    use super::{message, policy};

    #[test]
    fn the_form_may_lead_to_the_shop_and_nowhere_else() {
        let policy = policy("https://shop.example/purchases/1?session_id={CHECKOUT_SESSION_ID}");
        let policy = policy.to_str().expect("ascii");
        assert!(policy.contains("form-action 'self' https://shop.example;"), "{policy}");
        assert!(!policy.contains("unsafe"));
    }

    #[test]
    fn a_message_leads_back_where_there_is_a_way() {
        assert!(message("It is over.", "Gleaner", Some("http://a.example")).contains("Back to Gleaner"));
        assert!(!message("It is over.", "Gleaner", None).contains("Back to"));
    }
}
