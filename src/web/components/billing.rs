//! The Billing page below its header, in PAGES.md's order.

use super::{BalanceCard, NoticeBox, Offers, Purchases, TopUps, UpgradeHint};
use crate::web::view::BillingView;
use leptos::prelude::*;

/// Everything that `/billing` shows.
#[component]
pub fn BillingBody(billing: BillingView) -> impl IntoView {
    view! {
        <h1>"Billing"</h1>
        {billing.outcome.map(|notice| view! { <NoticeBox notice /> })}
        <BalanceCard balance=billing.balance />
        {billing.notice.map(|notice| view! { <NoticeBox notice /> })}
        {billing.hint.map(|hint| view! { <UpgradeHint hint /> })}
        <Offers offers=billing.offers />
        <TopUps top_ups=billing.top_ups />
        <Purchases purchases=billing.purchases />
    }
}
