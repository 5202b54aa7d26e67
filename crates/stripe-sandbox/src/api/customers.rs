//! Customers. A deleted one stays as `deleted`: `GET` shows it, and every other request that names it is refused.

use serde_json::{Value, json};

use super::call::Call;
use crate::actions::subscriptions;
use crate::error::{ApiError, Result};
use crate::objects;
use crate::params::fields;
use crate::store::Transaction;

const KIND: &str = "customer";

/// `POST /v1/customers`
pub(super) async fn create(call: &mut Call) -> Result<Value> {
    let customer = objects::customer(&call.check(fields::CUSTOMER)?, call.tx.now)?;
    call.tx.insert(&customer, None).await?;
    Ok(customer)
}

/// `POST /v1/customers/{id}`: new metadata join the old ones.
pub(super) async fn update(call: &mut Call, id: &str) -> Result<Value> {
    let given = call.check(fields::CUSTOMER)?;
    let mut customer = find(&mut call.tx, id).await?.ok_or_else(|| ApiError::no_such(KIND, id))?;
    for (name, value) in given.as_object().into_iter().flatten().filter(|(name, _)| *name != "expand") {
        if name == "metadata" {
            for (name, value) in value.as_object().into_iter().flatten() {
                customer["metadata"][name] = value.clone();
            }
        } else {
            customer[name] = value.clone();
        }
    }
    call.tx.save(&[&customer]).await?;
    Ok(customer)
}

/// `DELETE /v1/customers/{id}`: its subscriptions end at once.
pub(super) async fn delete(call: &mut Call, id: &str) -> Result<Value> {
    call.check(&[])?;
    find(&mut call.tx, id).await?.ok_or_else(|| ApiError::no_such(KIND, id))?;
    for subscription in call.tx.all("subscription").await? {
        if objects::is_living(&subscription) && subscription["customer"] == id {
            subscriptions::cancel(&mut call.tx, subscription).await?;
        }
    }
    let deleted = json!({ "id": id, "object": KIND, "deleted": true });
    call.tx.save(&[&deleted]).await?;
    Ok(deleted)
}

/// A customer that was not deleted.
async fn find(tx: &mut Transaction, id: &str) -> Result<Option<Value>> {
    Ok(tx.find(KIND, id).await?.filter(|customer| customer["deleted"] != true))
}

/// The customer that a parameter names, or Stripe's refusal.
pub(super) async fn named(tx: &mut Transaction, id: &str) -> Result<Value> {
    find(tx, id).await?.ok_or_else(|| ApiError::no_such_param(KIND, id, "customer"))
}
