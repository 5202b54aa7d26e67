//! A PaymentIntent, its charges, their refunds and disputes.

use serde_json::{Value, json};

use super::cards::{Card, Decline};
use super::json::{merge, new_id, or};
use crate::error::Result;

/// Seconds to answer a dispute.
const DUE_AFTER: i64 = 7 * 24 * 60 * 60;

const EVIDENCE: &str = "access_activity_log billing_address cancellation_policy cancellation_policy_disclosure \
    cancellation_rebuttal customer_communication customer_email_address customer_name customer_purchase_ip \
    customer_signature duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id \
    product_description receipt refund_policy refund_policy_disclosure refund_refusal_explanation service_date \
    service_documentation shipping_address shipping_carrier shipping_date shipping_documentation \
    shipping_tracking_number uncategorized_file uncategorized_text";

/// The payment of a Checkout before its first charge.
pub(crate) fn payment_intent(session: &Value, now: i64) -> Result<Value> {
    let amount = &session["amount_total"];
    intent_of(session, amount, &session["payment_method_types"], &session["_sandbox"]["payment_intent_data"], now)
}

/// The payment of an invoice before its first charge.
pub(crate) fn payment_intent_of_invoice(invoice: &Value, now: i64) -> Result<Value> {
    let data = json!({ "description": invoice["description"], "receipt_email": invoice["customer_email"] });
    intent_of(invoice, &invoice["amount_due"], &json!(["card"]), &data, now)
}

fn intent_of(sold: &Value, amount: &Value, methods: &Value, data: &Value, now: i64) -> Result<Value> {
    let intent = new_id("pi_3", 23)?;
    Ok(json!({
        "client_secret": format!("{intent}_secret_{}", new_id("", 25)?),
        "id": intent, "object": "payment_intent", "created": now, "livemode": false,
        "allowed_payment_method_types": sold["allowed_payment_method_types"],
        "amount": amount, "amount_capturable": 0, "amount_details": { "tip": {} },
        "amount_received": 0, "application": null, "application_fee_amount": null,
        "automatic_payment_methods": null, "canceled_at": null, "cancellation_reason": null,
        "capture_method": "automatic_async", "confirmation_method": "automatic",
        "currency": sold["currency"], "customer": sold["customer"], "customer_account": null,
        "description": data["description"], "excluded_payment_method_types": null, "last_payment_error": null,
        "latest_charge": null, "metadata": or(&data["metadata"], json!({})), "next_action": null,
        "on_behalf_of": null, "payment_method": null, "payment_method_configuration_details": null,
        "payment_method_options": { "card": {
            "installments": null, "mandate_options": null, "network": null, "request_three_d_secure": "automatic",
        } },
        "payment_method_types": methods, "processing": null,
        "receipt_email": data["receipt_email"], "review": null, "setup_future_usage": null, "shipping": null,
        "statement_descriptor": null, "statement_descriptor_suffix": data["statement_descriptor_suffix"],
        "status": "requires_payment_method", "transfer_data": null, "transfer_group": null,
    }))
}

/// The charge of one attempt. `details` are the customer's.
pub(crate) fn charge(intent: &Value, details: &Value, card: Card, decline: Option<Decline>, now: i64) -> Result<Value> {
    let (paid, amount) = (decline.is_none(), &intent["amount"]);
    Ok(json!({
        "id": new_id("ch_3", 23)?, "object": "charge", "created": now, "livemode": false,
        "amount": amount, "amount_captured": if paid { amount.clone() } else { 0.into() }, "amount_refunded": 0,
        "application": null, "application_fee": null, "application_fee_amount": null, "balance_transaction": null,
        "billing_details": {
            "address": {
                "city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null,
            },
            "email": details["email"], "name": details["name"], "phone": null, "tax_id": null,
        },
        "calculated_statement_descriptor": "SANDBOX", "captured": paid, "currency": intent["currency"],
        "customer": intent["customer"], "description": intent["description"], "disputed": false,
        "failure_balance_transaction": null, "failure_code": decline.map(|decline| decline.code),
        "failure_message": decline.map(|decline| decline.message),
        "fraud_details": {}, "metadata": intent["metadata"], "on_behalf_of": null, "outcome": outcome(decline),
        "paid": paid, "payment_intent": intent["id"], "payment_method": new_id("pm_1", 23)?,
        "payment_method_details": { "type": "card", "card": card_details(card, amount) },
        "receipt_email": intent["receipt_email"], "receipt_number": null,
        "receipt_url": null, "refunded": false, "review": null, "shipping": null,
        "source_transfer": null, "statement_descriptor": null, "statement_descriptor_suffix": null,
        "status": if paid { "succeeded" } else { "failed" }, "transfer_data": null, "transfer_group": null,
    }))
}

