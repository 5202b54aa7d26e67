//! Open Checkouts: expire one, list their URLs.

use serde::Serialize;
use stripe_checkout::checkout_session::CreateCheckoutSessionAllowedPaymentMethodTypes as Method;
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};

use crate::stripe::attempts::retry;
use crate::stripe::client::{Stripe, is_id, no_such, with_idempotency_key};
use crate::stripe::error::StripeError;

/// `POST /v1/checkout/sessions/{id}/expire`
#[derive(Serialize)]
struct Expire {
    #[serde(skip)]
    path: String,
}

impl StripeRequest for Expire {
    type Output = Expired;

    fn build(&self) -> RequestBuilder {
        RequestBuilder::new(StripeMethod::Post, self.path.clone()).form(self)
    }
}

#[derive(miniserde::Deserialize)]
struct Expired {}

/// An open Checkout in a list.
#[derive(miniserde::Deserialize)]
struct CheckoutFields {
    url: Option<String>,
}

#[derive(miniserde::Deserialize)]
struct CheckoutPage {
    data: Vec<CheckoutFields>,
}

/// True if this version knows the payment method.
#[must_use]
pub fn is_payment_method(name: &str) -> bool {
    !matches!(name.parse::<Method>(), Ok(Method::Unknown(_)))
}

impl Stripe {
    /// Expires an open Checkout, so that nobody can pay it.
    ///
    /// # Errors
    /// See [`StripeError`]; a Checkout that is not open is [`StripeError::Refused`].
    pub async fn expire_checkout(&self, session: &str) -> Result<(), StripeError> {
        if !is_id(session, "cs_") {
            return Err(no_such("checkout.session"));
        }
        let expire = Expire { path: format!("/checkout/sessions/{session}/expire") };
        let strategy = with_idempotency_key(&format!("expire-{session}"))?;
        retry(self.limits(), || expire.customize().request_strategy(strategy.clone()).send(self.client()))
            .await
            .map(|_| ())
    }

    /// The URLs of the newest open Checkouts of the account.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn open_checkout_urls(&self) -> Result<Vec<String>, StripeError> {
        let query = vec![("status", "open".to_owned()), ("limit", "5".to_owned())];
        let page: CheckoutPage = self.get("/checkout/sessions".to_owned(), query).await?;
        Ok(page.data.into_iter().filter_map(|open| open.url).collect())
    }
}
