//! The tools behind "More": any amount of credits to use, any instant to move the clock to.

use crate::web::demo::actions::{DemoMove, DemoUse};
use crate::web::ui::dates::{Moment, When};
use crate::web::ui::form::Form;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// `key` makes one form one usage.
pub struct Tools {
    /// Codes and words of instants to move to.
    pub leaps: Vec<(&'static str, String)>,
    pub key: String,
    /// The forms come back here.
    pub back: String,
    pub is_signed_in: bool,
}

#[component]
pub fn UseAndMove(tools: Tools, now: Moment) -> impl IntoView {
    let Tools { leaps, key, back, is_signed_in } = tools;
    let used = is_signed_in.then(|| view! { <UseCredits key back=back.clone() /> }.into_any());
    let moved = (!leaps.is_empty()).then(|| view! { <MoveClock leaps back /> }.into_any());
    let nothing = (!is_signed_in).then(|| view! { <p>"Choose a customer to use credits and to move the clock."</p> });
    view! {
        <div class="tools">
            <p class="now">"Now: " <When moment=now /></p>
            {nothing}
            {used}
            {moved}
        </div>
    }
}

#[component]
fn UseCredits(key: String, back: String) -> impl IntoView {
    view! {
        <Form action=DemoUse::PATH>
            <input type="hidden" name="key" value=key />
            <input type="hidden" name="back" value=back />
            <input name="credits" inputmode="decimal" aria-label="Credits to use" value="380" maxlength="20" autocomplete="off" />
            <button>"Use credits"</button>
        </Form>
    }
}

#[component]
fn MoveClock(leaps: Vec<(&'static str, String)>, back: String) -> impl IntoView {
    let option = |(code, words): (&'static str, String)| view! { <option value=code>{words}</option> };
    view! {
        <Form action=DemoMove::PATH>
            <input type="hidden" name="back" value=back />
            <select name="to" aria-label="Move the clock to">
                {leaps.into_iter().map(option).collect_view()}
            </select>
            <button>"Move the clock"</button>
        </Form>
    }
}
