//! The HTML document around every page: one stylesheet.

use crate::web::assets;
use crate::web::theme::Theme;
use leptos::prelude::*;
use leptos_meta::MetaTags;

/// The page's title, from whatever text: a customer's name may be in it.
///
/// `leptos_meta` puts the text of a title into the document as it is, so that markup in it would be markup. It is
/// escaped here, and here alone: clippy.toml lets nobody else set one.
#[component]
#[allow(clippy::disallowed_methods, reason = "the text is escaped")]
pub fn PageTitle(text: String) -> impl IntoView {
    view! { <leptos_meta::Title text=escaped(&text) /> }
}

/// Text as a title has it: there only a character reference and the end tag are more than text.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// The document, with the demo's stylesheet where there is one. Pages set their title through [`PageTitle`].
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_text() {
        assert_eq!(escaped("Acme & Sons"), "Acme &amp; Sons");
        assert_eq!(escaped("</title><meta http-equiv=refresh>"), "&lt;/title>&lt;meta http-equiv=refresh>");
        assert_eq!(escaped("&lt;"), "&amp;lt;");
    }
}
