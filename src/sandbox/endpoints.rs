//! Webhook endpoints, for whoever sets one up. Events go where the sandbox's own settings say.

use serde_json::{Value, json};

use super::api::Call;
use super::error::ApiError;
use super::{lists, objects, params, schema, store};

const KIND: &str = "webhook_endpoint";

/// `POST /v1/webhook_endpoints`. The secret is told here and never again.
pub(super) async fn create(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let given = schema::check(params::ENDPOINT, &call.params)?;
    let field = |name: &str| given.get(name).cloned().unwrap_or(Value::Null);
    let endpoint = json!({
        "id": objects::id("we_1", 23)?, "object": KIND, "created": call.now, "livemode": false,
        "api_version": field("api_version"), "application": null, "description": field("description"),
        "enabled_events": field("enabled_events"), "metadata": objects::map_or_empty(&field("metadata")),
        "status": "enabled", "url": field("url"),
    });
    store::insert(call.conn, KIND, None, &endpoint).await?;
    let mut told = endpoint;
    told["secret"] = objects::id("whsec_", 32)?.into();
    Ok(told)
}

/// `POST /v1/webhook_endpoints/{id}`
pub(super) async fn update(call: &mut Call<'_>, id: &str) -> Result<Value, ApiError> {
    let given = schema::check(params::ENDPOINT_CHANGE, &call.params)?;
    let mut endpoint = store::find(call.conn, KIND, id).await?.ok_or_else(|| ApiError::no_such(KIND, id))?;
    for name in ["description", "enabled_events", "metadata", "url"] {
        if let Some(value) = given.get(name) {
            endpoint[name] = value.clone();
        }
    }
    if let Some(disabled) = given.get("disabled") {
        endpoint["status"] = if disabled == true { "disabled" } else { "enabled" }.into();
    }
    store::save(call.conn, &endpoint).await?;
    Ok(endpoint)
}

/// `GET /v1/webhook_endpoints`
pub(super) async fn list(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let given = schema::check(params::PLAIN, &call.params)?;
    let all = store::all(call.conn, KIND).await?;
    lists::page("/v1/webhook_endpoints", all, &given, |_| true)
}
