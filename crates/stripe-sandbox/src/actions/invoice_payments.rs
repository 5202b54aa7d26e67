//! The way of an invoice that the API created: from a draft to paid or void.
//!
//! Invariants: an invoice is paid once. Invoice, payment, charge and events change in one transaction; a decline changes
//! them too.

use serde_json::{Value, json};

use super::{invoices, payments, refunds_and_disputes};
use crate::currencies;
use crate::error::{ApiError, Result};
use crate::objects::{self, Answer, Card, Decline, id_of, merge, number, text};
use crate::store::Transaction;

/// The result of one attempt to pay.
pub(crate) enum Attempt {
    Paid(Value),
    /// The cardholder is asked to confirm on the invoice's page.
    Asks(ApiError),
    Declined(ApiError),
}

/// Finalizes a draft: its amounts stand, and it can be paid.
pub(crate) async fn finalize(tx: &mut Transaction, mut invoice: Value) -> Result<Value> {
    if invoice["status"] != "draft" {
        let message = "This invoice is already finalized, you can't re-finalize a non-draft invoice.";
        return Err(ApiError::invalid(message).code("invoice_not_editable"));
    }
    if invoice["automatic_tax"]["status"] == "requires_location_inputs" {
        let message = "The customer's location isn't recognized. Set a valid customer address in order to \
                       automatically calculate tax.";
        return Err(ApiError::invalid(message).code("customer_tax_location_invalid"));
    }
    let total = number(&invoice["total"]);
    if total > 0 && total < currencies::minimum(text(&invoice["currency"])) {
        let message = "Amount must convert to at least 50 cents.";
        return Err(ApiError::invalid(message).code("amount_too_small"));
    }
    let number = invoices::next_number(tx, text(&invoice["customer"])).await?;
    objects::issue(&mut invoice, &number, &tx.base, tx.now);
    let subject = id_of(&invoice).to_owned();
    if total == 0 {
        mark_paid(&mut invoice, tx.now);
        tx.save(&[&invoice]).await?;
        tx.emit(&subject, &[("invoice.finalized", &invoice), ("invoice.paid", &invoice)]).await?;
        return Ok(invoice);
    }
    let intent = objects::payment_intent_of_invoice(&invoice, tx.now)?;
    let payment = objects::invoice_payment(&invoice, &intent, tx.now)?;
    tx.insert(&intent, Some(&subject)).await?;
    tx.insert(&payment, Some(&subject)).await?;
    tx.save(&[&invoice]).await?;
    tx.emit(&subject, &[("invoice.finalized", &invoice), ("payment_intent.created", &intent)]).await?;
    Ok(invoice)
}

/// Pays an open invoice, or tries to. `method` is the saved card, if it is one; `confirmed`, that the cardholder has
/// agreed to this payment.
pub(crate) async fn pay(
    tx: &mut Transaction,
    mut invoice: Value,
    card: Card,
    method: Option<&Value>,
    confirmed: bool,
) -> Result<Attempt> {
    let (mut intent, payment) = payment_of(tx, &invoice).await?;
    invoice["attempt_count"] = (number(&invoice["attempt_count"]) + 1).into();
    merge(&mut invoice, json!({ "attempted": true }));
    merge(&mut intent, json!({ "next_action": null, "payment_method": method.map(|method| &method["id"]) }));
    invoice["_sandbox"]["asked"] = Value::Null;
    match payments::answer(tx, card) {
        Answer::Asks if !confirmed => ask(tx, invoice, intent, card, method).await,
        Answer::Declines(decline) => refuse(tx, invoice, intent, card, decline).await,
        Answer::Asks | Answer::Pays => succeed(tx, invoice, intent, payment, card, method).await.map(Attempt::Paid),
    }
}

/// The invoice, if a payment that is under way can still reach it.
pub(crate) fn payable(invoice: Value) -> Result<Value> {
    match text(&invoice["status"]) {
        "open" | "void" => Ok(invoice),
        status => Err(ApiError::invalid(format!("An invoice with the status {status} cannot be paid."))),
    }
}

/// Carries on with the payment that waits for the cardholder, or gives it up.
pub(crate) async fn confirm(tx: &mut Transaction, mut invoice: Value, accepted: bool) -> Result<Attempt> {
    let asked = invoice["_sandbox"]["asked"].clone();
    let card = Card::of_method(&asked).filter(|_| invoice["status"] == "open");
    let card = card.ok_or_else(|| ApiError::invalid("This invoice waits for no confirmation."))?;
    let method = match asked["id"].as_str() {
        Some(id) => tx.find("payment_method", id).await?,
        None => None,
    };
    if accepted {
        return pay(tx, invoice, card, method.as_ref(), true).await;
    }
    let (mut intent, _) = payment_of(tx, &invoice).await?;
    let error = objects::payment_error(Decline::UNCONFIRMED, None);
    let fields = json!({ "status": "requires_payment_method", "next_action": null, "last_payment_error": error });
    merge(&mut intent, fields);
    invoice["_sandbox"]["asked"] = Value::Null;
    tx.save(&[&invoice, &intent]).await?;
    let events = [("payment_intent.payment_failed", &intent), ("invoice.payment_failed", &invoice)];
    tx.emit(id_of(&invoice), &events).await?;
    Ok(Attempt::Declined(ApiError::card(error, &intent)))
}

/// The invoice's PaymentIntent and its InvoicePayment.
pub(crate) async fn payment_of(tx: &mut Transaction, invoice: &Value) -> Result<(Value, Value)> {
    let of_invoice = tx.all_of(id_of(invoice)).await?;
    let payment = of_invoice.into_iter().rfind(|object| object["object"] == "invoice_payment").unwrap_or_default();
    let intent = tx.get("payment_intent", text(&payment["payment"]["payment_intent"])).await?;
    Ok((intent, payment))
}

