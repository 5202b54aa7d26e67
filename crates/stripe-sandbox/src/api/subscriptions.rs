//! Subscriptions and billing portals by the API.

use serde_json::Value;

use super::call::Call;
use super::customers;
use crate::actions::subscriptions;
use crate::error::{ApiError, Result};
use crate::objects::{self, new_id, text};
use crate::params::fields;

const KIND: &str = "subscription";

/// `POST /v1/subscriptions/{id}`: metadata, another price, an end with the period.
pub(super) async fn update(call: &mut Call, id: &str) -> Result<Value> {
    let given = call.check(fields::SUBSCRIPTION_CHANGE)?;
    if !given["metadata"].is_null() {
        let mut subscription = call.tx.get(KIND, id).await?;
        subscription["metadata"] = given["metadata"].clone();
        subscriptions::save(&mut call.tx, &subscription).await?;
    }
    if let Some(price) = given["items"][0]["price"].as_str() {
        subscriptions::change_price(&mut call.tx, id, price).await?;
    }
    if let Some(cancels) = given["cancel_at_period_end"].as_bool() {
        subscriptions::set_cancel_at_period_end(&mut call.tx, id, cancels).await?;
    }
    call.tx.get(KIND, id).await
}

/// `DELETE /v1/subscriptions/{id}`
pub(super) async fn cancel(call: &mut Call, id: &str) -> Result<Value> {
    call.check(&[])?;
    let subscription = call.tx.get(KIND, id).await?;
    if subscription["status"] == "canceled" {
        return Err(ApiError::no_such(KIND, id));
    }
    subscriptions::cancel(&mut call.tx, subscription).await
}

/// Filters by `status`. Ended subscriptions are listed on request only.
pub(super) fn is_wanted(subscription: &Value, given: &Value) -> bool {
    let status = &subscription["status"];
    match given["status"].as_str() {
        None => status != "canceled",
        Some("all") => true,
        Some("ended") => status == "canceled" || status == "incomplete_expired",
        Some(wanted) => status == wanted,
    }
}

/// `POST /v1/billing_portal/sessions`
pub(super) async fn open_portal(call: &mut Call) -> Result<Value> {
    let given = call.check(fields::PORTAL)?;
    customers::named(&mut call.tx, text(&given["customer"])).await?;
    let id = new_id("bps_1", 23)?;
    let portal = objects::portal_session(&given, &id, &call.page_url("portal", "p/session", &id), call.tx.now)?;
    call.tx.insert(&portal, None).await?;
    Ok(portal)
}
