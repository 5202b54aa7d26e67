//! Subscriptions: how one stands, whose it is; a Checkout that begins one, the portal that changes it.
//!
//! Requests of our own, each with the few fields that are read: the library's subscription has some fifty.

use miniserde::json::{Object, Value};
use serde::Serialize;
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};

use crate::stripe::attempts::repeat;
use crate::stripe::client::{Stripe, is_id, keyed, no_such};
use crate::stripe::error::StripeError;
use crate::stripe::order::OpenedCheckout;

/// A subscription as Stripe has it now. Instants are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionState {
    /// `sub_…`
    pub id: String,
    /// In Stripe's word.
    pub status: String,
    /// `cus_…`
    pub customer: String,
    /// The SaaS's own id of the customer, where it was put into `metadata[customer]`.
    pub names: Option<String>,
    /// When it was made.
    pub created: i64,
    /// What its cycles are counted from.
    pub anchor: i64,
    /// `price_…` of each item, with the end of its period.
    pub prices: Vec<(String, Option<i64>)>,
    /// When it will end, or has ended.
    pub ends_at: Option<i64>,
    /// Whether its newest invoice is to be paid; absent where Stripe did not say.
    pub owes: Option<bool>,
    /// Whether real money is meant.
    pub livemode: bool,
}

/// All parameters of a Checkout that begins a subscription.
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
    named: String,
    #[serde(rename = "subscription_data[metadata][customer]")]
    names: String,
    success_url: String,
    cancel_url: String,
    #[serde(rename = "automatic_tax[enabled]", skip_serializing_if = "Option::is_none")]
    tax: Option<bool>,
    #[serde(rename = "tax_id_collection[enabled]", skip_serializing_if = "Option::is_none")]
    tax_ids: Option<bool>,
    #[serde(rename = "customer_update[address]", skip_serializing_if = "Option::is_none")]
    keeps_address: Option<&'static str>,
    #[serde(rename = "customer_update[name]", skip_serializing_if = "Option::is_none")]
    keeps_name: Option<&'static str>,
}

impl SubscriptionOrder {
    /// `customer` is the SaaS's own id, `stripe_customer` Stripe's; `back` is where both ways out lead.
    #[must_use]
    pub fn new(stripe_customer: &str, customer: &str, price: &str, success_url: &str, cancel_url: &str) -> Self {
        Self {
            mode: "subscription",
            customer: stripe_customer.to_owned(),
            price: price.to_owned(),
            quantity: 1,
            named: customer.to_owned(),
            names: customer.to_owned(),
            success_url: success_url.to_owned(),
            cancel_url: cancel_url.to_owned(),
            tax: None,
            tax_ids: None,
            keeps_address: None,
            keeps_name: None,
        }
    }

    /// Whether Stripe computes the tax, and whether a business may give its tax id. Both write what the buyer types
    /// into the customer, which Stripe does only where it is told to.
    #[must_use]
    pub fn taxed(mut self, automatic: bool, tax_ids: bool) -> Self {
        (self.tax, self.tax_ids) = (automatic.then_some(true), tax_ids.then_some(true));
        let keeps = (automatic || tax_ids).then_some("auto");
        (self.keeps_address, self.keeps_name) = (keeps, keeps);
        self
    }
}

/// A GET whose answer is read field by field.
struct Look(String, &'static str);

impl StripeRequest for Look {
    type Output = Object;

    fn build(&self) -> RequestBuilder {
        let mut builder = RequestBuilder::new(StripeMethod::Get, self.0.clone());
        if !self.1.is_empty() {
            builder.query = Some(self.1.to_owned());
        }
        builder
    }
}

struct Open<'a>(&'a SubscriptionOrder);

impl StripeRequest for Open<'_> {
    type Output = Object;

    fn build(&self) -> RequestBuilder {
        RequestBuilder::new(StripeMethod::Post, "/checkout/sessions").form(self.0)
    }
}

#[derive(Serialize)]
struct Portal<'a> {
    customer: &'a str,
    return_url: &'a str,
}

impl StripeRequest for Portal<'_> {
    type Output = Object;

    fn build(&self) -> RequestBuilder {
        RequestBuilder::new(StripeMethod::Post, "/billing_portal/sessions").form(self)
    }
}

/// An invoice of a list.
#[derive(miniserde::Deserialize)]
struct InvoiceLine {
    id: String,
}

/// A subscription of a list.
#[derive(miniserde::Deserialize)]
struct Listed {
    id: String,
}

impl Stripe {
    /// Asks how a subscription stands.
    ///
    /// # Errors
    /// See [`StripeError`]; an id that cannot be Stripe's is [`StripeError::Refused`] with status 404.
    pub async fn subscription(&self, id: &str) -> Result<SubscriptionState, StripeError> {
        if !is_id(id, "sub_") {
            return Err(no_such("subscription"));
        }
        state_of(&self.look(format!("/subscriptions/{id}"), "expand[]=latest_invoice").await?)
    }

