//! Customers. A deleted one stays as `deleted`: `GET` shows it, and every other request that names it is refused.

use serde_json::{Value, json};

use super::call::Call;
use crate::actions::{saved_cards, subscriptions};
use crate::error::{ApiError, Result};
use crate::objects::{self, text};
use crate::params::fields;
use crate::store::Transaction;

const KIND: &str = "customer";

/// `POST /v1/customers`
pub(super) async fn create(call: &mut Call) -> Result<Value> {
    let given = call.check(fields::CUSTOMER)?;
    if !given["invoice_settings"].is_null() {
        let message = "A new customer has no payment method that could be its default.";
        return Err(ApiError::invalid(message).param("invoice_settings[default_payment_method]"));
    }
    let customer = objects::customer(&given, call.tx.now)?;
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
        } else if name == "invoice_settings" {
            let (param, method) = ("invoice_settings[default_payment_method]", &value["default_payment_method"]);
            saved_cards::of_customer(&mut call.tx, text(method), &customer["id"], param).await?;
            customer["invoice_settings"]["default_payment_method"] = method.clone();
        } else {
            customer[name] = value.clone();
        }
    }
    call.tx.save(&[&customer]).await?;
    if !given["address"].is_null() {
        call.tx.emit(id, &[("customer.updated", &customer)]).await?;
    }
    Ok(customer)
}

/// `DELETE /v1/customers/{id}`: its subscriptions end at once, and its cards are detached.
pub(super) async fn delete(call: &mut Call, id: &str) -> Result<Value> {
    call.check(&[])?;
    find(&mut call.tx, id).await?.ok_or_else(|| ApiError::no_such(KIND, id))?;
    for subscription in call.tx.all("subscription").await? {
        if objects::is_living(&subscription) && subscription["customer"] == id {
            subscriptions::cancel(&mut call.tx, subscription).await?;
        }
    }
    saved_cards::detach_all(&mut call.tx, id).await?;
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
