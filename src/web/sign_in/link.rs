//! `/sign-in/{token}`: the page of a one-time link.
//!
//! A link by email is spent by the page's button alone, since mail scanners follow links. A portal link, to which the SaaS
//! redirects, opens at once if the browser says that a person navigates; any other request sees the page with the button.

use super::outcome::SignInOutcome;
use super::session::{OpenedLink, spend};
use crate::usecases::access::links::{LinkState, LinkTarget, Viewer};
use crate::usecases::access::{links, sign_in};
use crate::web::form_signature;
use crate::web::form_signature::FIELD;
use crate::web::own_path::own_path;
use crate::web::page::{Page, page};
use crate::web::request_context::{PageError, RequestContext, form_failed};
use crate::web::return_to;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_params_map;

const SIGNED_OUT_THERE: &str = "If you continue, you'll be signed out there.";

/// `/sign-in/{token}`
#[component]
pub fn LinkPage() -> impl IntoView {
    let token = use_params_map().get().get("token").unwrap_or_default();
    page(move |request| load(request, token))
}

async fn load(request: RequestContext, token: String) -> Result<Page, PageError> {
    let to = request.query(return_to::FIELD).filter(|to| return_to::page(to).is_some());
    let look = links::read_link(&request.app, &token).await?;
    let viewer = request.viewer().await?;
    if let LinkState::Works(target) = look {
        if opens_at_once(&request, &target, viewer.as_ref()) {
            let link = OpenedLink { token: &token, to: None };
            spend(&request, &link, Some(target), viewer).await?;
            return Err(PageError::Redirected);
        }
        let elsewhere = viewer.filter(|viewer| target.is_elsewhere(viewer));
        return Ok(Page::new("Sign in", None, works(&request, token, to, &target, elsewhere.as_ref())));
    }
    if let Some(viewer) = &viewer
        && let Some(path) = links::leads_on(&request.app, &token, viewer).await?
    {
        // The browser opened this link before.
        request.redirect(&own_path(to.as_deref().unwrap_or(&path)));
        return Err(PageError::Redirected);
    }
    let body = expired(&request, look, token, to, viewer.is_some());
    Ok(Page::new("Link expired", viewer, body))
}

/// A portal link opens at once, unless the browser is signed in as somebody else: nobody is signed in as another person
/// without a click.
fn opens_at_once(request: &RequestContext, target: &LinkTarget, viewer: Option<&Viewer>) -> bool {
    let is_another = viewer.is_some_and(|viewer| target.is_another_person(viewer));
    !target.by_email && request.is_navigation() && !is_another
}

/// Names the account that the link opens, and the session that ends for it, if the viewer is signed in elsewhere.
fn works(
    request: &RequestContext,
    token: String,
    to: Option<String>,
    target: &LinkTarget,
    elsewhere: Option<&Viewer>,
) -> impl IntoView + use<> {
    let opens = (target.customer_no, target.email.as_deref());
    let instead_of = elsewhere.map(|viewer| &viewer.session);
    let secret = &request.app.settings.form_secret;
    let signature =
        form_signature::consent(secret, &crate::usecases::access::tokens::token_hash(&token), opens, instead_of);
    let continues = continue_label(target.email.as_deref(), &target.name);
    let asks = elsewhere.map(|viewer| {
        view! {
            <div class="notice warn" role="status">
                <p>
                    <strong>{signed_in_elsewhere(viewer.email.as_deref(), &viewer.name)}</strong>
                    " "
                    {SIGNED_OUT_THERE}
                </p>
            </div>
        }
    });
    let stay = elsewhere.map(|viewer| {
        let label = format!("Stay at {}", viewer.name);
        view! {
            <p class="after">
                <a href="/billing">{label}</a>
            </p>
        }
    });
    let who = target.email.clone().map(|email| view! { " as " <strong>{email}</strong> });
    let name = target.name.clone();
    view! {
        <div class="card narrow">
            <h1>"Sign in"</h1>
            {asks}
            <p class="note">"Click to continue" {who} " to " <strong>{name}</strong> "."</p>
            <form method="post" action=OpenSession::PATH>
                <input type="hidden" name="token" value=token />
                <input type="hidden" name=return_to::FIELD value=to />
                <input type="hidden" name=FIELD value=signature />
                <button class="button primary">{continues}</button>
            </form>
            {stay}
        </div>
    }
}

