//! A page of a customer: loaded, then rendered whole in its frame (`SsrMode::Async`).
//!
//! The page loads its data itself, without a `Resource`, which would send the data to the browser a second time.

use crate::usecases::access::links::Viewer;
use crate::usecases::access::sign_in;
use crate::usecases::access::sign_in::CustomerChoice;
use crate::web::document::PageTitle;
use crate::web::flash::Flash;
use crate::web::frame::Frame;
use crate::web::outcome::Outcome;
use crate::web::request_context::{PageError, RequestContext};
use axum::http::StatusCode;
use leptos::prelude::*;

/// A loaded page.
pub struct Page {
    /// The title, before the shop's name.
    title: String,
    viewer: Option<Viewer>,
    body: AnyView,
}

impl Page {
    pub fn new(title: impl Into<String>, viewer: Option<Viewer>, body: impl IntoView + 'static) -> Self {
        Self { title: title.into(), viewer, body: body.into_any() }
    }
}

/// Renders the page that `load` loads, or the page of its error.
pub fn page<F>(load: impl FnOnce(RequestContext) -> F) -> impl IntoView
where
    F: Future<Output = Result<Page, PageError>> + Send + 'static,
{
    let request = RequestContext::current();
    let loading = load(request.clone());
    Suspend::new(async move {
        if moved_out_of_address(&request) {
            return ().into_any();
        }
        match loading.await {
            Ok(page) => framed(&request, page).await,
            Err(stop) => error_page(&request, &stop).await,
        }
    })
}

/// Checkout's way back has an outcome in its address, since Stripe keeps the address. It moves into a flash, and the browser
/// asks again.
fn moved_out_of_address(request: &RequestContext) -> bool {
    let outcome = request.query("outcome").and_then(|code| Outcome::from_code(&code));
    let is_from_outside = outcome == Some(Outcome::Cancelled);
    if is_from_outside {
        request.redirect_with(request.path(), Flash::new(Outcome::Cancelled));
    }
    is_from_outside
}

/// The page in its frame, under its title.
async fn framed(request: &RequestContext, page: Page) -> AnyView {
    let shop = request.app.catalog.shop.clone();
    let choices = match &page.viewer {
        Some(viewer) if viewer.proven => accounts(request, viewer).await,
        _ => Vec::new(),
    };
    let home = page.viewer.as_ref().and_then(|viewer| viewer.return_url.clone());
    let home = home.unwrap_or_else(|| shop.home_url.clone());
    let customer = page.viewer.map(|viewer| viewer.name);
    let title = format!("{} · {}", page.title, shop.name);
    view! {
        <PageTitle text=title />
        <Frame shop home customer choices theme=request.theme() here=request.here()>
            {page.body}
        </Frame>
    }
    .into_any()
}

/// The customers that the person may switch to. A page is shown without them if they cannot be read.
async fn accounts(request: &RequestContext, viewer: &Viewer) -> Vec<CustomerChoice> {
    sign_in::customer_choices(&request.app, viewer).await.unwrap_or_else(|fault| {
        tracing::error!(error = %fault, "the customers of a person could not be read");
        Vec::new()
    })
}

async fn error_page(request: &RequestContext, stop: &PageError) -> AnyView {
    match stop {
        PageError::SignIn => {
            request.redirect_to_sign_in();
            ().into_any()
        }
        PageError::Redirected => ().into_any(),
        PageError::NotFound => not_found(request).await,
        PageError::InternalError(fault) => {
            request.failed(fault);
            framed(request, Page::new("Error", None, fault_page())).await
        }
    }
}

/// Another customer's thing is not found, too.
async fn not_found(request: &RequestContext) -> AnyView {
    request.status(StatusCode::NOT_FOUND);
    // The link back depends on the viewer; an error here counts as signed out.
    let viewer = request.viewer().await.unwrap_or_default();
    let way = if viewer.is_some() {
        ("Check the address, or go back to Billing.", "/billing", "Back to Billing")
    } else {
        ("Check the address, or sign in.", "/sign-in", "Sign in")
    };
    let body = view! {
        <div class="card narrow">
            <h1>"Page not found"</h1>
            <p class="note">{way.0}</p>
            <a class="button" href=way.1>
                {way.2}
            </a>
        </div>
    };
    framed(request, Page::new("Not found", viewer, body)).await
}

/// The page of a fault; the cause is in the log alone.
fn fault_page() -> impl IntoView {
    view! {
        <div class="card narrow" role="alert">
            <h1>"This page didn't load"</h1>
            <p class="note">"Something went wrong on our side. Try again in a minute."</p>
            <a class="button" href="/billing">
                "Try again"
            </a>
        </div>
    }
}
