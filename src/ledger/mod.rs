//! The engine: all writes go through it.
//!
//! A commit costs a flush of the disk, so what arrives together is decided together and committed
//! once: a lane (`lane`) takes what has queued while the last commit ran (it never waits on a timer), loads the
//! accounts it touches, lets the domain decide, writes each customer and grant row once, commits, answers.
//!
//! Invariants:
//! - Nothing is acknowledged before its commit.
//! - A refused charge changes nothing but what was due anyway; a failing job is rolled back to its savepoint.
//! - What the cache has of an account is used only while nobody else wrote it (`account_cache`, `row_locks`).
//! - No network call is made inside a write transaction.
//!
//! *Not here:* rules (the domain's), SQL (the store's), HTTP.

mod account_cache;
mod anonymous_lane;
mod batch;
mod charge;
mod clock_guard;
mod flush;
mod health;
mod lane;
mod new_usages;
mod queue;
mod row_locks;
mod unavailable;
mod write_transaction;

pub use crate::store::entries::NewUsageColumns;
pub use charge::{Charge, ChargeOutcome, Charged, free_text, usage_note};
pub use queue::Ledger;
pub use unavailable::Unavailable;
pub use write_transaction::{AlarmChannels, WriteTransaction};
