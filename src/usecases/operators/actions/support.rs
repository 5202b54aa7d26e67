//! Repeats by hand (a receipt, an event, a question to Stripe), alarms, erasure.

use crate::domain::PurchaseId;
use crate::usecases::access::links;
use crate::usecases::access::links::{NewLink, Role};
use crate::usecases::auto_top_up::EndedBy;
use crate::usecases::customers::erasure;
use crate::usecases::notify::receipts;
use crate::usecases::operators::actions::request::{ActionOutcome, ActionRequest, AuditDetail, run_action_once};
use crate::usecases::operators::audit::Action;
use crate::usecases::purchases::StripeAnswer;
use crate::usecases::stripe_sync::inbox;
use crate::usecases::{App, InternalError, alarms, auto_top_up, customers, purchases};

/// Emails the receipt of a credited purchase again, to everybody who gets receipts now.
pub async fn resend_receipt(app: &App, order: ActionRequest, id: PurchaseId) -> Result<ActionOutcome, InternalError> {
    let (key, site) = (order.key, app.settings.public_url.clone());
    run_action_once(app, order, move |tx| {
        Box::pin(async move {
            let Some(purchase) = purchases::load_purchase(&mut tx.db, id).await? else {
                return Ok(Err(ActionOutcome::Unknown));
            };
            let Some(credited) = purchase.credited_terms() else { return Ok(Err(ActionOutcome::NoReceipt)) };
            let mails = receipts::resend_receipt_email(tx, &(&purchase).into(), credited, &site, key).await?;
            if mails == 0 {
                return Ok(Err(ActionOutcome::NoReceipt));
            }
            let noun = if mails == 1 { "email" } else { "emails" };
            Ok(Ok(AuditDetail::new(Action::ReceiptResent, purchase.customer_no, id, format!("{mails} {noun}"))))
        })
    })
    .await
}

/// Acts on an event that waits, now.
pub async fn retry_event(app: &App, order: ActionRequest, id: &str) -> Result<ActionOutcome, InternalError> {
    let event = id.to_owned();
    let outcome = run_action_once(app, order, move |tx| {
        Box::pin(async move {
            let sql = "select done_at from inbox where id = $1";
            let row = tx.db.fetch_optional(sql, crate::args![&event]).await?;
            Ok(match row.map(|row| row.opt_int("done_at")).transpose()? {
                None => Err(ActionOutcome::Unknown),
                Some(Some(_)) => Err(ActionOutcome::NotWaiting),
                Some(None) => Ok(AuditDetail::new(Action::EventRetried, None, event, "")),
            })
        })
    })
    .await?;
    if outcome != ActionOutcome::Done {
        return Ok(outcome);
    }
    Ok(match inbox::retry_stored_event(app, id).await? {
        inbox::Received::Waiting => ActionOutcome::StripeUnavailable,
        inbox::Received::Done | inbox::Received::WrongMode => ActionOutcome::Done,
    })
}

/// Asks Stripe how a purchase stands, and settles it by the answer.
pub async fn recheck_at_stripe(
    app: &App,
    order: ActionRequest,
    id: PurchaseId,
) -> Result<ActionOutcome, InternalError> {
    let Some(purchase) = purchases::find_purchase(app, id).await? else { return Ok(ActionOutcome::Unknown) };
    let (customer_no, before) = (purchase.customer_no, format!("it was {}", purchase.state.name()));
    let outcome = run_action_once(app, order, move |_| {
        Box::pin(async move { Ok(Ok(AuditDetail::new(Action::PurchaseRechecked, customer_no, id, before))) })
    })
    .await?;
    if outcome != ActionOutcome::Done {
        return Ok(outcome);
    }
    Ok(match purchases::recheck_purchase(app, &purchase).await? {
        StripeAnswer::Checkout(_) | StripeAnswer::NotOpened => ActionOutcome::Done,
        StripeAnswer::Foreign => ActionOutcome::StripeRefused,
        StripeAnswer::Unanswered(_) => ActionOutcome::StripeUnavailable,
    })
}

/// Erases a customer: personal data blanked, sessions and keys ended. `typed` is the id, typed once more.
pub async fn erase_closed_customer(
    app: &App,
    order: ActionRequest,
    customer: &str,
    typed: &str,
) -> Result<ActionOutcome, InternalError> {
    let Some(customer_no) = customers::customer_number(app, customer).await? else { return Ok(ActionOutcome::Unknown) };
    if typed.trim() != customer {
        return Ok(ActionOutcome::NotConfirmed);
    }
    let id = customer.to_owned();
    let outcome = run_action_once(app, order, move |_| {
        Box::pin(async move { Ok(Ok(AuditDetail::new(Action::CustomerErased, customer_no, id, ""))) })
    })
    .await?;
    // Every step may be done again: a repeat finishes what a crash left.
    erasure::close_customer(app, customer_no).await?;
    Ok(outcome)
}

/// Makes a one-time link to a customer's pages, with this token's hash.
pub async fn make_sign_in_link(
    app: &App,
    order: ActionRequest,
    customer: &str,
    role: Role,
    hash: [u8; 32],
) -> Result<ActionOutcome, InternalError> {
    let Some(customer_no) = customers::customer_number(app, customer).await? else { return Ok(ActionOutcome::Unknown) };
    let id = customer.to_owned();
    run_action_once(app, order, move |tx| {
        Box::pin(async move {
            if tx.is_closed(customer_no).await? {
                return Ok(Err(ActionOutcome::Closed));
            }
            let path = "/billing".to_owned();
            let link = NewLink { customer_no, email: None, role: Some(role), path, return_url: None };
            let until = links::insert_link(tx, link, hash).await?;
            let detail = format!("{} until {}", role.name(), until.format("%Y-%m-%d %H:%M UTC"));
            Ok(Ok(AuditDetail::new(Action::SignInLinkMade, customer_no, id, detail)))
        })
    })
    .await
}

/// Switches a customer's automatic top-up off.
pub async fn switch_off_auto_top_up(
    app: &App,
    order: ActionRequest,
    customer: &str,
) -> Result<ActionOutcome, InternalError> {
    let Some(customer_no) = customers::customer_number(app, customer).await? else { return Ok(ActionOutcome::Unknown) };
    let (id, operator) = (customer.to_owned(), order.operator.clone());
    run_action_once(app, order, move |tx| {
        Box::pin(async move {
            let was_on = auto_top_up::switch_off_in(tx, customer_no, EndedBy::Operator(operator)).await?;
            let detail = if was_on { "" } else { "it was off" };
            Ok(Ok(AuditDetail::new(Action::AutoTopUpEnded, customer_no, id, detail)))
        })
    })
    .await
}

/// Acknowledges an alarm.
pub async fn acknowledge_action(app: &App, order: ActionRequest, no: i64) -> Result<ActionOutcome, InternalError> {
    let (by, at) = (order.operator.clone(), app.clock.real());
    run_action_once(app, order, move |tx| {
        Box::pin(async move {
            let Some(alarm) = alarms::acknowledge_alarm_on(&mut tx.db, no, &by, at).await? else {
                return Ok(Err(ActionOutcome::Unknown));
            };
            let about = format!("alarm {no}");
            Ok(Ok(AuditDetail::new(
                Action::AlarmAcknowledged,
                None,
                about,
                format!("{} {}", alarm.kind, alarm.subject),
            )))
        })
    })
    .await
}
