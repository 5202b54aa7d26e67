//! `/v1`: Stripe's API.
//!
//! Arrows: `serve → dispatch → {one file a resource} → lists → call`.

mod auth;
mod call;
mod checkout;
mod customers;
mod dispatch;
mod events;
mod invoices;
mod line_items;
mod lists;
mod refunds_and_disputes;
mod serve;
mod subscriptions;

pub(crate) use self::serve::serve;
