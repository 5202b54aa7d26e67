//! Stripe's API: a client for the requests that selling needs, and the signature of its webhooks.
//!
//! Owns: requests, their idempotency keys, retries and time-outs, and the meaning of answers. Invariants: a request ends
//! within its deadline; every POST has an idempotency key and is retried with the same key only; the secret key is in no
//! error, no log and no `Debug`.
//!
//! Not here: purchases (`usecases`), SQL, HTTP routes, the sandbox (`crates/stripe-sandbox`).

mod attempts;
mod checkout;
mod client;
mod customer;
mod endpoint;
mod error;
mod invoice;
mod json;
mod order;
mod payment;
mod refund;
mod sale;
mod saved_card;
mod subscription;
mod subscription_state;
pub mod webhook;
mod wire;

pub use checkout::is_payment_method;
pub use client::{Stripe, is_live_key};
pub use endpoint::{Endpoint, Right};
pub use error::StripeError;
pub use invoice::{InvoiceOrder, InvoiceState};
pub use order::{CheckoutOrder, CheckoutState, CheckoutStatus, InvoiceLinks, NewCustomer, OpenedCheckout, Sold};
pub use payment::{EventLine, PaymentHistory, RefundOrDispute, StripeCharge};
pub use refund::RefundSent;
pub use sale::Sale;
pub use saved_card::{SavedCard, SetupOrder, SetupState};
pub use subscription::SubscriptionOrder;
pub use subscription_state::SubscriptionState;

/// Access to Stripe.
#[derive(Clone)]
pub struct StripeSettings {
    /// The secret key.
    pub secret_key: String,
    /// Secrets of the webhook endpoint.
    pub webhook_secrets: Vec<String>,
    /// The base URL of the API, if it is not Stripe's own.
    pub api_base: Option<String>,
}

#[cfg(test)]
mod tests;
