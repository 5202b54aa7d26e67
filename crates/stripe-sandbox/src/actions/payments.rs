//! The payment of a Checkout: its PaymentIntent and charges. A card pays at once; a bank clears or refuses the payment
//! days after it was started at the pay page.
//!
//! Invariant: a Checkout that a bank pays is complete and unpaid until the money comes. A refusal shows in the payment
//! alone, as at Stripe: the session stays complete and unpaid.

use chrono::{DateTime, Datelike, Utc};
use serde_json::{Value, json};

use super::invoices;
use crate::error::{ApiError, Result};
use crate::objects::{self, Answer, Card, Decline, id_of, items, merge, text};
use crate::store::Transaction;

/// How long the sandbox's bank takes, in seconds.
const CLEARS_AFTER: i64 = 3 * 24 * 60 * 60;
const BANK_METHODS: [&str; 5] = ["us_bank_account", "sepa_debit", "acss_debit", "bacs_debit", "au_becs_debit"];

/// The bank payment method that a session allows, if any.
pub(crate) fn bank_method_of(session: &Value) -> Option<&'static str> {
    let allowed = items(&session["allowed_payment_method_types"]);
    BANK_METHODS.into_iter().find(|method| allowed.iter().any(|one| one == method))
}

/// The answer of a card's bank now. A card whose expiry is past is declined.
pub(crate) fn answer(tx: &Transaction, card: Card) -> Answer {
    let now = DateTime::<Utc>::from_timestamp(tx.now, 0).unwrap_or_default();
    let is_expired = (card.year, card.month) < (i64::from(now.year()), i64::from(now.month()));
    match tx.card_faults.iter().find(|(last4, _)| last4 == card.test.last4()) {
        _ if is_expired => Answer::Declines(Decline::EXPIRED),
        Some((_, decline_code)) => Decline::named(decline_code).map_or(Answer::Pays, Answer::Declines),
        None => card.test.answer,
    }
}

/// The session's PaymentIntent: the one of an earlier attempt, or a new one.
pub(crate) async fn intent_of(tx: &mut Transaction, session: &Value) -> Result<Value> {
    if let Some(id) = session["payment_intent"].as_str() {
        return tx.get("payment_intent", id).await;
    }
    let intent = objects::payment_intent(session, tx.now)?;
    tx.insert(&intent, Some(id_of(session))).await?;
    Ok(intent)
}

/// Marks the payment and its session as paid, and creates the invoice. `event` is the type of the session's event.
pub(crate) async fn succeed(
    tx: &mut Transaction,
    mut session: Value,
    mut intent: Value,
    charge: &Value,
    event: &str,
) -> Result<Value> {
    let amount = intent["amount"].clone();
    let method = &charge["payment_method"];
    merge(&mut intent, json!({ "status": "succeeded", "amount_received": amount, "payment_method": method }));
    intent["last_payment_error"] = Value::Null;
    session["payment_status"] = "paid".into();
    let invoice = invoices::of_session(tx, &mut session).await?;
    tx.save(&[&intent, &session]).await?;
    let mut events = vec![("payment_intent.succeeded", &intent), ("charge.succeeded", charge)];
    events.extend(invoice.as_ref().map(|invoice| ("invoice.paid", invoice)));
    events.push((event, &session));
    tx.emit(id_of(&session), &events).await?;
    Ok(session)
}

/// Completes the Checkout; the money comes later, unless the bank `refuses`.
pub(crate) async fn start_by_bank(
    tx: &mut Transaction,
    mut session: Value,
    mut intent: Value,
    charge: &Value,
    refuses: bool,
) -> Result<Value> {
    let method = &charge["payment_method"];
    merge(&mut intent, json!({ "status": "processing", "last_payment_error": null, "payment_method": method }));
    merge(&mut session, json!({ "status": "complete", "url": null }));
    merge(&mut session["_sandbox"], json!({ "clears_at": tx.now + CLEARS_AFTER, "refused": refuses }));
    tx.save(&[&intent, &session]).await?;
    let events = [("payment_intent.processing", &intent), ("charge.pending", charge)];
    tx.emit(id_of(&session), &events).await?;
    tx.emit(id_of(&session), &[("checkout.session.completed", &session)]).await?;
    Ok(session)
}

/// The money comes.
pub(crate) async fn clear(tx: &mut Transaction, mut session: Value) -> Result<()> {
    let (intent, mut charge) = bank_payment_of(tx, &session).await?;
    session["_sandbox"]["clears_at"] = Value::Null;
    let amount = charge["amount"].clone();
    merge(&mut charge, json!({ "status": "succeeded", "paid": true, "captured": true, "amount_captured": amount }));
    merge(&mut charge, json!({ "failure_code": null, "failure_message": null }));
    tx.save(&[&charge]).await?;
    succeed(tx, session, intent, &charge, "checkout.session.async_payment_succeeded").await?;
    Ok(())
}

/// The bank refuses the payment.
pub(crate) async fn refuse(tx: &mut Transaction, mut session: Value) -> Result<()> {
    let (mut intent, mut charge) = bank_payment_of(tx, &session).await?;
    session["_sandbox"]["clears_at"] = Value::Null;
    let message = "The customer's account has insufficient funds to cover this payment.";
    merge(&mut charge, json!({ "status": "failed", "failure_code": "insufficient_funds", "failure_message": message }));
    let error = json!({
        "type": "invalid_request_error", "code": "payment_intent_payment_attempt_failed", "charge": charge["id"],
        "message": message,
    });
    merge(
        &mut intent,
        json!({ "status": "requires_payment_method", "payment_method": null, "last_payment_error": error }),
    );
    tx.save(&[&charge, &intent, &session]).await?;
    let events = [("charge.failed", &charge), ("payment_intent.payment_failed", &intent)];
    tx.emit(id_of(&session), &events).await?;
    tx.emit(id_of(&session), &[("checkout.session.async_payment_failed", &session)]).await
}

/// The session, if its bank payment is pending or was refused.
pub(crate) async fn find_unpaid(tx: &mut Transaction, session: &str) -> Result<Value> {
    let session = tx.get("checkout.session", session).await?;
    if session["status"] == "complete" && session["payment_status"] == "unpaid" {
        return Ok(session);
    }
    Err(ApiError::invalid("No payment of this Checkout is on its way."))
}

async fn bank_payment_of(tx: &mut Transaction, session: &Value) -> Result<(Value, Value)> {
    let intent = tx.get("payment_intent", text(&session["payment_intent"])).await?;
    let charge = tx.get("charge", text(&intent["latest_charge"])).await?;
    Ok((intent, charge))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::bank_method_of;

    #[test]
    fn a_bank_is_offered_where_the_shop_allows_one() {
        let check = |allowed: serde_json::Value, method: Option<&str>| {
            assert_eq!(bank_method_of(&json!({ "allowed_payment_method_types": allowed })), method);
        };
        check(json!(["card", "us_bank_account"]), Some("us_bank_account"));
        check(json!(["sepa_debit"]), Some("sepa_debit"));
        check(json!(["card", "link"]), None);
        check(json!(null), None);
    }
}
