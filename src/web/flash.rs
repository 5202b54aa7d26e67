//! The outcome of a form on its way to the page that shows it, once. The form's redirect sets it as a cookie; the page
//! reads and clears it. No address holds an outcome: a reload, a bookmark and the back key repeat nothing.
//!
//! *Not here:* secrets. A flash may hold what a person typed into a refused form, never a password or a key.

use crate::usecases::App;
use crate::web::cookies::Cookie;
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How long the redirect may take.
pub const SECONDS: i64 = 120;
/// The longest flash in bytes, before it is encoded: browsers keep cookies of 4,096 bytes.
const BYTES_MAX: usize = 2_600;

/// An outcome, and the facts and typed values that its page needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flash {
    /// The path of the page that shows it.
    #[serde(default)]
    page: String,
    code: String,
    #[serde(default)]
    values: BTreeMap<String, String>,
}

impl Flash {
    /// A code of a closed list; the page that reads it knows the list.
    #[must_use]
    pub fn new(code: impl Into<String>) -> Self {
        Self { code: code.into(), ..Self::default() }
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.values.insert(name.to_owned(), value.into());
        self
    }

    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The `Set-Cookie` header for the page that `to` leads to. Values that are too long are left out.
    #[must_use]
    pub fn cookie(mut self, to: &str, https: bool) -> String {
        self.page = path_of(to).to_owned();
        let mut bytes = self.bytes();
        if bytes.len() > BYTES_MAX {
            self.values.clear();
            bytes = self.bytes();
        }
        Cookie::Flash.set(&URL_SAFE_NO_PAD.encode(bytes), SECONDS, https)
    }

    fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// From a cookie's value.
    #[must_use]
    pub fn decoded(value: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(value).ok().filter(|bytes| bytes.len() <= BYTES_MAX)?;
        serde_json::from_slice(&bytes).ok()
    }

    /// The flash of a request for its page. Requests that show nobody a page take none.
    #[must_use]
    pub fn of(parts: &Parts, https: bool) -> Option<Self> {
        let flash = Cookie::Flash.read(&parts.headers, https).and_then(|value| Self::decoded(&value))?;
        (flash.page == parts.uri.path() && shows(&parts.method, &parts.headers)).then_some(flash)
    }
}

fn path_of(to: &str) -> &str {
    to.split(['?', '#']).next().unwrap_or_default()
}

/// Whether a person sees the response: no HEAD, no prefetch, no script.
fn shows(method: &Method, headers: &HeaderMap) -> bool {
    let dest = headers.get("sec-fetch-dest");
    *method == Method::GET && dest.is_none_or(|dest| dest == "document") && !is_prefetch(headers)
}

/// Whether the browser asks for a page that nobody may ever open.
#[must_use]
pub fn is_prefetch(headers: &HeaderMap) -> bool {
    let names = ["sec-purpose", "purpose", "x-purpose", "x-moz"];
    let values = names.iter().filter_map(|name| headers.get(*name)).filter_map(|value| value.to_str().ok());
    values.into_iter().any(|value| ["prefetch", "prerender", "preview"].iter().any(|word| value.contains(word)))
}

/// Redirects to a page of ours that shows an outcome.
pub fn redirect(app: &App, to: &str, flash: Flash) -> Response {
    let cookie = flash.cookie(to, app.settings.is_https());
    ([(SET_COOKIE, cookie)], Redirect::to(to)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn parts(method: Method, path: &str, headers: &[(&'static str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).expect("a request").into_parts().0
    }

    fn value(cookie: &str) -> String {
        cookie.split(['=', ';']).nth(1).expect("a value").to_owned()
    }

    #[test]
    fn only_its_own_page_that_a_person_sees_takes_a_flash() {
        let cookie = Flash::new("bad_address").with("email", "ada@").cookie("/settings#members", false);
        let sent = format!("flash={}", value(&cookie));
        let of = |method, path, headers: &[(&'static str, &str)]| {
            let headers: Vec<_> = headers.iter().copied().chain([("cookie", sent.as_str())]).collect();
            Flash::of(&parts(method, path, &headers), false)
        };
        let flash = of(Method::GET, "/settings?x=1", &[("sec-fetch-dest", "document")]).expect("a flash");
        assert_eq!((flash.code(), flash.value("email"), flash.value("name")), ("bad_address", Some("ada@"), None));
        assert!(of(Method::GET, "/settings", &[]).is_some());
        for (method, path, headers) in [
            (Method::GET, "/billing", vec![]),
            (Method::HEAD, "/settings", vec![]),
            (Method::GET, "/settings", vec![("sec-fetch-dest", "empty")]),
            (Method::GET, "/settings", vec![("sec-purpose", "prefetch;prerender")]),
            (Method::GET, "/settings", vec![("purpose", "prefetch")]),
        ] {
            assert_eq!(of(method, path, &headers), None, "{path} {headers:?}");
        }
    }

    #[test]
    fn a_flash_fits_a_cookie() {
        let long = Flash::new("bad_input").with("reason", "é".repeat(500)).cookie("/operator", true);
        assert!(Flash::decoded(&value(&long)).expect("a flash").value("reason").is_some());
        let longer = Flash::new("bad_input").with("reason", "é".repeat(2_000)).cookie("/operator", true);
        assert!(longer.len() < 4_096, "{}", longer.len());
        assert_eq!(Flash::decoded(&value(&longer)).expect("a flash").value("reason"), None);
        for odd in ["", "no flash", "e30", &"A".repeat(5_000)] {
            assert_eq!(Flash::decoded(odd), None, "{odd}");
        }
    }
}