    /// The subscription that an invoice, `in_…`, is of; nothing where it is of none.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn subscription_of_invoice(&self, id: &str) -> Result<Option<String>, StripeError> {
        if !is_id(id, "in_") {
            return Err(no_such("invoice"));
        }
        let invoice = self.look(format!("/invoices/{id}"), "").await?;
        let details = object(&invoice, "parent").and_then(|parent| object(parent, "subscription_details"));
        // Older versions have it on the invoice itself.
        let named = details.and_then(|details| id_in(details, "subscription"));
        Ok(named.or_else(|| id_in(&invoice, "subscription")))
    }

    /// The oldest invoice of a subscription that is to be paid; nothing where there is none, or Stripe will not say.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn oldest_unpaid(&self, subscription: &str) -> Result<Option<String>, StripeError> {
        let query = vec![("subscription", subscription.to_owned()), ("status", "open".to_owned())];
        match self.list("/invoices", query, |invoice: &InvoiceLine| &invoice.id).await {
            Ok(newest_first) => Ok(newest_first.into_iter().next_back().map(|invoice| invoice.id)),
            Err(StripeError::Refused { .. } | StripeError::Malformed(_)) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Whom a Stripe customer is, in the SaaS's own word, where `metadata[customer]` says so.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn named_by_customer(&self, id: &str) -> Result<Option<String>, StripeError> {
        if !is_id(id, "cus_") {
            return Ok(None);
        }
        match self.look(format!("/customers/{id}"), "").await {
            Ok(customer) => Ok(name_in(&customer)),
            Err(StripeError::Refused { .. }) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// All subscriptions of the account, whatever their status, that were made at `since` or later, in seconds since 1970.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn subscriptions_since(&self, since: i64) -> Result<Vec<String>, StripeError> {
        let query = vec![("status", "all".to_owned()), ("created[gte]", since.to_string())];
        let all = self.list("/subscriptions", query, |one: &Listed| &one.id).await?;
        Ok(all.into_iter().map(|one| one.id).collect())
    }

    /// The subscriptions of a Stripe customer, `cus_…`, that go on.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn living_subscriptions(&self, customer: &str) -> Result<Vec<String>, StripeError> {
        let query = vec![("customer", customer.to_owned())];
        let all = self.list("/subscriptions", query, |one: &Listed| &one.id).await?;
        Ok(all.into_iter().map(|one| one.id).collect())
    }

    /// Opens a Checkout that begins a subscription. The same key and order give the same Checkout.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn open_subscription(&self, key: &str, order: &SubscriptionOrder) -> Result<OpenedCheckout, StripeError> {
        let (request, strategy) = (Open(order), keyed(key)?);
        let session =
            repeat(self.limits(), || request.customize().request_strategy(strategy.clone()).send(self.client()))
                .await?;
        let lacks = || StripeError::Malformed("a new Checkout without a URL".to_owned());
        let (session_id, url) = (text(&session, "id").ok_or_else(lacks)?, text(&session, "url").ok_or_else(lacks)?);
        Ok(OpenedCheckout { session_id: session_id.to_owned(), url: url.to_owned() })
    }

    /// Opens the portal in which a customer changes or ends what it subscribes to; where it is.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn open_portal(&self, key: &str, customer: &str, return_url: &str) -> Result<String, StripeError> {
        let (request, strategy) = (Portal { customer, return_url }, keyed(key)?);
        let portal =
            repeat(self.limits(), || request.customize().request_strategy(strategy.clone()).send(self.client()))
                .await?;
        let url = text(&portal, "url").ok_or_else(|| StripeError::Malformed("a portal without a URL".to_owned()))?;
        Ok(url.to_owned())
    }

    /// The subscription that a Checkout has begun, and the SaaS's own id of the customer that it names.
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
        let session = self.look(format!("/checkout/sessions/{session}"), "").await?;
        Ok(id_in(&session, "subscription").map(|id| (id, name_in(&session))))
    }

    async fn look(&self, path: String, query: &'static str) -> Result<Object, StripeError> {
        let request = Look(path, query);
        repeat(self.limits(), || request.customize().send(self.client())).await
    }
}

