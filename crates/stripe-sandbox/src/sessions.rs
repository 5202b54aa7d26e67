//! Checkout sessions: made, read, listed, expired.
//!
//! Invariant: a session leaves `open` once, for `complete` or `expired`. Its time is the product's clock,
//! which may stand still and jump, so every reader expires what is overdue first ([`catch_up`]).

use serde_json::{Map, Value, json};
use sqlx::SqliteConnection;

use super::api::Call;
use super::error::ApiError;
use super::form::Node;
use super::objects::{self, id, map_or_empty};
use super::{customers, delayed, dunning, events, lines, params, schema, store, subscriptions};

const SOONEST: i64 = 30 * 60;
const LATEST: i64 = 24 * 60 * 60;

/// `POST /v1/checkout/sessions`
pub(super) async fn create(call: &mut Call<'_>) -> Result<Value, ApiError> {
    if call.params.get("mode") == Some(&Node::Text("subscription".to_owned())) {
        return subscriptions::open(call).await;
    }
    params::refuse_unsimulated(&call.params)?;
    let given = schema::check(params::SESSION, &call.params)?;
    if given["mode"] != "payment" || given.get("ui_mode").is_some_and(|mode| mode != "hosted_page") {
        return Err(ApiError::invalid("The sandbox simulates payments and subscriptions on the hosted page only.")
            .param("mode"));
    }
    let expires_at = expiry(&given, call.now)?;
    lines::check_tax(&given)?;
    let items = lines::read(&given, call.now)?;
    let details = customer_details(call.conn, &given).await?;
    let session_id = id("cs_test_", 58)?;
    let computed = json!({
        "id": session_id, "created": call.now, "expires_at": expires_at, "currency": items.currency,
        "amount_subtotal": items.subtotal, "amount_total": items.subtotal + items.tax, "customer_details": details,
        "total_details": { "amount_discount": 0, "amount_shipping": 0, "amount_tax": items.tax },
        "url": call.checkout_url(&session_id),
        "_sandbox": { "base": call.base, "line_items": items.lines, "payment_intent_data": given.get("payment_intent_data") },
    });
    let session = objects::joined([session(&given), computed]);
    store::insert(call.conn, "checkout.session", Some(&session_id), &session).await?;
    Ok(session)
}

pub(super) fn expiry(given: &Map<String, Value>, now: i64) -> Result<i64, ApiError> {
    let Some(expires_at) = given.get("expires_at").and_then(Value::as_i64) else { return Ok(now + LATEST) };
    let refuse = |message: &str| Err(ApiError::invalid(message).param("expires_at"));
    if expires_at < now.saturating_add(SOONEST) {
        return refuse("The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.");
    }
    if expires_at > now.saturating_add(LATEST) {
        return refuse("The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.");
    }
    Ok(expires_at)
}

/// Who pays, as far as it is known before the page is filled in.
pub(super) async fn customer_details(
    conn: &mut SqliteConnection,
    given: &Map<String, Value>,
) -> Result<Value, ApiError> {
    let (email, name) = match given.get("customer").and_then(Value::as_str) {
        Some(customer) if given.contains_key("customer_email") => {
            let message =
                format!("You may only specify one of these parameters: customer ({customer}), customer_email.");
            return Err(ApiError::invalid(message).param("customer_email"));
        }
        Some(customer) => {
            let known = customers::named(conn, customer).await?;
            (known["email"].clone(), known["name"].clone())
        }
        None => match given.get("customer_email") {
            Some(email) => (email.clone(), Value::Null),
            None => return Ok(Value::Null),
        },
    };
    Ok(json!({
        "address": null, "business_name": null, "email": email, "individual_name": null, "name": name, "phone": null,
        "tax_exempt": "none", "tax_ids": null,
    }))
}

/// All that does not have to be worked out: what was given, and Stripe's defaults.
pub(super) fn session(given: &Map<String, Value>) -> Value {
    let field = |name: &str| given.get(name).cloned().unwrap_or(Value::Null);
    let enabled = |name: &str| given.get(name).map_or(json!(false), |value| value["enabled"].clone());
    let text = |name: &str| given.get("custom_text").map_or(Value::Null, |texts| texts[name].clone());
    let taxed = enabled("automatic_tax") == true;
    let invoice_metadata =
        given.get("invoice_creation").map_or_else(|| json!({}), |it| map_or_empty(&it["invoice_data"]["metadata"]));
    let given = json!({
        "allow_promotion_codes": field("allow_promotion_codes"),
        "allowed_payment_method_types": field("allowed_payment_method_types"),
        "automatic_tax": {
            "enabled": taxed, "liability": null, "provider": null,
            // The sandbox's customers all live where the rate is the one it knows.
            "status": if taxed { "complete".into() } else { Value::Null },
        },
        "billing_address_collection": field("billing_address_collection"), "cancel_url": field("cancel_url"),
        "client_reference_id": field("client_reference_id"),
        "custom_text": {
            "after_submit": text("after_submit"), "shipping_address": null, "submit": text("submit"),
            "terms_of_service_acceptance": text("terms_of_service_acceptance"),
        },
        "customer": field("customer"), "customer_email": field("customer_email"),
        "customer_creation": if given.contains_key("customer") { Value::Null } else { "if_required".into() },
        "invoice_creation": { "enabled": enabled("invoice_creation"), "invoice_data": {
            "account_tax_ids": null, "custom_fields": null, "description": null, "footer": null, "issuer": null,
            "metadata": invoice_metadata, "rendering_options": null,
        } },
        "locale": field("locale"), "metadata": map_or_empty(&field("metadata")),
        "payment_method_types":
            given.get("allowed_payment_method_types").cloned().unwrap_or_else(|| json!(["card"])),
        "phone_number_collection": { "enabled": enabled("phone_number_collection") },
        "submit_type": field("submit_type"), "success_url": field("success_url"),
        "tax_id_collection": { "enabled": enabled("tax_id_collection"), "required": "never" },
    });
    objects::joined([given, defaults()])
}

