//! Buttons that need a script, such as "Copy". A page is complete without them.

use crate::web::assets;
use leptos::prelude::*;

/// The script. Once a page, at any place.
#[component]
pub fn ButtonScript() -> impl IntoView {
    view! { <script type="module" src=assets::button_script()></script> }
}

/// Copies a text; `about` is read to screen readers.
#[component]
pub fn CopyButton(
    text: String,
    #[prop(into)] about: String,
    #[prop(default = "button")] class: &'static str,
) -> impl IntoView {
    view! {
        <button type="button" class=class data-copy=text aria-live="polite" hidden>
            "Copy"
            <span class="sr-only">{format!(" {about}")}</span>
        </button>
    }
}
