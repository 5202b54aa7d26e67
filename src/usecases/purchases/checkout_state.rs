//! Applying a Checkout to its purchase, in one transaction: compare with the stored sale, credit once (R8).

use crate::args;
use crate::domain::auto_top_up::SuspendedReason;
use crate::domain::purchase::{CheckoutUpdate, PurchaseStep};
use crate::domain::{GrantId, Money, Origin, PurchaseId, PurchaseState, SoldTopUp};
use crate::ledger::WriteTransaction;
use crate::stripe::{CheckoutState, CheckoutStatus};
use crate::usecases::notify::{emails, receipts, webhooks};
use crate::usecases::purchases::purchase::{Fulfillment, Purchase, add_event, load_purchase};
use crate::usecases::purchases::stripe_customer::is_theirs;
use crate::usecases::{InternalError, ShopSettings, agreements, alarms};

/// Brings a purchase to the state of its Checkout.
pub(crate) async fn apply_checkout_state(
    tx: &mut WriteTransaction,
    id: PurchaseId,
    state: &CheckoutState,
    shop: &ShopSettings,
) -> Result<Fulfillment, InternalError> {
    let Some(purchase) = load_purchase(&mut tx.db, id).await? else { return Ok(Fulfillment::NotOurs) };
    let theirs = is_theirs(&mut tx.db, purchase.customer_no, state.customer.as_deref()).await?;
    let disagreement = checkout_disagreement(&purchase, theirs, state);
    if !is_own_checkout(&purchase, state, disagreement.is_none()) {
        return foreign_checkout(tx, &purchase, state).await;
    }
    let closed = tx.is_closed(purchase.customer_no).await?;
    let disagreement = disagreement.or_else(|| closed.then(|| "the customer is closed".to_owned()));
    let update = checkout_update(state, disagreement.is_some());
    match purchase.state.apply(update) {
        PurchaseStep::Stay if purchase.invoice_number.is_none() && state.invoice.is_some() => {
            // Stripe may make the invoice a moment after the payment.
            store_checkout_data(tx, &purchase, purchase.state, state).await?;
        }
        PurchaseStep::Stay => {}
        PurchaseStep::Move(to) => move_to(tx, &purchase, to, state, &shop.site).await?,
        PurchaseStep::Credit => credit(tx, &purchase, state, shop).await?,
        PurchaseStep::Review => set_aside(tx, &purchase, state, &disagreement.unwrap_or_default()).await?,
    }
    Ok(Fulfillment::Done)
}

fn checkout_update(state: &CheckoutState, disagrees: bool) -> CheckoutUpdate {
    match (state.status, state.paid) {
        (_, true) if disagrees => CheckoutUpdate::Mismatch,
        (_, true) => CheckoutUpdate::Paid,
        // Told by the payment and not by an event, so that the sweep finds it alone.
        (CheckoutStatus::Complete, false) if state.failed => CheckoutUpdate::Failed,
        (CheckoutStatus::Complete, false) => CheckoutUpdate::Pending,
        (CheckoutStatus::Expired, false) => CheckoutUpdate::Expired,
        (CheckoutStatus::Open, false) => CheckoutUpdate::Open,
    }
}

fn money_text(minor: i64, currency: Option<&str>) -> String {
    currency.map_or_else(|| format!("{minor} minor units"), |currency| Money::new(minor, currency).long())
}

/// True if a Checkout is the one that was opened for a purchase. Anybody can make one that names it; where the answer
/// to opening it was lost, it is the one that names it in what only the account's owner can write, and agrees in
/// everything.
fn is_own_checkout(purchase: &Purchase, state: &CheckoutState, agrees: bool) -> bool {
    match &purchase.session_id {
        Some(session) => *session == state.id,
        None => agrees && state.named.as_deref() == Some(purchase.id.to_string().as_str()),
    }
}

/// A Checkout of somebody else that names a purchase changes nothing of it: its own payment is still credited. Where
/// money was paid a person is notified.
async fn foreign_checkout(
    tx: &mut WriteTransaction,
    purchase: &Purchase,
    state: &CheckoutState,
) -> Result<Fulfillment, InternalError> {
    if state.paid {
        let detail = format!("Checkout {} names it but is not its own; it was paid, nothing was changed", state.id);
        alarms::raise_alarm(tx, "review", &purchase.id.to_string(), &detail).await?;
    }
    Ok(Fulfillment::NotOurs)
}

