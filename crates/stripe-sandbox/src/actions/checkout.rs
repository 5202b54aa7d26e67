//! The payment of a Checkout Session, by card or by bank, and the card that one in setup mode saves.
//!
//! Invariant: a session is paid once. The payment, its charge, the invoice, the session and their events change in one
//! transaction.

use serde_json::{Value, json};

use super::{due, payments, refunds_and_disputes, saved_cards, subscriptions};
use crate::error::{ApiError, Result};
use crate::objects::{self, Answer, Card, Decline, id_of, merge, text};
use crate::store::Transaction;

/// How a Checkout is paid.
#[derive(Clone, Copy)]
pub(crate) enum Payment {
    Card(Card),
    /// The cardholder's answer, after the card's bank asked.
    Confirmed(bool),
    /// By a bank, which takes days.
    Bank {
        refuses: bool,
    },
}

/// The result of an attempt to pay.
pub(crate) enum Attempt {
    /// Paid, now or before: the URL that the customer goes to.
    Paid(String),
    /// The card's bank asks the cardholder.
    Asks,
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
    let card = match payment {
        Payment::Bank { refuses } => {
            let session = pay_by_bank(tx, session, refuses).await?;
            return Ok(Attempt::Paid(success_url(&session)?));
        }
        Payment::Card(card) if payments::answer(tx, card) == Answer::Asks => {
            session["_sandbox"]["asked"] = card.to_json();
            tx.save(&[&session]).await?;
            return Ok(Attempt::Asks);
        }
        Payment::Card(card) => card,
        Payment::Confirmed(accepted) => {
            let card = Card::of_method(&session["_sandbox"]["asked"]).filter(|_| accepted);
            session["_sandbox"]["asked"] = Value::Null;
            tx.save(&[&session]).await?;
            let Some(card) = card else { return Ok(Attempt::Declined) };
            card
        }
    };
    match finish_by_card(tx, session, card).await? {
        Some(session) => Ok(Attempt::Paid(success_url(&session)?)),
        None => Ok(Attempt::Declined),
    }
}

/// The complete session, or none if the card was declined.
async fn finish_by_card(tx: &mut Transaction, session: Value, card: Card) -> Result<Option<Value>> {
    let decline = match payments::answer(tx, card) {
        Answer::Declines(decline) => Some(decline),
        Answer::Asks | Answer::Pays => None,
    };
    let session = match (text(&session["mode"]), decline) {
        ("setup", _) => saved_cards::complete_setup(tx, session, card).await?.ok(),
        ("subscription", Some(_)) => None,
        ("subscription", None) => Some(subscriptions::start_from_checkout(tx, session).await?),
        _ => pay_by_card(tx, session, card, decline).await?,
    };
    if let Some(session) = &session {
        save_address(tx, session).await?;
    }
    Ok(session)
}

/// Saves the address of the page with the customer, where the shop asked for it. The sandbox's buyers live in San
/// Francisco.
async fn save_address(tx: &mut Transaction, session: &Value) -> Result<()> {
    if session["_sandbox"]["saves_address"] == true
        && let Some(mut customer) = tx.find("customer", text(&session["customer"])).await?
        && customer["address"]["country"].is_null()
    {
        customer["address"] = json!({
            "city": "San Francisco", "country": "US", "line1": "1 Sandbox Street", "line2": null,
            "postal_code": "94103", "state": "CA",
        });
        tx.save(&[&customer]).await?;
        tx.emit(id_of(&customer), &[("customer.updated", &customer)]).await?;
    }
    Ok(())
}

/// The complete session, or none if the card was declined.
async fn pay_by_card(
    tx: &mut Transaction,
    mut session: Value,
    card: Card,
    decline: Option<Decline>,
) -> Result<Option<Value>> {
    let mut intent = payments::intent_of(tx, &session).await?;
    let charge = objects::charge(&intent, &session["customer_details"], card, decline, tx.now)?;
    link(tx, &mut session, &mut intent, &charge).await?;
    let id = id_of(&session).to_owned();
    if let Some(decline) = decline {
        intent["last_payment_error"] = objects::payment_error(decline, Some(&charge));
        tx.save(&[&intent, &session]).await?;
        tx.emit(&id, &[("payment_intent.payment_failed", &intent)]).await?;
        return Ok(None);
    }
    merge(&mut session, json!({ "status": "complete", "url": null }));
    let session = payments::succeed(tx, session, intent, &charge, "checkout.session.completed").await?;
    if let Some(status) = card.test.dispute {
        refunds_and_disputes::dispute(tx, &id, None, status).await?;
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
