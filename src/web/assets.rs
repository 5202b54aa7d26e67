//! The files that pages link: the stylesheet, the icon, the script of buttons. The binary carries them.
//!
//! An address has a version made from the file's bytes. A browser may keep a file for ever under the version that is
//! served; under no version, or that of another release while two are running, it asks each time.

use axum::Router;
use axum::extract::RawQuery;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// `SITE_ROOT`: files that this folder has are read from it at each request. Set once, when the router is built.
static SITE_ROOT: OnceLock<PathBuf> = OnceLock::new();

struct File {
    path: &'static str,
    media_type: &'static str,
    built_in: &'static [u8],
    built_in_version: OnceLock<String>,
}

static STYLESHEET: File = File {
    path: "/pkg/topup.css",
    media_type: "text/css",
    built_in: include_bytes!("../../target/site/pkg/topup.css"),
    built_in_version: OnceLock::new(),
};

static ICON: File = File {
    path: "/favicon.svg",
    media_type: "image/svg+xml",
    built_in: include_bytes!("../../public/favicon.svg"),
    built_in_version: OnceLock::new(),
};

static BUTTON_SCRIPT: File = File {
    path: "/buttons.js",
    media_type: "text/javascript",
    built_in: include_bytes!("ui/buttons.js"),
    built_in_version: OnceLock::new(),
};

/// The routes of these files. The first folder that is given wins.
pub fn routes<S: Clone + Send + Sync + 'static>(site_root: Option<PathBuf>) -> Router<S> {
    if let Some(root) = site_root {
        let _ = SITE_ROOT.set(root);
    }
    [&STYLESHEET, &ICON, &BUTTON_SCRIPT].into_iter().fold(Router::new(), |router, file| {
        router.route(
            file.path,
            get(move |query: RawQuery, headers: HeaderMap| async move { file.answer(query, &headers) }),
        )
    })
}

/// The stylesheet's address, with its version.
#[must_use]
pub fn stylesheet() -> String {
    STYLESHEET.address()
}

/// The address of the script of "Copy" and "Use this computer's zone", with its version.
#[must_use]
pub fn button_script() -> String {
    BUTTON_SCRIPT.address()
}

/// The icon's address, with its version.
#[must_use]
pub fn icon() -> String {
    ICON.address()
}

/// True if the binary was built with the stylesheet.
#[must_use]
pub fn has_stylesheet() -> bool {
    !STYLESHEET.built_in.is_empty()
}

/// Where a folder of files has the stylesheet.
#[must_use]
pub fn stylesheet_in(site_root: &Path) -> PathBuf {
    STYLESHEET.file_in(site_root)
}

/// The version of some bytes.
#[must_use]
pub fn version_of(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes)[..8])
}

/// How long an answer may be kept: for ever where the query names the version that is served.
#[must_use]
pub fn kept(query: Option<&str>, version: Option<&str>) -> &'static str {
    let asked = query.and_then(|query| query.strip_prefix("v="));
    if asked.is_some() && asked == version { "public, max-age=31536000, immutable" } else { "no-cache" }
}

impl File {
    fn file_in(&self, site_root: &Path) -> PathBuf {
        site_root.join(&self.path[1..])
    }

    /// The bytes and their version; those that are built in where the folder has no such file.
    fn read(&self) -> (Cow<'static, [u8]>, Cow<'_, str>) {
        if let Some(bytes) = SITE_ROOT.get().and_then(|root| std::fs::read(self.file_in(root)).ok()) {
            let version = version_of(&bytes);
            return (bytes.into(), version.into());
        }
        let version = self.built_in_version.get_or_init(|| version_of(self.built_in));
        (self.built_in.into(), version.into())
    }

    fn address(&self) -> String {
        format!("{}?v={}", self.path, self.read().1)
    }

    fn answer(&self, RawQuery(query): RawQuery, headers: &HeaderMap) -> Response {
        let (bytes, version) = self.read();
        answer(bytes, &version, self.media_type, query.as_deref(), headers)
    }
}

/// Answers with a file of this version. A 304 may be kept as long as the 200 that it stands for.
pub fn answer(
    bytes: Cow<'static, [u8]>,
    version: &str,
    media_type: &'static str,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Response {
    // Weak: the same version goes out compressed, too.
    let tag = format!("W/\"{version}\"");
    let cache = kept(query, Some(version)).to_owned();
    let is_known = headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let head = [(CACHE_CONTROL, cache), (ETAG, tag)];
    if is_known {
        return (StatusCode::NOT_MODIFIED, head).into_response();
    }
    (head, [(CONTENT_TYPE, media_type)], bytes).into_response()
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
