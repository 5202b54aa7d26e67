//! Changes of objects, with the events that they cause, at Stripe's side: by the API, by buyers and their banks, by
//! the clock. Each works on one transaction.
//!
//! Arrows: `checkout → due → {payments, subscriptions} → invoices`; `checkout → saved_cards`; `invoice_payments → payments`;
//! `{checkout, invoice_payments} → refunds_and_disputes`.

pub(crate) mod checkout;
pub(crate) mod due;
pub(crate) mod invoice_payments;
pub(crate) mod invoices;
pub(crate) mod payments;
pub(crate) mod refunds_and_disputes;
pub(crate) mod saved_cards;
pub(crate) mod subscriptions;
