//! The files that pages link: the stylesheet and the icon. Where they are, and for how long a browser may keep them.
//!
//! An address carries a version made from the file's bytes. What is asked for by the version that is served may be
//! kept for ever; anything else (no version, or that of another release while two are running) is asked about each time.

use axum::extract::Request;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

/// Where the site's files are; set once, when the router is built.
static SITE_ROOT: OnceLock<PathBuf> = OnceLock::new();

/// The stylesheet below the site root.
pub const STYLESHEET: &str = "pkg/topup.css";
/// The icon below the site root.
const ICON: &str = "favicon.svg";

/// Says where the site's files are. The first call wins.
pub fn set_site_root(root: PathBuf) {
    let _ = SITE_ROOT.set(root);
}

/// The stylesheet's address, with its version.
#[must_use]
pub fn stylesheet() -> String {
    address(STYLESHEET)
}

/// The icon's address, with its version.
#[must_use]
pub fn icon() -> String {
    address(ICON)
}

fn address(file: &'static str) -> String {
    format!("/{file}{}", version(file).map(|version| format!("?v={version}")).unwrap_or_default())
}

/// The version of some bytes.
#[must_use]
pub fn version_of(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes)[..8])
}

/// What a file was when it was last read: age, length, version.
type Read = (SystemTime, u64, String);

/// The version of a file below the site root, read anew when the file changes (`make dev`).
fn version(file: &'static str) -> Option<String> {
    static KNOWN: Mutex<Option<HashMap<&'static str, Read>>> = Mutex::new(None);
    let path = SITE_ROOT.get()?.join(file);
    let about = std::fs::metadata(&path).ok()?;
    let (age, length) = (about.modified().ok()?, about.len());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    if let Some((a, l, version)) = known.get(file)
        && (*a, *l) == (age, length)
    {
        return Some(version.clone());
    }
    let version = version_of(&std::fs::read(&path).ok()?);
    known.insert(file, (age, length, version.clone()));
    Some(version)
}

/// How long an answer may be kept: for ever where the query names the version that is served.
#[must_use]
pub fn kept(query: Option<&str>, version: Option<&str>) -> &'static str {
    let asked = query.and_then(|query| query.strip_prefix("v="));
    if asked.is_some() && asked == version { "public, max-age=31536000, immutable" } else { "no-cache" }
}

/// Says of a file how long it may be kept. A 304 says the same as the 200 that it stands for.
pub async fn keep(request: Request, next: Next) -> Response {
    let file = [STYLESHEET, ICON].into_iter().find(|file| request.uri().path().strip_prefix('/') == Some(file));
    let cache = kept(request.uri().query(), file.and_then(version).as_deref());
    let mut response = next.run(request).await;
    let stands = response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED;
    let cache = if stands { cache } else { "no-store" };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_version_that_is_served_is_kept_for_ever() {
        let check = |query, version, forever: bool| {
            assert_eq!(kept(query, version).contains("immutable"), forever, "{query:?} {version:?}");
        };
        check(Some("v=1"), Some("1"), true);
        check(Some("v=2"), Some("1"), false);
        check(Some("w=1"), Some("1"), false);
        check(Some("v="), Some("1"), false);
        check(Some("v="), None, false);
        check(None, Some("1"), false);
        check(None, None, false);
    }
}
