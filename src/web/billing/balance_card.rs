//! The balance card: available credits, the plan's bar, top-ups beside it and never inside.
//!
//! The bar is an inline SVG whose lengths are attributes: the CSP allows no inline style.

use crate::web::billing::balance::{CustomerBalance, Level};
use crate::web::ui::dates::When;
use crate::web::ui::money::{Amount, Price};
use crate::web::ui::text::Text;
use leptos::prelude::*;

/// The region "Balance". Its figures add up to the first one.
#[component]
pub fn BalanceCard(balance: CustomerBalance) -> impl IntoView {
    let (available, as_of) = (balance.available, balance.zone.clock(balance.now));
    let bonus = balance.bonus_line().map(|(credits, text)| {
        view! {
            <div>
                <h2 class="label">"Bonus credits"</h2>
                <p class="figure">
                    <Amount credits />
                </p>
                <Note text />
            </div>
        }
    });
    let has_bonus = bonus.is_some();
    view! {
        <section class="card balance" class:four=has_bonus aria-label="Balance" data-live="balance">
            <div>
                <h2 class="label">"Available now"</h2>
                <p class="total">
                    <Amount credits=available />
                </p>
                <p class="note">
                    "credits" <span class="live screen">" · Live"</span> <span class="still">
                        " · " <When moment=as_of /> <span class="screen">" · " <a href="/billing">"Refresh"</a></span>
                    </span>
                </p>
            </div>
            <PlanPart balance=balance.clone() />
            {bonus}
            <TopUpPart balance />
        </section>
    }
    .into_any()
}

#[component]
fn TopUpPart(balance: CustomerBalance) -> impl IntoView {
    let (top_ups, credits) = (balance.top_ups, balance.top_ups.left);
    let figure = if top_ups.had_any || credits.is_positive() {
        view! { <Amount credits /> }.into_any()
    } else {
        view! { <span class="none-yet">"None yet"</span> }.into_any()
    };
    let notes = balance.notes().into_iter().map(|text| view! { <Note text /> }).collect_view();
    view! {
        <div>
            <h2 class="label">"Top-ups"</h2>
            <p class="figure top-up">{figure}</p>
            {notes}
        </div>
    }
    .into_any()
}

#[component]
fn Note(text: Text) -> impl IntoView {
    view! { <p class="note">{text}</p> }
}

/// The plan's part: what is left, the bar, when it resets.
#[component]
fn PlanPart(balance: CustomerBalance) -> impl IntoView {
    let (bar, spoken) = (balance.bar(), balance.spoken());
    let change = balance.plan_change().map(|text| view! { <Note text /> });
    let lasts = balance.lasts().map(|text| view! { <Note text /> });
    let usage = balance.usage();
    let level = balance.level();
    let change_plan = balance.change_plan.map(|href| view! { " · " <a href=href>"Change plan"</a> });
    let resets = balance.zone.day(balance.resets_at);
    view! {
        <div class="plan">
            <div class="ends">
                <h2 class="label">"Plan credits · " {balance.plan}</h2>
                <p class="label">
                    <Price money=balance.price />
                    " a month"
                    {change_plan}
                </p>
            </div>
            <p class="figure">
                <Amount credits=balance.left />
                <small>" left of " <Amount credits=balance.allowance /></small>
            </p>
            <div
                class="bar"
                class:low=level == Level::Low
                class:out=level == Level::Out
                role="progressbar"
                aria-label="Plan credits"
                aria-valuemin="0"
                aria-valuemax=balance.allowance.to_string()
                aria-valuenow=balance.used.to_string()
                aria-valuetext=spoken
            >
                <svg viewBox="0 0 1000 1" preserveAspectRatio="none" aria-hidden="true">
                    <rect class="used" width=bar.used height="1"></rect>
                    <rect class="held" x=bar.used width=bar.held height="1"></rect>
                </svg>
            </div>
            <div class="ends">
                <p class="note">{usage}</p>
                <p class="note">"Resets " <When moment=resets /></p>
            </div>
            {lasts}
            {change}
        </div>
    }
    .into_any()
}
