//! Every route of a browser: pages, server functions, files; the guard around them.
//!
//! Invariants: a page is rendered whole and reads the same without its script; a page's HTML is never kept by anyone;
//! a server function answers a form with 303 and never with its error's text.

use crate::usecases::access::portal;
use crate::usecases::operators::sign_in as operators;
use crate::usecases::{App, InternalError};
use crate::web::actions::{ChoosePlan, HideHint, OF_SETTINGS, OpenPlanPortal, StartCheckout, SwitchCustomer};
use crate::web::cookies::Cookie;
use crate::web::document::Document;
use crate::web::form_signature::{Binding, FormSigner};
use crate::web::guard::Guard;
use crate::web::history::csv_file::history_csv;
use crate::web::outcome::Outcome;
use crate::web::pages::{LeadsTo, Onward, Pages, Refused, Unreadable};
use crate::web::purchase::invoice::invoice_address;
use crate::web::request_context::{DrawnFor, RequestContext};
use crate::web::usage::table::usage_csv;
use crate::web::{assets, demo, form_signature, live, readable, sales_csv};
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::header::{ACCEPT, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use futures::stream::once;
use futures::{Stream, StreamExt};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos::server_fn::axum::server_fn_paths;
use leptos::server_fn::error::SERVER_FN_ERROR_HEADER;
use std::pin::Pin;
use tower_http::compression::CompressionLayer;
use url::Url;

/// What Leptos's handlers pass around.
type PinnedStream = Pin<Box<dyn Stream<Item = String> + Send>>;

/// The most that a form may hold: its longest field is a reason of 500 characters.
const FORM_BYTES_MAX: usize = 64 * 1024;

/// All routes of a browser.
pub fn routes(app: &App) -> Router<App> {
    let mut router = Router::new().route("/", get(|| async { Redirect::to("/billing") }));
    for page in leptos_axum::generate_route_list(Pages) {
        router = router.route(page.path(), get(render));
    }
    for (path, _) in server_fn_paths() {
        router = router.route(path, post(call));
    }
    router = router.route("/purchases/{id}/invoice", get(invoice));
    router = router
        .route("/operator/sales.csv", get(sales_csv::credits))
        .route("/operator/money.csv", get(sales_csv::money));
    router = router.route("/history.csv", get(history_csv)).route("/usage.csv", get(usage_csv));
    router = router.route("/live", get(live::events)).route("/live.js", get(live::script));
    let settings = &app.settings;
    let form_targets = [std::slice::from_ref(&settings.checkout_origin), settings.checkout_origins.as_slice()].concat();
    let guard = Guard::new(&settings.public_url, &form_targets);
    router
        .merge(assets::routes(app.settings.site_root.clone()))
        .merge(demo::routes())
        .fallback(render)
        .layer(middleware::from_fn_with_state((app.clone(), guard), watch))
        .layer(CompressionLayer::new())
}

/// A page, whichever the path names.
async fn render(State(app): State<App>, request: Request) -> Response {
    document(app, request, || view! { <Pages /> }).await
}

/// The way to an invoice, asked of Stripe each time; or the page that says there is none.
async fn invoice(State(app): State<App>, Path(id): Path<String>, request: Request) -> Response {
    match invoice_address(&app, request.headers(), &id).await {
        Ok(Some(to)) => Redirect::to(&to).into_response(),
        Ok(None) => render(State(app), request).await,
        Err(fault) => {
            tracing::error!(error = %fault, "an invoice failed");
            Redirect::to("/billing?outcome=invoice_unavailable").into_response()
        }
    }
}

/// Renders a whole document around `body`.
async fn document<V: IntoView + 'static>(app: App, request: Request, body: fn() -> V) -> Response {
    let also = demo::stylesheet(&app);
    let signer = FormSigner::new(&app.settings.form_secret);
    let app = move || {
        let theme = RequestContext::current().theme();
        view! { <Document theme also>{body()}</Document> }
    };
    let context = move || {
        provide_context(app.clone());
        provide_context(signer.clone());
    };
    leptos_axum::handle_response_inner(context, app, request, in_one_piece).await
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
async fn call(State(app): State<App>, request: Request) -> Response {
    let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let is_form = accept.is_some_and(|accept| accept.contains("text/html"));
    let home = home(request.uri().path());
    let (head, body) = request.into_parts();
    let form = match readable::form(body).await {
        Ok(form) => form,
        Err(StatusCode::BAD_REQUEST) => return unreadable(app, Request::from_parts(head, Body::empty())).await,
        Err(status) => return status.into_response(),
    };
    let request = Request::from_parts(head.clone(), Body::from(form));
    let (request, drawn_for) = match compared(&app, request).await {
        Ok(compared) => compared,
        Err(answer) => return answer,
    };
    let signer = FormSigner::new(&app.settings.form_secret);
    let given = app.clone();
    let context = move || {
        provide_context(given.clone());
        provide_context(signer.clone());
        drawn_for.iter().for_each(|drawn_for| provide_context(drawn_for.clone()));
    };
    let answer = leptos_axum::handle_server_fns_with_context(context, request);
    let mut answer = answer.await.into_response();
    if answer.headers().contains_key(SERVER_FN_ERROR_HEADER) {
        if is_form {
            return Redirect::to(&format!("{home}?outcome={}", Outcome::InternalError.code())).into_response();
        }
        let (answer_head, error) = answer.into_parts();
        let error = to_bytes(error, usize::MAX).await.unwrap_or_default();
        if readable::is_refusal(&error) {
            return unreadable(app, Request::from_parts(head, Body::empty())).await;
        }
        return Response::from_parts(answer_head, Body::from(error));
    }
    if answer.status() == StatusCode::FOUND {
        *answer.status_mut() = StatusCode::SEE_OTHER;
    }
    answer
}

/// Compares a form with the session that the browser has now, before anything of it is believed: a form that was drawn
/// for another customer, session or role changes nothing. What is found is handed on, so that the session's going over to
/// another customer meanwhile makes no difference.
async fn compared(app: &App, request: Request) -> Result<(Request, Option<DrawnFor>), Response> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, FORM_BYTES_MAX).await.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE.into_response())?;
    let path = parts.uri.path().to_owned();
    let is_stale = match form_signature::binding(&path) {
        Binding::Nothing | Binding::Seal => Ok((false, None)),
        Binding::Operator => Ok((!is_operators(app, &parts.headers, &body).await, None)),
        binding => viewers(app, &parts.headers, &body, binding).await,
    };
    match is_stale {
        Ok((false, drawn_for)) => Ok((Request::from_parts(parts, Body::from(body)), drawn_for)),
        Ok((true, _)) => {
            let page = if path.starts_with("/_fn/operator-") { "/operator" } else { stale_page(&path) };
            Err(Redirect::to(&format!("{page}?outcome={}", Outcome::FormStale.code())).into_response())
        }
        Err(fault) => {
            tracing::error!(error = %fault, path, "a form could not be compared with its session");
            Err(Redirect::to(&format!("{}?outcome={}", home(&path), Outcome::InternalError.code())).into_response())
        }
    }
}

