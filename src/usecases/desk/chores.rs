//! What is done again by hand: a receipt, an event, a question to Stripe; alarms; a customer that is erased.

use super::super::audit::Action;
use super::super::purchases::{self, Known};
use super::super::{Fault, Services, alarms, closing, customers, inbox, receipts};
use super::{Note, Order, Outcome, once};
use crate::domain::PurchaseId;

/// Mails the receipt of a credited purchase again, to everybody who gets receipts now.
///
/// # Errors
/// [`Fault`].
pub async fn resend_receipt(services: &Services, order: Order, id: PurchaseId) -> Result<Outcome, Fault> {
    let (key, site) = (order.key, services.settings.public_url.clone());
    once(services, order, move |turn| {
        Box::pin(async move {
            let Some(purchase) = purchases::load(&mut turn.link, id).await? else { return Ok(Err(Outcome::Unknown)) };
            let mails = receipts::again(turn, &purchase, &site, key).await?;
            if mails == 0 {
                return Ok(Err(Outcome::NoReceipt));
            }
            let noun = if mails == 1 { "mail" } else { "mails" };
            Ok(Ok(Note::new(Action::ReceiptResent, purchase.customer_no, id, format!("{mails} {noun}"))))
        })
    })
    .await
}

/// Acts on an event that waits, now.
///
/// # Errors
/// [`Fault`].
pub async fn retry_event(services: &Services, order: Order, id: &str) -> Result<Outcome, Fault> {
    let event = id.to_owned();
    let outcome = once(services, order, move |turn| {
        Box::pin(async move {
            let sql = "select done_at from inbox where id = $1";
            let row = turn.link.one(sql, crate::args![&event]).await?;
            Ok(match row.map(|row| row.opt_int("done_at")).transpose()? {
                None => Err(Outcome::Unknown),
                Some(Some(_)) => Err(Outcome::NotWaiting),
                Some(None) => Ok(Note::new(Action::EventRetried, None, event, "")),
            })
        })
    })
    .await?;
    if outcome != Outcome::Done {
        return Ok(outcome);
    }
    Ok(match inbox::retry(services, id).await? {
        inbox::Received::Waiting => Outcome::StripeUnavailable,
        inbox::Received::Done | inbox::Received::WrongMode => Outcome::Done,
    })
}

/// Asks Stripe how a purchase stands, and settles it by the answer.
///
/// # Errors
/// [`Fault`].
pub async fn recheck(services: &Services, order: Order, id: PurchaseId) -> Result<Outcome, Fault> {
    let Some(purchase) = purchases::find(services, id).await? else { return Ok(Outcome::Unknown) };
    let (customer_no, before) = (purchase.customer_no, format!("it was {}", purchase.state.name()));
    let outcome = once(services, order, move |_| {
        Box::pin(async move { Ok(Ok(Note::new(Action::PurchaseRechecked, customer_no, id, before))) })
    })
    .await?;
    if outcome != Outcome::Done {
        return Ok(outcome);
    }
    Ok(match purchases::recheck(services, &purchase).await? {
        Known::Checkout(_) | Known::NotOpened => Outcome::Done,
        Known::Foreign => Outcome::StripeRefused,
        Known::Unanswered(_) => Outcome::StripeUnavailable,
    })
}

/// Erases a customer: personal data blanked, sessions and keys ended. `typed` is the id, typed once more.
///
/// # Errors
/// [`Fault`].
pub async fn erase(services: &Services, order: Order, customer: &str, typed: &str) -> Result<Outcome, Fault> {
    let Some(customer_no) = customers::number(services, customer).await? else { return Ok(Outcome::Unknown) };
    if typed.trim() != customer {
        return Ok(Outcome::NotConfirmed);
    }
    let id = customer.to_owned();
    let outcome = once(services, order, move |_| {
        Box::pin(async move { Ok(Ok(Note::new(Action::CustomerErased, customer_no, id, ""))) })
    })
    .await?;
    // Every step may be done again: a repeat finishes what a crash left.
    closing::close(services, customer_no).await?;
    Ok(outcome)
}

/// Acknowledges an alarm.
///
/// # Errors
/// [`Fault`].
pub async fn acknowledge(services: &Services, order: Order, no: i64) -> Result<Outcome, Fault> {
    let (by, at) = (order.operator.clone(), services.clock.real());
    once(services, order, move |turn| {
        Box::pin(async move {
            let Some(alarm) = alarms::acknowledge_on(&mut turn.link, no, &by, at).await? else {
                return Ok(Err(Outcome::Unknown));
            };
            let about = format!("alarm {no}");
            Ok(Ok(Note::new(Action::AlarmAcknowledged, None, about, format!("{} {}", alarm.kind, alarm.subject))))
        })
    })
    .await
}
