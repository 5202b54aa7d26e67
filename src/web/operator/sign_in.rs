//! `/operator/sign-in`: address, password and code in one form, so that no answer tells which of them was wrong.

use crate::web::demo;
use crate::web::flash::Flash;
use crate::web::operator::page::framed;
use crate::web::operator::session::SignInOperator;
use crate::web::request_context::RequestContext;
use crate::web::return_to;
use crate::web::ui::badge::Tone;
use crate::web::ui::notice::{Notice, NoticeBox, Voice};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// `/operator/sign-in`
#[component]
pub fn OperatorSignInPage() -> impl IntoView {
    let request = RequestContext::current();
    Suspend::new(async move {
        let to = request.query(return_to::FIELD).filter(|to| return_to::operator_page(to).is_some());
        if matches!(request.operator().await, Ok(Some(_))) {
            request.redirect(to.as_deref().unwrap_or("/operator"));
            return ().into_any();
        }
        framed(&request, None, 0, ("Sign in".to_owned(), body(&request, to)))
    })
}

fn body(request: &RequestContext, to: Option<String>) -> AnyView {
    let flash = request.take_flash();
    let email = flash.as_ref().and_then(|flash| flash.value("email")).unwrap_or_default().to_owned();
    let words = match flash.as_ref().map(Flash::code) {
        Some("signed_out") => Some(("You were signed out. Nothing was saved.", "Sign in and try again.")),
        Some("wrong") => Some(("The email, password or code is wrong.", "Try again.")),
        Some("wait") => Some(("Too many attempts.", "Try again in up to 15 minutes.")),
        Some("fault") => Some(("Something went wrong on our side.", "Try again.")),
        _ => None,
    };
    let notice = words.map(|(strong, text)| Notice::new(Tone::Bad, strong, text).aloud(Voice::Alert));
    view! {
        <div class="card narrow">
            <h1>"Operator sign-in"</h1>
            {notice.map(|notice| view! { <NoticeBox notice /> })}
            <form class="fields" method="post" action=SignInOperator::PATH>
                <input type="hidden" name=return_to::FIELD value=to />
                <label>
                    "Email"
                    <input type="email" name="email" value=email required autocomplete="username" maxlength="254" />
                </label>
                <label>
                    "Password"
                    <input type="password" name="password" required autocomplete="current-password" maxlength="256" />
                </label>
                <label>
                    "Authenticator code, or a recovery code"
                    <input type="text" name="code" autocomplete="one-time-code" maxlength="64" aria-describedby="code-note" />
                </label>
                <p class="note" id="code-note">
                    "Leave it empty if you haven't set up a second factor."
                </p>
                <button class="button primary">"Sign in"</button>
            </form>
            {demo::sign_in_operator(request)}
        </div>
    }
    .into_any()
}
