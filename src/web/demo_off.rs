//! A build without the demo: no demo pages, no bar.

pub use crate::web::error_pages::{Missing as Events, Missing as Mailbox, Missing as MailPage, Missing as Plans};

use crate::usecases::{App, InternalError};
use crate::web::document::Extras;
use crate::web::request_context::RequestContext;
use axum::Router;
use leptos::prelude::AnyView;

/// No page of ours changes plans.
#[must_use]
pub fn plans_page(_: &App) -> Option<String> {
    None
}

/// No bar, no stylesheet of the demo's.
#[must_use]
pub fn extras(_: &App) -> Extras {
    Extras::default()
}

/// No sign-in by one click.
#[must_use]
pub fn signs_in(_: &str) -> bool {
    false
}

/// No routes.
pub fn routes() -> Router<App> {
    Router::new()
}

/// No button.
pub fn sign_in_operator(_: &RequestContext) -> Option<AnyView> {
    None
}

/// No buttons.
pub async fn sign_in_people(_: &RequestContext) -> Result<Option<AnyView>, InternalError> {
    Ok(None)
}
