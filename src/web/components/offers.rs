//! "Buy a top-up": the packages with their native forms, or why there are none.

use crate::web::ui::buy_form::BuyFields;
use crate::web::ui::money::{Amount, Price};
use crate::web::view::{AheadView, Lock, Offer, OfferAction, OffersView};
use leptos::prelude::*;

/// The region "Buy a top-up".
#[component]
pub fn Offers(offers: OffersView) -> impl IntoView {
    let cards = offers.offers.into_iter().map(|offer| view! { <Card offer terms=offers.terms.clone() /> });
    let cards = cards.collect_view();
    let note = (!offers.credit_note.is_empty()).then(|| view! { <p class="after">{offers.credit_note}</p> });
    // What speaks against buying is read before the buttons; what was chosen well is confirmed below them.
    let (before, after) = match offers.ahead {
        Some(ahead) if ahead.buys => (None, Some(ahead)),
        ahead => (ahead, None),
    };
    view! {
        <section aria-labelledby="buy">
            <div class="heading">
                <h2 id="buy">"Buy a top-up"</h2>
                <p class="note">"One-time. Plus tax where it applies. Used after your plan credits."</p>
            </div>
            {offers.lock.map(|lock| view! { <LockBox lock /> })}
            <div data-live="ahead">{before.map(|ahead| view! { <Advice ahead /> })}</div>
            <ul class="offers">{cards}</ul>
            <div data-live="enough">{after.map(|ahead| view! { <Advice ahead /> })}</div>
            {note}
        </section>
    }
}

/// Buy or upgrade, in one or two quiet lines.
#[component]
fn Advice(ahead: AheadView) -> impl IntoView {
    let see = ahead.see.map(|(label, href)| {
        view! {
            " "
            <a href=href>{label}</a>
        }
    });
    view! {
        <p class="advice">
            <strong>{ahead.strong}</strong> " " {ahead.text} {see}
        </p>
    }
}

#[component]
fn LockBox(lock: Lock) -> impl IntoView {
    let upgrade = lock.upgrade.map(|href| {
        view! {
            <a class="button primary" href=href>
                "Upgrade"
            </a>
        }
    });
    view! {
        <div class="notice lock">
            <p>
                <strong>{lock.strong}</strong> " " {lock.text}
            </p>
            {upgrade}
        </div>
    }
}

#[component]
fn Card(offer: Offer, terms: String) -> impl IntoView {
    let spoken = offer.spoken_amount();
    let saving = offer.saving.map(|percent| view! { <span class="badge good">{format!("Save {percent}%")}</span> });
    // The name begins with the visible text. It is a label and no hidden text, since a hidden element
    // would put a space before its comma.
    let price = offer.price.clone();
    let buys = matches!(offer.action, OfferAction::Buy(_));
    let button = match offer.action {
        OfferAction::None => ().into_any(),
        OfferAction::Upgrade(href) => view! {
            <a class="button" href=href aria-label=format!("Upgrade to buy {spoken}")>
                "Upgrade to buy"
            </a>
        }
        .into_any(),
        OfferAction::Buy(form) => {
            let name = format!("Buy for {}, {spoken}", price.short());
            view! {
                <BuyFields form>
                    <button class="button buy" aria-label=name>
                        "Buy for " <Price money=price />
                    </button>
                </BuyFields>
            }
            .into_any()
        }
    };
    view! {
        <li class="card offer" class:buys=buys>
            <h3>
                <Amount credits=offer.credits />
                " credits"
            </h3>
            <p class="figure">
                <Price money=offer.price />
            </p>
            <p class="note per">
                <span><Price money=offer.per_thousand long=true /> " per 1,000"</span> " " {saving}
            </p>
            {button}
            <p class="terms">{terms}</p>
        </li>
    }
}
