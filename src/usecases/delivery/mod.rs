//! Delivery of emails, and retries of items that fail.

pub mod failed_items;
pub mod outbox;
