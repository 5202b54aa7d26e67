//! A Stripe customer after it was made: what is told anew when the shop's customer changes.

use serde::Serialize;
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};

use crate::stripe::attempts::retry;
use crate::stripe::client::{NAME_CHARS_MAX, Stripe, is_id, keyed, no_such};
use crate::stripe::error::StripeError;
use crate::stripe::order::NewCustomer;

/// `POST /v1/customers/{id}`
#[derive(Serialize)]
struct Update {
    #[serde(skip)]
    path: String,
    email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl StripeRequest for Update {
    type Output = Updated;

    fn build(&self) -> RequestBuilder {
        RequestBuilder::new(StripeMethod::Post, self.path.clone()).form(self)
    }
}

#[derive(miniserde::Deserialize)]
struct Updated {
    deleted: Option<bool>,
}

/// A customer's name as Stripe takes it: a longer one must not stop a sale.
pub(super) fn short_name(name: &str) -> String {
    name.chars().take(NAME_CHARS_MAX).collect()
}

impl Stripe {
    /// Tells Stripe a customer's email and name as they are now. The key must be another one for each change: under
    /// one that was used, Stripe would repeat its old answer and change nothing.
    ///
    /// # Errors
    /// See [`StripeError`]; a customer that was deleted [is missing](StripeError::lacks).
    pub async fn update_customer(&self, key: &str, id: &str, new: &NewCustomer) -> Result<(), StripeError> {
        if !is_id(id, "cus_") {
            return Err(no_such("customer"));
        }
        let name = new.name.as_deref().filter(|name| !name.is_empty()).map(short_name);
        let update = Update { path: format!("/customers/{id}"), email: new.email.clone(), name };
        let strategy = keyed(key)?;
        let updated =
            retry(self.limits(), || update.customize().request_strategy(strategy.clone()).send(self.client())).await?;
        if updated.deleted == Some(true) { Err(no_such("customer")) } else { Ok(()) }
    }
}
