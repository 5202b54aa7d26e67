//! Collections, paged as Stripe does, and `expand[]`.

use serde_json::{Map, Value};
use sqlx::SqliteConnection;

use super::api::Call;
use super::error::ApiError;
use super::{events, objects, params, schema, sessions, store};

/// `GET /v1/checkout/sessions`
pub(super) async fn sessions(call: &mut Call<'_>) -> Result<Value, ApiError> {
    events::one_instant(&mut call.params);
    let given = schema::check(params::SESSIONS, &call.params)?;
    sessions::catch_up(call.conn, call.now, call.lost).await?;
    let all = store::all(call.conn, "checkout.session").await?;
    page("/v1/checkout/sessions", all, &given, |session| {
        events::created_within(session, &given)
            && ["customer", "payment_intent", "status"]
                .iter()
                .all(|name| given.get(*name).is_none_or(|wanted| session[*name] == *wanted))
    })
}

/// A list of all objects of a kind.
pub(super) async fn plain(call: &mut Call<'_>, kind: &str) -> Result<Value, ApiError> {
    let given = schema::check(params::PLAIN, &call.params)?;
    let all = store::all(call.conn, kind).await?;
    page(&format!("/v1/{kind}s"), all, &given, |_| true)
}

/// The page of `all` (newest first) that `limit`, `starting_after` and `ending_before` ask for.
pub(super) fn page(
    url: &str,
    all: Vec<Value>,
    given: &Map<String, Value>,
    wanted: impl Fn(&Value) -> bool,
) -> Result<Value, ApiError> {
    let cursor = |name: &'static str| {
        given.get(name).map(|id| {
            all.iter()
                .position(|object| object["id"] == *id)
                .ok_or_else(|| ApiError::invalid(format!("No such object: {id}")).code("resource_missing").param(name))
        })
    };
    let after = cursor("starting_after").transpose()?.map_or(0, |position| position + 1);
    let before = cursor("ending_before").transpose()?.unwrap_or(all.len());
    let limit = given.get("limit").and_then(Value::as_u64).unwrap_or(10);
    let limit = usize::try_from(limit).unwrap_or(10);

    let mut found: Vec<Value> = all.into_iter().take(before).skip(after).filter(wanted).map(objects::public).collect();
    let has_more = found.len() > limit;
    if given.contains_key("ending_before") {
        // The page right above the cursor, not the top of the list.
        found.drain(..found.len().saturating_sub(limit));
    }
    found.truncate(limit);
    Ok(objects::list(url, found, has_more))
}

/// What may be expanded, by object.
fn expandable(object: &str) -> &'static [&'static str] {
    match object {
        "checkout.session" => &["customer", "invoice", "line_items", "payment_intent", "setup_intent", "subscription"],
        "payment_intent" => &["customer", "latest_charge"],
        "charge" => &["balance_transaction", "customer", "payment_intent"],
        "refund" | "dispute" => &["charge", "payment_intent"],
        "subscription" => &["customer", "latest_invoice"],
        _ => &[],
    }
}

/// Replaces the ids that `path` (`payment_intent.latest_charge`, `data.customer`) leads to by their objects.
pub(super) async fn expand(conn: &mut SqliteConnection, object: &mut Value, path: &str) -> Result<(), ApiError> {
    if path.split('.').count() > 4 {
        return Err(ApiError::invalid("You cannot expand more than 4 levels of a property.").param("expand"));
    }
    match path.strip_prefix("data.") {
        Some(path) if object["object"] == "list" => {
            for one in object["data"].as_array_mut().into_iter().flatten() {
                expand_one(conn, one, path).await?;
            }
            Ok(())
        }
        _ => expand_one(conn, object, path).await,
    }
}

async fn expand_one(conn: &mut SqliteConnection, object: &mut Value, path: &str) -> Result<(), ApiError> {
    let mut here = object;
    for name in path.split('.') {
        if here.is_null() {
            return Ok(());
        }
        if !expandable(here["object"].as_str().unwrap_or_default()).contains(&name) {
            return Err(ApiError::invalid(format!("This property cannot be expanded ({path}).")).param("expand"));
        }
        let id = here["id"].as_str().unwrap_or_default().to_owned();
        let value = match &here[name] {
            Value::String(id) => store::find_any(conn, id).await?.map(objects::public),
            Value::Null if name == "line_items" => line_items(conn, &id).await?,
            _ => None,
        };
        if let Some(value) = value {
            here[name] = value;
        }
        here = &mut here[name];
    }
    Ok(())
}

/// Asked for only: a session is answered without its items.
async fn line_items(conn: &mut SqliteConnection, session: &str) -> Result<Option<Value>, ApiError> {
    let Some(session) = store::find(conn, "checkout.session", session).await? else { return Ok(None) };
    let items = session["_sandbox"]["line_items"].as_array().cloned().unwrap_or_default();
    let url = format!("/v1/checkout/sessions/{}/line_items", session["id"].as_str().unwrap_or_default());
    Ok(Some(objects::list(&url, items, false)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::page;

    fn check(given: Value, expected: &[&str], has_more: bool) {
        let all = ["e", "d", "c", "b", "a"].iter().map(|id| json!({ "id": id })).collect();
        let given = given.as_object().cloned().expect("an object");
        let page = page("/v1/x", all, &given, |_| true).expect("a page");
        let ids: Vec<_> = page["data"].as_array().expect("a list").iter().map(|one| one["id"].clone()).collect();
        assert_eq!((ids, &page["has_more"]), (expected.iter().map(|id| json!(id)).collect(), &json!(has_more)));
    }

    #[test]
    fn a_list_is_paged_from_either_end() {
        check(json!({}), &["e", "d", "c", "b", "a"], false);
        check(json!({ "limit": 2 }), &["e", "d"], true);
        check(json!({ "limit": 2, "starting_after": "d" }), &["c", "b"], true);
        check(json!({ "limit": 2, "starting_after": "c" }), &["b", "a"], false);
        check(json!({ "limit": 2, "ending_before": "b" }), &["d", "c"], true);
        check(json!({ "limit": 2, "ending_before": "d" }), &["e"], false);
    }
}
