//! The demo's pages: a bar on every page, a mailbox, Stripe's events, a page of plans, sign-in by one click.
//!
//! Invariants: every button of the bar calls the use-case that the SaaS itself would call; its POSTs are
//! guarded like all others; nothing of it is in a release.

mod actions;
mod bar;
mod mails;
mod plans;
mod sign_in;
mod steps;
mod stripe;
mod tools;

pub use mails::{MailPage, Mailbox};
pub use plans::Plans;
pub use sign_in::{sign_in_operator, sign_in_people};
pub use stripe::Events;

use crate::usecases::App;
use crate::web::document::Extras;
use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;

/// Where the demo's plans are changed, unless the catalogue says where.
#[must_use]
pub fn plans_page(app: &App) -> Option<String> {
    app.settings.demo.then(|| "/demo/plans".to_owned())
}

/// The bar of every page and its stylesheet.
#[must_use]
pub fn extras(app: &App) -> Extras {
    match app.settings.demo {
        true => Extras { stylesheet: Some("/demo/demo.css"), bar: Some(bar::bar) },
        false => Extras::default(),
    }
}

/// True if a form of this path opens a demo session, so that none is needed.
#[must_use]
pub fn signs_in(path: &str) -> bool {
    use crate::web::operator::session::SignInAsDemoOperator;
    use crate::web::sign_in::session::SignInAsDemo;
    use leptos::server_fn::ServerFn;
    [actions::DemoSwitch::PATH, SignInAsDemo::PATH, SignInAsDemoOperator::PATH].contains(&path)
}

/// Routes that are no pages.
pub fn routes() -> Router<App> {
    let style = || async {
        let headers = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "no-cache")];
        (headers, include_str!("demo.css")).into_response()
    };
    Router::new().route("/demo/demo.css", get(style)).route("/demo/mails/{no}/html", get(mails::html))
}
