//! A saved card and the SetupIntent that saved it.

use serde_json::{Value, json};

use super::cards::Card;
use super::json::{new_id, or};
use crate::error::Result;

/// A card as a PaymentMethod, of no customer yet. `details` are the customer's.
pub(crate) fn payment_method(card: Card, details: &Value, now: i64) -> Result<Value> {
    let no_address =
        json!({ "city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null });
    Ok(json!({
        "id": new_id("pm_1", 23)?, "object": "payment_method", "created": now, "livemode": false, "type": "card",
        "allow_redisplay": "limited", "customer": null, "customer_account": null, "metadata": {},
        "billing_details": {
            "address": or(&details["address"], no_address),
            "email": details["email"], "name": details["name"], "phone": null, "tax_id": null,
        },
        "card": {
            "brand": "visa",
            "checks": { "address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass" },
            "country": "US", "display_brand": "visa", "exp_month": card.month, "exp_year": card.year,
            "fingerprint": card.test.fingerprint(), "funding": "credit", "generated_from": null,
            "last4": card.test.last4(), "networks": { "available": ["visa"], "preferred": null },
            "regulated_status": "unregulated", "three_d_secure_usage": { "supported": true }, "wallet": null,
        },
    }))
}

/// The SetupIntent of a Checkout in setup mode. `given` are the parameters of the request.
pub(crate) fn setup_intent(given: &Value, now: i64) -> Result<Value> {
    let intent = new_id("seti_1", 23)?;
    let data = &given["setup_intent_data"];
    Ok(json!({
        "client_secret": format!("{intent}_secret_{}", new_id("", 25)?),
        "id": intent, "object": "setup_intent", "created": now, "livemode": false, "application": null,
        "automatic_payment_methods": null, "cancellation_reason": null, "customer": given["customer"],
        "customer_account": null, "description": data["description"], "excluded_payment_method_types": null,
        "flow_directions": null, "last_setup_error": null, "latest_attempt": null, "mandate": null,
        "metadata": or(&data["metadata"], json!({})), "next_action": null, "on_behalf_of": null,
        "payment_method": null, "payment_method_configuration_details": null,
        "payment_method_options": { "card": { "mandate_options": null, "network": null,
            "request_three_d_secure": "automatic" } },
        "payment_method_types": ["card"], "allowed_payment_method_types": given["allowed_payment_method_types"],
        "single_use_mandate": null, "status": "requires_payment_method", "usage": "off_session",
    }))
}
