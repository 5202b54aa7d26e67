//! A refund: a request of our own that reads two fields.

use crate::stripe::error::StripeError;
use serde::Serialize;
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};

/// `POST /v1/refunds`
#[derive(Clone, Debug, Serialize)]
pub(super) struct RefundPayment {
    payment_intent: String,
    amount: i64,
    #[serde(rename = "metadata[purchase]")]
    purchase: String,
}

impl RefundPayment {
    /// `amount` in minor units; `purchase` shows on Stripe's pages.
    pub(super) fn new(payment_intent: &str, amount: i64, purchase: &str) -> Self {
        Self { payment_intent: payment_intent.to_owned(), amount, purchase: purchase.to_owned() }
    }
}

impl StripeRequest for RefundPayment {
    type Output = RefundJson;

    fn build(&self) -> RequestBuilder {
        RequestBuilder::new(StripeMethod::Post, "/refunds").form(self)
    }
}

/// The fields that are read of a refund.
#[derive(miniserde::Deserialize)]
pub(super) struct RefundJson {
    id: String,
    status: Option<String>,
}

/// A refund that Stripe accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundSent {
    /// `re_…`
    pub id: String,
    /// `succeeded`, `pending`, …
    pub status: String,
}

impl RefundJson {
    pub(super) fn refund(self) -> Result<RefundSent, StripeError> {
        if self.id.len() > 255 || !self.id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(StripeError::Malformed("a refund without an id".to_owned()));
        }
        Ok(RefundSent { id: self.id, status: self.status.unwrap_or_default() })
    }
}
