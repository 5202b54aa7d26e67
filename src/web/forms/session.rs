//! Signing in and out.

use super::broken;
use crate::mail;
use crate::usecases::portal::{self, Spent};
use crate::usecases::{Fault, sign_in};
use crate::web::cookies::Cookie;
use crate::web::visit::Visit;
use leptos::prelude::ServerFnError;

/// How long a browser keeps the cookie; the session itself may end before (`usecases::portal`).
const COOKIE_SECONDS: i64 = 14 * 24 * 60 * 60;

/// Spends a one-time link.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn open(token: String) -> Result<(), ServerFnError> {
    let visit = Visit::current();
    spend(&visit, &token).await.map_err(|fault| broken("open session", &fault))
}

async fn spend(visit: &Visit, token: &str) -> Result<(), Fault> {
    match portal::spend_link(&visit.services, token).await? {
        Spent::Session { token, path } => {
            visit.remember(Cookie::Session, &token, COOKIE_SECONDS);
            visit.go(&super::theme::own_path(&path));
        }
        Spent::Gone => visit.go("/sign-in/expired"),
    }
    Ok(())
}

/// Asks for a link by mail, and shows the page that says the same to everybody.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn ask(email: &str) -> Result<(), ServerFnError> {
    let visit = Visit::current();
    sign_in::request(&visit.services, email).await.map_err(|fault| broken("sign-in mail", &fault))?;
    let address = mail::address(email).unwrap_or_default();
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("sent", &address).finish();
    visit.go(&format!("/sign-in?{query}"));
    Ok(())
}

/// Ends the session.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn close() -> Result<(), ServerFnError> {
    let visit = Visit::current();
    let ended = async {
        match visit.viewer().await? {
            Some(viewer) => portal::sign_out(&visit.services, viewer.session).await,
            None => Ok(()),
        }
    };
    ended.await.map_err(|fault| broken("sign out", &fault))?;
    visit.forget(Cookie::Session);
    visit.go("/sign-in");
    Ok(())
}

/// Opens a session for one of the demo's customers: by a link of its own, spent at once.
///
/// # Errors
/// A fault, its cause in the log.
#[cfg(feature = "demo")]
pub async fn open_demo(customer: String, email: String) -> Result<(), ServerFnError> {
    let visit = Visit::current();
    let opened = async {
        let services = &visit.services;
        let found = match services.settings.demo {
            true => crate::usecases::customers::number(services, &customer).await?,
            false => None,
        };
        let Some(customer_no) = found else {
            visit.go("/sign-in");
            return Ok(());
        };
        let link = portal::NewLink {
            customer_no,
            email: Some(email),
            role: portal::Role::Owner,
            path: "/billing".to_owned(),
            return_url: None,
        };
        let link = portal::make_link(services, link).await?;
        spend(&visit, link.url.rsplit('/').next().unwrap_or_default()).await
    };
    opened.await.map_err(|fault| broken("demo sign-in", &fault))
}