async fn ask(
    tx: &mut Transaction,
    mut invoice: Value,
    mut intent: Value,
    card: Card,
    method: Option<&Value>,
) -> Result<Attempt> {
    let url = &invoice["hosted_invoice_url"];
    let action = json!({ "type": "redirect_to_url", "redirect_to_url": { "url": url, "return_url": null } });
    merge(&mut intent, json!({ "status": "requires_action", "next_action": action, "last_payment_error": null }));
    let mut asked = card.to_json();
    asked["id"] = method.map(|method| method["id"].clone()).into();
    invoice["_sandbox"]["asked"] = asked;
    tx.save(&[&invoice, &intent]).await?;
    let events = [
        ("payment_intent.requires_action", &intent),
        ("invoice.payment_action_required", &invoice),
        ("invoice.payment_failed", &invoice),
    ];
    tx.emit(id_of(&invoice), &events).await?;
    let error = json!({
        "type": "card_error", "code": "invoice_payment_intent_requires_action",
        "message": "This payment requires additional user action before it can be completed successfully. Payment can \
                    be completed using the PaymentIntent associated with the invoice.",
        "doc_url": "https://stripe.com/docs/error-codes/invoice-payment-intent-requires-action",
    });
    Ok(Attempt::Asks(ApiError::card(error, &intent)))
}

async fn refuse(
    tx: &mut Transaction,
    invoice: Value,
    mut intent: Value,
    card: Card,
    decline: Decline,
) -> Result<Attempt> {
    let details = json!({ "email": invoice["customer_email"], "name": invoice["customer_name"] });
    let mut charge = objects::charge(&intent, &details, card, Some(decline), tx.now)?;
    if !intent["payment_method"].is_null() {
        charge["payment_method"] = intent["payment_method"].clone();
    }
    let error = objects::payment_error(decline, Some(&charge));
    merge(
        &mut intent,
        json!({
            "status": "requires_payment_method", "payment_method": null, "latest_charge": charge["id"],
            "last_payment_error": error,
        }),
    );
    tx.insert(&charge, Some(id_of(&invoice))).await?;
    tx.save(&[&invoice, &intent]).await?;
    let events =
        [("charge.failed", &charge), ("payment_intent.payment_failed", &intent), ("invoice.payment_failed", &invoice)];
    tx.emit(id_of(&invoice), &events).await?;
    Ok(Attempt::Declined(ApiError::card(error, &intent)))
}

async fn succeed(
    tx: &mut Transaction,
    mut invoice: Value,
    mut intent: Value,
    mut payment: Value,
    card: Card,
    method: Option<&Value>,
) -> Result<Value> {
    let details = json!({ "email": invoice["customer_email"], "name": invoice["customer_name"] });
    let mut charge = objects::charge(&intent, &details, card, None, tx.now)?;
    if let Some(method) = method {
        charge["payment_method"] = method["id"].clone();
    }
    let amount = intent["amount"].clone();
    merge(
        &mut intent,
        json!({
            "status": "succeeded", "amount_received": amount, "latest_charge": charge["id"],
            "last_payment_error": null, "payment_method": charge["payment_method"],
        }),
    );
    mark_paid(&mut invoice, tx.now);
    merge(&mut payment, json!({ "status": "paid", "amount_paid": amount }));
    payment["status_transitions"]["paid_at"] = tx.now.into();
    let subject = id_of(&invoice).to_owned();
    tx.insert(&charge, Some(&subject)).await?;
    tx.save(&[&invoice, &intent, &payment]).await?;
    let events = [
        ("payment_intent.succeeded", &intent),
        ("charge.succeeded", &charge),
        ("invoice.paid", &invoice),
        ("invoice.payment_succeeded", &invoice),
    ];
    tx.emit(&subject, &events).await?;
    if let Some(status) = card.test.dispute {
        refunds_and_disputes::dispute(tx, &subject, None, status).await?;
    }
    Ok(invoice)
}

fn mark_paid(invoice: &mut Value, now: i64) {
    let total = invoice["total"].clone();
    merge(invoice, json!({ "status": "paid", "attempted": true, "amount_paid": total, "amount_remaining": 0 }));
    invoice["status_transitions"]["paid_at"] = now.into();
}

/// Voids an open invoice: nothing can be paid any more.
pub(crate) async fn void(tx: &mut Transaction, mut invoice: Value) -> Result<Value> {
    if invoice["status"] != "open" {
        let message = format!(
            "You can only void an open or uncollectible invoice. The invoice's current status is `{}`.",
            text(&invoice["status"])
        );
        return Err(ApiError::invalid(message));
    }
    let (mut intent, mut payment) = payment_of(tx, &invoice).await?;
    merge(&mut invoice, json!({ "status": "void" }));
    invoice["_sandbox"]["asked"] = Value::Null;
    invoice["status_transitions"]["voided_at"] = tx.now.into();
    let canceled = json!({ "status": "canceled", "canceled_at": tx.now, "cancellation_reason": "void_invoice", "next_action": null });
    merge(&mut intent, canceled);
    merge(&mut payment, json!({ "status": "canceled" }));
    payment["status_transitions"]["canceled_at"] = tx.now.into();
    tx.save(&[&invoice, &intent, &payment]).await?;
    tx.emit(id_of(&invoice), &[("payment_intent.canceled", &intent), ("invoice.voided", &invoice)]).await?;
    Ok(invoice)
}
