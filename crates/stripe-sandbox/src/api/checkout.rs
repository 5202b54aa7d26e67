//! Checkout Sessions by the API.

use serde_json::{Value, json};

use super::call::Call;
use super::{customers, line_items};
use crate::actions::due;
use crate::error::{ApiError, Result};
use crate::objects::{self, new_id, text};
use crate::params::fields;
use crate::params::form::Node;
use crate::store::Transaction;

const SOONEST: i64 = 30 * 60;
const LATEST: i64 = 24 * 60 * 60;

/// `POST /v1/checkout/sessions`
pub(super) async fn create(call: &mut Call) -> Result<Value> {
    let mode = match call.params.get("mode") {
        Some(Node::Text(mode)) => mode.clone(),
        _ => String::new(),
    };
    let given = call.check(match mode.as_str() {
        "setup" => fields::SETUP_SESSION,
        "subscription" => fields::SUBSCRIPTION_SESSION,
        _ => fields::SESSION,
    })?;
    if !(given["ui_mode"].is_null() || given["ui_mode"] == "hosted_page") {
        return Err(ApiError::invalid("The sandbox simulates the hosted page only.").param("ui_mode"));
    }
    let expires_at = expiry(&given, call.tx.now)?;
    let details = customer_details(&mut call.tx, &given).await?;
    let id = new_id("cs_test_", 58)?;
    let mut session = json!({
        "id": id, "created": call.tx.now, "expires_at": expires_at, "mode": given["mode"],
        "customer_details": details, "url": call.page_url("pay", "c/pay", &id),
    });
    let (fields, intent) = match mode.as_str() {
        "setup" => setup(call, &given)?,
        _ => (sale(call, &given, mode == "subscription").await?, None),
    };
    objects::merge(&mut session, fields);
    session["_sandbox"]["saves_address"] = (given["customer_update"]["address"] == "auto").into();
    let session = objects::checkout_session(&given, session);
    call.tx.insert(&session, Some(&id)).await?;
    if let Some(intent) = intent {
        call.tx.insert(&intent, Some(&id)).await?;
    }
    Ok(session)
}

/// The fields of a session that sells something.
async fn sale(call: &mut Call, given: &Value, subscribes: bool) -> Result<Value> {
    line_items::check_tax(given)?;
    let items = if subscribes {
        line_items::of_price(&mut call.tx, given).await?
    } else {
        line_items::read(given, call.tx.now)?
    };
    Ok(json!({
        "amount_subtotal": items.subtotal, "amount_total": items.subtotal + items.tax, "currency": items.currency,
        "payment_method_collection": if subscribes { "always" } else { "if_required" },
        "total_details": { "amount_discount": 0, "amount_shipping": 0, "amount_tax": items.tax },
        "_sandbox": {
            "line_items": items.items, "price": items.price, "metadata": given["subscription_data"]["metadata"],
            "payment_intent_data": given["payment_intent_data"],
        },
    }))
}

/// The fields of a session that saves a card, and its SetupIntent.
fn setup(call: &Call, given: &Value) -> Result<(Value, Option<Value>)> {
    if given["currency"].is_null() && given["allowed_payment_method_types"].is_null() {
        return Err(ApiError::missing("currency"));
    }
    let intent = objects::setup_intent(given, call.tx.now)?;
    let fields = json!({
        "amount_subtotal": null, "amount_total": null, "currency": given["currency"], "total_details": null,
        "payment_method_collection": "always", "payment_status": "no_payment_required", "setup_intent": intent["id"],
        "_sandbox": { "line_items": [] },
    });
    Ok((fields, Some(intent)))
}

fn expiry(given: &Value, now: i64) -> Result<i64> {
    let expires_at = given["expires_at"].as_i64().unwrap_or(now + LATEST);
    let refuse = |message: &str| Err(ApiError::invalid(message).param("expires_at"));
    if expires_at < now.saturating_add(SOONEST) {
        return refuse("The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.");
    }
    if expires_at > now.saturating_add(LATEST) {
        return refuse("The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.");
    }
    Ok(expires_at)
}

/// The customer's details that are known before the page is filled in.
async fn customer_details(tx: &mut Transaction, given: &Value) -> Result<Value> {
    let (email, name) = match given["customer"].as_str() {
        Some(customer) if !given["customer_email"].is_null() => {
            let message =
                format!("You may only specify one of these parameters: customer ({customer}), customer_email.");
            return Err(ApiError::invalid(message).param("customer_email"));
        }
        Some(customer) => {
            let customer = customers::named(tx, customer).await?;
            (customer["email"].clone(), customer["name"].clone())
        }
        None if given["customer_email"].is_null() => return Ok(Value::Null),
        None => (given["customer_email"].clone(), Value::Null),
    };
    Ok(json!({
        "address": null, "business_name": null, "email": email, "individual_name": null, "name": name, "phone": null,
        "tax_exempt": "none", "tax_ids": null,
    }))
}

/// `POST /v1/checkout/sessions/{id}/expire`
pub(super) async fn expire(call: &mut Call, id: &str) -> Result<Value> {
    let session = call.retrieve("checkout.session", id).await?;
    if session["status"] != "open" {
        let message = format!(
            "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of {}.",
            text(&session["status"])
        );
        return Err(ApiError::invalid(message).param("session"));
    }
    call.name_request();
    due::expire(&mut call.tx, session).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::expiry;

    #[test]
    fn a_checkout_lives_between_thirty_minutes_and_a_day() {
        let check = |seconds: i64, accepted: bool| {
            assert_eq!(expiry(&json!({ "expires_at": 1000 + seconds }), 1000).is_ok(), accepted, "{seconds}");
        };
        check(30 * 60, true);
        check(30 * 60 - 1, false);
        check(24 * 60 * 60, true);
        check(24 * 60 * 60 + 1, false);
        check(-1000, false);
        assert_eq!(expiry(&json!({}), 1000).ok(), Some(1000 + 24 * 60 * 60));
    }
}