/// The difference between the paid and the stored terms. `theirs` says whether the Stripe customer is the buyer's, if known.
fn checkout_disagreement(purchase: &Purchase, theirs: Option<bool>, state: &CheckoutState) -> Option<String> {
    if state.amount_subtotal != Some(purchase.amount) {
        let paid = state
            .amount_subtotal
            .map_or_else(|| "unknown".to_owned(), |minor| money_text(minor, state.currency.as_deref()));
        return Some(format!("the amount is {paid}, not {}", money_text(purchase.amount, Some(&purchase.currency))));
    }
    if state.currency.as_deref() != Some(purchase.currency.as_str()) {
        let paid = state.currency.as_deref().unwrap_or("unknown");
        return Some(format!("the currency is {paid}, not {}", purchase.currency));
    }
    if state.customer.is_none() || theirs == Some(false) {
        return Some("the Stripe customer is another one".to_owned());
    }
    if state.client_reference_id.as_deref() != Some(purchase.id.to_string().as_str()) {
        return Some("the Checkout names another purchase".to_owned());
    }
    None
}

/// Credits a purchase: grant, state, timeline and receipts in one commit.
async fn credit(
    tx: &mut WriteTransaction,
    purchase: &Purchase,
    state: &CheckoutState,
    shop: &ShopSettings,
) -> Result<(), InternalError> {
    let (id, terms) = (purchase.id, purchase.terms(&tx.catalog));
    let sold = SoldTopUp { purchase: id, credits: terms.credits, months: terms.months };
    let grant = GrantId(tx.clock.mint());
    let (expires_at, at) = tx
        .with_account(purchase.customer_no, |account, at, catalog, changes| {
            account.grant_top_up(grant, sold, at, catalog, changes)
        })
        .await?;
    store_checkout_data(tx, purchase, PurchaseState::Credited, state).await?;
    let sql = "update purchases set credited_at = $1, expires_at = $2 where id = $3";
    tx.db.execute(sql, args![at, expires_at, id.bytes()]).await?;
    add_event(tx, id, "paid").await?;
    add_event(tx, id, "credited").await?;
    if purchase.origin == Origin::Automatic {
        agreements::purchase_ended(tx, purchase.customer_no, id).await?;
    }
    let credited = receipts::CreditedTerms { at, expires_at, total: state.amount_total, tax: state.amount_tax };
    receipts::enqueue_receipt(tx, &purchase.into(), credited, &shop.site).await?;
    webhooks::enqueue_credited(tx, shop, &purchase.into(), at, expires_at).await?;
    tracing::info!(purchase = %id, "credited");
    Ok(())
}

async fn move_to(
    tx: &mut WriteTransaction,
    purchase: &Purchase,
    to: PurchaseState,
    state: &CheckoutState,
    site: &str,
) -> Result<(), InternalError> {
    store_checkout_data(tx, purchase, to, state).await?;
    if purchase.origin == Origin::Automatic && matches!(to, PurchaseState::Expired | PurchaseState::Failed) {
        agreements::purchase_ended(tx, purchase.customer_no, purchase.id).await?;
    }
    let what = if to == PurchaseState::Open { "checkout_opened" } else { to.name() };
    add_event(tx, purchase.id, what).await?;
    emails::payments::enqueue_payment_failed(tx, &purchase.into(), to, site).await?;
    Ok(())
}

/// A payment that does not match: nothing is credited, a person is notified.
async fn set_aside(
    tx: &mut WriteTransaction,
    purchase: &Purchase,
    state: &CheckoutState,
    reason: &str,
) -> Result<(), InternalError> {
    store_checkout_data(tx, purchase, PurchaseState::Review, state).await?;
    let sql = "update purchases set review_reason = $1 where id = $2";
    tx.db.execute(sql, args![reason, purchase.id.bytes()]).await?;
    add_event(tx, purchase.id, "review").await?;
    alarms::raise_alarm(tx, "review", &purchase.id.to_string(), reason).await?;
    if purchase.origin == Origin::Automatic {
        agreements::purchase_ended(tx, purchase.customer_no, purchase.id).await?;
    }
    agreements::purchase_was_reversed(tx, purchase.customer_no, purchase.origin, SuspendedReason::Review).await
}

/// Stores the payment as Stripe reports it.
async fn store_checkout_data(
    tx: &mut WriteTransaction,
    purchase: &Purchase,
    to: PurchaseState,
    state: &CheckoutState,
) -> Result<(), InternalError> {
    tx.db
        .execute(
            "update purchases set state = $1, session_id = coalesce(session_id, $2), url = coalesce(url, $3),
               payment_intent = coalesce($4, payment_intent), charge = coalesce($5, charge),
               invoice = coalesce($6, invoice), amount_total = coalesce($7, amount_total),
               amount_tax = coalesce($8, amount_tax), invoice_number = coalesce($9, invoice_number)
             where id = $10",
            args![
                to.name(),
                &state.id,
                state.url.clone(),
                state.payment_intent.clone(),
                state.charge.clone(),
                state.invoice.clone(),
                state.amount_total,
                state.amount_tax,
                state.invoice_number.clone(),
                purchase.id.bytes()
            ],
        )
        .await?;
    Ok(())
}
