//! Refunds and disputes of credited payments (R13–R15).
//!
//! An event only says that there is something to look at. What is acted on is the whole of what Stripe has of the
//! payment: its charge, all refunds, all disputes. Each is kept as far as it is known to have come, so that an
//! answer that was overtaken on the way takes nothing back.

use crate::args;
use crate::domain::auto_top_up::SuspendedReason;
use crate::domain::payment::{DisputeEffect, DisputeStatus};
use crate::domain::{Credits, Payment, PurchaseId, PurchaseState, RefundStatus};
use crate::ledger::WriteTransaction;
use crate::store::db::{Connection, DbError};
use crate::stripe::{PaymentHistory, Stripe, StripeCharge, StripeError};
use crate::usecases::notify::emails::refunds as mails;
use crate::usecases::purchases::fulfill::{fulfill, stripe_unanswered};
use crate::usecases::purchases::payment_parts::{deadline, store_deadlines, store_parts, stored_payment};
use crate::usecases::purchases::purchase::{Fulfillment, Purchase, add_event, find_purchase, load_purchase};
use crate::usecases::purchases::stripe_customer::is_theirs;
use crate::usecases::{App, InternalError, agreements, alarms};

/// Looks at the payment that a charge, a refund or a dispute belongs to, and makes the credits what they must be.
pub async fn update_payment(app: &App, object_id: &str) -> Result<Fulfillment, InternalError> {
    let Some(stripe) = &app.stripe else { return Ok(Fulfillment::Retry) };
    match stripe.payment_history(object_id).await {
        Ok(found) => apply_history(app, found).await,
        Err(e) => stripe_unanswered(app, &e).await,
    }
}

/// The same of a purchase: whatever Stripe has not told of, or in vain.
pub async fn update_purchase_payment(app: &App, purchase: &Purchase) -> Result<Fulfillment, InternalError> {
    let Some(stripe) = &app.stripe else { return Ok(Fulfillment::Retry) };
    match payment_history_of(stripe, purchase).await {
        Ok(Some(found)) => apply_history(app, found).await,
        Ok(None) => Ok(Fulfillment::NotOurs),
        Err(e) => stripe_unanswered(app, &e).await,
    }
}

/// All that became of a purchase's payment; nothing where it has none.
pub async fn payment_history_of(stripe: &Stripe, purchase: &Purchase) -> Result<Option<PaymentHistory>, StripeError> {
    match (&purchase.charge, &purchase.payment_intent) {
        (Some(charge), _) => stripe.payment_history(charge).await.map(Some),
        (None, Some(intent)) => stripe.payment_history_of_intent(intent).await,
        (None, None) => Ok(None),
    }
}

/// The purchase of a charge.
pub async fn purchase_of_charge(app: &App, charge: &StripeCharge) -> Result<Option<PurchaseId>, InternalError> {
    find_charged_purchase(&mut app.store.read().await?, charge).await
}

async fn apply_history(app: &App, found: PaymentHistory) -> Result<Fulfillment, InternalError> {
    let Some(id) = find_charged_purchase(&mut app.store.read().await?, &found.charge).await? else {
        return Ok(Fulfillment::NotOurs);
    };
    // A refund may be heard of before the payment: what was paid is credited first, and then removed.
    let state = find_purchase(app, id).await?.map(|purchase| purchase.state);
    let early = !matches!(state, Some(PurchaseState::Credited | PurchaseState::Review));
    if early && found.charge.paid && fulfill(app, id, None).await? == Fulfillment::Retry {
        return Ok(Fulfillment::Retry);
    }
    let site = app.settings.public_url.clone();
    app.write(move |tx| Box::pin(async move { apply_to_purchase(tx, id, &found, &site).await })).await
}

/// The purchase of a payment: by the ids that crediting stored, or by the payment's metadata.
async fn find_charged_purchase(
    db: &mut Connection,
    charge: &StripeCharge,
) -> Result<Option<PurchaseId>, InternalError> {
    let sql = "select id from purchases where payment_intent = $1 or charge = $2";
    let row = db.fetch_optional(sql, args![charge.payment_intent.clone(), &charge.id]).await?;
    if let Some(row) = row {
        return Ok(Some(PurchaseId(row.uuid("id")?)));
    }
    let Some(named) = charge.purchase().and_then(PurchaseId::parse) else { return Ok(None) };
    Ok(load_purchase(db, named).await?.map(|purchase| purchase.id))
}

