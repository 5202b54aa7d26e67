//! Customers: made, changed, deleted. A deleted one is remembered as such: `GET` says `deleted`, and every request that
//! names it is refused as if it had never been.

use serde_json::{Map, Value, json};
use sqlx::SqliteConnection;

use super::api::Call;
use super::error::ApiError;
use super::payments::id_of;
use super::subscriptions::{self, LIVING, Tell};
use super::{objects, params, schema, store};

const KIND: &str = "customer";

/// `POST /v1/customers`
pub(super) async fn create(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let given = schema::check(params::CUSTOMER, &call.params)?;
    let customer = objects::customer(&given, call.now)?;
    store::insert(call.conn, KIND, None, &customer).await?;
    Ok(customer)
}

/// `POST /v1/customers/{id}`
pub(super) async fn update(call: &mut Call<'_>, id: &str) -> Result<Value, ApiError> {
    let given = schema::check(params::CUSTOMER, &call.params)?;
    let mut customer = living(call.conn, id).await?.ok_or_else(|| ApiError::no_such(KIND, id))?;
    take_over(&mut customer, &given);
    store::save(call.conn, &customer).await?;
    Ok(customer)
}

/// What is given replaces what was there; metadata are joined, an empty value takes one away.
fn take_over(customer: &mut Value, given: &Map<String, Value>) {
    for (name, value) in given.iter().filter(|(name, _)| *name != "expand") {
        match (name.as_str(), value.as_object()) {
            ("metadata", Some(metadata)) => {
                for (name, value) in metadata {
                    customer["metadata"][name] = value.clone();
                }
            }
            _ => customer[name] = value.clone(),
        }
    }
}

/// `DELETE /v1/customers/{id}`: its subscriptions end at once.
pub(super) async fn delete(call: &mut Call<'_>, id: &str) -> Result<Value, ApiError> {
    schema::check(params::ONE, &call.params)?;
    living(call.conn, id).await?.ok_or_else(|| ApiError::no_such(KIND, id))?;
    let tell = Tell { now: call.now, lost: call.lost };
    for subscription in store::all(call.conn, "subscription").await? {
        let lives = LIVING.contains(&subscription["status"].as_str().unwrap_or_default());
        if lives && subscription["customer"] == id {
            subscriptions::end(call.conn, subscription, tell).await?;
        }
    }
    let deleted = json!({ "id": id, "object": KIND, "deleted": true });
    store::save(call.conn, &deleted).await?;
    Ok(deleted)
}

/// A customer that was not deleted.
pub(super) async fn living(conn: &mut SqliteConnection, id: &str) -> Result<Option<Value>, ApiError> {
    Ok(store::find(conn, KIND, id).await?.filter(|customer| customer["deleted"] != true))
}

/// The customer that a parameter names, or Stripe's refusal.
pub(super) async fn named(conn: &mut SqliteConnection, id: &str) -> Result<Value, ApiError> {
    living(conn, id).await?.ok_or_else(|| {
        ApiError::invalid(format!("No such customer: '{id}'")).code("resource_missing").param("customer")
    })
}

/// `GET /v1/customers`
pub(super) async fn list(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let given = schema::check(params::PLAIN, &call.params)?;
    let all = store::all(call.conn, KIND).await?;
    super::lists::page("/v1/customers", all, &given, |one| one["deleted"] != true && !id_of(one).is_empty())
}
