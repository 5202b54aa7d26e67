//! Signing in by a one-time link, and out.

use leptos::prelude::*;

/// Spends a one-time link and opens a session.
///
/// # Errors
/// A fault only; a link that is used or too old leads to its own page again, which says so.
#[server(name = OpenSession, prefix = "/_fn", endpoint = "open-session")]
pub async fn open_session(token: String) -> Result<(), ServerFnError> {
    crate::web::forms::session::open(token).await
}

/// Asks for a link by mail. The answer is the same for every address.
///
/// # Errors
/// A fault only.
#[server(name = RequestLink, prefix = "/_fn", endpoint = "request-link")]
pub async fn request_link(email: String) -> Result<(), ServerFnError> {
    crate::web::forms::session::ask(&email).await
}

/// Ends the session.
///
/// # Errors
/// A fault only.
#[server(name = SignOut, prefix = "/_fn", endpoint = "sign-out")]
pub async fn sign_out() -> Result<(), ServerFnError> {
    crate::web::forms::session::close().await
}

/// Opens a session for one of the demo's customers, by one click.
///
/// # Errors
/// A fault only.
#[cfg(feature = "demo")]
#[server(name = SignInAsDemo, prefix = "/_fn", endpoint = "demo-sign-in")]
pub async fn sign_in_as_demo(customer: String, member: String) -> Result<(), ServerFnError> {
    crate::web::forms::session::open_demo(customer, member).await
}
