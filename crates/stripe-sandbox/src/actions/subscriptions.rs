//! Subscriptions: started by a Checkout or the dashboard, billed every month, changed, ended. Nothing is prorated.
//!
//! Invariants: each period has one invoice; a failed payment leaves it open and the subscription past due; the next
//! successful payment pays all open invoices.

use serde_json::{Value, json};

use super::invoices;
use crate::error::Result;
use crate::objects::{self, id_of, merge, number, text};
use crate::store::Transaction;

const KIND: &str = "subscription";

/// The price that a parameter names, or Stripe's refusal.
pub(crate) async fn price(tx: &mut Transaction, id: &str) -> Result<Value> {
    tx.get_by_param("price", id, "line_items[0][price]").await
}

/// Starts the subscription of a Checkout that was paid.
pub(crate) async fn start_from_checkout(tx: &mut Transaction, mut session: Value) -> Result<Value> {
    let price = price(tx, text(&session["_sandbox"]["price"])).await?;
    let subscription = start(tx, &session["customer"], &price, &session["_sandbox"]["metadata"]).await?;
    let (id, invoice) = (&subscription["id"], &subscription["latest_invoice"]);
    merge(&mut session, json!({ "subscription": id, "invoice": invoice, "payment_status": "paid" }));
    merge(&mut session, json!({ "status": "complete", "url": null }));
    tx.save(&[&session]).await?;
    tx.emit(id_of(&session), &[("checkout.session.completed", &session)]).await?;
    Ok(session)
}

/// Starts a subscription with a paid invoice for its first period.
pub(crate) async fn start(tx: &mut Transaction, customer: &Value, price: &Value, metadata: &Value) -> Result<Value> {
    let mut subscription = objects::subscription(customer, price, metadata, tx.now)?;
    let invoice = invoices::of_subscription(tx, &subscription, "subscription_create", true).await?;
    subscription["latest_invoice"] = invoice["id"].clone();
    let id = id_of(&subscription);
    tx.insert(&subscription, Some(id)).await?;
    tx.emit(id, &[("customer.subscription.created", &subscription), ("invoice.paid", &invoice)]).await?;
    Ok(subscription)
}

/// Saves a changed subscription and emits the event.
pub(crate) async fn save(tx: &mut Transaction, subscription: &Value) -> Result<()> {
    tx.save(&[subscription]).await?;
    tx.emit(id_of(subscription), &[("customer.subscription.updated", subscription)]).await
}

/// Moves a subscription to another price, from now on.
pub(crate) async fn change_price(tx: &mut Transaction, id: &str, price_id: &str) -> Result<()> {
    let (mut subscription, price) = (tx.get(KIND, id).await?, price(tx, price_id).await?);
    subscription["items"]["data"][0]["price"] = price;
    save(tx, &subscription).await
}

/// Schedules the end of a subscription for the end of its period, or cancels that.
pub(crate) async fn set_cancel_at_period_end(tx: &mut Transaction, id: &str, cancels: bool) -> Result<()> {
    let mut subscription = tx.get(KIND, id).await?;
    let (end, now) = (subscription["items"]["data"][0]["current_period_end"].clone(), tx.now);
    let at = |instant| if cancels { instant } else { Value::Null };
    let (cancel_at, canceled_at) = (at(end), at(now.into()));
    merge(
        &mut subscription,
        json!({ "cancel_at_period_end": cancels, "cancel_at": cancel_at, "canceled_at": canceled_at }),
    );
    save(tx, &subscription).await
}

/// Ends a subscription now.
pub(crate) async fn cancel(tx: &mut Transaction, mut subscription: Value) -> Result<Value> {
    merge(&mut subscription, json!({ "status": "canceled", "ended_at": tx.now }));
    if subscription["canceled_at"].is_null() {
        subscription["canceled_at"] = tx.now.into();
    }
    tx.save(&[&subscription]).await?;
    tx.emit(id_of(&subscription), &[("customer.subscription.deleted", &subscription)]).await?;
    Ok(subscription)
}

/// Ends a subscription whose period is over, or bills the next period.
pub(crate) async fn renew(tx: &mut Transaction, mut subscription: Value) -> Result<()> {
    if subscription["cancel_at_period_end"] == true {
        cancel(tx, subscription).await?;
        return Ok(());
    }
    let anchor = number(&subscription["billing_cycle_anchor"]);
    let periods = subscription["_sandbox"]["periods"].as_i64().unwrap_or(1);
    subscription["_sandbox"]["periods"] = (periods + 1).into();
    let (start, end) = (objects::period_end(anchor, periods), objects::period_end(anchor, periods + 1));
    let period = json!({ "current_period_start": start, "current_period_end": end });
    merge(&mut subscription["items"]["data"][0], period);
    let paid = subscription["_sandbox"]["declined"] != true;
    bill(tx, subscription, "subscription_cycle", paid).await
}

/// Creates an invoice, paid or not.
pub(crate) async fn bill(tx: &mut Transaction, mut subscription: Value, reason: &str, paid: bool) -> Result<()> {
    let invoice = invoices::of_subscription(tx, &subscription, reason, paid).await?;
    let (status, event) = if paid { ("active", "invoice.paid") } else { ("past_due", "invoice.payment_failed") };
    merge(&mut subscription, json!({ "latest_invoice": invoice["id"], "status": status }));
    tx.emit(id_of(&subscription), &[(event, &invoice)]).await?;
    save(tx, &subscription).await
}

/// Pays all open invoices of a subscription.
pub(crate) async fn recover(tx: &mut Transaction, id: &str) -> Result<()> {
    let mut subscription = tx.get(KIND, id).await?;
    for mut invoice in tx.all("invoice").await? {
        if invoice["status"] == "open" && invoices::subscription_of(&invoice) == id {
            invoice["status"] = "paid".into();
            tx.save(&[&invoice]).await?;
            tx.emit(id, &[("invoice.paid", &invoice)]).await?;
        }
    }
    subscription["status"] = "active".into();
    subscription["_sandbox"]["declined"] = false.into();
    save(tx, &subscription).await
}
