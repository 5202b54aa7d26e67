//! The Billing page below its header, in PAGES.md's order.

use crate::web::components::{BalanceCard, NoticeBox, Offers, Purchases, TopUps, UpgradeHint};
use crate::web::view::BillingView;
use leptos::prelude::*;

/// Everything that `/billing` shows.
#[component]
pub fn BillingBody(billing: BillingView) -> impl IntoView {
    view! {
        <h1>"Billing"</h1>
        {billing.outcome.map(|notice| view! { <NoticeBox notice /> })}
        <BalanceCard balance=billing.balance />
        // What appears while the page is open is read out.
        <div data-live="notice" aria-live="polite">
            {billing.notice.map(|notice| view! { <NoticeBox notice /> })}
        </div>
        <div data-live="hint">{billing.hint.map(|hint| view! { <UpgradeHint hint /> })}</div>
        <Offers offers=billing.offers />
        <TopUps top_ups=billing.top_ups />
        <Purchases purchases=billing.purchases />
    }
}
