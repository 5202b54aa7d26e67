//! Signing in and out.

use super::broken;
use crate::usecases::portal::{self, Look, Spent};
use crate::usecases::{Fault, sign_in};
use crate::web::cookies::Cookie;
use crate::web::view::SignInOutcome;
use crate::web::visit::Visit;
use leptos::prelude::ServerFnError;

/// How long the address of a link that was asked for is known: as long as the link works.
const ASKED_SECONDS: i64 = portal::SIGN_IN_MINUTES * 60;

/// Spends a one-time link.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn open(token: String) -> Result<(), ServerFnError> {
    let visit = Visit::current();
    spend(&visit, &token).await.map_err(|fault| broken("open session", &fault))
}

async fn spend(visit: &Visit, token: &str) -> Result<(), Fault> {
    let services = &visit.services;
    let before = visit.viewer().await?;
    match portal::spend_link(services, token, &visit.device()).await? {
        Spent::Session { token, path } => {
            // The browser forgets its former session, and nobody else has it.
            if let Some(before) = before {
                portal::sign_out(services, before.session).await?;
            }
            // A browser may keep the cookie longer than the session lasts, never shorter.
            visit.remember(Cookie::Session, &token, services.settings.session_max.num_seconds());
            visit.forget(Cookie::Asked);
            visit.go(&super::theme::own_path(&path));
        }
        // Its own page says what can be done about it.
        Spent::Gone => match portal::look(services, token).await? {
            Look::Unknown => visit.go("/sign-in/expired"),
            _ => visit.go(&format!("/sign-in/{token}")),
        },
    }
    Ok(())
}

/// Asks for a link by mail, and shows the page that says the same to everybody. The address travels in a cookie:
/// URLs are kept in histories and logs.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn ask(email: &str) -> Result<(), ServerFnError> {
    let visit = Visit::current();
    let asked = sign_in::request(&visit.services, email).await.map_err(|fault| broken("sign-in mail", &fault))?;
    match asked {
        Some(address) => {
            visit.remember(Cookie::Asked, &hex::encode(address), ASKED_SECONDS);
            visit.go(&SignInOutcome::Sent.page());
        }
        None => visit.go(&SignInOutcome::BadAddress.page()),
    }
    Ok(())
}

/// Asks for a new link in place of an old one. Whoever holds the old one is not told where it went.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn renew(token: &str) -> Result<(), ServerFnError> {
    let visit = Visit::current();
    let sent = sign_in::renew(&visit.services, token).await.map_err(|fault| broken("sign-in mail", &fault))?;
    visit.forget(Cookie::Asked);
    visit.go(&if sent { SignInOutcome::Sent.page() } else { "/sign-in".to_owned() });
    Ok(())
}

/// Goes over to another customer of the same person.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn switch(customer: &str) -> Result<(), ServerFnError> {
    let visit = Visit::current();
    let switched = async {
        let Some(viewer) = visit.viewer().await? else { return Ok::<_, Fault>("/sign-in") };
        sign_in::switch(&visit.services, &viewer, customer).await?;
        Ok("/billing")
    };
    visit.go(switched.await.map_err(|fault| broken("switch customer", &fault))?);
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
