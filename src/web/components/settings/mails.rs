//! "Mails": from how much on little is left, and whether the reader hears of it.

use crate::domain::Credits;
use crate::web::actions::{SetLowBalance, SetMails};
use crate::web::components::Form;
use crate::web::view::settings::MailsView;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The region "Mails".
#[component]
pub fn Mails(mails: MailsView) -> impl IntoView {
    let mark = if mails.may_choose {
        view! { <Mark now=mails.low_balance /> }.into_any()
    } else {
        let at = mails.low_balance.map_or_else(|| "a tenth of the plan’s allowance".to_owned(), |at| at.grouped());
        view! { <p class="card">{format!("Running low at {at}")}</p> }.into_any()
    };
    view! {
        <section aria-labelledby="mails">
            <h2 id="mails">"Mails"</h2>
            {mark}
            {mails.alerts.map(|on| view! { <Own on /> })}
            <p class="after">
                "With no number, running low is a tenth of the plan’s allowance. Receipts, and reminders that top-ups expire, come to every owner and admin."
            </p>
        </section>
    }
}

#[component]
fn Mark(now: Option<Credits>) -> impl IntoView {
    view! {
        <Form class="panel" action=SetLowBalance::PATH label="Running low">
            <label class="grow">
                "Running low at (credits)"
                <input
                    name="credits"
                    inputmode="decimal"
                    maxlength="20"
                    autocomplete="off"
                    value=now.map(|now| now.to_string())
                />
            </label>
            <button class="button">"Set" <span class="sr-only">" when credits are running low"</span></button>
        </Form>
    }
}

/// The switch of the reader's own mails.
#[component]
fn Own(on: bool) -> impl IntoView {
    let (state, to, label) = if on {
        ("Mails about a low balance come to you.", "off", "Stop these mails")
    } else {
        ("Mails about a low balance do not come to you.", "on", "Send them again")
    };
    view! {
        <Form class="panel" action=SetMails::PATH>
            <input type="hidden" name="mails" value=to />
            <span class="grow">{state}</span>
            <button class="button">{label}</button>
        </Form>
    }
}
