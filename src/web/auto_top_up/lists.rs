//! What was bought automatically, and every consent with its words.

use crate::domain::Money;
use crate::usecases::auto_top_up::{Consent, Ending, LowerLimits};
use crate::usecases::purchases::Purchase;
use crate::web::auto_top_up::in_force::card_words;
use crate::web::ui::badge::BadgeText;
use crate::web::ui::dates::{When, Zone};
use crate::web::ui::money::{Amount, Price};
use crate::web::ui::purchase_badge::{Dispute, purchase_badge};
use crate::web::ui::text::Text;
use leptos::prelude::*;

/// The purchases that the page shows.
pub const SHOWN: i64 = 20;

/// The region "Bought automatically".
#[component]
pub fn Bought(purchases: Vec<Purchase>, zone: Zone) -> impl IntoView {
    let body = if purchases.is_empty() {
        view! { <p class="card empty">"Nothing yet."</p> }.into_any()
    } else {
        view! { <PurchaseTable purchases zone /> }.into_any()
    };
    view! {
        <section aria-labelledby="bought">
            <h2 id="bought">"Bought automatically"</h2>
            {body}
        </section>
    }
    .into_any()
}

#[component]
fn PurchaseTable(purchases: Vec<Purchase>, zone: Zone) -> impl IntoView {
    let row = |purchase: Purchase| {
        let dispute = Dispute::from_status(purchase.dispute.as_deref());
        let badge = purchase_badge(&purchase, purchase.credited_at.is_some(), dispute);
        let price = Money::new(purchase.amount_total.unwrap_or(purchase.amount), &purchase.currency);
        view! {
            <tr role="row">
                <th scope="row" role="rowheader" class="first">
                    <a href=format!("/purchases/{}", purchase.id)>
                        <Amount credits=purchase.credits />
                        {format!(" {}", purchase.credits.noun())}
                    </a>
                </th>
                <td role="cell" class="what">
                    <When moment=zone.minute(purchase.created_at) />
                </td>
                <td role="cell" class="number lead">
                    <Price money=price long=true />
                </td>
                <td role="cell" class="state">
                    <BadgeText badge />
                </td>
            </tr>
        }
        .into_any()
    };
    view! {
        <table class="card purchases" role="table">
            <caption class="sr-only">"Bought automatically"</caption>
            <thead role="rowgroup">
                <tr role="row">
                    <th scope="col" role="columnheader">"Purchase"</th>
                    <th scope="col" role="columnheader">"Date"</th>
                    <th scope="col" role="columnheader" class="number">"Price"</th>
                    <th scope="col" role="columnheader">"Status"</th>
                </tr>
            </thead>
            <tbody role="rowgroup">{purchases.into_iter().map(row).collect_view()}</tbody>
        </table>
    }
    .into_any()
}

/// The region "What was agreed", with its file.
#[component]
pub fn Agreed(consents: Vec<Consent>, zone: Zone) -> impl IntoView {
    if consents.is_empty() {
        return ().into_any();
    }
    let item = |consent: Consent| {
        let by = consent.by.clone().map(|by| format!(" by {by}")).unwrap_or_default();
        let card = card_words(&consent.card);
        let currency = consent.agreed.currency.clone();
        let lowered = consent.lowered.into_iter().map(|lower| lowered(lower, &currency, zone)).collect_view();
        let end = consent.ended.as_ref().map(|ending| ended(ending, zone));
        view! {
            <li>
                <p><When moment=zone.minute(consent.at) />{by} " · " {card}</p>
                <p class="note">{consent.text}</p>
                {lowered}
                {end}
            </li>
        }
        .into_any()
    };
    view! {
        <section aria-labelledby="agreed">
            <div class="heading">
                <h2 id="agreed">"What was agreed"</h2>
                <a class="csv" href="/auto-top-up.csv">"Download CSV"</a>
            </div>
            <ul class="card rows">{consents.into_iter().map(item).collect_view()}</ul>
        </section>
    }
    .into_any()
}

fn lowered(lower: LowerLimits, currency: &str, zone: Zone) -> AnyView {
    let by = lower.by.map(|by| format!(" by {by}")).unwrap_or_default();
    let text = Text::from(format!("Lowered{by}: fewer than ")).counted(lower.threshold, "").text(", at most ");
    let text = text.money(Money::new(lower.cap, currency)).text(" in any 30 days, ").time(zone.minute(lower.at));
    view! { <p class="note">{text}</p> }.into_any()
}

fn ended(ending: &Ending, zone: Zone) -> AnyView {
    // An operator's address is not for customers.
    let by = ending.by.as_ref().filter(|_| ending.why == "member").map(|by| format!(" by {by}")).unwrap_or_default();
    view! { <p class="note">{format!("{}{by}: ", words(&ending.why))}<When moment=zone.minute(ending.at) /></p> }
        .into_any()
}

/// The end of a consent, in words.
#[must_use]
pub fn words(why: &str) -> &'static str {
    match why {
        "member" => "Switched off",
        "operator" => "Switched off by support",
        "api" => "Switched off by the service",
        "replaced" => "Replaced by a newer one",
        "closed" => "Ended with the account",
        "suspended" => "Stopped",
        _ => "Ended",
    }
}
