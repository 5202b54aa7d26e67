//! Requests to Stripe and its answers, in the product's own words.
//!
//! Invariant: a request can be stored and sent again unchanged (R19), so its types serialize whole. Amounts are minor
//! units of `currency`, which is lower case as at Stripe.

use serde::{Deserialize, Serialize};

/// A new Stripe customer, one for each customer of the shop.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct NewCustomer {
    /// The address for receipts.
    pub email: String,
    /// The account's name as invoices show it.
    pub name: Option<String>,
    /// The SaaS's id of the customer, in `metadata[customer]`.
    pub customer_ref: String,
}

/// All parameters of one Checkout, stored at the first click and repeated from there (R19).
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct CheckoutOrder {
    /// `pur_…`: `client_reference_id`, and `metadata[purchase]` of the session and of its payment.
    pub purchase: String,
    /// `cus_…`
    pub stripe_customer: String,
    /// The line on the Checkout page and on the receipt.
    pub product_name: String,
    /// The price of the one item, in minor units, before tax.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// `allowed_payment_method_types`; empty leaves the choice to Stripe's settings.
    pub payment_methods: Vec<String>,
    /// The text at the pay button; empty shows none.
    pub submit_text: String,
    /// May hold `{CHECKOUT_SESSION_ID}`, which Stripe fills in.
    pub success_url: String,
    /// The URL of "back".
    pub cancel_url: String,
    /// Unix seconds; Stripe allows 30 minutes to 24 hours from now.
    pub expires_at: i64,
    /// Stripe makes an invoice of the payment. Orders stored before there was a choice had none,
    /// and are repeated as they were sent.
    #[serde(default)]
    pub invoice: bool,
    /// A business may give its tax id.
    #[serde(default)]
    pub tax_ids: bool,
    /// Stripe computes the tax, and asks for an address.
    #[serde(default)]
    pub automatic_tax: bool,
    /// The sale as metadata of the session, in case nothing else is left of it. Older orders have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sold: Option<Sold>,
}

/// A sale in the session's metadata, enough to rebuild its purchase.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Sold {
    /// `metadata[customer]`: the SaaS's own id of the customer.
    pub customer: String,
    /// `metadata[package]`: the package's id.
    pub package: String,
    /// `metadata[credits]`.
    pub credits: String,
    /// `metadata[months]`: the validity; older sales have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub months: Option<String>,
    /// `metadata[quantity]` of an automatic purchase: the number of packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<String>,
}

/// A Checkout that is ready for the customer.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct OpenedCheckout {
    /// `cs_…`
    pub session_id: String,
    /// The URL for the browser.
    pub url: String,
}

/// The status of a Checkout; for the money see [`CheckoutState::paid`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckoutStatus {
    /// The customer can still pay.
    Open,
    /// The customer is done; the payment may still be pending.
    Complete,
    /// Nobody can pay any more.
    Expired,
}

/// The URLs of an invoice. They expire, so they are fetched each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceLinks {
    /// Its page at Stripe; absent until the invoice is final.
    pub hosted_url: Option<String>,
    /// Its PDF.
    pub pdf: Option<String>,
    /// The number of the invoice, for the buyer's bookkeeping.
    pub number: Option<String>,
}

/// The state of a Checkout at Stripe, which decides R8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckoutState {
    /// `cs_…`
    pub id: String,
    /// Its status.
    pub status: CheckoutStatus,
    /// `payment_status` is `paid` or `no_payment_required`.
    pub paid: bool,
    /// A delayed payment that the bank refused. The Checkout stays complete and unpaid; only its payment shows it.
    pub failed: bool,
    /// Our purchase id in `client_reference_id`.
    pub client_reference_id: Option<String>,
    /// Our purchase id in the metadata, which only the account's owner can write.
    pub named: Option<String>,
    /// `cus_…`
    pub customer: Option<String>,
    /// The amount before discounts and tax, as requested.
    pub amount_subtotal: Option<i64>,
    /// The amount after discounts and tax, as paid.
    pub amount_total: Option<i64>,
    /// The tax in `amount_total`.
    pub amount_tax: Option<i64>,
    /// ISO 4217, lower case.
    pub currency: Option<String>,
    /// `pi_…`
    pub payment_intent: Option<String>,
    /// `ch_…`, the payment's latest charge, if Stripe gave it.
    pub charge: Option<String>,
    /// `in_…`
    pub invoice: Option<String>,
    /// The invoice's number, if Stripe gave it.
    pub invoice_number: Option<String>,
    /// Real money moves.
    pub livemode: bool,
    /// The URL to continue; present while open.
    pub url: Option<String>,
}
