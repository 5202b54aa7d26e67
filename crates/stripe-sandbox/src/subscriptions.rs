//! Subscriptions: begun by a Checkout, billed by the clock, changed by the API, the portal, or a test.
//!
//! Owns: the object, its prices, what the API reads and writes of it. Every price is a month's. Invariant: a change
//! and its events are one transaction. What a bank and its retries do is in [`super::dunning`].

use chrono::{DateTime, Months, Utc};
use serde_json::{Value, json};
use sqlx::SqliteConnection;

use super::api::Call;
use super::error::ApiError;
use super::objects::{self, id, map_or_empty};
use super::payments::id_of;
use super::{events, invoices, lines, lists, params, schema, sessions, store};

const KIND: &str = "subscription";

/// Statuses of a subscription that goes on.
pub(super) const LIVING: [&str; 3] = ["trialing", "active", "past_due"];

/// When and how a change is told.
#[derive(Clone, Copy)]
pub(super) struct Tell {
    pub now: i64,
    pub lost: bool,
}

/// `POST /v1/checkout/sessions` with `mode=subscription`
pub(super) async fn open(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let given = schema::check(params::SUBSCRIPTION_SESSION, &call.params)?;
    let expires_at = sessions::expiry(&given, call.now)?;
    lines::check_tax(&given)?;
    let item = given["line_items"].as_array().and_then(|items| items.first()).cloned();
    let item = item.ok_or_else(|| ApiError::missing("line_items"))?;
    let price = price(call.conn, item["price"].as_str().unwrap_or_default()).await?;
    let amount = price["unit_amount"].as_i64().unwrap_or_default();
    let taxed = given.get("automatic_tax").is_some_and(|tax| tax["enabled"] == true);
    let tax = if taxed { lines::tax_of(amount, price["currency"].as_str().unwrap_or_default()) } else { 0 };
    let details = sessions::customer_details(call.conn, &given).await?;
    let session_id = id("cs_test_", 58)?;
    let computed = json!({
        "id": session_id, "created": call.now, "expires_at": expires_at, "mode": "subscription",
        "amount_subtotal": amount, "amount_total": amount + tax, "currency": price["currency"],
        "customer_details": details, "payment_method_collection": "always",
        "total_details": { "amount_discount": 0, "amount_shipping": 0, "amount_tax": tax },
        "url": call.checkout_url(&session_id),
        "_sandbox": {
            "base": call.base, "price": price["id"], "metadata": given.get("subscription_data").map(|data| data["metadata"].clone()),
            "line_items": [{ "description": format!("{}, monthly", price["nickname"].as_str().unwrap_or("Plan")) }],
        },
    });
    let session = objects::joined([sessions::session(&given), computed]);
    store::insert(call.conn, "checkout.session", Some(&session_id), &session).await?;
    Ok(session)
}

/// A Checkout was paid: its subscription begins.
pub(super) async fn begin(conn: &mut SqliteConnection, mut session: Value, tell: Tell) -> Result<Value, ApiError> {
    let price = price(conn, session["_sandbox"]["price"].as_str().unwrap_or_default()).await?;
    let new = subscription(&session["customer"], &price, &session["_sandbox"], tell.now)?;
    let made = make(conn, new, tell).await?;
    session["subscription"] = made["id"].clone();
    session["invoice"] = made["latest_invoice"].clone();
    session["status"] = "complete".into();
    session["payment_status"] = "paid".into();
    session["url"] = Value::Null;
    store::save(conn, &session).await?;
    let (nobody, subject) = (events::nobody(), id_of(&session).to_owned());
    events::emit(conn, "checkout.session.completed", &session, &subject, &nobody, tell.now, tell.lost).await?;
    Ok(session)
}

/// Keeps a new subscription, with its first invoice, which is paid.
pub(super) async fn make(conn: &mut SqliteConnection, mut new: Value, tell: Tell) -> Result<Value, ApiError> {
    let subject = id_of(&new).to_owned();
    let invoice = invoices::of_subscription(conn, &new, "subscription_create", true, tell.now).await?;
    new["latest_invoice"] = invoice["id"].clone();
    store::insert(conn, KIND, Some(&subject), &new).await?;
    told(conn, "customer.subscription.created", &new, tell).await?;
    events::emit(conn, "invoice.paid", &invoice, &subject, &events::nobody(), tell.now, tell.lost).await?;
    Ok(new)
}

