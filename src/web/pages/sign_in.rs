//! Signing in: by a one-time link. Its page has one button, since mail scanners follow links and spend nothing.

use super::{Page, page};
use crate::mail;
use crate::usecases::portal;
use crate::web::actions::{OpenSession, RequestLink};
use crate::web::components::NoticeBox;
use crate::web::view::{Notice, Outcome, Tone, Voice};
use crate::web::visit::{Stop, Visit};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_params_map;

/// `/sign-in`
#[component]
pub fn SignInPage() -> impl IntoView {
    page(load)
}

async fn load(visit: Visit) -> Result<Page, Stop> {
    let viewer = visit.viewer().await?;
    let shop = &visit.services.catalog.shop;
    let (name, home) = (shop.name.clone(), shop.home_url.clone());
    let failed = visit.query("outcome").as_deref() == Some(Outcome::Fault.code());
    let failed = failed.then(|| {
        let notice = Notice::new(Tone::Bad, "Something went wrong on our side.", "Please try again.");
        view! { <NoticeBox notice=notice.aloud(Voice::Alert) /> }
    });
    let people = super::sign_in_demo::people(&visit).await?;
    let body = view! {
        <div class="card narrow">
            <h1>"Sign in"</h1>
            {failed}
            {by_mail(&visit)}
            <p class="note">{format!("Open Billing from {name}: the link there signs you in.")}</p>
            <a class="button" href=home>
                {format!("Go to {name}")}
            </a>
            {people}
        </div>
    };
    Ok(Page::new("Sign in", viewer, body))
}

/// The form for an address, or what is said to every address that was sent. Nothing where no mail leaves.
fn by_mail(visit: &Visit) -> Option<AnyView> {
    if visit.services.mailer.is_off() {
        return None;
    }
    let shop = &visit.services.catalog.shop.name;
    if let Some(sent) = visit.query("sent").and_then(|sent| mail::address(&sent)) {
        let said = format!("If {sent} belongs to a {shop} account, a link is on its way. It works for 15 minutes.");
        return Some(view! { <p role="status">{said}</p> }.into_any());
    }
    let form = view! {
        <form method="post" action=RequestLink::PATH>
            <p>
                <label for="email">"E-mail"</label>
            </p>
            <p>
                <input id="email" type="email" name="email" required autocomplete="email" maxlength="254" />
            </p>
            <p>
                <button class="button primary">"Send link"</button>
            </p>
        </form>
    };
    Some(form.into_any())
}

/// `/sign-in/{token}`
#[component]
pub fn LinkPage() -> impl IntoView {
    let token = use_params_map().get().get("token").unwrap_or_default();
    page(move |visit| load_link(visit, token))
}

async fn load_link(visit: Visit, token: String) -> Result<Page, Stop> {
    let shop = visit.services.catalog.shop.clone();
    if portal::link_works(&visit.services, &token).await? {
        let body = view! {
            <div class="card narrow">
                <h1>"Sign in"</h1>
                <p class="note">"One more click. It keeps programs that follow links from using yours up."</p>
                <form method="post" action=OpenSession::PATH>
                    <input type="hidden" name="token" value=token />
                    <button class="button primary">{format!("Continue to {}", shop.name)}</button>
                </form>
            </div>
        };
        return Ok(Page::new("Sign in", None, body));
    }
    let body = view! {
        <div class="card narrow">
            <h1>"This link has expired."</h1>
            <p class="note">{format!("Links work once, for a few minutes. Open Billing from {} to get a new one.", shop.name)}</p>
            <a class="button" href=shop.home_url>
                {format!("Go to {}", shop.name)}
            </a>
        </div>
    };
    Ok(Page::new("Link expired", visit.viewer().await?, body))
}
