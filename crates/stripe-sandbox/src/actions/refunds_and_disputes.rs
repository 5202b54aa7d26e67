//! Refunds and disputes of a payment.
//!
//! Invariant: a charge's `amount_refunded` is the sum of its refunds that have not failed. A refund succeeds at once;
//! later failures and everything that banks do come from [`crate::Sandbox`], since no API request causes them.

use serde_json::{Value, json};

use crate::currencies;
use crate::error::{ApiError, Result};
use crate::objects::{self, id_of, merge, number, text};
use crate::store::Transaction;

/// The charge that a request names, by its own id or by its PaymentIntent.
pub(crate) async fn charge_of(tx: &mut Transaction, given: &Value) -> Result<Value> {
    if let Some(id) = given["charge"].as_str() {
        return tx.get_by_param("charge", id, "charge").await;
    }
    let Some(id) = given["payment_intent"].as_str() else {
        return Err(ApiError::invalid("One of the following params should be provided: payment_intent or charge."));
    };
    let intent = tx.get_by_param("payment_intent", id, "payment_intent").await?;
    tx.find("charge", text(&intent["latest_charge"])).await?.ok_or_else(|| {
        ApiError::invalid("This PaymentIntent does not have a successful charge to refund.").param("payment_intent")
    })
}

/// Refunds the given `amount`, or all that is left of a charge.
pub(crate) async fn refund(tx: &mut Transaction, mut charge: Value, given: &Value) -> Result<Value> {
    let id = id_of(&charge).to_owned();
    if charge["paid"] != true {
        return Err(ApiError::invalid(format!("Charge {id} has not succeeded, and cannot be refunded.")));
    }
    let refunded = number(&charge["amount_refunded"]);
    let left = number(&charge["amount"]) - refunded;
    if left == 0 {
        let message = format!("Charge {id} has already been refunded.");
        return Err(ApiError::invalid(message).code("charge_already_refunded"));
    }
    let amount = given["amount"].as_i64().unwrap_or(left);
    currencies::check_step(amount, text(&charge["currency"]), "amount")?;
    if amount > left {
        let message = format!("Refund amount ({amount}) is greater than unrefunded amount on charge ({left})");
        return Err(ApiError::invalid(message).param("amount"));
    }
    let refund = objects::refund(&charge, given, amount, tx.now)?;
    let session = tx.subject_of(&id).await?;
    tx.insert(&refund, Some(&session)).await?;
    set_refunded(&mut charge, refunded + amount);
    tx.save(&[&charge]).await?;
    let events = [("refund.created", &refund), ("charge.refunded", &charge), ("charge.refund.updated", &refund)];
    tx.emit(&session, &events).await?;
    Ok(refund)
}

fn set_refunded(charge: &mut Value, amount: i64) {
    let refunded = charge["amount"] == amount;
    merge(charge, json!({ "amount_refunded": amount, "refunded": refunded }));
}

/// The bank returns a refund. Stripe says that this may take weeks.
pub(crate) async fn fail_refund(tx: &mut Transaction, id: &str) -> Result<()> {
    let mut refund = tx.get("refund", id).await?;
    if refund["status"] == "failed" {
        return Ok(());
    }
    merge(&mut refund, json!({ "status": "failed", "failure_reason": "expired_or_canceled_card" }));
    let mut charge = tx.get("charge", text(&refund["charge"])).await?;
    let refunded = number(&charge["amount_refunded"]) - number(&refund["amount"]);
    set_refunded(&mut charge, refunded);
    tx.save(&[&refund, &charge]).await?;
    let session = tx.subject_of(id).await?;
    let events = ["refund.updated", "charge.refund.updated", "refund.failed"].map(|kind| (kind, &refund));
    tx.emit(&session, &events).await
}

/// The paid charge of a Checkout or an invoice.
pub(crate) async fn paid_charge(tx: &mut Transaction, subject: &str) -> Result<Value> {
    let all = tx.all_of(subject).await?;
    let charge = all.into_iter().rfind(|object| object["object"] == "charge" && object["paid"] == true);
    charge.ok_or_else(|| ApiError::invalid(format!("{subject} has no payment.")))
}

/// Opens a dispute of the payment of a Checkout or an invoice.
pub(crate) async fn dispute(tx: &mut Transaction, session: &str, amount: Option<i64>, status: &str) -> Result<Value> {
    let mut charge = paid_charge(tx, session).await?;
    let dispute = objects::dispute(&charge, amount, status, tx.now)?;
    charge["disputed"] = true.into();
    tx.insert(&dispute, Some(session)).await?;
    tx.save(&[&charge]).await?;
    let mut kinds = vec!["charge.dispute.created"];
    if !status.starts_with("warning_") && status != "prevented" {
        kinds.push("charge.dispute.funds_withdrawn");
    }
    if objects::is_closed(status) {
        kinds.push("charge.dispute.closed");
    }
    let events: Vec<_> = kinds.into_iter().map(|kind| (kind, &dispute)).collect();
    tx.emit(session, &events).await?;
    Ok(dispute)
}

/// Sets the status of a dispute.
pub(crate) async fn move_dispute(tx: &mut Transaction, id: &str, status: &str) -> Result<()> {
    let mut dispute = tx.get("dispute", id).await?;
    let was_inquiry = text(&dispute["status"]).starts_with("warning_");
    dispute["status"] = status.into();
    tx.save(&[&dispute]).await?;
    let mut kinds = vec!["charge.dispute.updated"];
    if was_inquiry && matches!(status, "needs_response" | "under_review" | "lost") {
        kinds.push("charge.dispute.funds_withdrawn");
    }
    if status == "won" {
        kinds.push("charge.dispute.funds_reinstated");
    }
    if objects::is_closed(status) {
        kinds.push("charge.dispute.closed");
    }
    let session = tx.subject_of(id).await?;
    let events: Vec<_> = kinds.into_iter().map(|kind| (kind, &dispute)).collect();
    tx.emit(&session, &events).await
}
