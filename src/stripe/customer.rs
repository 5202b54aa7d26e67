//! Stripe customers: created once, updated when the shop's customer changes.

use serde::Serialize;
use std::collections::HashMap;
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};

use crate::stripe::attempts::retry;
use crate::stripe::client::{Stripe, is_id, no_such, with_idempotency_key};
use crate::stripe::error::StripeError;
use crate::stripe::order::NewCustomer;

/// The longest customer name at Stripe, in characters.
const NAME_CHARS_MAX: usize = 256;

/// `POST /v1/customers` or `POST /v1/customers/{id}`
#[derive(Serialize)]
struct PostCustomer {
    #[serde(skip)]
    path: String,
    email: String,
    #[serde(skip_serializing_if = "HashMap::is_empty")]
    metadata: HashMap<&'static str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl StripeRequest for PostCustomer {
    type Output = CustomerObject;

    fn build(&self) -> RequestBuilder {
        RequestBuilder::new(StripeMethod::Post, self.path.clone()).form(self)
    }
}

#[derive(miniserde::Deserialize)]
struct CustomerObject {
    id: String,
    deleted: Option<bool>,
}

/// A customer's name, cut to Stripe's limit: a longer one must not stop a sale.
fn short_name(name: &str) -> String {
    name.chars().take(NAME_CHARS_MAX).collect()
}

impl Stripe {
    /// Creates a Stripe customer and returns its id, `cus_…`. The same key gives the same customer.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn create_customer(&self, idempotency_key: &str, new: &NewCustomer) -> Result<String, StripeError> {
        let create = PostCustomer {
            path: "/customers".to_owned(),
            email: new.email.clone(),
            metadata: HashMap::from([("customer", new.customer_ref.clone())]),
            name: new.name.as_deref().map(short_name),
        };
        let strategy = with_idempotency_key(idempotency_key)?;
        let made =
            retry(self.limits(), || create.customize().request_strategy(strategy.clone()).send(self.client())).await?;
        Ok(made.id)
    }

    /// Sends a customer's email and name. Each change needs a new key: with a used key, Stripe would repeat its old answer
    /// and change nothing.
    ///
    /// # Errors
    /// See [`StripeError`]; a customer that was deleted [is missing](StripeError::lacks).
    pub async fn update_customer(&self, key: &str, id: &str, new: &NewCustomer) -> Result<(), StripeError> {
        if !is_id(id, "cus_") {
            return Err(no_such("customer"));
        }
        let name = new.name.as_deref().filter(|name| !name.is_empty()).map(short_name);
        let (path, metadata) = (format!("/customers/{id}"), HashMap::new());
        let update = PostCustomer { path, email: new.email.clone(), metadata, name };
        let strategy = with_idempotency_key(key)?;
        let updated =
            retry(self.limits(), || update.customize().request_strategy(strategy.clone()).send(self.client())).await?;
        if updated.deleted == Some(true) { Err(no_such("customer")) } else { Ok(()) }
    }
}
