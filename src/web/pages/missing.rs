//! Pages for when there is no page: not found, a fault, a refused POST.

use crate::web::pages::{Page, framed, page};
use crate::web::request_context::{RequestContext, Stop};
use axum::http::StatusCode;
use leptos::prelude::*;

/// Whatever has no page.
#[component]
pub fn Missing() -> impl IntoView {
    page(|_| async { Err(Stop::NotFound) })
}

/// The same for something that a page looked for: another customer's anything looks like nothing.
pub async fn show(visit: &RequestContext) -> AnyView {
    visit.status(StatusCode::NOT_FOUND);
    // Who is signed in decides where the way back leads; a fault here is not worth another page.
    let viewer = visit.viewer().await.unwrap_or_default();
    let way = if viewer.is_some() { ("/billing", "Back to Billing") } else { ("/sign-in", "Sign in") };
    let body = view! {
        <div class="card narrow">
            <h1>"There is no such page"</h1>
            <p class="note">"It may have moved, or the address has a typing mistake."</p>
            <a class="button" href=way.0>
                {way.1}
            </a>
        </div>
    };
    framed(visit, Page::new("Not found", viewer, body)).await
}

/// The page of a fault: what it was is in the log alone.
pub fn fault() -> impl IntoView {
    view! {
        <div class="card narrow" role="alert">
            <h1>"This page could not be shown"</h1>
            <p class="note">"Something went wrong on our side. Please try again in a minute."</p>
            <a class="button" href="/billing">
                "Try again"
            </a>
        </div>
    }
}

/// The page of a POST that came from elsewhere.
#[component]
pub fn Refused() -> impl IntoView {
    leptos_meta::provide_meta_context();
    page(|visit| async move {
        visit.status(StatusCode::FORBIDDEN);
        let body = view! {
            <div class="card narrow" role="alert">
                <h1>"That did not come from this site"</h1>
                <p class="note">
                    "Your browser says that the form was sent from another site, so nothing was done. \
                    Open the page again and repeat it there."
                </p>
                <a class="button" href="/billing">
                    "Open Billing"
                </a>
            </div>
        };
        Ok(Page::new("Refused", None, body))
    })
}

/// The page of a request that holds what is no text, such as NUL: no page or form of ours sends it.
#[component]
pub fn Unreadable() -> impl IntoView {
    leptos_meta::provide_meta_context();
    page(|visit| async move {
        visit.status(StatusCode::BAD_REQUEST);
        let body = view! {
            <div class="card narrow" role="alert">
                <h1>"That could not be read"</h1>
                <p class="note">
                    "The address or the form holds something that is no text, so nothing was done. \
                    Open the page again and repeat it there."
                </p>
                <a class="button" href="/billing">
                    "Open Billing"
                </a>
            </div>
        };
        Ok(Page::new("Not readable", None, body))
    })
}
