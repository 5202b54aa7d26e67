//! There is no demo in this build: its pages are not there, and no bar stands around the others.

pub use super::pages::Missing as Events;
pub use super::pages::Missing as Mailbox;
pub use super::pages::Missing as MailPage;
pub use super::pages::Missing as Plans;

use crate::usecases::Services;
use crate::usecases::portal::Viewer;
use crate::web::visit::Visit;
use axum::Router;
use leptos::prelude::AnyView;

/// No bar.
pub async fn bar(_: &Visit, _: Option<&Viewer>) -> Option<AnyView> {
    None
}

/// No page of ours changes plans.
#[must_use]
pub fn plans_page(_: &Services) -> Option<String> {
    None
}

/// No stylesheet of the demo's.
#[must_use]
pub fn stylesheet(_: &Services) -> Option<&'static str> {
    None
}

/// Nobody is signed in by a click.
#[must_use]
pub fn signs_in(_: &str) -> bool {
    false
}

/// No routes.
pub fn routes() -> Router<Services> {
    Router::new()
}