/// A subscription to `price` from `now` on. `kept` has the sandbox's base and the metadata.
pub(super) fn subscription(customer: &Value, price: &Value, kept: &Value, now: i64) -> Result<Value, ApiError> {
    let subscription = id("sub_1", 23)?;
    let item = json!({
        "id": id("si_", 14)?, "object": "subscription_item", "billing_thresholds": null, "created": now,
        "current_period_start": now, "current_period_end": boundary(now, 1), "discounts": [], "metadata": {},
        "plan": null, "price": price, "quantity": 1, "subscription": subscription, "tax_rates": [],
    });
    Ok(objects::joined([
        json!({
            "id": subscription, "object": KIND, "created": now, "livemode": false, "status": "active",
            "application": null, "application_fee_percent": null,
            "automatic_tax": { "disabled_reason": null, "enabled": false, "liability": null },
            "billing_cycle_anchor": now, "billing_cycle_anchor_config": null,
            "billing_mode": { "type": "flexible", "flexible": null }, "billing_schedules": [],
            "billing_thresholds": null, "cancel_at": null, "cancel_at_period_end": false, "canceled_at": null,
            "cancellation_details": { "comment": null, "feedback": null, "reason": null },
        }),
        json!({
            "collection_method": "charge_automatically", "currency": price["currency"], "customer": customer,
            "customer_account": null, "days_until_due": null, "default_payment_method": null, "default_source": null,
            "default_tax_rates": [], "description": null, "discounts": [], "ended_at": null,
            "invoice_settings": { "account_tax_ids": null, "issuer": { "type": "self" } },
            "items": objects::list(&format!("/v1/subscription_items?subscription={subscription}"), vec![item], false),
            "latest_invoice": null, "metadata": map_or_empty(&kept["metadata"]), "next_pending_invoice_item_invoice": null,
        }),
        json!({
            "on_behalf_of": null, "pause_collection": null,
            "payment_settings": {
                "payment_method_options": null, "payment_method_types": null, "save_default_payment_method": "off",
            },
            "pending_invoice_item_interval": null, "pending_setup_intent": null, "pending_update": null,
            "schedule": null, "start_date": now, "test_clock": null, "transfer_data": null, "trial_end": null,
            "trial_settings": { "end_behavior": { "missing_payment_method": "create_invoice" } }, "trial_start": null,
            "_sandbox": { "base": kept["base"], "periods": 1, "declined": false },
        }),
    ]))
}

/// So many months after an anchor, in seconds.
pub(super) fn boundary(anchor: i64, months: i64) -> i64 {
    let anchor = DateTime::<Utc>::from_timestamp(anchor, 0).unwrap_or_default();
    let months = Months::new(u32::try_from(months).unwrap_or(u32::MAX));
    anchor.checked_add_months(months).map_or(i64::MAX, |at| at.timestamp())
}

/// Records an event about a subscription.
pub(super) async fn told(
    conn: &mut SqliteConnection,
    kind: &str,
    subscription: &Value,
    tell: Tell,
) -> Result<(), ApiError> {
    let subject = id_of(subscription).to_owned();
    events::emit(conn, kind, subscription, &subject, &events::nobody(), tell.now, tell.lost).await
}

/// Keeps a subscription as it is now, and tells of it.
pub(super) async fn changed(conn: &mut SqliteConnection, subscription: &Value, tell: Tell) -> Result<(), ApiError> {
    store::save(conn, subscription).await?;
    told(conn, "customer.subscription.updated", subscription, tell).await
}

/// The subscription, or Stripe's 404.
pub(super) async fn find(conn: &mut SqliteConnection, id: &str) -> Result<Value, ApiError> {
    store::find(conn, KIND, id).await?.ok_or_else(|| ApiError::no_such(KIND, id))
}

/// The price, or Stripe's refusal.
pub(super) async fn price(conn: &mut SqliteConnection, id: &str) -> Result<Value, ApiError> {
    store::find(conn, "price", id).await?.ok_or_else(|| {
        ApiError::invalid(format!("No such price: '{id}'")).code("resource_missing").param("line_items[0][price]")
    })
}

