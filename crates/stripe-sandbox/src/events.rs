//! Events: what happened, kept for `GET /v1/events` and queued for the webhook in the same transaction.

use serde_json::{Map, Value, json};
use sqlx::SqliteConnection;

use super::api::Call;
use super::error::ApiError;
use super::form::{Branch, Node};
use super::{lists, objects, params, schema, store};

/// The `request` of what no API call caused.
pub(super) fn nobody() -> Value {
    json!({ "id": null, "idempotency_key": null })
}

/// Records that something happened to an object of a Checkout. `lost` events are never sent.
pub(super) async fn emit(
    conn: &mut SqliteConnection,
    kind: &str,
    object: &Value,
    session: &str,
    request: &Value,
    at: i64,
    lost: bool,
) -> Result<(), ApiError> {
    let event = objects::event(kind, &objects::public(object.clone()), request, at)?;
    store::insert(conn, "event", Some(session), &event).await?;
    store::enqueue(conn, event["id"].as_str().unwrap_or_default(), lost).await
}

/// `GET /v1/events/{id}`
pub(super) async fn retrieve(call: &mut Call<'_>, id: &str) -> Result<Value, ApiError> {
    schema::check(params::ONE, &call.params)?;
    store::find(call.conn, "event", id).await?.ok_or_else(|| ApiError::no_such("event", id))
}

/// `GET /v1/events`
pub(super) async fn list(call: &mut Call<'_>) -> Result<Value, ApiError> {
    one_instant(&mut call.params);
    let given = schema::check(params::EVENTS, &call.params)?;
    let events = store::all(call.conn, "event").await?;
    lists::page("/v1/events", events, &given, |event| wanted(event, &given))
}

/// `created=1` is short for one instant.
pub(super) fn one_instant(params: &mut Branch) {
    if let Some(Node::Text(instant)) = params.get("created").cloned() {
        let both = ["gte", "lte"].map(|bound| (bound.to_owned(), Node::Text(instant.clone())));
        params.insert("created".to_owned(), Node::Branch(Branch::from(both)));
    }
}

/// Whether an object is as old as `created` asks for.
pub(super) fn created_within(object: &Value, given: &Map<String, Value>) -> bool {
    let created = object["created"].as_i64().unwrap_or_default();
    let bound = |name: &str| given.get("created").and_then(|range| range[name].as_i64());
    bound("gt").is_none_or(|least| created > least)
        && bound("gte").is_none_or(|least| created >= least)
        && bound("lt").is_none_or(|most| created < most)
        && bound("lte").is_none_or(|most| created <= most)
}

fn wanted(event: &Value, given: &Map<String, Value>) -> bool {
    let kind = event["type"].as_str().unwrap_or_default();
    let listed = |types: &Value| types.as_array().is_some_and(|types| types.iter().any(|one| matches(one, kind)));
    given.get("type").is_none_or(|one| matches(one, kind))
        && given.get("types").is_none_or(listed)
        && given.get("delivery_success").is_none_or(|wanted| (event["pending_webhooks"] == 0) == *wanted)
        && created_within(event, given)
}

/// `charge.succeeded`, or all of a group as `charge.*`.
fn matches(wanted: &Value, kind: &str) -> bool {
    let wanted = wanted.as_str().unwrap_or_default();
    match wanted.strip_suffix('*') {
        Some(group) => kind.starts_with(group),
        None => kind == wanted,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::wanted;

    #[test]
    fn events_are_filtered_by_type_time_and_delivery() {
        let event = json!({ "type": "charge.succeeded", "created": 10, "pending_webhooks": 1 });
        let check = |given: Value, expected: bool| {
            let given = given.as_object().cloned().expect("an object");
            assert_eq!(wanted(&event, &given), expected, "{given:?}");
        };
        check(json!({}), true);
        check(json!({ "type": "charge.*" }), true);
        check(json!({ "type": "charge.failed" }), false);
        check(json!({ "types": ["a", "charge.succeeded"] }), true);
        check(json!({ "types": ["a"] }), false);
        check(json!({ "created": { "gt": 9, "lte": 10 } }), true);
        check(json!({ "created": { "gt": 10 } }), false);
        check(json!({ "delivery_success": true }), false);
        check(json!({ "delivery_success": false }), true);
    }
}
