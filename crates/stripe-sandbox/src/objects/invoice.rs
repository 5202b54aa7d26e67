//! An invoice, its lines and its payment.

use serde_json::{Value, json};

use super::json::{id_of, items, list, merge, new_id, number, or, text};
use crate::currencies;
use crate::error::Result;

/// A draft without lines. `given` are the parameters of the request.
pub(crate) fn draft_invoice(given: &Value, customer: &Value, now: i64) -> Result<Value> {
    let invoice = new_id("in_1", 23)?;
    let taxed = given["automatic_tax"]["enabled"] == true;
    let mut invoice = json!({
        "id": invoice, "object": "invoice", "created": now, "livemode": false, "number": null, "status": "draft",
        "account_country": "US", "account_name": null, "account_tax_ids": null, "application": null,
        "hosted_invoice_url": null, "invoice_pdf": null, "currency": given["currency"],
        "customer": given["customer"], "customer_account": null, "customer_address": customer["address"],
        "customer_email": customer["email"], "customer_name": customer["name"], "customer_phone": null,
        "customer_shipping": null, "customer_tax_exempt": "none", "customer_tax_ids": [],
        "amount_overpaid": 0, "amount_paid": 0, "amount_paid_off_stripe": 0, "amount_shipping": 0,
        "starting_balance": 0, "ending_balance": null, "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0, "attempt_count": 0, "attempted": false, "auto_advance": false,
        "automatically_finalizes_at": null, "billing_reason": "manual", "collection_method": "charge_automatically",
        "automatic_tax": {
            "disabled_reason": null, "enabled": taxed, "liability": taxed.then(|| json!({ "type": "self" })),
            "provider": taxed.then_some("stripe"), "status": null,
        },
        "custom_fields": null, "default_payment_method": given["default_payment_method"], "default_source": null,
        "default_tax_rates": [], "description": given["description"], "discounts": [], "due_date": null,
        "effective_at": null, "footer": given["footer"], "from_invoice": null, "issuer": { "type": "self" },
        "last_finalization_error": null, "latest_revision": null,
        "lines": list(&format!("/v1/invoices/{invoice}/lines"), Vec::new(), false),
        "metadata": or(&given["metadata"], json!({})), "next_payment_attempt": null, "on_behalf_of": null,
        "parent": null, "receipt_number": null, "rendering": null, "shipping_cost": null, "shipping_details": null,
        "statement_descriptor": given["statement_descriptor"], "test_clock": null,
        "payment_settings": {
            "default_mandate": null, "payment_method_options": null,
            "payment_method_types": given["payment_settings"]["payment_method_types"],
        },
        "period_end": now, "period_start": now, "total_discount_amounts": [], "total_pretax_credit_amounts": [],
        "status_transitions":
            { "finalized_at": null, "marked_uncollectible_at": null, "paid_at": null, "voided_at": null },
        "webhooks_delivered_at": null,
    });
    set_totals(&mut invoice);
    Ok(invoice)
}

/// A paid invoice. `sold` is a Checkout Session, or has the same fields.
pub(crate) fn invoice(sold: &Value, number: &str, base: &str, now: i64) -> Result<Value> {
    let given = json!({
        "currency": sold["currency"], "customer": sold["customer"], "automatic_tax": sold["automatic_tax"],
        "metadata": sold["invoice_creation"]["invoice_data"]["metadata"],
    });
    let mut invoice = draft_invoice(&given, &sold["customer_details"], now)?;
    for item in items(&sold["_sandbox"]["line_items"]) {
        let line = json!({
            "amount": item["amount_subtotal"], "currency": item["currency"], "description": item["description"],
            "quantity": item["quantity"],
        });
        add_line(&mut invoice, &line, now)?;
    }
    issue(&mut invoice, number, base, now);
    let (subtotal, total) = (&sold["amount_subtotal"], &sold["amount_total"]);
    merge(
        &mut invoice,
        json!({
            "status": "paid", "amount_due": total, "amount_paid": total, "amount_remaining": 0, "attempted": true,
            "automatic_tax": sold["automatic_tax"], "customer_tax_ids": items(&sold["customer_details"]["tax_ids"]),
            "subtotal": subtotal, "subtotal_excluding_tax": subtotal, "total": total, "total_excluding_tax": subtotal,
            "total_taxes": taxes(&sold["total_details"]["amount_tax"], subtotal),
            "_sandbox": { "tax": sold["total_details"]["amount_tax"] },
        }),
    );
    invoice["status_transitions"]["paid_at"] = now.into();
    Ok(invoice)
}

