//! Signing in: by a one-time link. Its page has one button, since mail scanners follow links and spend nothing.

use crate::email;
use crate::usecases::access::portal;
use crate::usecases::access::portal::{Look, Target, Viewer};
use crate::web::actions::{OpenSession, RenewLink, RequestLink};
use crate::web::components::NoticeBox;
use crate::web::cookies::Cookie;
use crate::web::form_signature;
use crate::web::form_signature::FIELD;
use crate::web::pages::{Page, page};
use crate::web::request_context::{RequestContext, Stop};
use crate::web::view::{SignInOutcome, sign_in as words};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_params_map;

/// `/sign-in`
#[component]
pub fn SignInPage() -> impl IntoView {
    page(load)
}

async fn load(visit: RequestContext) -> Result<Page, Stop> {
    let viewer = visit.viewer().await?;
    let shop = visit.app.catalog.shop.clone();
    let outcome = visit.query("outcome").and_then(|code| SignInOutcome::from_code(&code));
    let failed = outcome.and_then(SignInOutcome::error).map(|notice| view! { <NoticeBox notice /> });
    let by_mail = match (visit.app.mailer.is_off(), outcome) {
        (true, _) => ().into_any(),
        (false, Some(SignInOutcome::Sent)) => sent(&visit, &shop.name).into_any(),
        (false, _) => ask().into_any(),
    };
    let people = super::sign_in_demo::people(&visit).await?;
    let body = view! {
        <div class="card narrow">
            <h1>"Sign in"</h1>
            {failed}
            {by_mail}
            <p class="after">"Or open Billing from " <a href=shop.home_url>{shop.name}</a> "."</p>
            {people}
        </div>
    };
    Ok(Page::new("Sign in", viewer, body))
}

/// The form for an address.
fn ask() -> impl IntoView {
    view! {
        <form method="post" action=RequestLink::PATH>
            <label>
                "E-mail" <input type="email" name="email" required autocomplete="email" maxlength="254" />
            </label>
            <button class="button primary">"Send link"</button>
        </form>
    }
}

/// What is said to every address that asked.
fn sent(visit: &RequestContext, shop: &str) -> impl IntoView {
    let asked = visit.cookie(Cookie::Asked).and_then(|hex| hex::decode(hex).ok());
    let asked = asked.and_then(|bytes| email::address(&String::from_utf8_lossy(&bytes)));
    let said = words::sent(asked.as_deref(), shop, portal::SIGN_IN_MINUTES);
    view! {
        <p role="status">{said}</p>
        <p class="after">
            "Nothing there? Look among unwanted mails, or " <a href="/sign-in">"ask again"</a> "."
        </p>
    }
}

/// `/sign-in/{token}`
#[component]
pub fn LinkPage() -> impl IntoView {
    let token = use_params_map().get().get("token").unwrap_or_default();
    page(move |visit| load_link(visit, token))
}

async fn load_link(visit: RequestContext, token: String) -> Result<Page, Stop> {
    let look = portal::look(&visit.app, &token).await?;
    let viewer = visit.viewer().await?;
    if let Look::Works(target) = look {
        let elsewhere = viewer.filter(|viewer| target.is_elsewhere(viewer));
        return Ok(Page::new("Sign in", None, works(&visit, token, &target, elsewhere.as_ref())));
    }
    let body = expired(&visit, look, token, viewer.is_some());
    Ok(Page::new("Link expired", viewer, body))
}

/// Whose account the link opens, and the session that ends for it, if somebody is signed in elsewhere.
fn works(visit: &RequestContext, token: String, target: &Target, elsewhere: Option<&Viewer>) -> impl IntoView + use<> {
    let opens = (target.customer_no, target.email.as_deref());
    let instead_of = elsewhere.map(|viewer| &viewer.session);
    let secret = &visit.app.settings.form_secret;
    let signature = form_signature::consent(secret, &portal::token_hash(&token), opens, instead_of);
    let continues = words::continues(target.email.as_deref(), &target.name);
    let asks = elsewhere.map(|viewer| {
        let (now, then) = words::switches(viewer.email.as_deref(), &viewer.name);
        view! {
            <div class="notice warn" role="status">
                <p>
                    <strong>{now}</strong>
                    " "
                    {then}
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
                <input type="hidden" name=FIELD value=signature />
                <button class="button primary">{continues}</button>
            </form>
            {stay}
        </div>
    }
}

/// A link that is used or too old, and the way to a new one: by mail where it came by mail, else from the shop.
fn expired(visit: &RequestContext, look: Look, token: String, is_signed_in: bool) -> impl IntoView + use<> {
    let shop = visit.app.catalog.shop.clone();
    let by_mail = !visit.app.mailer.is_off();
    let open = format!("Open Billing from {}", shop.name);
    let why = match look {
        Look::OldMail => format!("A link works once, for {} minutes.", portal::SIGN_IN_MINUTES),
        _ => format!("A link works once, for a few minutes. {open} to get a new one."),
    };
    let renew = match look {
        Look::OldMail if by_mail => view! {
            <form method="post" action=RenewLink::PATH>
                <input type="hidden" name="token" value=token />
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
                            "Send a new one by mail"
                        </a>
                    }
                })}
        }
        .into_any(),
    };
    let signed_in = is_signed_in.then(|| {
        view! {
            <p class="after">"You are signed in already: " <a href="/billing">"open Billing"</a> "."</p>
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
