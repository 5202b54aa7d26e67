//! Every route of a browser: pages, server functions, files; the guard around them.
//!
//! Invariants: a page is rendered whole and reads the same without its script; a page's HTML is never kept by anyone;
//! a server function answers a form with 303 and never with its error's text.

use crate::usecases::Services;
use crate::web::actions::{OF_SETTINGS, StartCheckout, SwitchCustomer};
use crate::web::assets;
use crate::web::books;
use crate::web::demo;
use crate::web::downloads::{history_csv, usage_csv};
use crate::web::guard::Guard;
use crate::web::invoice;
use crate::web::live;
use crate::web::pages::{Pages, Refused};
use crate::web::shell::Document;
use crate::web::view::Outcome;
use crate::web::visit::Visit;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{ACCEPT, CACHE_CONTROL};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use futures::stream::once;
use futures::{Stream, StreamExt};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos::server_fn::axum::server_fn_paths;
use leptos::server_fn::error::SERVER_FN_ERROR_HEADER;
use std::pin::Pin;
use tower_http::compression::CompressionLayer;
use tower_http::services::{ServeDir, ServeFile};

/// What Leptos's handlers pass around.
type PinnedStream = Pin<Box<dyn Stream<Item = String> + Send>>;

/// All routes of a browser.
pub fn routes(services: &Services) -> Router<Services> {
    assets::set_site_root(services.settings.site_root.clone());
    let mut router = Router::new().route("/", get(|| async { Redirect::to("/billing") }));
    for page in leptos_axum::generate_route_list(Pages) {
        router = router.route(page.path(), get(render));
    }
    for (path, _) in server_fn_paths() {
        router = router.route(path, post(call));
    }
    router = router.route("/purchases/{id}/invoice", get(invoice));
    router = router.route("/operator/sales.csv", get(books::credits)).route("/operator/money.csv", get(books::money));
    router = router.route("/history.csv", get(history_csv)).route("/usage.csv", get(usage_csv));
    router = router.route("/live", get(live::events)).route("/live.js", get(live::script));
    let guard = Guard::new(&services.settings.public_url, Some(&services.settings.checkout_origin));
    router
        .merge(files(services))
        .merge(demo::routes())
        .fallback(render)
        .layer(middleware::from_fn_with_state((services.clone(), guard), watch))
        .layer(CompressionLayer::new())
}

/// The stylesheet and the icon.
fn files(services: &Services) -> Router<Services> {
    let root = &services.settings.site_root;
    Router::new()
        .nest_service("/pkg", ServeDir::new(root.join("pkg")))
        .route_service("/favicon.svg", ServeFile::new(root.join("favicon.svg")))
        .layer(middleware::map_response(keep))
}

/// Files may be kept: the stylesheet's address changes with it.
async fn keep(mut response: Response) -> Response {
    let kept = if response.status().is_success() { "public, max-age=31536000, immutable" } else { "no-store" };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(kept));
    response
}

/// A page, whichever the path names.
async fn render(State(services): State<Services>, request: Request) -> Response {
    document(services, request, || view! { <Pages /> }).await
}

/// The way to an invoice, asked of Stripe each time; or the page that says there is none.
async fn invoice(State(services): State<Services>, Path(id): Path<String>, request: Request) -> Response {
    match invoice::way(&services, request.headers(), &id).await {
        Ok(Some(to)) => Redirect::to(&to).into_response(),
        Ok(None) => render(State(services), request).await,
        Err(fault) => {
            tracing::error!(error = %fault, "an invoice failed");
            Redirect::to("/billing?outcome=invoice_unavailable").into_response()
        }
    }
}

/// Renders a whole document around `body`.
async fn document<V: IntoView + 'static>(services: Services, request: Request, body: fn() -> V) -> Response {
    let also = demo::stylesheet(&services);
    let app = move || {
        let theme = Visit::current().theme();
        view! { <Document theme also>{body()}</Document> }
    };
    leptos_axum::handle_response_inner(move || provide_context(services.clone()), app, request, in_one_piece).await
}

/// Waits for everything, and leaves out what Leptos would append for hydration: inline scripts, which the
/// CSP refuses and nothing here needs.
fn in_one_piece<V: IntoView + 'static>(
    app: V,
    _scripts: Box<dyn FnOnce() -> PinnedStream + Send>,
    _out_of_order: bool,
) -> Pin<Box<dyn Future<Output = PinnedStream> + Send>> {
    Box::pin(async move {
        let html = app.to_html_stream_in_order().collect::<String>().await;
        Box::pin(once(async move { html })) as PinnedStream
    })
}

/// A server function. A browser's form is answered by 303; where the function failed, by one whose code
/// says so, since Leptos would put the error's text into the URL.
async fn call(State(services): State<Services>, request: Request) -> Response {
    let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let is_form = accept.is_some_and(|accept| accept.contains("text/html"));
    let home = home(request.uri().path());
    let answer = leptos_axum::handle_server_fns_with_context(move || provide_context(services.clone()), request);
    let mut answer = answer.await.into_response();
    if is_form && answer.headers().contains_key(SERVER_FN_ERROR_HEADER) {
        return Redirect::to(&format!("{home}?outcome={}", Outcome::Fault.code())).into_response();
    }
    if answer.status() == StatusCode::FOUND {
        *answer.status_mut() = StatusCode::SEE_OTHER;
    }
    answer
}

/// The page that says how a function failed.
fn home(path: &str) -> &'static str {
    match path {
        StartCheckout::PATH | SwitchCustomer::PATH => "/billing",
        path if OF_SETTINGS.contains(&path) => "/settings",
        path if path.starts_with("/_fn/operator-") => "/operator/sign-in",
        _ => "/sign-in",
    }
}

/// The guard around every route of a browser.
async fn watch(State((services, guard)): State<(Services, Guard)>, request: Request, next: Next) -> Response<Body> {
    let mut response = if guard.admits(request.method(), request.headers()) {
        next.run(request).await
    } else {
        document(services, request, || view! { <Refused /> }).await
    };
    guard.dress(&mut response);
    response
}
