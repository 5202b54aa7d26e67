//! The page that answers a form whose way leads to an origin that the policy of our pages does not name: a browser
//! follows a link to there, and holds a redirect.

use crate::web::pages::{Page, page};
use axum::http::StatusCode;
use leptos::prelude::*;
use url::Url;

/// Where a form leads, for the page that says so.
#[derive(Clone, Debug)]
pub struct LeadsTo(pub Url);

/// A link to where the form leads.
#[component]
pub fn Onward() -> impl IntoView {
    leptos_meta::provide_meta_context();
    page(|visit| async move {
        let LeadsTo(url) = visit.extension::<LeadsTo>().ok_or(crate::web::request_context::Stop::NotFound)?;
        visit.status(StatusCode::OK);
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
        Ok(Page::new("Continue", visit.viewer().await?, body))
    })
}
