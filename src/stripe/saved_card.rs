//! Saved cards: a Checkout that saves one, what became of it, the card itself, and letting it go.
//!
//! The requests are our own and read few fields.

use crate::stripe::attempts::retry;
use crate::stripe::client::{Stripe, is_id, no_such, with_idempotency_key};
use crate::stripe::error::StripeError;
use crate::stripe::json::{id_in, inner, json_number, json_text};
use crate::stripe::order::OpenedCheckout;
use miniserde::json::Object;
use std::collections::BTreeMap;
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};

/// The parameters of a Checkout that saves a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupOrder {
    /// Our id of the consent on its way, in the metadata.
    pub setup: String,
    /// The SaaS's id of the customer.
    pub customer: String,
    /// `cus_…`
    pub stripe_customer: String,
    /// ISO 4217, lower case.
    pub currency: String,
    pub success_url: String,
    pub cancel_url: String,
    /// The address is needed to compute tax.
    pub needs_address: bool,
}

/// What became of such a Checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupState {
    /// Our id, in the metadata that only the account's owner can write.
    pub setup: Option<String>,
    /// `cus_…`
    pub customer: Option<String>,
    /// `pm_…`, where the SetupIntent has succeeded.
    pub payment_method: Option<String>,
    /// True if nobody can finish it any more.
    pub has_expired: bool,
}

/// A saved card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedCard {
    /// `pm_…`
    pub id: String,
    /// `cus_…`: whom it is attached to.
    pub customer: Option<String>,
    pub brand: String,
    pub last4: String,
    pub exp_month: i64,
    pub exp_year: i64,
    /// Stripe's name of the number: the same for each time that the card is saved.
    pub fingerprint: String,
}

/// A POST with a form, or a DELETE.
pub(super) struct Send {
    method: StripeMethod,
    path: String,
    fields: BTreeMap<&'static str, String>,
}

impl Send {
    pub(super) fn post<const N: usize>(path: String, fields: [(&'static str, String); N]) -> Self {
        Self { method: StripeMethod::Post, path, fields: fields.into() }
    }

    pub(super) fn delete(path: String) -> Self {
        Self { method: StripeMethod::Delete, path, fields: BTreeMap::new() }
    }

    /// Adds fields where they are wanted.
    pub(super) fn with<const N: usize>(mut self, wanted: bool, fields: [(&'static str, &str); N]) -> Self {
        if wanted {
            self.fields.extend(fields.map(|(name, value)| (name, value.to_owned())));
        }
        self
    }
}

impl StripeRequest for Send {
    type Output = Object;

    fn build(&self) -> RequestBuilder {
        let builder = RequestBuilder::new(self.method, self.path.clone());
        if self.fields.is_empty() { builder } else { builder.form(&self.fields) }
    }
}

impl Stripe {
    /// Sends a request under a key: repeated, it gives the same answer.
    pub(super) async fn send_form(&self, key: &str, request: &Send) -> Result<Object, StripeError> {
        let strategy = with_idempotency_key(key)?;
        retry(self.limits(), || request.customize().request_strategy(strategy.clone()).send(self.client())).await
    }

    /// Opens a Checkout that saves a card. The same key and order give the same Checkout.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn open_setup(&self, key: &str, order: &SetupOrder) -> Result<OpenedCheckout, StripeError> {
        let request = Send::post(
            "/checkout/sessions".to_owned(),
            [
                ("mode", "setup".to_owned()),
                ("customer", order.stripe_customer.clone()),
                ("currency", order.currency.clone()),
                ("allowed_payment_method_types[0]", "card".to_owned()),
                ("metadata[setup]", order.setup.clone()),
                ("metadata[customer]", order.customer.clone()),
                ("setup_intent_data[metadata][customer]", order.customer.clone()),
                ("success_url", order.success_url.clone()),
                ("cancel_url", order.cancel_url.clone()),
            ],
        );
        let saves = [
            ("billing_address_collection", "required"),
            ("customer_update[address]", "auto"),
            ("customer_update[name]", "auto"),
        ];
        let session = self.send_form(key, &request.with(order.needs_address, saves)).await?;
        let lacks = || StripeError::Malformed("a new Checkout without a URL".to_owned());
        let id = json_text(&session, "id").ok_or_else(lacks)?;
        let url = json_text(&session, "url").ok_or_else(lacks)?;
        Ok(OpenedCheckout { session_id: id.to_owned(), url: url.to_owned() })
    }

    /// What became of a Checkout that saves a card: its SetupIntent decides.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn setup_state(&self, session_id: &str) -> Result<SetupState, StripeError> {
        if !is_id(session_id, "cs_") {
            return Err(no_such("checkout.session"));
        }
        let session = self.get_object(format!("/checkout/sessions/{session_id}"), "expand[]=setup_intent").await?;
        let intent = inner(&session, "setup_intent");
        let is_done = json_text(&session, "status") == Some("complete");
        let saved = intent.filter(|intent| is_done && json_text(intent, "status") == Some("succeeded"));
        Ok(SetupState {
            setup: inner(&session, "metadata").and_then(|data| json_text(data, "setup")).map(str::to_owned),
            customer: id_in(&session, "customer"),
            payment_method: saved.and_then(|intent| id_in(intent, "payment_method")),
            has_expired: json_text(&session, "status") == Some("expired"),
        })
    }

    /// A saved card; none where it is another kind of payment method.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn saved_card(&self, payment_method: &str) -> Result<Option<SavedCard>, StripeError> {
        if !is_id(payment_method, "pm_") {
            return Err(no_such("payment_method"));
        }
        let method = self.get_object(format!("/payment_methods/{payment_method}"), "").await?;
        Ok(card_of(&method))
    }

    /// Lets a saved card go. One that is not attached [is refused](StripeError::Refused).
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn detach_card(&self, payment_method: &str) -> Result<(), StripeError> {
        if !is_id(payment_method, "pm_") {
            return Err(no_such("payment_method"));
        }
        let request = Send::post(format!("/payment_methods/{payment_method}/detach"), []);
        self.send_form(&format!("detach-{payment_method}"), &request).await.map(drop)
    }

    /// The fingerprint of the card that paid a payment, `pi_…`.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn paying_card(&self, intent: &str) -> Result<Option<String>, StripeError> {
        if !is_id(intent, "pi_") {
            return Err(no_such("payment_intent"));
        }
        let intent = self.get_object(format!("/payment_intents/{intent}"), "expand[]=latest_charge").await?;
        let card = inner(&intent, "latest_charge")
            .filter(|charge| json_text(charge, "status") == Some("succeeded"))
            .and_then(|charge| inner(charge, "payment_method_details"))
            .and_then(|details| inner(details, "card"));
        Ok(card.and_then(|card| json_text(card, "fingerprint")).map(str::to_owned))
    }
}

fn card_of(method: &Object) -> Option<SavedCard> {
    let card = inner(method, "card")?;
    Some(SavedCard {
        id: json_text(method, "id")?.to_owned(),
        customer: id_in(method, "customer"),
        brand: json_text(card, "brand")?.to_owned(),
        last4: json_text(card, "last4")?.to_owned(),
        exp_month: json_number(card, "exp_month")?,
        exp_year: json_number(card, "exp_year")?,
        fingerprint: json_text(card, "fingerprint")?.to_owned(),
    })
}
