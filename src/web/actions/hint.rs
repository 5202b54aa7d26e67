//! Putting the upgrade hint aside.

use leptos::prelude::*;

/// Hides the upgrade hint until the next reset.
///
/// # Errors
/// A fault only.
#[server(name = HideHint, prefix = "/_fn", endpoint = "hide_hint")]
pub async fn hide_hint() -> Result<(), ServerFnError> {
    crate::web::forms::hint::hide().await
}
