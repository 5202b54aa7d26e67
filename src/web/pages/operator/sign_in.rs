//! `/operator/sign-in`: address, password and code in one form, so that no answer tells which of them was wrong.

use crate::web::actions::SignInOperator;
use crate::web::components::NoticeBox;
use crate::web::pages::operator::framed;
use crate::web::request_context::RequestContext;
use crate::web::view::{Notice, Tone, Voice};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// `/operator/sign-in`
#[component]
pub fn SignInPage() -> impl IntoView {
    let visit = RequestContext::current();
    Suspend::new(async move {
        if matches!(visit.operator().await, Ok(Some(_))) {
            visit.redirect("/operator");
            return ().into_any();
        }
        framed(&visit, None, 0, ("Sign in".to_owned(), body(&visit)))
    })
}

fn body(visit: &RequestContext) -> AnyView {
    let said = match visit.query("outcome").as_deref() {
        Some("wrong") => Some(("Address, password and code do not fit.", "Try again.")),
        Some("wait") => Some(("Too many tries.", "Wait a while: up to a quarter of an hour.")),
        Some("fault") => Some(("Something went wrong on our side.", "Please try again.")),
        _ => None,
    };
    let said = said.map(|(strong, text)| Notice::new(Tone::Bad, strong, text).aloud(Voice::Alert));
    view! {
        <div class="card narrow">
            <h1>"Operator sign in"</h1>
            {said.map(|notice| view! { <NoticeBox notice /> })}
            <form class="fields" method="post" action=SignInOperator::PATH>
                <label>
                    "E-mail"
                    <input type="email" name="email" required autocomplete="username" maxlength="254" />
                </label>
                <label>
                    "Password"
                    <input type="password" name="password" required autocomplete="current-password" maxlength="256" />
                </label>
                <label>
                    "Code of your app, or a recovery code"
                    <input type="text" name="code" autocomplete="one-time-code" maxlength="64" aria-describedby="code-note" />
                </label>
                <p class="note" id="code-note">
                    "Leave it empty if your account has no second factor."
                </p>
                <button class="button primary">"Sign in"</button>
            </form>
            {super::super::sign_in_demo::operator(visit)}
        </div>
    }
    .into_any()
}