/// Adds a line with the `amount`, `currency`, `description`, `quantity` and `metadata` of `given`.
pub(crate) fn add_line(invoice: &mut Value, given: &Value, now: i64) -> Result<()> {
    let id = new_id("il_1", 23)?;
    let (amount, quantity) = (&given["amount"], or(&given["quantity"], 1.into()));
    let line = json!({
        "id": id, "object": "line_item", "amount": amount, "currency": given["currency"],
        "description": given["description"], "discount_amounts": [], "discountable": true, "discounts": [],
        "invoice": invoice["id"], "livemode": false, "metadata": or(&given["metadata"], json!({})),
        "parent": or(&given["parent"], Value::Null), "period": { "end": now, "start": now },
        "pretax_credit_amounts": [], "pricing": null, "quantity": quantity,
        "quantity_decimal": number(&quantity).to_string(), "subscription": null, "subtotal": amount, "taxes": [],
    });
    if let Some(lines) = invoice["lines"]["data"].as_array_mut() {
        lines.push(line);
    }
    set_totals(invoice);
    Ok(())
}

/// Computes the sums of a draft. Automatic tax needs the customer's country.
pub(crate) fn set_totals(invoice: &mut Value) {
    let currency = text(&invoice["currency"]).to_owned();
    let lines = items(&invoice["lines"]["data"]);
    let subtotal = lines.iter().fold(0i64, |sum, line| sum.saturating_add(number(&line["amount"])));
    let is_taxed = invoice["automatic_tax"]["enabled"] == true;
    let is_located = !invoice["customer_address"]["country"].is_null();
    let tax = if is_taxed && is_located { currencies::tax_of(subtotal, &currency) } else { 0 };
    let total = subtotal.saturating_add(tax);
    if is_taxed {
        invoice["automatic_tax"]["status"] = if is_located { "complete" } else { "requires_location_inputs" }.into();
    }
    merge(
        invoice,
        json!({
            "subtotal": subtotal, "subtotal_excluding_tax": subtotal, "total": total, "total_excluding_tax": subtotal,
            "amount_due": total, "amount_remaining": total, "total_taxes": taxes(&tax.into(), &subtotal.into()),
            "_sandbox": { "tax": tax },
        }),
    );
}

fn taxes(tax: &Value, subtotal: &Value) -> Value {
    if number(tax) == 0 {
        return json!([]);
    }
    json!([{
        "amount": tax, "tax_behavior": "exclusive", "tax_rate_details": null,
        "taxability_reason": "standard_rated", "taxable_amount": subtotal, "type": "tax_rate_details",
    }])
}

/// Makes a draft an open invoice.
pub(crate) fn issue(invoice: &mut Value, number: &str, base: &str, now: i64) {
    let url = format!("{base}/invoice/{}", id_of(invoice));
    merge(invoice, json!({ "status": "open", "number": number, "hosted_invoice_url": url, "effective_at": now }));
    invoice["ending_balance"] = 0.into();
    invoice["status_transitions"]["finalized_at"] = now.into();
}

/// The payment that an open invoice waits for.
pub(crate) fn invoice_payment(invoice: &Value, intent: &Value, now: i64) -> Result<Value> {
    Ok(json!({
        "id": new_id("inpay_1", 23)?, "object": "invoice_payment", "created": now, "livemode": false,
        "amount_paid": null, "amount_requested": invoice["amount_due"], "currency": invoice["currency"],
        "invoice": invoice["id"], "is_default": true,
        "payment": { "type": "payment_intent", "payment_intent": intent["id"] },
        "status": "open", "status_transitions": { "canceled_at": null, "paid_at": null },
    }))
}

/// A line that waits for an invoice, or was added to one.
pub(crate) fn invoice_item(given: &Value, now: i64) -> Result<Value> {
    let quantity = or(&given["quantity"], 1.into());
    Ok(json!({
        "id": new_id("ii_1", 23)?, "object": "invoiceitem", "date": now, "livemode": false,
        "amount": given["amount"], "currency": given["currency"], "customer": given["customer"],
        "customer_account": null, "description": given["description"], "discountable": true, "discounts": [],
        "invoice": given["invoice"], "metadata": or(&given["metadata"], json!({})), "net_amount": given["amount"],
        "parent": null, "period": { "end": now, "start": now }, "pricing": null, "proration": false,
        "quantity": quantity, "quantity_decimal": number(&quantity).to_string(), "tax_rates": [], "test_clock": null,
    }))
}
