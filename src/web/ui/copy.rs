//! `/buttons.js`: buttons that need a script, such as "Copy". A page is complete without them.

use crate::web::assets;
use axum::extract::RawQuery;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use leptos::prelude::*;
use std::sync::LazyLock;

const SCRIPT: &str = include_str!("buttons.js");
static VERSION: LazyLock<String> = LazyLock::new(|| assets::version_of(SCRIPT.as_bytes()));
static ADDRESS: LazyLock<String> = LazyLock::new(|| format!("/buttons.js?v={}", *VERSION));

/// The script. Once a page, at any place.
#[component]
pub fn ButtonScript() -> impl IntoView {
    view! { <script type="module" src=ADDRESS.as_str()></script> }
}

/// Copies the text of the element `of`; `about` is read to screen readers.
#[component]
pub fn CopyButton(of: &'static str, about: &'static str) -> impl IntoView {
    view! {
        <button type="button" class="button" data-copy=of aria-live="polite" hidden>
            "Copy"
            <span class="sr-only">{format!(" {about}")}</span>
        </button>
    }
}

/// `/buttons.js`
pub async fn script(RawQuery(query): RawQuery) -> Response {
    let kept = assets::kept(query.as_deref(), Some(&VERSION));
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8"), (CACHE_CONTROL, kept)], SCRIPT).into_response()
}
