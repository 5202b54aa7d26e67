//! The product's use-cases, a folder a subject. Pages, APIs and jobs call these.
//!
//! Rooms from the top down; a room uses only those below it: jobs, upkeep, operators, stripe_sync, insight,
//! subscriptions, auto_top_up, purchases, customers, agreements, notify, access, credits, delivery, alarms, outgoing, app.
//!
//! Invariants: every write goes through the engine; no transaction is open during a call to Stripe; a rule's refusal is
//! a value, [`InternalError`] is an error that no rule foresees.
//!
//! *Not here:* the SQL of the ledger (`store`). A use-case has the statements of its own tables.

pub mod access;
pub mod agreements;
pub mod alarms;
pub mod app;
pub mod auto_top_up;
pub mod credits;
pub mod customers;
pub mod delivery;
pub mod insight;
pub mod jobs;
pub mod notify;
pub mod operators;
pub mod outgoing;
pub mod purchases;
pub mod stripe_sync;
pub mod subscriptions;
pub mod upkeep;

pub use app::{App, AppParts, InternalError, ServerSettings, ShopSettings};
