//! The client, and the requests about Checkout Sessions, payments and refunds.
//!
//! Invariant: an id from outside is checked before it becomes part of a path, since the success page takes one from its
//! URL.

use std::fmt;
use std::time::Duration;

use ::stripe::{Client, ClientBuilder, IdempotencyKey, RequestStrategy, StripeRequest};
use stripe_checkout::checkout_session::RetrieveCheckoutSession;
use url::Url;

use crate::stripe::attempts::{RetryLimits, retry};
use crate::stripe::error::{StripeError, scrub};
use crate::stripe::order::{CheckoutOrder, CheckoutState, InvoiceLinks, OpenedCheckout};
use crate::stripe::refund::{RefundPayment, RefundSent};
use crate::stripe::wire::{session_request, state_of};

/// A client of Stripe, cheap to clone.
#[derive(Clone)]
pub struct Stripe {
    client: Client,
    live: bool,
    limits: RetryLimits,
}

impl fmt::Debug for Stripe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stripe").field("live", &self.live).finish_non_exhaustive()
    }
}

impl Stripe {
    /// A client of `api_base`, by default Stripe's own.
    ///
    /// # Errors
    /// A key that no header can carry, or a base that is no absolute http(s) URL. The text is without the key.
    pub fn new(secret_key: &str, api_base: Option<&str>) -> Result<Stripe, String> {
        if secret_key.is_empty() || !secret_key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the key must be visible ASCII characters".to_owned());
        }
        let mut builder = ClientBuilder::new(secret_key);
        if let Some(base) = api_base {
            builder = builder.url(checked_base(base)?);
        }
        let client = builder.build().map_err(|error| scrub(&error.to_string()))?;
        Ok(Stripe { client, live: is_live_key(secret_key), limits: RetryLimits::default() })
    }

    /// The client with another deadline for each request, retries included. The default is 4.5 seconds, since a page must
    /// answer within 5.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Stripe {
        self.limits.deadline = deadline;
        self.limits.attempt = self.limits.attempt.min(deadline / 2);
        self
    }

    /// The deadline of each request.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.limits.deadline
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn limits(&self) -> RetryLimits {
        self.limits
    }

    /// True if the key moves real money.
    pub fn livemode(&self) -> bool {
        self.live
    }

    /// Opens a Checkout for one purchase. The same key and order give the same Checkout.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn open_checkout(
        &self,
        idempotency_key: &str,
        order: &CheckoutOrder,
    ) -> Result<OpenedCheckout, StripeError> {
        let request = session_request(order);
        let strategy = with_idempotency_key(idempotency_key)?;
        let session =
            retry(self.limits, || request.customize().request_strategy(strategy.clone()).send(&self.client)).await?;
        let url = session.url.ok_or_else(|| StripeError::Malformed("a new Checkout without a URL".to_owned()))?;
        Ok(OpenedCheckout { session_id: session.id.to_string(), url })
    }

    /// Fetches the state of a Checkout.
    ///
    /// # Errors
    /// See [`StripeError`]; a malformed id is [`StripeError::Refused`] with status 404, like an unknown one.
    pub async fn checkout(&self, session_id: &str) -> Result<CheckoutState, StripeError> {
        if !is_id(session_id, "cs_") {
            return Err(no_such("checkout.session"));
        }
        let asked = async {
            let request = RetrieveCheckoutSession::new(session_id);
            // Payment and invoice are asked for what goes beside the credits. One that the library cannot
            // read must not keep paid credits from their buyer.
            for parts in [["payment_intent", "invoice"].as_slice(), &["payment_intent"]] {
                let parts = parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>();
                match self.retrieve(&request.clone().expand(parts)).await {
                    Err(StripeError::Malformed(_)) => {}
                    result => return result,
                }
            }
            self.retrieve(&request).await
        };
        // Three requests at most, one deadline.
        tokio::time::timeout(self.limits.deadline, asked)
            .await
            .unwrap_or_else(|_| Err(StripeError::Unavailable("no answer in time".to_owned())))
    }

    /// Fetches the URLs of an invoice, `in_…`.
    ///
    /// # Errors
    /// See [`StripeError`]; a malformed id is [`StripeError::Refused`] with status 404.
    pub async fn invoice(&self, id: &str) -> Result<InvoiceLinks, StripeError> {
        if !is_id(id, "in_") {
            return Err(no_such("invoice"));
        }
        self.get_links(id).await
    }

    /// Refunds an amount in minor units of a payment, `pi_…`. The same key gives the same refund, for a day.
    ///
    /// # Errors
    /// See [`StripeError`]; a malformed id is [`StripeError::Refused`] with status 404.
    pub async fn refund(
        &self,
        idempotency_key: &str,
        payment_intent: &str,
        amount: i64,
        purchase: &str,
    ) -> Result<RefundSent, StripeError> {
        if !is_id(payment_intent, "pi_") {
            return Err(no_such("payment_intent"));
        }
        let request = RefundPayment::new(payment_intent, amount, purchase);
        let strategy = with_idempotency_key(idempotency_key)?;
        retry(self.limits, || request.customize().request_strategy(strategy.clone()).send(&self.client)).await?.refund()
    }

    async fn retrieve(&self, request: &RetrieveCheckoutSession) -> Result<CheckoutState, StripeError> {
        let session = retry(self.limits, || request.customize().send(&self.client)).await?;
        state_of(session)
    }
}

