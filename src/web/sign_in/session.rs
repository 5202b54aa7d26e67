//! The session's cookie: set by a one-time link, cleared by signing out.

use crate::usecases::InternalError;
use crate::usecases::access::links::{LinkState, LinkTarget, Spent, Viewer};
use crate::usecases::access::{links, sign_in};
use crate::web::cookies::Cookie;
use crate::web::own_path::own_path;
use crate::web::request_context::{RequestContext, form_failed};
use crate::web::return_to;
use leptos::prelude::*;

/// A link that a browser opens.
pub(super) struct OpenedLink<'a> {
    pub token: &'a str,
    /// The page to go to, in place of the link's own.
    pub to: Option<&'a str>,
}

impl OpenedLink<'_> {
    /// The page of the link; a text that is no token leads to a page that is not there.
    pub(super) fn page(&self) -> String {
        let token: String = url::form_urlencoded::byte_serialize(self.token.as_bytes()).collect();
        return_to::with(&format!("/sign-in/{token}"), self.to)
    }
}

/// Spends a link and sets the session's cookie.
pub(super) async fn spend(
    request: &RequestContext,
    link: &OpenedLink<'_>,
    shown: Option<LinkTarget>,
    before: Option<Viewer>,
) -> Result<(), InternalError> {
    let app = &request.app;
    match links::spend_shown(app, link.token, shown, &request.device()).await? {
        Spent::Session { token, path } => {
            // The browser's former session ends: no other browser has it.
            if let Some(before) = before {
                links::sign_out_session(app, before.session).await?;
            }
            // The cookie may last longer than the session, never shorter.
            request.set_cookie(Cookie::Session, &token, app.settings.session_max.num_seconds());
            request.redirect(&own_path(link.to.unwrap_or(&path)));
        }
        // The link's page shows the other account and asks again.
        Spent::Other => request.redirect(&link.page()),
        // The link's page says how to get a new one.
        Spent::Gone => match links::read_link(app, link.token).await? {
            LinkState::Unknown => request.redirect("/sign-in/expired"),
            _ => request.redirect(&link.page()),
        },
    }
    Ok(())
}

/// Switches to another customer of the same person; another person's leads back to Billing.
#[server(name = SwitchCustomer, prefix = "/_fn", endpoint = "switch-customer")]
pub async fn switch_customer(customer: String) -> Result<(), ServerFnError> {
    let request = RequestContext::current();
    let switched = async {
        let Some(viewer) = request.viewer().await? else { return Ok::<_, InternalError>("/sign-in") };
        sign_in::switch_session(&request.app, &viewer, &customer).await?;
        Ok("/billing")
    };
    request.redirect(switched.await.map_err(|fault| form_failed("switch customer", &fault))?);
    Ok(())
}

/// Ends the session.
#[server(name = SignOut, prefix = "/_fn", endpoint = "sign-out")]
pub async fn sign_out() -> Result<(), ServerFnError> {
    let request = RequestContext::current();
    let ended = async {
        match request.viewer().await? {
            Some(viewer) => links::sign_out_session(&request.app, viewer.session).await,
            None => Ok(()),
        }
    };
    ended.await.map_err(|fault| form_failed("sign out", &fault))?;
    request.clear_cookie(Cookie::Session);
    request.redirect("/sign-in");
    Ok(())
}

/// Signs in as one of the demo's customers: spends a new link at once.
#[cfg(feature = "demo")]
#[server(name = SignInAsDemo, prefix = "/_fn", endpoint = "demo-sign-in")]
pub async fn sign_in_as_demo(
    customer: String,
    member: String,
    #[server(default)] to: String,
) -> Result<(), ServerFnError> {
    let request = RequestContext::current();
    let opened = async {
        let app = &request.app;
        let found = match app.settings.demo {
            true => crate::usecases::customers::customer_number(app, &customer).await?,
            false => None,
        };
        let Some(customer_no) = found else {
            request.redirect("/sign-in");
            return Ok(());
        };
        let link = links::NewLink {
            customer_no,
            email: crate::email::address(&member),
            role: Some(links::Role::Owner),
            path: "/billing".to_owned(),
            return_url: None,
        };
        let link = links::create_portal_link(app, link).await?;
        let before = request.viewer().await?;
        let token = link.url.rsplit('/').next().unwrap_or_default();
        let opened = OpenedLink { token, to: return_to::page(&to) };
        spend(&request, &opened, None, before).await
    };
    opened.await.map_err(|fault| form_failed("demo sign-in", &fault))
}
