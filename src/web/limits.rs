//! Rate limits of browsers' routes. Signed-in browsers pass; anonymous requests are counted.
//!
//! An anonymous request counts if it makes the database or Stripe work: each form, the pages behind a link, and requests
//! with an unknown session. Other pages are free. An anonymous form is read whole before it takes one of the places for
//! anonymous forms, so that a slow sender holds none.
//!
//! *Not here:* counting (`crate::rate_limits`), the ledger's lane (`ledger`), APIs (`http::request`).

use crate::http::request::client_ip;
use crate::metrics::process::LimitKind;
use crate::usecases::App;
use crate::usecases::access::tokens::token_hash;
use crate::web::cookies::Cookie;
use crate::web::readable::FORM_BYTES_MAX;
use crate::web::theme::Theme;
use crate::web::{assets, brand};
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// `Retry-After` if all places are taken.
const BUSY_SECONDS: u64 = 2;

/// The page of a refusal. It is plain text of ours, since drawing a page would cost work. `{theme}` and `{brand}` are
/// the reader's theme and the shop's accent.
const TOO_MANY: &str = r#"<!DOCTYPE html>
<html lang="en"{theme}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>One moment, please</title>
<link rel="stylesheet" href="{stylesheet}">{brand}
</head>
<body>
<main class="wide"><div class="card narrow" role="alert">
<h1>That was a lot at once</h1>
<p class="note">Nothing was done. Wait a moment, then try again.</p>
<a class="button" href="/billing">Back to Billing</a>
</div></main>
</body>
</html>
"#;
const TOO_MANY_POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Pages that ask the database or Stripe for anyone who has the address.
const ASKING: [&str; 3] = ["/sign-in/", "/purchases/", "/mails/"];
/// Files, which need neither.
const FILES: [&str; 5] = ["/pkg/topup.css", "/pkg/brand.css", "/favicon.svg", "/live.js", "/buttons.js"];

/// The middleware of browsers' routes.
pub async fn browsers(State(app): State<App>, request: Request, next: Next) -> Response {
    let (limits, metrics) = (&app.settings.limits, &app.settings.metrics);
    let writes = !request.method().is_safe();
    let theme = Cookie::Theme.read(request.headers(), app.settings.is_https());
    let theme = theme.map(|name| Theme::named(&name)).unwrap_or_default();
    let sessions = sessions(request.headers(), app.settings.is_https());
    if let Some(known) = sessions.iter().find(|session| limits.knows(session)) {
        return match if writes { limits.key(*known) } else { Ok(()) } {
            Ok(()) => next.run(request).await,
            Err(seconds) => {
                metrics.count_limited(LimitKind::Key);
                too_many(&app, theme, StatusCode::TOO_MANY_REQUESTS, seconds)
            }
        };
    }
    if !(writes || asks(request.uri().path(), !sessions.is_empty())) {
        return next.run(request).await;
    }
    let address = client_ip::address(request.extensions(), request.headers(), &app.settings.trusted_proxies);
    if let Some(Err(seconds)) = address.map(|address| limits.anonymous(address)) {
        metrics.count_limited(LimitKind::Anonymous);
        return too_many(&app, theme, StatusCode::TOO_MANY_REQUESTS, seconds);
    }
    if !writes {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, FORM_BYTES_MAX).await else {
        return too_many(&app, theme, StatusCode::PAYLOAD_TOO_LARGE, 0);
    };
    let Some(_place) = limits.form() else {
        metrics.count_limited(LimitKind::Form);
        return too_many(&app, theme, StatusCode::SERVICE_UNAVAILABLE, BUSY_SECONDS);
    };
    next.run(Request::from_parts(parts, Body::from(body))).await
}

/// The hashes of the browser's session cookies.
fn sessions(headers: &HeaderMap, is_https: bool) -> Vec<[u8; 32]> {
    let cookies = [Cookie::Session, Cookie::Operator];
    cookies.iter().filter_map(|cookie| cookie.read(headers, is_https)).map(|token| token_hash(&token)).collect()
}

/// True if the page makes the database or Stripe work for an anonymous browser.
fn asks(path: &str, has_session: bool) -> bool {
    let begins = |with: &[&str]| with.iter().any(|start| path.starts_with(start));
    begins(&ASKING) || (has_session && !begins(&FILES))
}

fn too_many(app: &App, theme: Theme, status: StatusCode, seconds: u64) -> Response {
    let mut headers = HeaderMap::new();
    let mut put = |name, value| headers.insert(name, HeaderValue::from_static(value));
    put(header::CONTENT_TYPE, "text/html; charset=utf-8");
    put(header::CONTENT_SECURITY_POLICY, TOO_MANY_POLICY);
    put(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(header::CACHE_CONTROL, "no-store");
    if status != StatusCode::PAYLOAD_TOO_LARGE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    (status, headers, page(theme, brand::address(&app.catalog.shop))).into_response()
}

fn page(theme: Theme, brand: Option<String>) -> String {
    let theme = theme.attribute().map(|name| format!(" data-theme=\"{name}\"")).unwrap_or_default();
    let brand = brand.map(|href| format!("\n<link rel=\"stylesheet\" href=\"{href}\">")).unwrap_or_default();
    let page = TOO_MANY.replace("{theme}", &theme).replace("{stylesheet}", &assets::stylesheet());
    page.replace("{brand}", &brand)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_a_refusal_has_the_shops_accent_and_the_readers_theme() {
        let dressed = page(Theme::Dark, Some("/pkg/brand.css?v=1".to_owned()));
        assert!(dressed.contains(r#"<html lang="en" data-theme="dark">"#), "{dressed}");
        assert!(dressed.contains(r#"<link rel="stylesheet" href="/pkg/brand.css?v=1">"#), "{dressed}");
        let plain = page(Theme::Auto, None);
        assert!(!plain.contains('{') && !plain.contains("brand") && !plain.contains("data-theme"), "{plain}");
    }

    #[test]
    fn pages_without_work_are_free() {
        let check = |path, with_session, want| assert_eq!(asks(path, with_session), want, "{path}");
        check("/sign-in", false, false);
        check("/billing", false, false);
        check("/billing", true, true);
        check("/live", true, true);
        check("/pkg/topup.css", true, false);
        check("/sign-in/abc", false, true);
        check("/purchases/pur_1", false, true);
        check("/mails/7-abc", false, true);
    }
}
