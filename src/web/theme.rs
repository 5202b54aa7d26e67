//! The theme (auto, light, dark): a form sets its cookie, so that the switch works without script.

use crate::web::cookies::Cookie;
use crate::web::request_context::RequestContext;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

const YEAR_SECONDS: i64 = 365 * 24 * 60 * 60;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// The system's theme.
    #[default]
    Auto,
    Light,
    Dark,
}

impl Theme {
    pub const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// The name in the form and the cookie.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Auto => "Auto",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }

    /// Any other name is auto.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|theme| theme.name() == name).unwrap_or_default()
    }

    /// The `data-theme` attribute; auto has none.
    #[must_use]
    pub const fn attribute(self) -> Option<&'static str> {
        match self {
            Self::Auto => None,
            Self::Light | Self::Dark => Some(self.name()),
        }
    }
}

/// Sets the theme and redirects to the page `back`, a path of this site.
#[server(name = SetTheme, prefix = "/_fn", endpoint = "theme")]
pub async fn set_theme(theme: Theme, back: String) -> Result<(), ServerFnError> {
    let request = RequestContext::current();
    match theme {
        Theme::Auto => request.clear_cookie(Cookie::Theme),
        Theme::Light | Theme::Dark => request.set_cookie(Cookie::Theme, theme.name(), YEAR_SECONDS),
    }
    request.redirect(&own_path(&back));
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
