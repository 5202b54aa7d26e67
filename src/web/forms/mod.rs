//! What the server functions do, on the server: read the form, authorise, call a use-case, say where to go.
//!
//! Invariants: each function authorises on its own; an outcome goes into the URL as a closed code.
//!
//! *Not here:* names and fields of the forms (`actions`), forged requests (`guard`).

pub mod operator;
pub mod plans;
pub mod second_factor;
pub mod session;
pub mod settings;
pub mod theme;

#[cfg(feature = "demo")]
pub use theme::own_path;

use crate::usecases::InternalError;
use leptos::prelude::ServerFnError;

/// Logs a fault once, and says nothing of it.
pub fn broken(what: &'static str, fault: &InternalError) -> ServerFnError {
    tracing::error!(error = %fault, what, "a form failed");
    ServerFnError::new("fault")
}
