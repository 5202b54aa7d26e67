//! `/sign-in`: asking for a one-time link by email. The link's own page is in `link`, the session's forms in `session`.

mod link;
pub mod session;

pub use link::{LinkPage, OpenSession, RenewLink};

use crate::email;
use crate::usecases::access::{links, sign_in};
use crate::web::cookies::Cookie;
use crate::web::demo;
use crate::web::page::{Page, page};
use crate::web::request_context::{PageError, RequestContext, form_failed};
use crate::web::ui::badge::Tone;
use crate::web::ui::notice::{Notice, NoticeBox, Voice};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use strum::{EnumString, IntoStaticStr};

/// The address of a requested link is remembered as long as the link works.
const ASKED_SECONDS: i64 = links::SIGN_IN_MINUTES * 60;

/// The outcome of the form; its code in the URL never holds the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[cfg_attr(test, derive(strum::EnumIter))]
#[strum(serialize_all = "snake_case")]
pub enum SignInOutcome {
    /// Shown for every address, known or not.
    Sent,
    BadAddress,
    /// The cause is in the log.
    #[strum(serialize = "fault")]
    InternalError,
}

impl SignInOutcome {
    #[must_use]
    pub fn code(self) -> &'static str {
        self.into()
    }

    fn page(self) -> String {
        format!("/sign-in?outcome={}", self.code())
    }

    fn error(self) -> Option<Notice> {
        let (strong, text) = match self {
            Self::Sent => return None,
            Self::BadAddress => ("That is no e-mail address.", "Check it for typing mistakes and send it again."),
            Self::InternalError => ("Something went wrong on our side.", "Please try again."),
        };
        Some(Notice::new(Tone::Bad, strong, text).aloud(Voice::Alert))
    }
}

/// `/sign-in`
#[component]
pub fn SignInPage() -> impl IntoView {
    page(load)
}

async fn load(request: RequestContext) -> Result<Page, PageError> {
    let viewer = request.viewer().await?;
    let shop = request.app.catalog.shop.clone();
    let outcome: Option<SignInOutcome> = request.query("outcome").and_then(|code| code.parse().ok());
    let failed = outcome.and_then(SignInOutcome::error).map(|notice| view! { <NoticeBox notice /> });
    let by_mail = match (request.app.mailer.is_off(), outcome) {
        (true, _) => ().into_any(),
        (false, Some(SignInOutcome::Sent)) => sent(&request, &shop.name).into_any(),
        (false, _) => address_form().into_any(),
    };
    let people = demo::sign_in_people(&request).await?;
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

fn address_form() -> impl IntoView {
    view! {
        <form method="post" action=RequestLink::PATH>
            <label>
                "E-mail" <input type="email" name="email" required autocomplete="email" maxlength="254" />
            </label>
            <button class="button primary">"Send link"</button>
        </form>
    }
}

fn sent(request: &RequestContext, shop: &str) -> impl IntoView + use<> {
    let asked = request.cookie(Cookie::Asked).and_then(|hex| hex::decode(hex).ok());
    let asked = asked.and_then(|bytes| email::address(&String::from_utf8_lossy(&bytes)));
    let sentence = sent_sentence(asked.as_deref(), shop, links::SIGN_IN_MINUTES);
    view! {
        <p role="status">{sentence}</p>
        <p class="after">
            "Nothing there? Look among unwanted mails, or " <a href="/sign-in">"ask again"</a> "."
        </p>
    }
}

/// The same for every address. Only the browser that asked knows the address.
fn sent_sentence(address: Option<&str>, shop: &str, minutes: i64) -> String {
    let address = address.unwrap_or("that address");
    format!("If {address} belongs to a {shop} account, a link is on its way. It works for {minutes} minutes.")
}

/// Sends a link by email. The answer is the same for every address, which travels in a cookie: URLs are kept in
/// histories and logs.
#[server(name = RequestLink, prefix = "/_fn", endpoint = "request-link")]
pub async fn request_link(email: String) -> Result<(), ServerFnError> {
    let request = RequestContext::current();
    let asked = sign_in::request_sign_in(&request.app, &email, &request.client()).await;
    match asked.map_err(|fault| form_failed("sign-in mail", &fault))? {
        Some(address) => {
            request.set_cookie(Cookie::Asked, &hex::encode(address), ASKED_SECONDS);
            request.redirect(&SignInOutcome::Sent.page());
        }
        None => request.redirect(&SignInOutcome::BadAddress.page()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use strum::IntoEnumIterator;

    #[test]
    fn everybody_reads_the_same() {
        let read = |address| sent_sentence(address, "Gleaner", 15);
        let want = "If ada@acme.example belongs to a Gleaner account, a link is on its way. It works for 15 minutes.";
        assert_eq!(read(Some("ada@acme.example")), want);
        assert!(read(None).starts_with("If that address belongs to a Gleaner account"));
        for outcome in SignInOutcome::iter() {
            assert_eq!(outcome.code().parse(), Ok(outcome));
        }
    }
}