async fn apply_to_purchase(
    tx: &mut WriteTransaction,
    id: PurchaseId,
    found: &PaymentHistory,
    site: &str,
) -> Result<Fulfillment, InternalError> {
    let Some(purchase) = load_purchase(&mut tx.db, id).await? else { return Ok(Fulfillment::NotOurs) };
    if !is_own_charge(&purchase, &found.charge) {
        return foreign_charge(tx, &purchase, &found.charge).await;
    }
    if let Some(reason) = charge_disagreement(tx, &purchase, &found.charge).await? {
        raise_disagreement(tx, &purchase, &reason).await?;
        return Ok(Fulfillment::Done);
    }
    let before = stored_payment(&mut tx.db, id).await?;
    let after = joined_payment(tx, &purchase, &before, found).await?;
    let charged = found.charge.amount;
    store_parts(tx, id, &before, &after).await?;
    store_deadlines(tx, found).await?;
    if after == before && purchase.charged.is_none_or(|known| known == charged) {
        return Ok(Fulfillment::Done);
    }
    claim_grant(tx, &purchase, &before, &after, charged).await?;
    let sql = "update purchases set refunded_amount = $1, dispute = $2, charged = $3, charge = coalesce(charge, $4)
        where id = $5";
    let dispute = after.standing().map(DisputeStatus::name);
    tx.flush().await?;
    tx.db.execute(sql, args![after.refunded(), dispute, charged, &found.charge.id, id.bytes()]).await?;
    announce_changes(tx, &purchase, &before, &after, found).await?;
    mails::enqueue_payment_notices(tx, &(&purchase).into(), &before, &after, site).await?;
    Ok(Fulfillment::Done)
}

/// True if a payment is the one that Stripe told of when the purchase was paid. One that merely bears its name may be
/// anybody's.
fn is_own_charge(purchase: &Purchase, charge: &StripeCharge) -> bool {
    match (&purchase.payment_intent, &charge.payment_intent) {
        (Some(known), Some(intent)) => known == intent,
        _ => purchase.charge.as_ref() == Some(&charge.id),
    }
}

/// A payment of somebody else that names a purchase changes nothing of it. Where money was paid a person is notified.
async fn foreign_charge(
    tx: &mut WriteTransaction,
    purchase: &Purchase,
    charge: &StripeCharge,
) -> Result<Fulfillment, InternalError> {
    if charge.paid {
        let detail = format!("charge {} names it but belongs to another payment; nothing was changed", charge.id);
        alarms::raise_alarm(tx, "review", &purchase.id.to_string(), &detail).await?;
    }
    Ok(Fulfillment::NotOurs)
}

/// A payment of ours that is not what was stored.
async fn charge_disagreement(
    tx: &mut WriteTransaction,
    purchase: &Purchase,
    charge: &StripeCharge,
) -> Result<Option<String>, InternalError> {
    if charge.currency != purchase.currency {
        return Ok(Some(format!("charge {} is in {}, not in {}", charge.id, charge.currency, purchase.currency)));
    }
    let theirs = is_theirs(&mut tx.db, purchase.customer_no, charge.customer.as_deref()).await?;
    if theirs == Some(false) {
        return Ok(Some(format!("charge {} belongs to another Stripe customer", charge.id)));
    }
    Ok(None)
}

/// Nothing is moved by it; a person is notified. What was credited stays so.
async fn raise_disagreement(tx: &mut WriteTransaction, purchase: &Purchase, reason: &str) -> Result<(), InternalError> {
    if !matches!(purchase.state, PurchaseState::Credited | PurchaseState::Review) {
        let sql = "update purchases set state = 'review', review_reason = $1 where id = $2";
        tx.db.execute(sql, args![reason, purchase.id.bytes()]).await?;
        add_event(tx, purchase.id, "review").await?;
    }
    alarms::raise_alarm(tx, "review", &purchase.id.to_string(), reason).await?;
    suspend_if_automatic(tx, purchase, SuspendedReason::Review).await
}

/// The stored payment joined with Stripe's state now.
async fn joined_payment(
    tx: &mut WriteTransaction,
    purchase: &Purchase,
    known: &Payment,
    found: &PaymentHistory,
) -> Result<Payment, DbError> {
    let mut payment = known.clone();
    for refund in &found.refunds {
        let status = RefundStatus::from_stripe(refund.status.as_deref().unwrap_or_default());
        payment.refund(&refund.id, status, refund.amount);
    }
    for dispute in &found.disputes {
        let status = dispute.status.as_deref().unwrap_or_default();
        match DisputeStatus::from_stripe(status) {
            Some(status) => _ = payment.dispute(&dispute.id, status, dispute.amount),
            None => {
                let detail = format!("{} has the unknown status {status:?}; no credits moved", dispute.id);
                alarms::raise_alarm(tx, "dispute", &purchase.id.to_string(), &detail).await?;
            }
        }
    }
    Ok(payment)
}

