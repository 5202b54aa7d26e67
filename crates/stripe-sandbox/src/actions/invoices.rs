//! Invoices of Checkouts and of subscriptions.

use serde_json::{Value, json};

use crate::error::Result;
use crate::objects::{self, id_of, merge, new_id, text};
use crate::store::Transaction;

/// Creates the invoice of a session that is being paid, if the session asks for one.
pub(crate) async fn of_session(tx: &mut Transaction, session: &mut Value) -> Result<Option<Value>> {
    if session["invoice_creation"]["enabled"] != true || !session["invoice"].is_null() {
        return Ok(None);
    }
    let number = next_number(tx, text(&session["customer"])).await?;
    let invoice = objects::invoice(session, &number, &tx.base, tx.now)?;
    session["invoice"] = invoice["id"].clone();
    tx.insert(&invoice, Some(id_of(session))).await?;
    Ok(Some(invoice))
}

/// Creates the invoice of a subscription's current period. `reason` is Stripe's `billing_reason`.
pub(crate) async fn of_subscription(
    tx: &mut Transaction,
    subscription: &Value,
    reason: &str,
    paid: bool,
) -> Result<Value> {
    let (item, customer) = (&subscription["items"]["data"][0], &subscription["customer"]);
    let (amount, currency) = (&item["price"]["unit_amount"], &subscription["currency"]);
    let details = tx.find("customer", text(customer)).await?.unwrap_or_default();
    let sold = json!({
        "_sandbox": { "line_items": [{
            "amount_subtotal": amount, "currency": currency, "description": item["price"]["nickname"], "quantity": 1,
        }] },
        "amount_subtotal": amount, "amount_total": amount, "automatic_tax": subscription["automatic_tax"],
        "currency": currency, "customer": customer,
        "customer_details": { "email": details["email"], "name": details["name"] },
        "invoice_creation": { "invoice_data": { "metadata": {} } }, "total_details": { "amount_tax": 0 },
    });
    let number = next_number(tx, text(customer)).await?;
    let mut invoice = objects::invoice(&sold, &number, &tx.base, tx.now)?;
    let details = json!({ "metadata": subscription["metadata"], "subscription": subscription["id"] });
    let (start, end) = (&item["current_period_start"], &item["current_period_end"]);
    let parent = json!({ "type": "subscription_details", "quote_details": null, "subscription_details": details });
    merge(
        &mut invoice,
        json!({ "billing_reason": reason, "parent": parent, "period_start": start, "period_end": end }),
    );
    if !paid {
        merge(&mut invoice, json!({ "status": "open", "amount_paid": 0, "amount_remaining": amount }));
        invoice["status_transitions"]["paid_at"] = Value::Null;
    }
    tx.insert(&invoice, Some(id_of(subscription))).await?;
    Ok(invoice)
}

/// The id of the subscription that an invoice is for.
pub(crate) fn subscription_of(invoice: &Value) -> &Value {
    &invoice["parent"]["subscription_details"]["subscription"]
}

/// `3F2A9B01-0001`: each customer's invoices are numbered from 1.
pub(super) async fn next_number(tx: &mut Transaction, customer: &str) -> Result<String> {
    let Some(mut customer) = tx.find("customer", customer).await? else {
        return Ok(format!("{}-0001", new_id("", 8)?.to_uppercase()));
    };
    let next = customer["next_invoice_sequence"].as_i64().unwrap_or(1);
    customer["next_invoice_sequence"] = (next + 1).into();
    tx.save(&[&customer]).await?;
    Ok(format!("{}-{next:04}", text(&customer["invoice_prefix"])))
}
