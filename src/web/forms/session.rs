//! Signing in and out.

use crate::usecases::InternalError;
use crate::usecases::access::portal::{Look, Spent, Target, Viewer};
use crate::usecases::access::{portal, sign_in};
use crate::web::cookies::Cookie;
use crate::web::form_signature;
use crate::web::forms::broken;
use crate::web::request_context::RequestContext;
use crate::web::view::SignInOutcome;
use leptos::prelude::ServerFnError;

/// How long the address of a link that was asked for is known: as long as the link works.
const ASKED_SECONDS: i64 = portal::SIGN_IN_MINUTES * 60;

/// Spends a one-time link, for the account that the page of its button showed. Somebody who is signed in elsewhere is
/// asked first: without the signature of that very page nothing is spent, and the page asks.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn open(token: String, signature: &str) -> Result<(), ServerFnError> {
    let visit = RequestContext::current();
    let opened = async {
        let before = visit.viewer().await?;
        let page = format!("/sign-in/{}", encoded(&token));
        let Look::Works(target) = portal::look(&visit.app, &token).await? else {
            return spend(&visit, &token, None, before).await;
        };
        let elsewhere = before.as_ref().filter(|before| target.is_elsewhere(before));
        let (opens, link) = ((target.customer_no, target.email.as_deref()), portal::token_hash(&token));
        let secret = &visit.app.settings.form_secret;
        let asked = elsewhere.map(|before| &before.session);
        let is_meant = form_signature::is_consent(secret, &link, opens, asked, signature);
        // A browser that is signed out may open the link without its page: it loses nothing by it.
        let is_alone = signature.is_empty() && elsewhere.is_none();
        if !is_meant && !is_alone {
            visit.redirect(&page);
            return Ok(());
        }
        spend(&visit, &token, Some(target), before).await
    };
    opened.await.map_err(|fault| broken("open session", &fault))
}

/// A token, fit for a path: what is no token leads to a page that is not there.
fn encoded(token: &str) -> String {
    url::form_urlencoded::byte_serialize(token.as_bytes()).collect()
}

async fn spend(
    visit: &RequestContext,
    token: &str,
    shown: Option<Target>,
    before: Option<Viewer>,
) -> Result<(), InternalError> {
    let app = &visit.app;
    match portal::spend_shown(app, token, shown, &visit.device()).await? {
        Spent::Session { token, path } => {
            // The browser forgets its former session, and nobody else has it.
            if let Some(before) = before {
                portal::sign_out(app, before.session).await?;
            }
            // A browser may keep the cookie longer than the session lasts, never shorter.
            visit.set_cookie(Cookie::Session, &token, app.settings.session_max.num_seconds());
            visit.clear_cookie(Cookie::Asked);
            visit.redirect(&super::theme::own_path(&path));
        }
        // Its own page shows the other account, and asks anew.
        Spent::Other => visit.redirect(&format!("/sign-in/{}", encoded(token))),
        // Its own page says what can be done about it.
        Spent::Gone => match portal::look(app, token).await? {
            Look::Unknown => visit.redirect("/sign-in/expired"),
            _ => visit.redirect(&format!("/sign-in/{}", encoded(token))),
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
    let visit = RequestContext::current();
    let asked = sign_in::request(&visit.app, email, &visit.client()).await;
    match asked.map_err(|fault| broken("sign-in mail", &fault))? {
        Some(address) => {
            visit.set_cookie(Cookie::Asked, &hex::encode(address), ASKED_SECONDS);
            visit.redirect(&SignInOutcome::Sent.page());
        }
        None => visit.redirect(&SignInOutcome::BadAddress.page()),
    }
    Ok(())
}

/// Asks for a new link in place of an old one. Whoever holds the old one is not told where it went.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn renew(token: &str) -> Result<(), ServerFnError> {
    let visit = RequestContext::current();
    let sent = sign_in::renew(&visit.app, token, &visit.client()).await;
    let sent = sent.map_err(|fault| broken("sign-in mail", &fault))?;
    visit.clear_cookie(Cookie::Asked);
    visit.redirect(&if sent { SignInOutcome::Sent.page() } else { "/sign-in".to_owned() });
    Ok(())
}

/// Goes over to another customer of the same person.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn switch(customer: &str) -> Result<(), ServerFnError> {
    let visit = RequestContext::current();
    let switched = async {
        let Some(viewer) = visit.viewer().await? else { return Ok::<_, InternalError>("/sign-in") };
        sign_in::switch(&visit.app, &viewer, customer).await?;
        Ok("/billing")
    };
    visit.redirect(switched.await.map_err(|fault| broken("switch customer", &fault))?);
    Ok(())
}

/// Ends the session.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn close() -> Result<(), ServerFnError> {
    let visit = RequestContext::current();
    let ended = async {
        match visit.viewer().await? {
            Some(viewer) => portal::sign_out(&visit.app, viewer.session).await,
            None => Ok(()),
        }
    };
    ended.await.map_err(|fault| broken("sign out", &fault))?;
    visit.clear_cookie(Cookie::Session);
    visit.redirect("/sign-in");
    Ok(())
}

/// Opens a session for one of the demo's customers: by a link of its own, spent at once.
///
/// # Errors
/// A fault, its cause in the log.
#[cfg(feature = "demo")]
pub async fn open_demo(customer: String, email: String) -> Result<(), ServerFnError> {
    let visit = RequestContext::current();
    let opened = async {
        let app = &visit.app;
        let found = match app.settings.demo {
            true => crate::usecases::customers::number(app, &customer).await?,
            false => None,
        };
        let Some(customer_no) = found else {
            visit.redirect("/sign-in");
            return Ok(());
        };
        let link = portal::NewLink {
            customer_no,
            email: crate::email::address(&email),
            role: Some(portal::Role::Owner),
            path: "/billing".to_owned(),
            return_url: None,
        };
        let link = portal::make_link(app, link).await?;
        let before = visit.viewer().await?;
        spend(&visit, link.url.rsplit('/').next().unwrap_or_default(), None, before).await
    };
    opened.await.map_err(|fault| broken("demo sign-in", &fault))
}
