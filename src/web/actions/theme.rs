//! The theme switch.

use crate::web::theme::Theme;
use leptos::prelude::*;

/// Remembers the theme and comes back to the page `back`, a path of this site.
///
/// # Errors
/// A fault only.
#[server(name = SetTheme, prefix = "/_fn", endpoint = "theme")]
pub async fn set_theme(theme: Theme, back: String) -> Result<(), ServerFnError> {
    crate::web::forms::theme::set(theme, &back).await
}
