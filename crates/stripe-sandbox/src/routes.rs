//! The routes of a sandbox.

use axum::Router;
use axum::routing::{any, get};

use crate::api;
use crate::pages::{html, invoice, pay, portal};
use crate::sandbox::Sandbox;

impl Sandbox {
    /// The API and the pages, for the root of a listener of its own.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/v1/{*path}", any(api::serve))
            .route("/pay/{session}", get(pay::show).post(pay::submit))
            .route("/pay.css", get(html::style))
            .route("/invoice/{id}", get(invoice::show).post(invoice::submit))
            .route("/portal/{id}", get(portal::show).post(portal::submit))
            .with_state(self.clone())
    }
}
