//! Cards that a Checkout in setup mode saves, and their end.

use serde_json::{Value, json};

use crate::error::{ApiError, Result};
use crate::objects::{self, Card, Decline, id_of, merge, text};
use crate::store::Transaction;

const KIND: &str = "payment_method";

/// Saves the card of a Checkout in setup mode, and completes it. The decline, if the card's bank refuses.
pub(super) async fn complete_setup(
    tx: &mut Transaction,
    mut session: Value,
    card: Card,
) -> Result<std::result::Result<Value, Decline>> {
    let mut intent = tx.get("setup_intent", text(&session["setup_intent"])).await?;
    let subject = id_of(&session).to_owned();
    if let Some(decline) = card.refused_setup() {
        intent["last_setup_error"] = objects::payment_error(decline, None);
        tx.save(&[&intent, &session]).await?;
        tx.emit(&subject, &[("setup_intent.setup_failed", &intent)]).await?;
        return Ok(Err(decline));
    }
    let mut method = objects::payment_method(card, &session["customer_details"], tx.now)?;
    method["customer"] = session["customer"].clone();
    tx.insert(&method, Some(&subject)).await?;
    merge(&mut intent, json!({ "status": "succeeded", "payment_method": method["id"], "last_setup_error": null }));
    merge(&mut session, json!({ "status": "complete", "url": null }));
    tx.save(&[&intent, &session]).await?;
    let events = [("payment_method.attached", &method), ("setup_intent.succeeded", &intent)];
    tx.emit(&subject, &events).await?;
    tx.emit(&subject, &[("checkout.session.completed", &session)]).await?;
    Ok(Ok(session))
}

/// The saved card of a customer that a parameter names, or Stripe's refusal.
pub(crate) async fn of_customer(tx: &mut Transaction, id: &str, customer: &Value, param: &str) -> Result<Value> {
    let method = tx.get_by_param(KIND, id, param).await?;
    if method["customer"] == *customer && !customer.is_null() {
        return Ok(method);
    }
    let message = format!(
        "The customer does not have a payment method with the ID {id}. The payment method must be attached to the \
         customer."
    );
    Err(ApiError::invalid(message).code("resource_missing").param(param))
}

/// Detaches a card from its customer, for good.
pub(crate) async fn detach(tx: &mut Transaction, id: &str) -> Result<Value> {
    let mut method = tx.get(KIND, id).await?;
    if method["customer"].is_null() {
        let message = "The payment method you provided is not attached to a customer so detachment is impossible.";
        return Err(ApiError::invalid(message).code("payment_method_unexpected_state"));
    }
    if let Some(mut customer) = tx.find("customer", text(&method["customer"])).await?
        && customer["invoice_settings"]["default_payment_method"] == method["id"]
    {
        customer["invoice_settings"]["default_payment_method"] = Value::Null;
        tx.save(&[&customer]).await?;
    }
    method["customer"] = Value::Null;
    tx.save(&[&method]).await?;
    let subject = tx.subject_of(id).await?;
    tx.emit(&subject, &[("payment_method.detached", &method)]).await?;
    Ok(method)
}

/// Detaches all cards of a customer that is deleted.
pub(crate) async fn detach_all(tx: &mut Transaction, customer: &str) -> Result<()> {
    for method in tx.all(KIND).await? {
        if method["customer"] == customer {
            detach(tx, id_of(&method)).await?;
        }
    }
    Ok(())
}
