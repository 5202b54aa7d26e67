//! The guard of browsers' routes: it refuses forged POSTs and sets the headers of every response.
//!
//! *Not here:* who is signed in (`request_context`); machines' routes (`http`), which carry keys instead.

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::Response;
use url::Url;

#[derive(Clone, Debug)]
pub struct Guard {
    /// `PUBLIC_URL`'s origin.
    origin: String,
    /// The origins that forms may lead to.
    form_targets: Vec<String>,
    policy: HeaderValue,
}

/// Stripe's Checkout and portal: Chromium applies `form-action` to the redirect after a form, too.
const STRIPE: [&str; 2] = ["https://checkout.stripe.com", "https://billing.stripe.com"];

impl Guard {
    /// A guard for the site at `origin`, whose forms may lead to Stripe's pages and to `also` (the shop's own Checkout
    /// domains, the demo's sandbox), and whose images may come from `images`.
    #[must_use]
    pub fn new(origin: &str, also: &[String], images: &[String]) -> Self {
        let mut form_targets: Vec<String> = STRIPE.map(str::to_owned).to_vec();
        for way in also.iter().map(|way| way.trim_end_matches('/')) {
            if !form_targets.iter().any(|known| known == way) {
                form_targets.push(way.to_owned());
            }
        }
        let leads = form_targets.join(" ");
        let images: String = images.iter().map(|image| format!(" {image}")).collect();
        let policy = format!(
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:{images}; form-action 'self' {leads}; \
             frame-ancestors 'none'; base-uri 'none'"
        );
        let policy = HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
        Self { origin: origin.trim_end_matches('/').to_owned(), form_targets, policy }
    }

    /// The redirect of a response to a form, if browsers would block it: the policy does not name its origin.
    #[must_use]
    pub fn blocked_redirect(&self, method: &Method, response: &Response<Body>) -> Option<Url> {
        if *method != Method::POST || !response.status().is_redirection() {
            return None;
        }
        let to = response.headers().get(LOCATION)?.to_str().ok()?;
        // A relative address leads to this site.
        let url = Url::parse(to).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        let origin = url.origin().ascii_serialization();
        let known = origin == self.origin || self.form_targets.contains(&origin);
        (!known).then_some(url)
    }

    /// Allows requests that read, and writes from a page of this site.
    /// `Sec-Fetch-Site` decides; a browser too old to send it sends `Origin`.
    #[must_use]
    pub fn allows(&self, method: &Method, headers: &HeaderMap) -> bool {
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

    /// Sets the headers of a response. Pages are not cached; files set their own `Cache-Control`.
    pub fn set_headers(&self, response: &mut Response<Body>) {
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
        let guard = Guard::new("https://topup.example", &[], &[]);
        let pairs = headers.iter().map(|(name, value)| {
            (axum::http::HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header"))
        });
        assert_eq!(guard.allows(&method, &pairs.collect()), want, "{method} {headers:?}");
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
    fn the_policy_names_checkout_the_demos_sandbox_and_the_shops_images() {
        let images = ["https://cdn.shop.example".to_owned()];
        let guard = Guard::new("http://127.0.0.1:3000/", &["http://127.0.0.1:4000".to_owned()], &images);
        let policy = guard.policy.to_str().expect("ascii");
        let leads = "form-action 'self' https://checkout.stripe.com https://billing.stripe.com http://127.0.0.1:4000;";
        assert!(policy.contains(leads), "{policy}");
        assert!(policy.contains("img-src 'self' data: https://cdn.shop.example;"), "{policy}");
        assert!(!policy.contains("unsafe-") && policy.contains("script-src 'self';"));
    }

    #[test]
    fn an_answer_that_leads_where_no_form_may_is_held() {
        let guard = Guard::new("https://topup.example", &["https://pay.shop.example".to_owned()], &[]);
        let check = |method: Method, status: u16, to: &str, want: bool| {
            let answer =
                Response::builder().status(status).header(LOCATION, to).body(Body::empty()).expect("an answer");
            assert_eq!(guard.blocked_redirect(&method, &answer).is_some(), want, "{method} {status} {to}");
        };
        check(Method::POST, 303, "https://pay.other.example/c/pay/cs_1#a", true);
        check(Method::POST, 302, "http://pay.shop.example/c/pay/cs_1", true);
        check(Method::POST, 303, "https://checkout.stripe.com.evil.example/c/pay/cs_1", true);
        for known in [
            "https://pay.shop.example/c/pay/cs_1",
            "https://checkout.stripe.com/c/pay/cs_1",
            "https://topup.example/x",
            "/billing",
        ] {
            check(Method::POST, 303, known, false);
        }
        check(Method::GET, 303, "https://app.shop.example/", false);
        check(Method::POST, 200, "https://pay.other.example/", false);
    }
}
