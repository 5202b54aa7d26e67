//! The four steps: buy, use 380 credits, go to the next reset, let it buy. A done one has a tick; the next one stands out.

use crate::demo::actions::Leap;
use crate::demo::steps::Steps;
use crate::web::demo::actions::{DemoMove, DemoUse};
use crate::web::ui::form::Form;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

const CREDITS: &str = "380";
const BILLING: &str = "/billing";

/// The steps of a signed-in customer; the live script renews them. Signed out, their names alone.
#[component]
pub fn StepList(steps: Option<Steps>, key: String, can_move: bool) -> impl IntoView {
    let done = steps.unwrap_or_default();
    let done = [done.bought, done.used, done.reset, done.automatic];
    let next = steps.and(done.iter().position(|done| !done));
    let controls = match steps {
        None => {
            ["Buy", "Use 380", "Next reset", "Auto"].map(|name| view! { <span class="step">{name}</span> }.into_any())
        }
        Some(_) => [buy(), use_credits(key), if can_move { go_to_reset() } else { ().into_any() }, let_it_buy()],
    };
    let item = |(n, control): (usize, AnyView)| {
        let is_done = done[n];
        view! {
            <li class:done=is_done class:next=next == Some(n)>
                {control}
                {is_done.then(|| view! { <span class="sr-only">"Done"</span> })}
            </li>
        }
    };
    view! {
        <ol class="steps" aria-label="Four steps" data-live="demo">
            {controls.into_iter().enumerate().map(item).collect_view()}
        </ol>
    }
}

fn buy() -> AnyView {
    view! {
        <a class="step" href="/billing#buy">
            "Buy"
        </a>
    }
    .into_any()
}

fn let_it_buy() -> AnyView {
    view! {
        <a class="step" href="/auto-top-up">
            "Auto"
        </a>
    }
    .into_any()
}

fn use_credits(key: String) -> AnyView {
    view! {
        <Form action=DemoUse::PATH>
            <input type="hidden" name="key" value=key />
            <input type="hidden" name="credits" value=CREDITS />
            <input type="hidden" name="back" value=BILLING />
            <button class="step">"Use 380"</button>
        </Form>
    }
    .into_any()
}

fn go_to_reset() -> AnyView {
    view! {
        <Form action=DemoMove::PATH>
            <input type="hidden" name="to" value=Leap::Reset.code() />
            <input type="hidden" name="back" value=BILLING />
            <button class="step">"Next reset"</button>
        </Form>
    }
    .into_any()
}
