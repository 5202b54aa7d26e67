//! The balance card. The bar is an inline SVG whose lengths are attributes: the CSP allows no inline style.

use crate::web::components::text::{Amount, Price, When};
use crate::web::view::{BalanceView, PlanView, Text};
use leptos::prelude::*;

/// The region "Balance".
#[component]
pub fn BalanceCard(balance: BalanceView) -> impl IntoView {
    let notes = balance.top_up_notes.into_iter().map(|words| view! { <Note words /> }).collect_view();
    view! {
        <section class="card balance" aria-label="Balance" data-live="balance">
            <div>
                <h2 class="label">"Available now"</h2>
                <p class="total">
                    <Amount credits=balance.available />
                </p>
                <p class="note">
                    "credits · " <When moment=balance.as_of /> <span class="screen">" · " <a href="/billing">"Refresh"</a></span>
                </p>
            </div>
            <PlanPart plan=balance.plan />
            <div>
                <h2 class="label">"Top-up credits"</h2>
                <p class="figure top-up">
                    <Amount credits=balance.top_ups />
                </p>
                {notes}
            </div>
        </section>
    }
}

#[component]
fn Note(words: Text) -> impl IntoView {
    view! {
        <p class="note">{words}</p>
    }
}

/// The plan's part: what is left, the bar, when it resets.
#[component]
fn PlanPart(plan: PlanView) -> impl IntoView {
    let bar = plan.bar();
    let spoken = plan.spoken();
    let usage = plan.usage();
    let change = plan.change.map(|words| view! { <Note words /> });
    let lasts = plan.lasts.map(|words| view! { <Note words /> });
    view! {
        <div class="plan">
            <div class="ends">
                <h2 class="label">"Plan credits · " {plan.name}</h2>
                <p class="label">
                    <Price money=plan.price />
                    " a month"
                </p>
            </div>
            <p class="figure">
                <Amount credits=plan.left />
                <small>" left of " <Amount credits=plan.allowance /></small>
            </p>
            <div
                class="bar"
                role="progressbar"
                aria-label="Plan credits"
                aria-valuemin="0"
                aria-valuemax=plan.allowance.to_string()
                aria-valuenow=plan.used.to_string()
                aria-valuetext=spoken
            >
                <svg viewBox="0 0 1000 1" preserveAspectRatio="none" aria-hidden="true">
                    <rect class="used" width=bar.used height="1"></rect>
                    <rect class="held" x=bar.used width=bar.held height="1"></rect>
                </svg>
            </div>
            <div class="ends">
                <p class="note">{usage}</p>
                <p class="note">"Resets " <When moment=plan.resets /></p>
            </div>
            {lasts}
            {change}
        </div>
    }
}
