//! The HTML document around every page.

use crate::domain::catalog::Shop;
use crate::usecases::App;
use crate::web::form_signature::FormSigner;
use crate::web::request_context::RequestContext;
use crate::web::theme::Theme;
use crate::web::{assets, brand};
use axum::extract::Request;
use axum::response::Response;
use futures::stream::once;
use futures::{Stream, StreamExt};
use leptos::prelude::*;
use leptos_meta::MetaTags;
use std::pin::Pin;

type PinnedStream = Pin<Box<dyn Stream<Item = String> + Send>>;

/// The page's title. A customer's name may be in it, and `leptos_meta` does not escape titles: clippy.toml forbids its own
/// component elsewhere.
#[component]
#[allow(clippy::disallowed_methods, reason = "the text is escaped")]
pub fn PageTitle(text: String) -> impl IntoView {
    view! { <leptos_meta::Title text=escaped(&text) /> }
}

/// In a title, only a character reference and the end tag are more than text.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// Additions to every document, by an extension of the request: the demo's.
#[derive(Clone, Copy, Default)]
pub struct Extras {
    pub stylesheet: Option<&'static str>,
    /// Drawn after the page.
    pub bar: Option<fn() -> AnyView>,
}

#[component]
fn Document(shop: Shop, theme: Theme, extras: Extras, children: Children) -> impl IntoView {
    let also = extras.stylesheet.map(str::to_owned).into_iter().chain(brand::address(&shop));
    let also = also.map(|href| view! { <link rel="stylesheet" href=href /> }).collect_view();
    let icon = match shop.icon_url {
        Some(icon) => view! { <link rel="icon" href=icon /> }.into_any(),
        None => view! { <link rel="icon" href=assets::icon() type="image/svg+xml" /> }.into_any(),
    };
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme.attribute()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                {icon}
                <link rel="stylesheet" href=assets::stylesheet() />
                {also}
                <MetaTags />
            </head>
            <body>
                {children()} {extras.bar.map(|bar| bar())}
            </body>
        </html>
    }
}

/// Renders a whole document around `body`.
pub async fn document<V: IntoView + 'static>(app: App, request: Request, body: fn() -> V) -> Response {
    let extras = request.extensions().get().copied().unwrap_or_default();
    let signer = FormSigner::new(&app.settings.form_secret);
    let page = move || {
        let request = RequestContext::current();
        let (shop, theme) = (request.app.catalog.shop.clone(), request.theme());
        view! { <Document shop theme extras>{body()}</Document> }
    };
    let context = move || {
        provide_context(app.clone());
        provide_context(signer.clone());
    };
    leptos_axum::handle_response_inner(context, page, request, in_one_piece).await
}

/// Waits for the whole page. Leptos's scripts for hydration are left out: the content security policy refuses inline
/// scripts, and no page needs them.
fn in_one_piece<V: IntoView + 'static>(
    app: V,
    _scripts: Box<dyn FnOnce() -> PinnedStream + Send>,
    _out_of_order: bool,
) -> Pin<Box<dyn Future<Output = PinnedStream> + Send>> {
    Box::pin(async move {
        let html = app.to_html_stream_in_order().collect::<String>().await;
        Box::pin(once(async move { without_marks(&html) })) as PinnedStream
    })
}

/// Leaves out the comments by which a hydrating script would find its nodes. How many there are depends on the build
/// (`.cargo/config.toml`). Text has none: it is escaped.
#[must_use]
pub fn without_marks(html: &str) -> String {
    html.replace("<!>", "").replace("<!--<() />-->", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_no_marks() {
        let part = |n: i64| view! { <b>{n}</b> {(n > 1).then_some("x")} }.into_any();
        let html = Owner::new_root(None).with(|| view! { <p>{part(1)} {part(2)} "<!>"</p> }.to_html());
        assert_eq!(without_marks(&html), "<p><b>1</b><b>2</b>x&lt;!&gt;</p>");
    }

    #[test]
    fn a_title_is_text() {
        assert_eq!(escaped("Acme & Sons"), "Acme &amp; Sons");
        assert_eq!(escaped("</title><meta http-equiv=refresh>"), "&lt;/title>&lt;meta http-equiv=refresh>");
        assert_eq!(escaped("&lt;"), "&amp;lt;");
    }
}