fn outcome(decline: Option<Decline>) -> Value {
    let (status, reason, message, kind) = match decline {
        None => ("approved_by_network", None, "Payment complete.", "authorized"),
        Some(decline) => {
            let message = "The bank did not return any further details with this decline.";
            ("declined_by_network", Some(decline.decline_code), message, "issuer_declined")
        }
    };
    let advice = decline.map(|decline| decline.advice_code).filter(|advice| !advice.is_empty());
    json!({
        "advice_code": advice, "network_advice_code": null, "network_decline_code": null, "network_status": status,
        "reason": reason, "risk_level": "normal", "seller_message": message, "type": kind,
    })
}

fn card_details(card: Card, amount: &Value) -> Value {
    json!({
        "amount_authorized": amount, "authorization_code": null, "brand": "visa",
        "checks": { "address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass" },
        "country": "US", "exp_month": card.month, "exp_year": card.year, "fingerprint": card.test.fingerprint(),
        "funding": "credit", "installments": null, "last4": card.test.last4(), "mandate": null, "network": "visa",
        "network_token": { "used": false }, "network_transaction_id": null, "regulated_status": "unregulated",
        "three_d_secure": null, "wallet": null,
    })
}

/// The pending charge of a bank payment.
pub(crate) fn bank_charge(intent: &Value, details: &Value, method: &str, now: i64) -> Result<Value> {
    let account = match method {
        "us_bank_account" => json!({
            "account_holder_type": "company", "account_type": "checking", "bank_name": "SANDBOX BANK",
            "fingerprint": "sandbox6789", "last4": "6789", "payment_reference": null, "routing_number": "110000000",
        }),
        _ => json!({ "fingerprint": "sandbox6789", "last4": "6789", "mandate": null }),
    };
    let mut charge = charge(intent, details, Card::GOOD, None, now)?;
    let details = json!({ "type": method, method: account });
    merge(&mut charge, json!({ "payment_method_details": details, "status": "pending", "amount_captured": 0 }));
    merge(&mut charge, json!({ "paid": false, "captured": false }));
    Ok(charge)
}

/// `payment_intent.last_payment_error` after a decline. No `charge` was made where the cardholder did not confirm.
pub(crate) fn payment_error(decline: Decline, charge: Option<&Value>) -> Value {
    let mut error = json!({
        "type": "card_error", "code": decline.code, "message": decline.message,
        "doc_url": format!("https://stripe.com/docs/error-codes/{}", decline.code.replace('_', "-")),
    });
    let codes = [("decline_code", decline.decline_code), ("advice_code", decline.advice_code)];
    for (name, code) in codes.into_iter().filter(|(_, code)| !code.is_empty()) {
        error[name] = code.into();
    }
    if let Some(charge) = charge {
        error["charge"] = charge["id"].clone();
    }
    error
}

/// A refund of `amount`. `given` are the parameters of the request.
pub(crate) fn refund(charge: &Value, given: &Value, amount: i64, now: i64) -> Result<Value> {
    Ok(json!({
        "id": new_id("re_3", 23)?, "object": "refund", "amount": amount, "balance_transaction": null,
        "charge": charge["id"], "created": now, "currency": charge["currency"], "customer": charge["customer"],
        "customer_account": null,
        "destination_details": { "type": "card", "card": { "reference_status": "pending", "type": "refund" } },
        "metadata": or(&given["metadata"], json!({})), "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"], "reason": given["reason"], "receipt_number": null,
        "source_transfer_reversal": null, "status": "succeeded", "transfer_reversal": null,
    }))
}

/// A dispute of `amount`, or of the whole charge. `status` is one of Stripe's.
pub(crate) fn dispute(charge: &Value, amount: Option<i64>, status: &str, now: i64) -> Result<Value> {
    let mut evidence: Value = EVIDENCE.split(' ').map(|name| (name, Value::Null)).collect();
    evidence["enhanced_evidence"] = json!({});
    Ok(json!({
        "id": new_id("du_1", 23)?, "object": "dispute", "amount": amount.map_or(charge["amount"].clone(), Value::from),
        "balance_transactions": [], "charge": charge["id"], "created": now, "currency": charge["currency"],
        "enhanced_eligibility_types": [], "evidence": evidence,
        "evidence_details": {
            "due_by": now + DUE_AFTER, "enhanced_eligibility": {}, "has_evidence": false, "past_due": false,
            "submission_count": 0,
        },
        "is_charge_refundable": status.starts_with("warning_"), "livemode": false, "metadata": {},
        "payment_intent": charge["payment_intent"], "reason": "fraudulent", "status": status,
    }))
}

/// True if a dispute with this status is over.
pub(crate) fn is_closed(status: &str) -> bool {
    matches!(status, "won" | "lost" | "warning_closed" | "prevented")
}