/// The link is used or too old. A new one comes by email if this one did, else from the shop.
fn expired(
    request: &RequestContext,
    look: LinkState,
    token: String,
    to: Option<String>,
    is_signed_in: bool,
) -> impl IntoView + use<> {
    let shop = request.app.catalog.shop.clone();
    let by_mail = !request.app.mailer.is_off();
    let open = format!("Open Billing from {}", shop.name);
    let why = match look {
        LinkState::OldMail => format!("A link works once, for {} minutes.", links::SIGN_IN_MINUTES),
        _ => format!("A link works once, for a few minutes. {open} to get a new one."),
    };
    let renew = match look {
        LinkState::OldMail if by_mail => view! {
            <form method="post" action=RenewLink::PATH>
                <input type="hidden" name="token" value=token />
                <input type="hidden" name=return_to::FIELD value=to />
                <button class="button primary">"Send a new one"</button>
            </form>
        }
        .into_any(),
        _ => view! {
            <a class="button primary" href=shop.home_url>
                {format!("Go to {}", shop.name)}
            </a>
            {by_mail
                .then(|| {
                    view! {
                        <a class="button" href="/sign-in">
                            "Send a new one by email"
                        </a>
                    }
                })}
        }
        .into_any(),
    };
    let signed_in = is_signed_in.then(|| {
        view! {
            <p class="after">"You're signed in already: " <a href="/billing">"open Billing"</a> "."</p>
        }
    });
    view! {
        <div class="card narrow">
            <h1>"This link has expired."</h1>
            <p class="note">{why}</p>
            {renew}
            {signed_in}
        </div>
    }
}

/// `Continue as ada@acme.example to Acme Data`
fn continue_label(email: Option<&str>, customer: &str) -> String {
    match email {
        Some(email) => format!("Continue as {email} to {customer}"),
        None => format!("Continue to {customer}"),
    }
}

fn signed_in_elsewhere(email: Option<&str>, customer: &str) -> String {
    match email {
        Some(email) => format!("You're signed in as {email} to {customer}."),
        None => format!("You're signed in to {customer}."),
    }
}

/// Spends a one-time link and opens a session, for the account that the link's page showed. Without that page's
/// `signature`, a viewer who is signed in elsewhere is asked first.
#[server(name = OpenSession, prefix = "/_fn", endpoint = "open-session")]
pub async fn open_session(
    token: String,
    #[server(default)] signature: String,
    #[server(default)] to: String,
) -> Result<(), ServerFnError> {
    let request = RequestContext::current();
    let opening = OpenedLink { token: &token, to: return_to::page(&to) };
    let opened = async {
        let before = request.viewer().await?;
        let LinkState::Works(target) = links::read_link(&request.app, &token).await? else {
            return spend(&request, &opening, None, before).await;
        };
        let elsewhere = before.as_ref().filter(|before| target.is_elsewhere(before));
        let (opens, link) =
            ((target.customer_no, target.email.as_deref()), crate::usecases::access::tokens::token_hash(&token));
        let secret = &request.app.settings.form_secret;
        let asked = elsewhere.map(|before| &before.session);
        let is_meant = form_signature::is_consent(secret, &link, opens, asked, &signature);
        // A browser that is signed out may open the link without its page: it loses nothing by it.
        let is_alone = signature.is_empty() && elsewhere.is_none();
        if !is_meant && !is_alone {
            request.redirect(&opening.page());
            return Ok(());
        }
        spend(&request, &opening, Some(target), before).await
    };
    opened.await.map_err(|fault| form_failed("open session", &fault))
}

/// Sends a new link in place of an old one, to the same address. The page does not name the address.
#[server(name = RenewLink, prefix = "/_fn", endpoint = "renew-link")]
pub async fn renew_link(token: String, #[server(default)] to: String) -> Result<(), ServerFnError> {
    let request = RequestContext::current();
    let to = return_to::page(&to);
    let sent = sign_in::renew_sign_in(&request.app, &token, &return_to::with("", to), &request.client()).await;
    let page = return_to::with("/sign-in", to);
    match sent.map_err(|fault| form_failed("sign-in email", &fault))? {
        true => request.redirect_with(&page, SignInOutcome::Sent.flash()),
        false => request.redirect(&page),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_links_page_names_the_account_and_asks_before_a_session_changes() {
        assert_eq!(continue_label(Some("ada@acme.example"), "Acme Data"), "Continue as ada@acme.example to Acme Data");
        assert_eq!(continue_label(None, "Acme Data"), "Continue to Acme Data");
        let now = signed_in_elsewhere(Some("bob@larch.example"), "Larch Research");
        assert_eq!(now, "You're signed in as bob@larch.example to Larch Research.");
        assert_eq!(SIGNED_OUT_THERE, "If you continue, you'll be signed out there.");
    }
}
