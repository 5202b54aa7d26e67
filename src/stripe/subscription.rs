//! Requests about subscriptions: the state, Checkout to start one, the customer portal to change it.
//!
//! The requests are our own and read few fields: the library's subscription has about fifty.

use crate::stripe::attempts::retry;
use crate::stripe::client::{Stripe, is_id, no_such, with_idempotency_key};
use crate::stripe::error::StripeError;
use crate::stripe::json;
use crate::stripe::order::OpenedCheckout;
use crate::stripe::subscription_state::{SubscriptionState, parse_subscription};
use miniserde::json::Object;
use serde::Serialize;
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};

/// The parameters of a Checkout Session that starts a subscription.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SubscriptionOrder {
    mode: &'static str,
    /// `cus_…`
    customer: String,
    #[serde(rename = "line_items[0][price]")]
    price: String,
    #[serde(rename = "line_items[0][quantity]")]
    quantity: u8,
    #[serde(rename = "metadata[customer]")]
    session_metadata: String,
    #[serde(rename = "subscription_data[metadata][customer]")]
    subscription_metadata: String,
    success_url: String,
    cancel_url: String,
    #[serde(rename = "automatic_tax[enabled]", skip_serializing_if = "Option::is_none")]
    tax: Option<bool>,
    #[serde(rename = "tax_id_collection[enabled]", skip_serializing_if = "Option::is_none")]
    tax_ids: Option<bool>,
    #[serde(rename = "customer_update[address]", skip_serializing_if = "Option::is_none")]
    save_address: Option<&'static str>,
    #[serde(rename = "customer_update[name]", skip_serializing_if = "Option::is_none")]
    save_name: Option<&'static str>,
}

impl SubscriptionOrder {
    /// `customer` is the SaaS's id, `stripe_customer` is Stripe's.
    #[must_use]
    pub fn new(stripe_customer: &str, customer: &str, price: &str, success_url: &str, cancel_url: &str) -> Self {
        Self {
            mode: "subscription",
            customer: stripe_customer.to_owned(),
            price: price.to_owned(),
            quantity: 1,
            session_metadata: customer.to_owned(),
            subscription_metadata: customer.to_owned(),
            success_url: success_url.to_owned(),
            cancel_url: cancel_url.to_owned(),
            tax: None,
            tax_ids: None,
            save_address: None,
            save_name: None,
        }
    }

    /// Automatic tax, and tax ids of businesses. For both, Stripe must save the buyer's input in the customer, which it
    /// does only on request.
    #[must_use]
    pub fn taxed(mut self, automatic: bool, tax_ids: bool) -> Self {
        (self.tax, self.tax_ids) = (automatic.then_some(true), tax_ids.then_some(true));
        let save = (automatic || tax_ids).then_some("auto");
        (self.save_address, self.save_name) = (save, save);
        self
    }
}

/// A GET: path and query.
struct GetObject(String, &'static str);

impl StripeRequest for GetObject {
    type Output = Object;

    fn build(&self) -> RequestBuilder {
        let mut builder = RequestBuilder::new(StripeMethod::Get, self.0.clone());
        if !self.1.is_empty() {
            builder.query = Some(self.1.to_owned());
        }
        builder
    }
}

struct OpenCheckout<'a>(&'a SubscriptionOrder);

impl StripeRequest for OpenCheckout<'_> {
    type Output = Object;

    fn build(&self) -> RequestBuilder {
        RequestBuilder::new(StripeMethod::Post, "/checkout/sessions").form(self.0)
    }
}

#[derive(Serialize)]
struct OpenPortal<'a> {
    customer: &'a str,
    return_url: &'a str,
}

impl StripeRequest for OpenPortal<'_> {
    type Output = Object;

    fn build(&self) -> RequestBuilder {
        RequestBuilder::new(StripeMethod::Post, "/billing_portal/sessions").form(self)
    }
}

/// An invoice of a list.
#[derive(miniserde::Deserialize)]
struct ListedInvoice {
    id: String,
}

/// A subscription of a list.
#[derive(miniserde::Deserialize)]
struct ListedSubscription {
    id: String,
}

impl Stripe {
    /// Fetches a subscription.
    ///
    /// # Errors
    /// See [`StripeError`]; a malformed id is [`StripeError::Refused`] with status 404.
    pub async fn subscription(&self, id: &str) -> Result<SubscriptionState, StripeError> {
        if !is_id(id, "sub_") {
            return Err(no_such("subscription"));
        }
        parse_subscription(&self.get_object(format!("/subscriptions/{id}"), "expand[]=latest_invoice").await?)
    }

