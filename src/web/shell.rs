//! The HTML document around every page: one stylesheet.

use crate::web::assets;
use crate::web::theme::Theme;
use leptos::prelude::*;
use leptos_meta::MetaTags;

/// The document, with the demo's stylesheet where there is one. Pages set their title through `leptos_meta`.
#[component]
pub fn Document(theme: Theme, also: Option<&'static str>, children: Children) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme.attribute()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <link rel="icon" href=assets::icon() type="image/svg+xml" />
                <link rel="stylesheet" href=assets::stylesheet() />
                {also.map(|href| view! { <link rel="stylesheet" href=href /> })}
                <MetaTags />
            </head>
            <body>{children()}</body>
        </html>
    }
}
