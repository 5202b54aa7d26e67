//! The payment of a Checkout Session, by card or by bank.
//!
//! Invariant: a session is paid once. The payment, its charge, the invoice, the session and their events change in one
//! transaction.

use serde_json::{Value, json};

use super::{due, payments, refunds_and_disputes, subscriptions};
use crate::error::{ApiError, Result};
use crate::objects::{self, Card, id_of, merge, text};
use crate::store::Transaction;

/// How a Checkout is paid.
#[derive(Clone, Copy)]
pub(crate) enum Payment {
    Card(Card),
    /// By a bank, which takes days.
    Bank {
        refuses: bool,
    },
}

/// The result of an attempt to pay.
pub(crate) enum Attempt {
    /// Paid, now or before: the URL that the customer goes to.
    Paid(String),
    Declined,
    Expired,
}

/// Pays a session, or tries to. `tax_id` may be empty.
pub(crate) async fn pay(tx: &mut Transaction, id: &str, payment: Payment, tax_id: &str) -> Result<Attempt> {
    due::catch_up(tx).await?;
    let mut session = tx.get("checkout.session", id).await?;
    match text(&session["status"]) {
        "open" => {}
        "complete" => return Ok(Attempt::Paid(success_url(&session)?)),
        _ => return Ok(Attempt::Expired),
    }
    if session["tax_id_collection"]["enabled"] == true && !tax_id.is_empty() {
        session["customer_details"]["tax_ids"] = json!([{ "type": "unknown", "value": tax_id }]);
    }
    let declined = matches!(payment, Payment::Card(Card { declined: true, .. }));
    let session = match (text(&session["mode"]), payment) {
        ("subscription", _) if declined => return Ok(Attempt::Declined),
        ("subscription", _) => subscriptions::start_from_checkout(tx, session).await?,
        (_, Payment::Card(card)) => match pay_by_card(tx, session, card).await? {
            Some(session) => session,
            None => return Ok(Attempt::Declined),
        },
        (_, Payment::Bank { refuses }) => pay_by_bank(tx, session, refuses).await?,
    };
    Ok(Attempt::Paid(success_url(&session)?))
}

/// The complete session, or none if the card was declined.
async fn pay_by_card(tx: &mut Transaction, mut session: Value, card: Card) -> Result<Option<Value>> {
    let mut intent = payments::intent_of(tx, &session).await?;
    let charge = objects::charge(&intent, &session["customer_details"], card, tx.now)?;
    link(tx, &mut session, &mut intent, &charge).await?;
    let id = id_of(&session).to_owned();
    if card.declined {
        intent["last_payment_error"] = objects::payment_error(&charge);
        tx.save(&[&intent, &session]).await?;
        tx.emit(&id, &[("payment_intent.payment_failed", &intent)]).await?;
        return Ok(None);
    }
    merge(&mut session, json!({ "status": "complete", "url": null }));
    let session = payments::succeed(tx, session, intent, &charge, "checkout.session.completed").await?;
    // Two of Stripe's test cards dispute their payment at once.
    match card.last4 {
        "0259" => drop(refunds_and_disputes::dispute(tx, &id, None, "needs_response").await?),
        "1976" => drop(refunds_and_disputes::dispute(tx, &id, None, "warning_needs_response").await?),
        _ => {}
    }
    Ok(Some(session))
}

async fn pay_by_bank(tx: &mut Transaction, mut session: Value, refuses: bool) -> Result<Value> {
    let mut intent = payments::intent_of(tx, &session).await?;
    let method = payments::bank_method_of(&session);
    let method = method.ok_or_else(|| ApiError::invalid("This Checkout takes no bank payment."))?;
    let charge = objects::bank_charge(&intent, &session["customer_details"], method, tx.now)?;
    link(tx, &mut session, &mut intent, &charge).await?;
    payments::start_by_bank(tx, session, intent, &charge, refuses).await
}

async fn link(tx: &mut Transaction, session: &mut Value, intent: &mut Value, charge: &Value) -> Result<()> {
    tx.insert(charge, Some(id_of(session))).await?;
    intent["latest_charge"] = charge["id"].clone();
    session["payment_intent"] = intent["id"].clone();
    Ok(())
}

/// The shop's URL with the session's id filled in; plain ASCII, for a header.
pub(crate) fn success_url(session: &Value) -> Result<String> {
    let filled = text(&session["success_url"]).replace("{CHECKOUT_SESSION_ID}", id_of(session));
    Ok(url::Url::parse(&filled)?.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::success_url;

    #[test]
    fn the_success_url_has_the_sessions_id() {
        let check = |template: &str, expected: &str| {
            let session = json!({ "id": "cs_test_1", "success_url": template });
            assert_eq!(success_url(&session).expect("a URL"), expected);
        };
        check("http://a.example/p?session_id={CHECKOUT_SESSION_ID}", "http://a.example/p?session_id=cs_test_1");
        check("http://a.example/p/{CHECKOUT_SESSION_ID}", "http://a.example/p/cs_test_1");
        check("http://a.example/süß", "http://a.example/s%C3%BC%C3%9F");
    }
}
