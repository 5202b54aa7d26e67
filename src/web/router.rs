//! Every route of a browser: pages, server functions, files; and the guard around them.
//!
//! Invariants: a page is rendered whole, reads the same without its script, and is never cached.

use crate::usecases::App;
use crate::web::auto_top_up::consents_csv;
use crate::web::billing::wanted;
use crate::web::continue_page::{ContinuePage, ContinueTo};
use crate::web::document::document;
use crate::web::error_pages::{Refused, unreadable};
use crate::web::flash;
use crate::web::flash::Flash;
use crate::web::guard::Guard;
use crate::web::history::csv_file::history_csv;
use crate::web::operator::sales_csv;
use crate::web::outcome::Outcome;
use crate::web::pages::Pages;
use crate::web::purchase::invoice;
use crate::web::usage::csv_file::usage_csv;
use crate::web::{assets, brand, demo, live, readable, server_functions};
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::HeaderValue;
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router, middleware};
use leptos::prelude::*;
use leptos::server_fn::axum::server_fn_paths;
use tower_http::compression::CompressionLayer;
use url::Url;

/// All routes of a browser.
pub fn routes(app: &App) -> Router<App> {
    let mut router = Router::new().route("/", get(|| async { Redirect::to("/billing") }));
    for page in leptos_axum::generate_route_list(Pages) {
        router = router.route(page.path(), get(render));
    }
    for (path, _) in server_fn_paths() {
        router = router.route(path, post(server_functions::handle));
    }
    router = router.route("/purchases/{id}/invoice", get(invoice_redirect)).route("/upgrade", get(wanted::upgrade));
    router = router
        .route("/operator/sales.csv", get(sales_csv::credits))
        .route("/operator/money.csv", get(sales_csv::money));
    router = router.route("/history.csv", get(history_csv)).route("/usage.csv", get(usage_csv));
    router = router.route("/auto-top-up.csv", get(consents_csv));
    router = router.route("/live", get(live::events)).route("/live.js", get(live::script));
    let settings = &app.settings;
    let form_targets = [std::slice::from_ref(&settings.checkout_origin), settings.checkout_origins.as_slice()].concat();
    let guard = Guard::new(&settings.public_url, &form_targets, &app.catalog.shop.image_origins());
    router
        .merge(assets::routes(app.settings.site_root.clone()))
        .merge(brand::routes())
        .merge(demo::routes())
        .fallback(render)
        .layer(middleware::from_fn_with_state((app.clone(), guard), guarded))
        .layer(Extension(demo::extras(app)))
        .layer(CompressionLayer::new())
}

async fn render(State(app): State<App>, request: Request) -> Response {
    document(app, request, || view! { <Pages /> }).await
}

/// Redirects to an invoice, which Stripe is asked for each time.
async fn invoice_redirect(State(app): State<App>, Path(id): Path<String>, request: Request) -> Response {
    match invoice::invoice(&app, request.headers(), &id).await {
        Ok(Some(redirect)) => redirect,
        Ok(None) => render(State(app), request).await,
        Err(fault) => {
            tracing::error!(error = %fault, "an invoice failed");
            flash::redirect(&app, "/billing", Flash::new(Outcome::InvoiceUnavailable))
        }
    }
}

/// The guard around every route of a browser.
async fn guarded(State((app, guard)): State<(App, Guard)>, request: Request, next: Next) -> Response<Body> {
    let mut response = if !guard.allows(request.method(), request.headers()) {
        document(app, request, || view! { <Refused /> }).await
    } else if !readable::is_text(request.uri()) {
        unreadable(app, request).await
    } else {
        let (parts, body) = request.into_parts();
        let head = parts.clone();
        let response = next.run(Request::from_parts(parts, body)).await;
        match guard.blocked_redirect(&head.method, &response) {
            None => response,
            Some(to) => {
                let cookies = response.headers().get_all(SET_COOKIE).into_iter().cloned().collect();
                drop(response);
                continue_page(app, cookies, head, to).await
            }
        }
    };
    guard.set_headers(&mut response);
    response
}

/// Answers a form by a page with a link, in place of a redirect that the browser would block.
async fn continue_page(app: App, cookies: Vec<HeaderValue>, head: Parts, to: Url) -> Response {
    let mut request = Request::from_parts(head, Body::empty());
    request.extensions_mut().insert(ContinueTo(to));
    let mut response = document(app, request, || view! { <ContinuePage /> }).await;
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}
