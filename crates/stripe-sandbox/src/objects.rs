//! Stripe's objects, as JSON, with every field that Stripe's schema requires and those that a shop reads.
//!
//! The shapes are those of the API version that `async-stripe` sends. `livemode` is never true here.

use serde_json::{Map, Value, json};

use super::error::ApiError;

/// The version whose shapes these are.
pub(super) const API_VERSION: &str = "2026-09-30.endive";

/// A new id such as `cus_Nf3k…`.
pub(super) fn id(prefix: &str, length: usize) -> Result<String, ApiError> {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut random = vec![0u8; length];
    getrandom::fill(&mut random)?;
    // The first letters come a little more often, which an id can bear.
    let letters = random.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]));
    Ok(prefix.chars().chain(letters).collect())
}

/// What an answer shows of a stored object.
pub(super) fn public(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.remove("_sandbox");
    }
    object
}

/// `GET` of a collection.
pub(super) fn list(url: &str, data: Vec<Value>, has_more: bool) -> Value {
    json!({ "object": "list", "url": url, "has_more": has_more, "data": data })
}

pub(super) fn customer(given: &Map<String, Value>, now: i64) -> Result<Value, ApiError> {
    let field = |name: &str| given.get(name).cloned().unwrap_or(Value::Null);
    Ok(joined([
        json!({
            "id": id("cus_", 14)?, "object": "customer", "created": now, "livemode": false,
            "address": field("address"), "balance": 0, "currency": null, "default_source": null, "delinquent": false,
            "description": field("description"), "discount": null, "email": field("email"),
            "invoice_prefix": id("", 8)?.to_uppercase(),
            "invoice_settings": {
                "custom_fields": null, "default_payment_method": null, "footer": null, "rendering_options": null,
            },
        }),
        json!({
            "metadata": given.get("metadata").cloned().unwrap_or_else(|| json!({})),
            "name": field("name"), "next_invoice_sequence": 1, "phone": field("phone"),
            "preferred_locales": given.get("preferred_locales").cloned().unwrap_or_else(|| json!([])),
            "shipping": null, "tax_exempt": "none", "test_clock": null,
        }),
    ]))
}

/// The payment behind a Checkout, as the first card is tried.
pub(super) fn payment_intent(session: &Value, now: i64) -> Result<Value, ApiError> {
    let intent = id("pi_3", 23)?;
    let data = &session["_sandbox"]["payment_intent_data"];
    Ok(joined([
        json!({
            "client_secret": format!("{intent}_secret_{}", id("", 25)?),
            "id": intent, "object": "payment_intent", "created": now, "livemode": false,
            "allowed_payment_method_types": session["allowed_payment_method_types"],
            "amount": session["amount_total"], "amount_capturable": 0, "amount_details": { "tip": {} },
            "amount_received": 0, "application": null, "application_fee_amount": null,
            "automatic_payment_methods": null, "canceled_at": null, "cancellation_reason": null,
        }),
        json!({
            "capture_method": "automatic_async", "confirmation_method": "automatic",
            "currency": session["currency"], "customer": session["customer"], "customer_account": null,
            "description": data["description"], "excluded_payment_method_types": null, "last_payment_error": null,
            "latest_charge": null, "metadata": map_or_empty(&data["metadata"]), "next_action": null,
        }),
        json!({
            "on_behalf_of": null, "payment_method": null, "payment_method_configuration_details": null,
            "payment_method_options": { "card": {
                "installments": null, "mandate_options": null, "network": null, "request_three_d_secure": "automatic",
            } },
            "payment_method_types": session["payment_method_types"], "processing": null,
        }),
        json!({
            "receipt_email": data["receipt_email"], "review": null, "setup_future_usage": null, "shipping": null,
            "statement_descriptor": null,
            "statement_descriptor_suffix": data["statement_descriptor_suffix"],
            "status": "requires_payment_method", "transfer_data": null, "transfer_group": null,
        }),
    ]))
}

/// One try of a card.
pub(super) struct Card<'a> {
    pub last4: &'a str,
    pub month: i64,
    pub year: i64,
    pub declined: bool,
}

