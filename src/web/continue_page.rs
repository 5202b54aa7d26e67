//! The answer to a form that leads to an origin that our content security policy does not name: a page with a link, since
//! browsers block the redirect.

use crate::web::page::{Page, page};
use crate::web::request_context::PageError;
use axum::http::StatusCode;
use leptos::prelude::*;
use url::Url;

/// The address that a form leads to.
#[derive(Clone, Debug)]
pub struct ContinueTo(pub Url);

/// A page with a link to [`ContinueTo`].
#[component]
pub fn ContinuePage() -> impl IntoView {
    leptos_meta::provide_meta_context();
    page(|request| async move {
        let ContinueTo(url) = request.extension::<ContinueTo>().ok_or(PageError::NotFound)?;
        request.status(StatusCode::OK);
        let host = url.host_str().unwrap_or_default().to_owned();
        let body = view! {
            <div class="card narrow">
                <h1>"One more step"</h1>
                <p class="note">{format!("Continue at {host}, where payments are made.")}</p>
                <a class="button primary" href=url.to_string()>
                    "Continue"
                </a>
            </div>
        };
        Ok(Page::new("Continue", request.viewer().await?, body))
    })
}
