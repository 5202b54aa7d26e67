//! Stripe's events, told in words.

use crate::demo::actions::{self, InboxEvent};
use crate::demo::card_charges;
use crate::web::page::{Page, page};
use crate::web::request_context::{PageError, RequestContext};
use crate::web::ui::dates::{When, Zone};
use crate::web::ui::text::Text;
use leptos::prelude::*;
use stripe_sandbox::CardCharges;

/// `/demo/events`
#[component]
pub fn Events() -> impl IntoView {
    page(load)
}

async fn load(request: RequestContext) -> Result<Page, PageError> {
    if !request.app.settings.demo {
        return Err(PageError::NotFound);
    }
    let viewer = request.viewer().await?;
    let zone = viewer.as_ref().map_or(Zone::UTC, |viewer| Zone::named(&viewer.timezone));
    let all = actions::events(&request.app).await?;
    let events: Vec<(&str, InboxEvent)> = all.into_iter().filter_map(|event| Some((words(&event)?, event))).collect();
    let cards = card_charges().await;
    let body = view! {
        <h1>"Stripe's events"</h1>
        <p class="note">
            "The webhooks of the stand-in for Stripe, newest first. It delivers each one twice on purpose: the second \
            changes nothing. Events that move no credits aren't listed."
        </p>
        <p class="after"></p>
        {(!cards.is_empty()).then(|| charges(cards))}
        {if events.is_empty() { empty().into_any() } else { table(events, zone).into_any() }}
    };
    Ok(Page::new("Stripe's events", viewer, body))
}

/// Each card's charges, so that one that is charged again and again is seen.
fn charges(cards: Vec<CardCharges>) -> impl IntoView {
    let row = |card: CardCharges| {
        let times = |n: u32| if n == 1 { "once".to_owned() } else { format!("{n} times") };
        let mut words = format!("···· {}: paid {}", card.last4, times(card.paid));
        if card.declined > 0 {
            words.push_str(&format!(", declined {}", times(card.declined)));
        }
        view! { <li>{words}</li> }
    };
    view! {
        <section aria-labelledby="cards">
            <h2 id="cards">"Charges of each card"</h2>
            <ul class="card says">{cards.into_iter().map(row).collect_view()}</ul>
        </section>
        <h2>"Events"</h2>
    }
}

fn empty() -> impl IntoView {
    view! { <p class="card empty">"No events yet. Buy a top-up."</p> }
}

fn table(events: Vec<(&'static str, InboxEvent)>, zone: Zone) -> impl IntoView {
    let row = |(words, event): (&'static str, InboxEvent)| {
        let about = match &event.purchase {
            Some((credits, customer, _)) => Text::new().counted(*credits, "").text(format!(", {customer}")),
            None => Text::from("–"),
        };
        view! {
            <tr role="row">
                <th scope="row" role="rowheader" class="first">
                    {words}
                    <code class="note">{event.kind}</code>
                </th>
                <td role="cell">{about}</td>
                <td role="cell">
                    <When moment=zone.full(event.at) />
                </td>
                <td role="cell">{if event.done { "Done" } else { "Waiting" }}</td>
            </tr>
        }
    };
    view! {
        <table class="card log" role="table">
            <caption class="sr-only">"Stripe's events, newest first"</caption>
            <thead role="rowgroup">
                <tr role="row">
                    <th scope="col" role="columnheader">"Event"</th>
                    <th scope="col" role="columnheader">"About"</th>
                    <th scope="col" role="columnheader">"Date"</th>
                    <th scope="col" role="columnheader">"State"</th>
                </tr>
            </thead>
            <tbody role="rowgroup">{events.into_iter().map(row).collect_view()}</tbody>
        </table>
    }
}

/// The event as a sentence; none of an event that moves no credits.
fn words(event: &InboxEvent) -> Option<&'static str> {
    let is_credited = event.purchase.as_ref().is_none_or(|(.., credited)| *credited);
    Some(match event.kind.as_str() {
        "checkout.session.completed" if is_credited => {
            "Stripe told us the payment succeeded. Delivered twice on purpose."
        }
        "checkout.session.completed" => "Stripe told us a bank payment is on its way. Delivered twice on purpose.",
        "checkout.session.async_payment_succeeded" => "Stripe told us the bank payment arrived.",
        "checkout.session.async_payment_failed" => "Stripe told us the bank refused the payment.",
        "invoice.paid" => "Stripe told us the saved card paid. Delivered twice on purpose.",
        "invoice.voided" => "Stripe told us an unpaid invoice is void.",
        "checkout.session.expired" => "Stripe told us the checkout expired. Nobody paid.",
        kind if kind.starts_with("charge.dispute.") => "Stripe told us about a dispute.",
        kind if kind.starts_with("refund.") || kind.starts_with("charge.refund") => "Stripe told us about a refund.",
        kind if kind.starts_with("customer.subscription.") => "Stripe told us a subscription changed.",
        "invoice.payment_failed" => "Stripe told us a card was declined.",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Credits;

    #[test]
    fn a_bank_payment_on_its_way_is_no_success() {
        let event = |kind: &str, credited| InboxEvent {
            id: "evt_1".to_owned(),
            kind: kind.to_owned(),
            object: "cs_1".to_owned(),
            at: crate::domain::Instant::default(),
            done: true,
            purchase: Some((Credits::whole(1_200), "Acme Data".to_owned(), credited)),
        };
        let check = |kind, credited, want| {
            assert!(words(&event(kind, credited)).is_some_and(|words| words.contains(want)), "{kind}")
        };
        check("checkout.session.completed", true, "the payment succeeded");
        check("checkout.session.completed", false, "on its way");
        check("checkout.session.async_payment_failed", false, "refused");
        check("charge.refunded", true, "a refund");
        check("charge.dispute.closed", true, "a dispute");
        assert_eq!(words(&event("payment_intent.succeeded", true)), None);
    }
}
