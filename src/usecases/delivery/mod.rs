//! Delivery: the queue of emails and webhooks, and retries of items that fail.
//!
//! *Not here:* the text of emails and messages (`notify`), SMTP and HTTP (`email`, `webhooks`).

mod backoff;
pub mod failed_items;
pub mod outbox;
pub mod queue;
pub mod rounds;
pub mod webhooks;

pub(crate) use backoff::plain_reason;