pub(super) fn with_idempotency_key(idempotency_key: &str) -> Result<RequestStrategy, StripeError> {
    let key = IdempotencyKey::new(idempotency_key).map_err(|error| StripeError::Refused {
        status: 400,
        code: None,
        param: Some("Idempotency-Key".to_owned()),
        message: error.to_string(),
    })?;
    Ok(RequestStrategy::Idempotent(key))
}

/// True if the key moves real money. Settings are checked with it: a live key goes to Stripe's own address only.
pub fn is_live_key(secret_key: &str) -> bool {
    ["sk_live_", "rk_live_", "sk_org_live_"].iter().any(|prefix| secret_key.starts_with(prefix))
}

/// The base with a slash at its end, since the library appends `v1/…` as text.
fn checked_base(base: &str) -> Result<String, String> {
    let mut url = Url::parse(base).map_err(|error| format!("not a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("not an http or https URL".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a user name does not belong here".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("a query or fragment does not belong here".to_owned());
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url.into())
}

pub(super) fn no_such(what: &str) -> StripeError {
    StripeError::Refused {
        status: 404,
        code: Some("resource_missing".to_owned()),
        param: Some("id".to_owned()),
        message: format!("No such {what}"),
    }
}

pub(super) fn is_id(id: &str, prefix: &str) -> bool {
    id.len() <= 255 && id.starts_with(prefix) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::{Stripe, checked_base, is_id};
    use crate::stripe::StripeError;

    #[test]
    fn a_base_gets_its_trailing_slash() {
        let check = |base: &str, expected: &str| assert_eq!(checked_base(base).as_deref(), Ok(expected));
        check("http://127.0.0.1:4000", "http://127.0.0.1:4000/");
        check("http://127.0.0.1:4000/", "http://127.0.0.1:4000/");
        check("https://proxy.example/stripe", "https://proxy.example/stripe/");
    }

    #[test]
    fn a_bad_base_is_refused_with_a_reason() {
        for base in ["", "api.stripe.com", "ftp://a.example", "http://u:p@a.example", "http://a.example/?q"] {
            assert!(Stripe::new("sk_test_1", Some(base)).is_err(), "{base}");
        }
    }

    #[test]
    fn a_key_that_is_no_header_is_refused_and_not_repeated() {
        for key in ["", "sk test", "sk_test_1\n", "sk_tést"] {
            let reason = Stripe::new(key, None).expect_err(key);
            assert!(key.is_empty() || !reason.contains(key));
        }
    }

    #[test]
    fn debug_does_not_show_the_key() {
        let stripe = Stripe::new("sk_test_secret", None).expect("a client");
        assert!(!format!("{stripe:?}").contains("secret"));
        assert!(!stripe.livemode());
        assert!(Stripe::new("rk_live_1", None).expect("a client").livemode());
    }

    #[test]
    fn only_an_id_becomes_a_path() {
        assert!(is_id("cs_test_a1YS1URlnyQCN5fUU", "cs_"));
        for id in ["", "cs", "cs_/../customers", "cs_1?expand", "pi_1", "cs_1 ", "cs_é", "cs_%2e"] {
            assert!(!is_id(id, "cs_"), "{id}");
        }
        assert!(!is_id(&format!("cs_{}", "a".repeat(300)), "cs_"));
    }

    #[tokio::test]
    async fn an_impossible_session_is_unknown_without_asking() {
        let stripe = Stripe::new("sk_test_1", Some("http://127.0.0.1:1/")).expect("a client");
        let error = stripe.checkout("cs_test/../../v1/customers").await.expect_err("refused");
        assert!(matches!(error, StripeError::Refused { status: 404, .. }));
    }
}
