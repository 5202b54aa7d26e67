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
        "Refused",
        "That did not come from this site",
        "Your browser says that the form was sent from another site, so nothing was done. \
         Open the page again and repeat it there.",
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
        "Not readable",
        "That could not be read",
        "The address or the form holds something that is no text, so nothing was done. \
         Open the page again and repeat it there.",
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
