//! The theme switch.

use crate::web::cookies::Cookie;
use crate::web::request_context::RequestContext;
use crate::web::theme::Theme;
use leptos::prelude::ServerFnError;

const YEAR_SECONDS: i64 = 365 * 24 * 60 * 60;

/// Remembers the theme and goes back.
///
/// # Errors
/// None; the signature is the server function's.
#[allow(clippy::unused_async, reason = "called as the body of a server function")]
pub async fn set(theme: Theme, back: &str) -> Result<(), ServerFnError> {
    let visit = RequestContext::current();
    match theme {
        Theme::Auto => visit.clear_cookie(Cookie::Theme),
        Theme::Light | Theme::Dark => visit.set_cookie(Cookie::Theme, theme.name(), YEAR_SECONDS),
    }
    visit.redirect(&own_path(back));
    Ok(())
}

/// A path of this site; anything that a browser could read as another site is Billing instead.
#[must_use]
pub fn own_path(path: &str) -> String {
    let own =
        path.starts_with('/') && !path.starts_with("//") && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if own { path.to_owned() } else { "/billing".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn a_way_back_never_leaves_the_site() {
        let check = |path: &str, want: &str| assert_eq!(own_path(path), want, "{path:?}");
        check("/billing?top_ups=all", "/billing?top_ups=all");
        check("//evil.example", "/billing");
        check("/\\evil.example", "/billing");
        check("https://evil.example", "/billing");
        check("/a\r\nset-cookie: x", "/billing");
        check("", "/billing");
    }
}
