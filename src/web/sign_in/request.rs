//! `/sign-in`: asking for a one-time link by email.

use crate::usecases::access::{links, sign_in};
use crate::web::page::{Page, page};
use crate::web::request_context::{PageError, RequestContext, form_failed};
use crate::web::sign_in::outcome::SignInOutcome;
use crate::web::ui::field::Field;
use crate::web::ui::notice::NoticeBox;
use crate::web::{demo, return_to};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// `/sign-in`
#[component]
pub fn SignInPage() -> impl IntoView {
    page(load)
}

async fn load(request: RequestContext) -> Result<Page, PageError> {
    let viewer = request.viewer().await?;
    let to = request.query(return_to::FIELD).filter(|to| return_to::page(to).is_some());
    if let (Some(_), Some(to)) = (&viewer, &to) {
        request.redirect(to);
        return Err(PageError::Redirected);
    }
    let shop = request.app.catalog.shop.clone();
    let flash = request.take_flash();
    let outcome = flash.as_ref().and_then(SignInOutcome::from_flash);
    let notice = outcome.and_then(SignInOutcome::notice).map(|notice| view! { <NoticeBox notice /> });
    let typed = flash.as_ref().and_then(|flash| flash.value("email")).unwrap_or_default().to_owned();
    let by_mail = match (request.app.mailer.is_off(), outcome) {
        (true, _) => ().into_any(),
        (false, Some(SignInOutcome::Sent)) => sent(typed, to, &shop.name).into_any(),
        (false, outcome) => address_form(typed, to, outcome == Some(SignInOutcome::BadAddress)).into_any(),
    };
    let people = demo::sign_in_people(&request).await?;
    let body = view! {
        <div class="card narrow">
            <h1>"Sign in"</h1>
            {notice}
            {by_mail}
            <p class="after">"Or open Billing from " <a href=shop.home_url>{shop.name}</a> "."</p>
            {people}
        </div>
    };
    Ok(Page::new("Sign in", viewer, body))
}

fn address_form(typed: String, to: Option<String>, is_bad: bool) -> impl IntoView {
    let error = is_bad.then(|| "Enter an email address, such as ada@acme.example.".to_owned());
    view! {
        <p class="note">"We'll email you a link. No password."</p>
        <form method="post" action=RequestLink::PATH>
            <input type="hidden" name=return_to::FIELD value=to />
            <Field label="Email" name="email" id="email" value=typed error kind="email" autocomplete="email" maxlength=254 />
            <button class="button primary">"Send link"</button>
        </form>
    }
}

/// The answer to every address. `email` is empty for a new link in place of an old one: only its mailbox knows the address.
fn sent(email: String, to: Option<String>, shop: &str) -> impl IntoView {
    let sentence = sent_sentence(&email, shop, links::SIGN_IN_MINUTES);
    let again = if email.is_empty() {
        view! { <a href=return_to::with("/sign-in", to.as_deref())>"send it again"</a> }.into_any()
    } else {
        view! { <button class="link">"send it again"</button> }.into_any()
    };
    view! {
        <p role="status">{sentence}</p>
        <form class="after" method="post" action=RequestLink::PATH>
            <input type="hidden" name="email" value=email />
            <input type="hidden" name=return_to::FIELD value=to />
            "No email? Check spam, or "
            {again}
            "."
        </form>
    }
}

fn sent_sentence(email: &str, shop: &str, minutes: i64) -> String {
    let email = if email.is_empty() { "that address" } else { email };
    format!("If {email} belongs to a {shop} account, a link is on its way. It works for {minutes} minutes.")
}

/// Sends a link by email, which leads to the page `to`. The answer is the same for every address, and no URL holds the
/// address: URLs are kept in histories and logs.
#[server(name = RequestLink, prefix = "/_fn", endpoint = "request-link")]
pub async fn request_link(email: String, #[server(default)] to: String) -> Result<(), ServerFnError> {
    let request = RequestContext::current();
    let to = return_to::page(&to);
    let asked = sign_in::request_sign_in(&request.app, &email, &return_to::with("", to), &request.client()).await;
    let (outcome, email) = match asked.map_err(|fault| form_failed("sign-in email", &fault))? {
        Some(address) => (SignInOutcome::Sent, address),
        None => (SignInOutcome::BadAddress, email),
    };
    request.redirect_with(&return_to::with("/sign-in", to), outcome.flash().with("email", email));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_reads_the_same() {
        let want = "If ada@acme.example belongs to a Gleaner account, a link is on its way. It works for 15 minutes.";
        assert_eq!(sent_sentence("ada@acme.example", "Gleaner", 15), want);
        assert!(sent_sentence("", "Gleaner", 15).starts_with("If that address belongs to a Gleaner account"));
    }
}