/// Whether a customer's form is stale, and whom it acts for.
async fn viewers(
    app: &App,
    headers: &HeaderMap,
    body: &[u8],
    binding: Binding,
) -> Result<(bool, Option<DrawnFor>), InternalError> {
    let viewer = match Cookie::Session.read(headers, app.settings.is_https()) {
        Some(token) => portal::viewer(app, &token).await?,
        None => None,
    };
    let secret = &app.settings.form_secret;
    let is_stale =
        viewer.as_ref().is_some_and(|viewer| !form_signature::is_signed(secret, viewer, &signature(body), binding));
    Ok((is_stale, Some(DrawnFor(viewer))))
}

/// Whether an operator's form is its session's own; where nobody is signed in, its function says so.
async fn is_operators(app: &App, headers: &HeaderMap, body: &[u8]) -> bool {
    let Some(token) = Cookie::Operator.read(headers, app.settings.is_https()) else { return true };
    match operators::operator(app, &token).await {
        Ok(Some(operator)) => {
            form_signature::is_signed_by_operator(&app.settings.form_secret, &operator, &signature(body))
        }
        Ok(None) | Err(_) => true,
    }
}

fn signature(body: &[u8]) -> String {
    let mut fields = url::form_urlencoded::parse(body);
    fields.find(|(name, _)| name == form_signature::FIELD).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// The page that says that a form was stale.
fn stale_page(path: &str) -> &'static str {
    if OF_SETTINGS.contains(&path) { "/settings" } else { "/billing" }
}

/// The answer to what is no text, or no form of ours.
async fn unreadable(app: App, request: Request) -> Response {
    document(app, request, || view! { <Unreadable /> }).await
}

/// The page that says how a function failed.
fn home(path: &str) -> &'static str {
    match path {
        StartCheckout::PATH | SwitchCustomer::PATH | HideHint::PATH | ChoosePlan::PATH | OpenPlanPortal::PATH => {
            "/billing"
        }
        path if OF_SETTINGS.contains(&path) => "/settings",
        path if path.starts_with("/_fn/operator-") => "/operator/sign-in",
        _ => "/sign-in",
    }
}

/// The guard around every route of a browser.
async fn watch(State((app, guard)): State<(App, Guard)>, request: Request, next: Next) -> Response<Body> {
    let mut response = if !guard.allows(request.method(), request.headers()) {
        document(app, request, || view! { <Refused /> }).await
    } else if !readable::is_text(request.uri()) {
        unreadable(app, request).await
    } else {
        let (method, uri, headers) = (request.method().clone(), request.uri().clone(), request.headers().clone());
        let response = next.run(request).await;
        match guard.blocked_redirect(&method, &response) {
            None => response,
            Some(to) => {
                let cookies = response.headers().get_all(SET_COOKIE).into_iter().cloned().collect();
                drop(response);
                onward(app, cookies, uri, headers, to).await
            }
        }
    };
    guard.set_headers(&mut response);
    response
}

/// Answers a form by a page with a link, in the place of a redirect that the browser would hold.
async fn onward(app: App, cookies: Vec<HeaderValue>, uri: Uri, headers: HeaderMap, to: Url) -> Response {
    let mut request = Request::new(Body::empty());
    (*request.uri_mut(), *request.headers_mut()) = (uri, headers);
    request.extensions_mut().insert(LeadsTo(to));
    let mut response = document(app, request, || view! { <Onward /> }).await;
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}
