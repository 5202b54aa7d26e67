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
    let subscribes = call.params.get("mode") == Some(&Node::Text("subscription".to_owned()));
    let given = call.check(if subscribes { fields::SUBSCRIPTION_SESSION } else { fields::SESSION })?;
    if given["mode"] == "setup" || !(given["ui_mode"].is_null() || given["ui_mode"] == "hosted_page") {
        let message = "The sandbox simulates payments and subscriptions on the hosted page only.";
        return Err(ApiError::invalid(message).param("mode"));
    }
    let expires_at = expiry(&given, call.tx.now)?;
    line_items::check_tax(&given)?;
    let items = if subscribes {
        line_items::of_price(&mut call.tx, &given).await?
    } else {
        line_items::read(&given, call.tx.now)?
    };
    let details = customer_details(&mut call.tx, &given).await?;
    let id = new_id("cs_test_", 58)?;
    let computed = json!({
        "id": id, "created": call.tx.now, "expires_at": expires_at, "mode": given["mode"],
        "amount_subtotal": items.subtotal, "amount_total": items.subtotal + items.tax, "currency": items.currency,
        "customer_details": details, "payment_method_collection": if subscribes { "always" } else { "if_required" },
        "total_details": { "amount_discount": 0, "amount_shipping": 0, "amount_tax": items.tax },
        "url": call.page_url("pay", "c/pay", &id),
        "_sandbox": {
            "line_items": items.items, "price": items.price, "metadata": given["subscription_data"]["metadata"],
            "payment_intent_data": given["payment_intent_data"],
        },
    });
    let session = objects::checkout_session(&given, computed);
    call.tx.insert(&session, Some(&id)).await?;
    Ok(session)
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
