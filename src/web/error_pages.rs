//! Error pages: not found, an internal error, a refused or unreadable request.

use crate::usecases::App;
use crate::web::document::document;
use crate::web::page::{Page, page};
use crate::web::request_context::PageError;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use leptos::prelude::*;

/// The page of an unknown path.
#[component]
pub fn Missing() -> impl IntoView {
    page(|_| async { Err(PageError::NotFound) })
}

/// The page of a POST from another site.
#[component]
pub fn Refused() -> impl IntoView {
    message(
        StatusCode::FORBIDDEN,
        "Request blocked",
        "We blocked this request",
        "It came from another site, so nothing was changed. Open the page again and send the form from there.",
    )
}

/// The answer to a request that is not text, such as one with NUL, or not a form of ours.
pub async fn unreadable(app: App, request: Request) -> Response {
    document(app, request, || view! { <Unreadable /> }).await
}

#[component]
fn Unreadable() -> impl IntoView {
    message(
        StatusCode::BAD_REQUEST,
        "Request not readable",
        "We couldn't read this request",
        "The address or the form contains something that isn't text, so nothing was changed. Open the page again and try \
         once more.",
    )
}

/// A page with one message and the way to Billing.
fn message(status: StatusCode, title: &'static str, heading: &'static str, text: &'static str) -> impl IntoView {
    leptos_meta::provide_meta_context();
    page(move |request| async move {
        request.status(status);
        let body = view! {
            <div class="card narrow" role="alert">
                <h1>{heading}</h1>
                <p class="note">{text}</p>
                <a class="button" href="/billing">
                    "Open Billing"
                </a>
            </div>
        };
        Ok(Page::new(title, None, body))
    })
}