fn defaults() -> Value {
    let plain = json!({
        "object": "checkout.session", "livemode": false, "mode": "payment", "ui_mode": "hosted_page",
        "status": "open", "payment_status": "unpaid", "adaptive_pricing": { "enabled": false },
        "custom_fields": [], "discounts": [], "managed_payments": { "enabled": false },
        "payment_method_collection": "if_required", "payment_method_options": {}, "shipping_options": [],
    });
    let absent = [
        "after_expiration",
        "client_secret",
        "collected_information",
        "consent",
        "consent_collection",
        "currency_conversion",
        "customer_account",
        "integration_identifier",
        "invoice",
        "origin_context",
        "payment_intent",
        "payment_link",
        "payment_method_configuration_details",
        "permissions",
        "recovered_from",
        "saved_payment_method_options",
        "setup_intent",
        "shipping_address_collection",
        "shipping_cost",
        "subscription",
        "wallet_options",
    ];
    objects::joined([plain, absent.into_iter().map(|name| (name, Value::Null)).collect()])
}

/// `GET /v1/checkout/sessions/{id}`
pub(super) async fn retrieve(call: &mut Call<'_>, session: &str) -> Result<Value, ApiError> {
    schema::check(params::ONE, &call.params)?;
    catch_up(call.conn, call.now, call.lost).await?;
    find(call.conn, session).await
}

/// `POST /v1/checkout/sessions/{id}/expire`
pub(super) async fn expire(call: &mut Call<'_>, session: &str) -> Result<Value, ApiError> {
    schema::check(params::ONE, &call.params)?;
    catch_up(call.conn, call.now, call.lost).await?;
    let session = find(call.conn, session).await?;
    if session["status"] != "open" {
        let status = session["status"].as_str().unwrap_or_default();
        let message = format!(
            "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of {status}."
        );
        return Err(ApiError::invalid(message).param("session"));
    }
    let request = call.request();
    close(call.conn, session, &request, call.now, call.lost).await
}

/// The session, or Stripe's 404.
pub(super) async fn find(conn: &mut SqliteConnection, session: &str) -> Result<Value, ApiError> {
    let found = store::find(conn, "checkout.session", session).await?;
    found.ok_or_else(|| ApiError::no_such("checkout.session", session))
}

/// Does what the clock has overtaken, each at its own instant: open sessions expire, bank payments clear, subscriptions
/// are billed for their next periods.
pub(super) async fn catch_up(conn: &mut SqliteConnection, now: i64, lost: bool) -> Result<(), ApiError> {
    // What is done may leave the next of its kind due.
    while let Some(session) = store::overdue(conn, now).await? {
        let at = store::due_at(&session).unwrap_or(now);
        if session["object"] == "subscription" {
            dunning::renew(conn, session, at, lost).await?;
        } else if session["status"] == "open" {
            close(conn, session, &events::nobody(), at, lost).await?;
        } else if session["_sandbox"]["refused"] == true {
            delayed::bounce(conn, session, at, lost).await?;
        } else {
            delayed::clear(conn, session, at, lost).await?;
        }
    }
    Ok(())
}

async fn close(
    conn: &mut SqliteConnection,
    mut session: Value,
    request: &Value,
    at: i64,
    lost: bool,
) -> Result<Value, ApiError> {
    session["status"] = "expired".into();
    session["url"] = Value::Null;
    store::save(conn, &session).await?;
    let subject = session["id"].as_str().unwrap_or_default();
    events::emit(conn, "checkout.session.expired", &session, subject, request, at, lost).await?;
    Ok(session)
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::{expiry, objects};

    #[test]
    fn a_checkout_lives_between_thirty_minutes_and_a_day() {
        let check = |seconds: i64, accepted: bool| {
            let given = Map::from_iter([("expires_at".to_owned(), json!(1000 + seconds))]);
            assert_eq!(expiry(&given, 1000).is_ok(), accepted, "{seconds}");
        };
        check(30 * 60, true);
        check(30 * 60 - 1, false);
        check(24 * 60 * 60, true);
        check(24 * 60 * 60 + 1, false);
        check(-1000, false);
        assert_eq!(expiry(&Map::new(), 1000).ok(), Some(1000 + 24 * 60 * 60));
    }

    #[test]
    fn what_the_sandbox_keeps_to_itself_is_not_answered() {
        let shown = objects::public(json!({ "id": "cs_1", "_sandbox": { "line_items": [] } }));
        assert_eq!(shown, Value::Object(Map::from_iter([("id".to_owned(), json!("cs_1"))])));
    }
}