fn state_of(found: &Object) -> Result<SubscriptionState, StripeError> {
    let lacks = |name: &str| StripeError::Malformed(format!("a subscription without {name}"));
    let word = |name: &str| text(found, name).map(str::to_owned).ok_or_else(|| lacks(name));
    let created = number(found, "created").ok_or_else(|| lacks("created"))?;
    let items = match object(found, "items").and_then(|list| list.get("data")) {
        Some(Value::Array(items)) => items,
        _ => return Err(lacks("items")),
    };
    let prices: Vec<(String, Option<i64>)> = items
        .iter()
        .filter_map(|item| match item {
            Value::Object(item) => Some((id_in(item, "price")?, number(item, "current_period_end"))),
            _ => None,
        })
        .collect();
    // Until the end of what is paid: an end that is only said to be then has its instant on the items.
    let period_end = prices.iter().filter_map(|(_, end)| *end).max();
    let at_period_end = matches!(found.get("cancel_at_period_end"), Some(Value::Bool(true)));
    let ends_at = number(found, "ended_at").or_else(|| number(found, "cancel_at"));
    Ok(SubscriptionState {
        id: word("id")?,
        status: word("status")?,
        customer: id_in(found, "customer").ok_or_else(|| lacks("customer"))?,
        names: name_in(found),
        created,
        anchor: number(found, "billing_cycle_anchor").unwrap_or(created),
        ends_at: ends_at.or(period_end.filter(|_| at_period_end)),
        prices,
        owes: object(found, "latest_invoice").and_then(|invoice| owes(text(invoice, "status")?)),
        livemode: matches!(found.get("livemode"), Some(Value::Bool(true))),
    })
}

/// Whether an invoice of this status is to be paid. Of a draft nobody knows yet; a void one was never paid.
fn owes(status: &str) -> Option<bool> {
    match status {
        "paid" => Some(false),
        "open" | "uncollectible" | "void" => Some(true),
        _ => None,
    }
}

fn text<'a>(of: &'a Object, name: &str) -> Option<&'a str> {
    match of.get(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

fn number(of: &Object, name: &str) -> Option<i64> {
    match of.get(name) {
        Some(Value::Number(number)) => number.to_string().parse().ok(),
        _ => None,
    }
}

fn object<'a>(of: &'a Object, name: &str) -> Option<&'a Object> {
    match of.get(name) {
        Some(Value::Object(inner)) => Some(inner),
        _ => None,
    }
}

/// An id, whether Stripe has put the object in its place or not.
fn id_in(of: &Object, name: &str) -> Option<String> {
    match of.get(name) {
        Some(Value::String(id)) => Some(id.clone()),
        Some(Value::Object(inner)) => text(inner, "id").map(str::to_owned),
        _ => None,
    }
}

fn name_in(of: &Object) -> Option<String> {
    object(of, "metadata").and_then(|metadata| text(metadata, "customer")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{SubscriptionState, state_of};
    use crate::stripe::StripeError;

    fn check(json: &str) -> Result<SubscriptionState, StripeError> {
        state_of(&miniserde::json::from_str(json).expect("an object"))
    }

    #[test]
    fn a_subscription_is_read_whatever_stands_around_it() {
        let state = check(
            r#"{"id":"sub_1","object":"subscription","status":"past_due","created":5,"billing_cycle_anchor":7,
              "customer":{"id":"cus_1","deleted":true},"cancel_at_period_end":true,"cancel_at":null,"livemode":false,
              "metadata":{"customer":"acme","other":"x"},"new_field":[{"a":1.5}],
              "items":{"data":[{"price":{"id":"price_1"},"current_period_end":99},{"plan":null}]},
              "latest_invoice":{"status":"open"}}"#,
        );
        let expected = SubscriptionState {
            id: "sub_1".into(),
            status: "past_due".into(),
            customer: "cus_1".into(),
            names: Some("acme".into()),
            created: 5,
            anchor: 7,
            prices: vec![("price_1".into(), Some(99))],
            ends_at: Some(99),
            owes: Some(true),
            livemode: false,
        };
        assert_eq!(state, Ok(expected));
    }

    #[test]
    fn what_is_not_said_is_not_known() {
        let state = check(
            r#"{"id":"sub_1","status":"active","created":5,"customer":"cus_1","latest_invoice":"in_1",
              "items":{"data":[{"price":"price_1"}]}}"#,
        )
        .expect("enough");
        assert_eq!((state.owes, state.ends_at, state.anchor, state.names), (None, None, 5, None));
        assert_eq!(state.prices, [("price_1".to_owned(), None)]);
    }

    #[test]
    fn a_subscription_that_lacks_what_matters_is_not_read() {
        for json in [
            "{}",
            r#"{"id":"sub_1","status":"active","created":5,"items":{"data":[]}}"#,
            r#"{"id":"sub_1","status":"active","created":5,"customer":"cus_1"}"#,
            r#"{"id":"sub_1","status":7,"created":5,"customer":"cus_1","items":{"data":[]}}"#,
        ] {
            assert!(matches!(check(json), Err(StripeError::Malformed(_))), "{json}");
        }
    }
}
