//! Messages to people and to the SaaS's backend: emails, balance alerts, reminders, receipts, webhooks.
//!
//! *Not here:* how they leave (`delivery`).

pub mod balance_alerts;
mod email_writers;
pub mod emails;
pub mod receipts;
pub mod reminders;
pub mod webhooks;

pub use email_writers::EmailWriters;