/// Lets the payment claim its part of the grant.
async fn claim_grant(
    tx: &mut WriteTransaction,
    purchase: &Purchase,
    before: &Payment,
    after: &Payment,
    charged: i64,
) -> Result<(), InternalError> {
    let Some(grant) = purchase.grant else { return Ok(()) };
    let (claim, thaws) = (after.claims(purchase.credits, charged), after.thaws(before));
    tx.reload_closed_grants(purchase.customer_no, &[grant]).await?;
    let act = tx.with_account(purchase.customer_no, |account, at, _, changes| {
        let done = account.claim(grant, claim, thaws, at, changes);
        done.map(|()| account.grant(grant).map_or(Credits::ZERO, crate::domain::Grant::shortfall))
    });
    let (done, _) = act.await?;
    let shortfall = done.map_err(|_| InternalError::Broken(format!("the grant of {} is not there", purchase.id)))?;
    if shortfall > purchase.shortfall {
        let detail = format!("a refund or a lost dispute takes back {shortfall} credits that were already used");
        alarms::raise_alarm(tx, "shortfall", &purchase.id.to_string(), &detail).await?;
    }
    Ok(())
}

/// The timeline, alarms for a person.
async fn announce_changes(
    tx: &mut WriteTransaction,
    purchase: &Purchase,
    before: &Payment,
    after: &Payment,
    found: &PaymentHistory,
) -> Result<(), InternalError> {
    let subject = purchase.id.to_string();
    for (id, (status, _)) in &after.refunds {
        let was = before.refunds.get(id).map(|(status, _)| *status);
        let fails = *status == RefundStatus::Failed;
        match was {
            None if !fails => {
                add_event(tx, purchase.id, "refunded").await?;
                suspend_if_automatic(tx, purchase, SuspendedReason::Refund).await?;
            }
            Some(was) if fails && was != RefundStatus::Failed => {
                add_event(tx, purchase.id, "refund_failed").await?;
                alarms::raise_alarm(tx, "refund_failed", &subject, &format!("refund {id} did not reach the buyer"))
                    .await?;
            }
            _ => {}
        }
    }
    for (id, (status, _)) in &after.disputes {
        let was = before.disputes.get(id).map(|(status, _)| *status);
        if was == Some(*status) {
            continue;
        }
        if let Some(what) = dispute_event(was, *status) {
            add_event(tx, purchase.id, what).await?;
        }
        // An inquiry is none yet; one that goes on has suspended it before.
        let began = was.is_none_or(|was| was.effect() == DisputeEffect::Nothing);
        if began && status.effect() != DisputeEffect::Nothing {
            suspend_if_automatic(tx, purchase, SuspendedReason::Dispute).await?;
        }
        if let Some(words) = dispute_alarm(*status) {
            let due = deadline(found, id).filter(|_| status.effect() != DisputeEffect::Removes);
            alarms::raise_alarm_until(tx, "dispute", &subject, &format!("{id}: {words}"), due).await?;
        } else {
            // Answered, or over: nothing is due any more.
            alarms::set_alarm_deadline(tx, "dispute", &subject, None).await?;
        }
    }
    Ok(())
}

/// A refund or a dispute of an automatic purchase suspends its rule (R20).
async fn suspend_if_automatic(
    tx: &mut WriteTransaction,
    purchase: &Purchase,
    reason: SuspendedReason,
) -> Result<(), InternalError> {
    agreements::purchase_was_reversed(tx, purchase.customer_no, purchase.origin, reason).await
}

/// The timeline's name of a dispute's step; none for a step that changes nothing.
fn dispute_event(was: Option<DisputeStatus>, is: DisputeStatus) -> Option<&'static str> {
    let effect = |status: DisputeStatus| status.effect();
    match (was.map_or(DisputeEffect::Nothing, effect), is.effect()) {
        (DisputeEffect::Freezes, DisputeEffect::Freezes) | (DisputeEffect::Nothing, DisputeEffect::Nothing) => None,
        (_, DisputeEffect::Freezes) => Some("disputed"),
        (_, DisputeEffect::Removes) => Some("dispute_lost"),
        (_, DisputeEffect::Nothing) => Some("dispute_won"),
    }
}

/// The alarm of a dispute, if a person must act.
fn dispute_alarm(status: DisputeStatus) -> Option<&'static str> {
    match status {
        DisputeStatus::NeedsResponse => Some("a dispute needs your answer at Stripe"),
        DisputeStatus::WarningNeedsResponse => Some("a bank's inquiry needs your answer at Stripe"),
        DisputeStatus::Lost => Some("a dispute was lost"),
        _ => None,
    }
}
