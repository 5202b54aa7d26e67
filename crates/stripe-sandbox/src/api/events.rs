//! Webhook endpoints, and the filters of events.

use serde_json::Value;

use super::call::Call;
use crate::error::Result;
use crate::objects::{self, items, text};
use crate::params::fields;

/// `POST /v1/webhook_endpoints`. No other answer has the secret.
pub(super) async fn create_endpoint(call: &mut Call) -> Result<Value> {
    let (mut endpoint, secret) = objects::webhook_endpoint(&call.check(fields::ENDPOINT)?, call.tx.now)?;
    call.tx.insert(&endpoint, None).await?;
    endpoint["secret"] = secret.into();
    Ok(endpoint)
}

/// `POST /v1/webhook_endpoints/{id}`
pub(super) async fn update_endpoint(call: &mut Call, id: &str) -> Result<Value> {
    let given = call.check(fields::ENDPOINT_CHANGE)?;
    let mut endpoint = call.tx.get("webhook_endpoint", id).await?;
    for name in ["description", "enabled_events", "metadata", "url"] {
        if !given[name].is_null() {
            endpoint[name] = given[name].clone();
        }
    }
    if let Some(disabled) = given["disabled"].as_bool() {
        endpoint["status"] = if disabled { "disabled" } else { "enabled" }.into();
    }
    call.tx.save(&[&endpoint]).await?;
    Ok(endpoint)
}

/// The filters of `GET /v1/events`.
pub(super) fn is_wanted(event: &Value, given: &Value) -> bool {
    let kind = text(&event["type"]);
    let is_kind = |wanted: &Value| match text(wanted).strip_suffix('*') {
        Some(group) => kind.starts_with(group),
        None => wanted == kind,
    };
    (given["type"].is_null() || is_kind(&given["type"]))
        && (given["types"].is_null() || items(&given["types"]).iter().any(is_kind))
        && given["delivery_success"].as_bool().is_none_or(|wanted| wanted == (event["pending_webhooks"] == 0))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::is_wanted;

    #[test]
    fn events_are_filtered_by_type_and_delivery() {
        let event = json!({ "type": "charge.succeeded", "created": 10, "pending_webhooks": 1 });
        let check = |given: Value, expected: bool| assert_eq!(is_wanted(&event, &given), expected, "{given:?}");
        check(json!({}), true);
        check(json!({ "type": "charge.*" }), true);
        check(json!({ "type": "charge.failed" }), false);
        check(json!({ "types": ["a", "charge.succeeded"] }), true);
        check(json!({ "types": ["a"] }), false);
        check(json!({ "delivery_success": true }), false);
        check(json!({ "delivery_success": false }), true);
    }
}
