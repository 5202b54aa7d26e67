//! Signing in by a one-time link, and out.

use leptos::prelude::*;

/// Spends a one-time link and opens a session; `signature` is what its page showed: whose account, and whose session
/// ends for it.
///
/// # Errors
/// A fault only; a link that is used or too old leads to its own page again, which says so.
#[server(name = OpenSession, prefix = "/_fn", endpoint = "open-session")]
pub async fn open_session(token: String, #[server(default)] signature: String) -> Result<(), ServerFnError> {
    crate::web::forms::session::open(token, &signature).await
}

/// Asks for a link by mail. The answer is the same for every address.
///
/// # Errors
/// A fault only.
#[server(name = RequestLink, prefix = "/_fn", endpoint = "request-link")]
pub async fn request_link(email: String) -> Result<(), ServerFnError> {
    crate::web::forms::session::ask(&email).await
}

/// Asks for a new link in place of a mailed one that is used or too old; it goes to the same address.
///
/// # Errors
/// A fault only.
#[server(name = RenewLink, prefix = "/_fn", endpoint = "renew-link")]
pub async fn renew_link(token: String) -> Result<(), ServerFnError> {
    crate::web::forms::session::renew(&token).await
}

/// Goes over to another customer of the same person, by the SaaS's id.
///
/// # Errors
/// A fault only; a customer that is none of theirs leads back to where they are.
#[server(name = SwitchCustomer, prefix = "/_fn", endpoint = "switch-customer")]
pub async fn switch_customer(customer: String) -> Result<(), ServerFnError> {
    crate::web::forms::session::switch(&customer).await
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