    /// The subscription of an invoice (`in_…`), if it has one.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn subscription_of_invoice(&self, id: &str) -> Result<Option<String>, StripeError> {
        if !is_id(id, "in_") {
            return Err(no_such("invoice"));
        }
        let invoice = self.get_object(format!("/invoices/{id}"), "").await?;
        let details = json::inner(&invoice, "parent").and_then(|parent| json::inner(parent, "subscription_details"));
        // Older API versions have it on the invoice itself.
        let nested = details.and_then(|details| json::id_in(details, "subscription"));
        Ok(nested.or_else(|| json::id_in(&invoice, "subscription")))
    }

    /// The oldest unpaid invoice of a subscription; none if Stripe refuses the request.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn oldest_unpaid(&self, subscription: &str) -> Result<Option<String>, StripeError> {
        let query = vec![("subscription", subscription.to_owned()), ("status", "open".to_owned())];
        match self.list("/invoices", query, |invoice: &ListedInvoice| &invoice.id).await {
            Ok(newest_first) => Ok(newest_first.into_iter().next_back().map(|invoice| invoice.id)),
            Err(StripeError::Refused { .. } | StripeError::Malformed(_)) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// The SaaS's id of a Stripe customer, from `metadata[customer]`.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn named_by_customer(&self, id: &str) -> Result<Option<String>, StripeError> {
        if !is_id(id, "cus_") {
            return Ok(None);
        }
        match self.get_object(format!("/customers/{id}"), "").await {
            Ok(customer) => Ok(json::customer_metadata(&customer)),
            Err(StripeError::Refused { .. }) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// All subscriptions of any status, created at `since` or later, in seconds since 1970.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn subscriptions_since(&self, since: i64) -> Result<Vec<String>, StripeError> {
        let query = vec![("status", "all".to_owned()), ("created[gte]", since.to_string())];
        let all = self.list("/subscriptions", query, |one: &ListedSubscription| &one.id).await?;
        Ok(all.into_iter().map(|one| one.id).collect())
    }

    /// The subscriptions of a Stripe customer (`cus_…`) that have not ended.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn living_subscriptions(&self, customer: &str) -> Result<Vec<String>, StripeError> {
        let query = vec![("customer", customer.to_owned())];
        let all = self.list("/subscriptions", query, |one: &ListedSubscription| &one.id).await?;
        Ok(all.into_iter().map(|one| one.id).collect())
    }

    /// Opens a Checkout Session that starts a subscription. The same key and order give the same session.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn open_subscription(&self, key: &str, order: &SubscriptionOrder) -> Result<OpenedCheckout, StripeError> {
        let (request, strategy) = (OpenCheckout(order), with_idempotency_key(key)?);
        let session =
            retry(self.limits(), || request.customize().request_strategy(strategy.clone()).send(self.client())).await?;
        let lacks = || StripeError::Malformed("a new Checkout without a URL".to_owned());
        let (session_id, url) =
            (json::json_text(&session, "id").ok_or_else(lacks)?, json::json_text(&session, "url").ok_or_else(lacks)?);
        Ok(OpenedCheckout { session_id: session_id.to_owned(), url: url.to_owned() })
    }

    /// Opens Stripe's customer portal and returns its URL.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn open_portal(&self, key: &str, customer: &str, return_url: &str) -> Result<String, StripeError> {
        let (request, strategy) = (OpenPortal { customer, return_url }, with_idempotency_key(key)?);
        let portal =
            retry(self.limits(), || request.customize().request_strategy(strategy.clone()).send(self.client())).await?;
        let url = json::json_text(&portal, "url")
            .ok_or_else(|| StripeError::Malformed("a portal without a URL".to_owned()))?;
        Ok(url.to_owned())
    }

    /// The subscription of a Checkout Session, and the SaaS's id of the customer in its metadata.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn subscription_of_checkout(
        &self,
        session: &str,
    ) -> Result<Option<(String, Option<String>)>, StripeError> {
        if !is_id(session, "cs_") {
            return Err(no_such("checkout.session"));
        }
        let session = self.get_object(format!("/checkout/sessions/{session}"), "").await?;
        Ok(json::id_in(&session, "subscription").map(|id| (id, json::customer_metadata(&session))))
    }

    pub(super) async fn get_object(&self, path: String, query: &'static str) -> Result<Object, StripeError> {
        let request = GetObject(path, query);
        retry(self.limits(), || request.customize().send(self.client())).await
    }
}