/// Moves a subscription to another price, from now on.
pub(super) async fn reprice(conn: &mut SqliteConnection, id: &str, to: &str, tell: Tell) -> Result<(), ApiError> {
    let (mut subscription, price) = (find(conn, id).await?, price(conn, to).await?);
    subscription["items"]["data"][0]["price"] = price;
    changed(conn, &subscription, tell).await
}

/// Ends a subscription at once, or with the period that is paid; or lets it go on.
pub(super) async fn end_with_period(
    conn: &mut SqliteConnection,
    id: &str,
    ends: bool,
    tell: Tell,
) -> Result<(), ApiError> {
    let mut subscription = find(conn, id).await?;
    subscription["cancel_at_period_end"] = ends.into();
    let end = subscription["items"]["data"][0]["current_period_end"].clone();
    subscription["cancel_at"] = if ends { end } else { Value::Null };
    subscription["canceled_at"] = if ends { tell.now.into() } else { Value::Null };
    changed(conn, &subscription, tell).await
}

/// It is over.
pub(super) async fn end(conn: &mut SqliteConnection, mut subscription: Value, tell: Tell) -> Result<Value, ApiError> {
    subscription["status"] = "canceled".into();
    subscription["ended_at"] = tell.now.into();
    if subscription["canceled_at"].is_null() {
        subscription["canceled_at"] = tell.now.into();
    }
    store::save(conn, &subscription).await?;
    told(conn, "customer.subscription.deleted", &subscription, tell).await?;
    Ok(subscription)
}

/// `GET /v1/subscriptions/{id}`
pub(super) async fn retrieve(call: &mut Call<'_>, id: &str) -> Result<Value, ApiError> {
    schema::check(params::ONE, &call.params)?;
    sessions::catch_up(call.conn, call.now, call.lost).await?;
    find(call.conn, id).await
}

/// `GET /v1/subscriptions`: the ended ones only where they are asked for.
pub(super) async fn list(call: &mut Call<'_>) -> Result<Value, ApiError> {
    events::one_instant(&mut call.params);
    let given = schema::check(params::SUBSCRIPTIONS, &call.params)?;
    sessions::catch_up(call.conn, call.now, call.lost).await?;
    let all = store::all(call.conn, KIND).await?;
    lists::page("/v1/subscriptions", all, &given, |one| {
        let status = match given.get("status").and_then(Value::as_str) {
            None => one["status"] != "canceled",
            Some("all") => true,
            Some("ended") => one["status"] == "canceled" || one["status"] == "incomplete_expired",
            Some(status) => one["status"] == status,
        };
        let payer = given.get("customer").is_none_or(|wanted| one["customer"] == *wanted);
        status && payer && events::created_within(one, &given)
    })
}

/// `POST /v1/subscriptions/{id}`: another price, an end with the period, metadata.
pub(super) async fn update(call: &mut Call<'_>, id: &str) -> Result<Value, ApiError> {
    let given = schema::check(params::SUBSCRIPTION_CHANGE, &call.params)?;
    let tell = Tell { now: call.now, lost: call.lost };
    if let Some(metadata) = given.get("metadata") {
        let mut subscription = find(call.conn, id).await?;
        subscription["metadata"] = metadata.clone();
        changed(call.conn, &subscription, tell).await?;
    }
    if let Some(to) = given.get("items").and_then(|items| items[0]["price"].as_str()) {
        reprice(call.conn, id, to, tell).await?;
    }
    if let Some(ends) = given.get("cancel_at_period_end").and_then(Value::as_bool) {
        end_with_period(call.conn, id, ends, tell).await?;
    }
    find(call.conn, id).await
}

/// `DELETE /v1/subscriptions/{id}`
pub(super) async fn cancel(call: &mut Call<'_>, id: &str) -> Result<Value, ApiError> {
    schema::check(params::ONE, &call.params)?;
    let subscription = find(call.conn, id).await?;
    if subscription["status"] == "canceled" {
        return Err(ApiError::no_such(KIND, id));
    }
    end(call.conn, subscription, Tell { now: call.now, lost: call.lost }).await
}
