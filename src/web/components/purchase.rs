//! A purchase's own page.

use crate::domain::Money;
use crate::web::components::text::{BadgeText, Price, When};
use crate::web::ui::notice::NoticeBox;
use crate::web::view::{PurchaseView, Step};
use leptos::prelude::*;

/// The page below its header: what, what is left, what happened, what it cost, whom to ask.
#[component]
pub fn PurchaseDetails(purchase: PurchaseView) -> impl IntoView {
    let left = purchase.left.map(|words| {
        view! {
            <p class="lede">{words}</p>
        }
    });
    let steps = purchase.timeline.into_iter().map(|step| view! { <StepRow step /> }).collect_view();
    let title = format!("{} credits", purchase.credits.grouped());
    view! {
        <p class="crumb">
            <a href="/billing">"Billing"</a>
        </p>
        <h1>{title} " " <BadgeText badge=purchase.badge /></h1>
        {left}
        {purchase.notice.map(|notice| view! { <NoticeBox notice /> })}
        <div class="halves">
            <section class="card" aria-labelledby="timeline">
                <h2 id="timeline" class="label">
                    "What happened"
                </h2>
                <ol class="timeline">{steps}</ol>
            </section>
            <section class="card" aria-labelledby="price">
                <h2 id="price" class="label">
                    "Payment"
                </h2>
                <Payment
                    price=purchase.price
                    tax=purchase.tax
                    refunded=purchase.refunded
                    invoice=purchase.invoice
                />
            </section>
        </div>
        <p class="after">
            "Reference " <code>{purchase.reference}</code> <span class="dot">" · "</span>
            <a href=purchase.support>"Ask support"</a>
        </p>
    }
}

#[component]
fn StepRow(step: Step) -> impl IntoView {
    view! {
        <li>
            <span>{step.what}</span>
            " "
            <When moment=step.at />
        </li>
    }
}

#[component]
fn Payment(price: Money, tax: Option<Money>, refunded: Option<Money>, invoice: Option<String>) -> impl IntoView {
    let line = |term: &'static str, money: Money| {
        view! {
            <div class:total-line=term == "Total">
                <dt>{term}</dt>
                <dd>
                    <Price money long=true />
                </dd>
            </div>
        }
    };
    let total = tax.as_ref().and_then(|tax| price.minor.checked_add(tax.minor));
    let total = total.map(|minor| line("Total", Money::new(minor, &price.currency)));
    view! {
        <dl class="sums">
            {line("Price", price)} {tax.map(|tax| line("Tax", tax))} {total}
            {refunded.map(|money| line("Refunded", money))}
        </dl>
        {invoice
            .map(|href| {
                view! {
                    <p>
                        <a class="button" href=href>
                            "Invoice"
                        </a>
                    </p>
                }
            })}
    }
}