/// The charge of one try. `details` are the customer's, from the Checkout.
pub(super) fn charge(intent: &Value, details: &Value, card: &Card<'_>, now: i64) -> Result<Value, ApiError> {
    let paid = !card.declined;
    let amount = intent["amount"].clone();
    let failure = if paid { (Value::Null, Value::Null) } else { ("card_declined".into(), DECLINED.into()) };
    Ok(joined([
        json!({
            "id": id("ch_3", 23)?, "object": "charge", "created": now, "livemode": false,
            "amount": amount, "amount_captured": if paid { amount.clone() } else { 0.into() }, "amount_refunded": 0,
            "application": null, "application_fee": null, "application_fee_amount": null, "balance_transaction": null,
            "billing_details": {
                "address": address(), "email": details["email"], "name": details["name"], "phone": null, "tax_id": null,
            },
        }),
        json!({
            "calculated_statement_descriptor": "SANDBOX", "captured": paid, "currency": intent["currency"],
            "customer": intent["customer"], "description": intent["description"], "disputed": false,
            "failure_balance_transaction": null, "failure_code": failure.0, "failure_message": failure.1,
            "fraud_details": {}, "metadata": intent["metadata"], "on_behalf_of": null, "outcome": outcome(paid),
        }),
        json!({
            "paid": paid, "payment_intent": intent["id"], "payment_method": id("pm_1", 23)?,
            "payment_method_details": { "type": "card", "card": card_details(card, &amount) },
            "receipt_email": intent["receipt_email"], "receipt_number": null,
            "receipt_url": null, "refunded": false, "review": null, "shipping": null,
            "source_transfer": null, "statement_descriptor": null, "statement_descriptor_suffix": null,
            "status": if paid { "succeeded" } else { "failed" }, "transfer_data": null, "transfer_group": null,
        }),
    ]))
}

/// The charge of a payment that clears later: begun like a card's, and pending.
pub(super) fn bank_charge(intent: &Value, details: &Value, method: &str, now: i64) -> Result<Value, ApiError> {
    let card = Card { last4: "6789", month: 1, year: 2034, declined: false };
    let mut charge = charge(intent, details, &card, now)?;
    let mut how = json!({ "type": method });
    how[method] = match method {
        "us_bank_account" => json!({
            "account_holder_type": "company", "account_type": "checking", "bank_name": "SANDBOX BANK",
            "fingerprint": "sandbox6789", "last4": "6789", "payment_reference": null, "routing_number": "110000000",
        }),
        _ => json!({ "fingerprint": "sandbox6789", "last4": "6789", "mandate": null }),
    };
    charge["payment_method_details"] = how;
    charge["status"] = "pending".into();
    charge["paid"] = false.into();
    charge["captured"] = false.into();
    charge["amount_captured"] = 0.into();
    Ok(charge)
}

/// What Stripe says of a declined card.
pub(super) const DECLINED: &str = "Your card was declined.";

fn outcome(paid: bool) -> Value {
    let (status, reason, message, kind) = if paid {
        ("approved_by_network", Value::Null, "Payment complete.", "authorized")
    } else {
        let why = "The bank did not return any further details with this decline.";
        ("declined_by_network", "generic_decline".into(), why, "issuer_declined")
    };
    json!({
        "advice_code": null, "network_advice_code": null, "network_decline_code": null, "network_status": status,
        "reason": reason, "risk_level": "normal", "seller_message": message, "type": kind,
    })
}

fn card_details(card: &Card<'_>, amount: &Value) -> Value {
    json!({
        "amount_authorized": amount, "authorization_code": null, "brand": "visa",
        "checks": { "address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass" },
        "country": "US", "exp_month": card.month, "exp_year": card.year, "fingerprint": format!("sandbox{}", card.last4),
        "funding": "credit", "installments": null, "last4": card.last4, "mandate": null, "network": "visa",
        "network_token": { "used": false }, "network_transaction_id": null, "regulated_status": "unregulated",
        "three_d_secure": null, "wallet": null,
    })
}

/// `payment_intent.last_payment_error` of a declined card.
pub(super) fn payment_error(charge: &Value) -> Value {
    json!({
        "type": "card_error", "code": "card_declined", "decline_code": "generic_decline",
        "charge": charge["id"], "message": DECLINED,
        "doc_url": "https://stripe.com/docs/error-codes/card-declined",
    })
}

/// The event that tells of an object as it is now.
pub(super) fn event(kind: &str, object: &Value, request: &Value, now: i64) -> Result<Value, ApiError> {
    Ok(json!({
        "id": id("evt_1", 23)?, "object": "event", "api_version": API_VERSION, "created": now, "livemode": false,
        "type": kind, "data": { "object": object }, "pending_webhooks": 1, "request": request,
    }))
}

/// One object of several: `json!` cannot write one as wide as Stripe's.
pub(super) fn joined<const N: usize>(parts: [Value; N]) -> Value {
    let fields = parts.into_iter().filter_map(|part| match part {
        Value::Object(fields) => Some(fields),
        _ => None,
    });
    Value::Object(fields.flatten().collect())
}

/// An address of which nothing is known.
pub(super) fn address() -> Value {
    json!({ "city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null })
}

/// `value`, or an empty object where there is none.
pub(super) fn map_or_empty(value: &Value) -> Value {
    if value.is_object() { value.clone() } else { json!({}) }
}
