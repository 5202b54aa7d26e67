//! Stripe's objects, as JSON: every field that Stripe's schema requires and those that a shop reads.
//!
//! The shapes are those of [`API_VERSION`]. `livemode` is never true. `_sandbox` holds data that no answer shows.

mod billing;
mod cards;
mod checkout;
mod invoice;
mod json;
mod payment;
mod saved_card;

use serde_json::{Value, json};

pub(crate) use self::billing::{is_living, period_end, price, subscription};
pub(crate) use self::cards::{Answer, Card, Decline};
pub(crate) use self::checkout::{checkout_session, line_item, line_item_list};
pub(crate) use self::invoice::{add_line, draft_invoice, invoice, invoice_item, invoice_payment, issue, set_totals};
pub(crate) use self::json::{id_of, items, list, merge, new_id, number, or, public, text};
pub(crate) use self::payment::{
    bank_charge, charge, dispute, is_closed, payment_error, payment_intent, payment_intent_of_invoice, refund,
};
pub(crate) use self::saved_card::{payment_method, setup_intent};
use crate::error::Result;

pub(crate) const API_VERSION: &str = "2026-09-30.endive";

/// When the clock changes an object by itself: an open Checkout expires, a bank payment clears, a period ends.
pub(crate) fn due_at(object: &Value) -> Option<i64> {
    let due_at = match text(&object["object"]) {
        "subscription" if is_living(object) => &object["items"]["data"][0]["current_period_end"],
        "checkout.session" if object["status"] == "open" => &object["expires_at"],
        "checkout.session" => &object["_sandbox"]["clears_at"],
        _ => &Value::Null,
    };
    due_at.as_i64()
}

pub(crate) fn customer(given: &Value, now: i64) -> Result<Value> {
    Ok(json!({
        "id": new_id("cus_", 14)?, "object": "customer", "created": now, "livemode": false,
        "address": given["address"], "balance": 0, "currency": null, "default_source": null, "delinquent": false,
        "description": given["description"], "discount": null, "email": given["email"],
        "invoice_prefix": new_id("", 8)?.to_uppercase(),
        "invoice_settings": {
            "custom_fields": null, "default_payment_method": null, "footer": null, "rendering_options": null,
        },
        "metadata": or(&given["metadata"], json!({})), "name": given["name"], "next_invoice_sequence": 1,
        "phone": given["phone"], "preferred_locales": or(&given["preferred_locales"], json!([])),
        "shipping": null, "tax_exempt": "none", "test_clock": null,
    }))
}

/// The event about an object as it is now.
pub(crate) fn event(kind: &str, object: Value, request: &Value, now: i64) -> Result<Value> {
    Ok(json!({
        "id": new_id("evt_1", 23)?, "object": "event", "api_version": API_VERSION, "created": now, "livemode": false,
        "type": kind, "data": { "object": public(object) }, "pending_webhooks": 1, "request": request,
    }))
}

/// The second value is the endpoint's signing secret.
pub(crate) fn webhook_endpoint(given: &Value, now: i64) -> Result<(Value, String)> {
    let secret = new_id("whsec_", 32)?;
    let endpoint = json!({
        "_sandbox": { "secret": secret },
        "id": new_id("we_1", 23)?, "object": "webhook_endpoint", "created": now, "livemode": false,
        "api_version": given["api_version"], "application": null, "description": given["description"],
        "enabled_events": given["enabled_events"], "metadata": or(&given["metadata"], json!({})),
        "status": "enabled", "url": given["url"],
    });
    Ok((endpoint, secret))
}

pub(crate) fn portal_session(given: &Value, id: &str, url: &str, now: i64) -> Result<Value> {
    Ok(json!({
        "url": url, "id": id, "object": "billing_portal.session", "created": now,
        "configuration": new_id("bpc_1", 23)?, "customer": given["customer"], "customer_account": null, "flow": null,
        "livemode": false, "locale": null, "on_behalf_of": null, "return_url": given["return_url"],
    }))
}
