//! The one stylesheet and the icon: where they are, and for how long a browser may keep them.
//!
//! The stylesheet's address carries the file's age and length, so that it can be kept for ever and
//! still change with the file, also under `make dev`.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::UNIX_EPOCH;

/// Where the site's files are; set once, when the router is built.
static SITE_ROOT: OnceLock<PathBuf> = OnceLock::new();

/// The stylesheet below the site root.
const STYLESHEET: &str = "pkg/topup.css";

/// Says where the site's files are. The first call wins.
pub fn set_site_root(root: PathBuf) {
    let _ = SITE_ROOT.set(root);
}

/// The stylesheet's address, with its version.
#[must_use]
pub fn stylesheet() -> String {
    format!("/{STYLESHEET}{}", version().map(|version| format!("?v={version}")).unwrap_or_default())
}

fn version() -> Option<String> {
    let file = std::fs::metadata(SITE_ROOT.get()?.join(STYLESHEET)).ok()?;
    let age = file.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{:x}-{:x}", age.as_secs(), file.len()))
}
