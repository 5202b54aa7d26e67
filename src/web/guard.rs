//! What stands before every browser route: no forged POST gets in, no page gets out without its headers.
//!
//! *Not here:* who is signed in (`visit`); machines' routes (`http`), which carry keys instead.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::Response;

/// What the guard knows of this site.
#[derive(Clone, Debug)]
pub struct Guard {
    /// `PUBLIC_URL`'s origin.
    origin: String,
    policy: HeaderValue,
}

/// Stripe's Checkout, and its portal: Chromium holds the redirect that answers a form to `form-action` too.
const STRIPE: &str = "https://checkout.stripe.com https://billing.stripe.com";

impl Guard {
    /// A guard for the site at `origin`, whose forms may lead to Stripe's pages and to `also` (the demo's
    /// sandbox).
    #[must_use]
    pub fn new(origin: &str, also: Option<&str>) -> Self {
        let also = also.map(|origin| format!(" {origin}")).unwrap_or_default();
        let policy = format!(
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self' {STRIPE}{also}; \
             frame-ancestors 'none'; base-uri 'none'"
        );
        let policy = HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
        Self { origin: origin.trim_end_matches('/').to_owned(), policy }
    }

    /// Whether a request that changes something comes from a page of this site.
    /// `Sec-Fetch-Site` decides; a browser too old to send it sends `Origin`.
    #[must_use]
    pub fn admits(&self, method: &Method, headers: &HeaderMap) -> bool {
        if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
            return true;
        }
        let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
        match (headers.get("sec-fetch-site").map(text), headers.get(ORIGIN).map(text)) {
            (Some(site), _) => site == "same-origin" || site == "none",
            (None, Some(origin)) => origin == self.origin,
            (None, None) => false,
        }
    }

    /// Gives an answer its headers. What is signed in is not kept by anyone; files say themselves how long they last.
    pub fn dress(&self, response: &mut Response<Body>) {
        let headers = response.headers_mut();
        headers.entry(CONTENT_SECURITY_POLICY).or_insert_with(|| self.policy.clone());
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: Method, headers: &[(&'static str, &str)], want: bool) {
        let guard = Guard::new("https://topup.example", None);
        let pairs = headers.iter().map(|(name, value)| {
            (axum::http::HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header"))
        });
        assert_eq!(guard.admits(&method, &pairs.collect()), want, "{method} {headers:?}");
    }

    #[test]
    fn a_post_is_admitted_only_from_this_site() {
        check(Method::GET, &[("sec-fetch-site", "cross-site")], true);
        check(Method::POST, &[("sec-fetch-site", "same-origin")], true);
        check(Method::POST, &[("sec-fetch-site", "none")], true);
        check(Method::POST, &[("sec-fetch-site", "same-site")], false);
        check(Method::POST, &[("sec-fetch-site", "cross-site"), ("origin", "https://topup.example")], false);
        check(Method::POST, &[("origin", "https://topup.example")], true);
        check(Method::POST, &[("origin", "https://evil.example")], false);
        check(Method::POST, &[("origin", "null")], false);
        check(Method::POST, &[], false);
        check(Method::DELETE, &[], false);
    }

    #[test]
    fn the_policy_names_checkout_and_the_demos_sandbox() {
        let guard = Guard::new("http://127.0.0.1:3000/", Some("http://127.0.0.1:4000"));
        let policy = guard.policy.to_str().expect("ascii");
        let leads = "form-action 'self' https://checkout.stripe.com https://billing.stripe.com http://127.0.0.1:4000;";
        assert!(policy.contains(leads), "{policy}");
        assert!(!policy.contains("unsafe-") && policy.contains("script-src 'self';"));
    }
}
