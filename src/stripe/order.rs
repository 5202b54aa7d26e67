//! What goes to Stripe and what comes back, in the product's own words.
//!
//! Invariant: what is sent can be stored and sent again unchanged (R19), so the sent types serialize
//! whole. Amounts are minor units of `currency`, which is lower case as Stripe writes it.

use serde::{Deserialize, Serialize};

/// A Stripe customer to be made, once for each customer of the shop.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct NewCustomer {
    /// Where receipts go.
    pub email: String,
    /// The account's name as invoices show it.
    pub name: Option<String>,
    /// The SaaS's own id of the customer, kept in `metadata[customer]`.
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
    /// Where "back" leads.
    pub cancel_url: String,
    /// Unix seconds; Stripe allows 30 minutes to 24 hours from now.
    pub expires_at: i64,
    /// Whether Stripe makes an invoice of the payment. Orders stored before there was a choice had none,
    /// and are repeated as they were sent.
    #[serde(default)]
    pub invoice: bool,
    /// Whether a business may give its tax id.
    #[serde(default)]
    pub tax_ids: bool,
    /// Whether Stripe computes the tax, for which it asks for an address.
    #[serde(default)]
    pub automatic_tax: bool,
    /// What the session tells of the sale beside its purchase, should it be all that is left of it. Orders
    /// stored before told nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sold: Option<Sold>,
}

/// A sale in the session's own metadata: enough to book it by.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Sold {
    /// `metadata[customer]`: the SaaS's own id of the customer.
    pub customer: String,
    /// `metadata[package]`: the package's id.
    pub package: String,
    /// `metadata[credits]`: how many.
    pub credits: String,
    /// `metadata[months]`: of validity. Sales of before said nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub months: Option<String>,
}

/// A Checkout that is ready for the customer.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct OpenedCheckout {
    /// `cs_…`
    pub session_id: String,
    /// Where to send the browser.
    pub url: String,
}

/// How far a Checkout has come. It says nothing about money: see [`CheckoutState::paid`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckoutStatus {
    /// The customer can still pay.
    Open,
    /// The customer is through; the payment may still be on its way.
    Complete,
    /// Nobody can pay any more.
    Expired,
}

/// Where an invoice is to be seen. The addresses expire: they are asked for each time, and not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceLinks {
    /// Stripe's page of it; absent until the invoice is final.
    pub hosted_url: Option<String>,
    /// The same as a file.
    pub pdf: Option<String>,
    /// What the buyer's bookkeeping calls it.
    pub number: Option<String>,
}

/// A Checkout as Stripe has it now: what R8 is decided on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckoutState {
    /// `cs_…`
    pub id: String,
    /// How far it has come.
    pub status: CheckoutStatus,
    /// `payment_status` is `paid` or `no_payment_required`.
    pub paid: bool,
    /// A delayed payment that came to nothing: the buyer was through, and the bank said no. The Checkout
    /// itself does not say so (it stays complete and unpaid); its payment does.
    pub failed: bool,
    /// Our purchase id, as we sent it.
    pub client_reference_id: Option<String>,
    /// Our purchase id in the metadata, which nobody but the account's owner can write.
    pub named: Option<String>,
    /// `cus_…`
    pub customer: Option<String>,
    /// Before discounts and tax: what we asked for.
    pub amount_subtotal: Option<i64>,
    /// After discounts and tax: what the customer pays.
    pub amount_total: Option<i64>,
    /// The tax in `amount_total`.
    pub amount_tax: Option<i64>,
    /// ISO 4217, lower case.
    pub currency: Option<String>,
    /// `pi_…`
    pub payment_intent: Option<String>,
    /// `ch_…`, the payment's latest charge; absent where Stripe did not say.
    pub charge: Option<String>,
    /// `in_…`
    pub invoice: Option<String>,
    /// The invoice's number; absent where Stripe did not say.
    pub invoice_number: Option<String>,
    /// Whether real money is meant.
    pub livemode: bool,
    /// Where the customer continues; present while open.
    pub url: Option<String>,
}
