//! Webhook endpoints, for whoever sets one up. Events go where the sandbox's own settings say, until they are taken;
//! and once, signed with its own secret, to each endpoint that was made elsewhere and asks for their kind.

use serde_json::{Value, json};
use std::time::Duration;

use super::api::Call;
use super::error::ApiError;
use super::{Sandbox, lists, objects, params, schema, signature, store};

const KIND: &str = "webhook_endpoint";

/// `POST /v1/webhook_endpoints`. The secret is told here and never again.
pub(super) async fn create(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let given = schema::check(params::ENDPOINT, &call.params)?;
    let field = |name: &str| given.get(name).cloned().unwrap_or(Value::Null);
    let secret = objects::id("whsec_", 32)?;
    let endpoint = json!({
        "_sandbox": { "secret": secret },
        "id": objects::id("we_1", 23)?, "object": KIND, "created": call.now, "livemode": false,
        "api_version": field("api_version"), "application": null, "description": field("description"),
        "enabled_events": field("enabled_events"), "metadata": objects::map_or_empty(&field("metadata")),
        "status": "enabled", "url": field("url"),
    });
    store::insert(call.conn, KIND, None, &endpoint).await?;
    let mut told = endpoint;
    told["secret"] = secret.into();
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

/// How long such an endpoint is waited for.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Tells the endpoints that somebody made of an event.
pub(super) async fn tell(sandbox: &Sandbox, body: &str) {
    let settings = sandbox.settings();
    let endpoints = async { store::all(&mut *sandbox.pool().acquire().await?, KIND).await };
    let endpoints: Result<Vec<Value>, ApiError> = endpoints.await;
    let kind = serde_json::from_str::<Value>(body).map(|event| event["type"].clone()).unwrap_or_default();
    for endpoint in endpoints.unwrap_or_default() {
        let asks =
            endpoint["enabled_events"].as_array().is_some_and(|all| all.contains(&kind) || all.contains(&"*".into()));
        let (url, secret) = (endpoint["url"].as_str(), endpoint["_sandbox"]["secret"].as_str());
        let Some((url, secret)) = url.zip(secret).filter(|(url, _)| *url != settings.webhook_url) else { continue };
        if !asks || endpoint["status"] != "enabled" {
            continue;
        }
        let signature = signature::sign(secret, (settings.real_now)(), body.as_bytes());
        let post = sandbox.inner.http.post(url).timeout(ANSWER_MAX).header("stripe-signature", signature);
        let post = post.header("content-type", "application/json; charset=utf-8").body(body.to_owned());
        if let Err(error) = post.send().await {
            tracing::debug!(error = %error.without_url(), "an endpoint was not reached");
        }
    }
}
