//! Credits of one customer: balances, usages, holds, voids, courtesy credits, entries, idempotency.
//!
//! *Not here:* the rules (`domain`) and writing (`ledger`).

pub mod accounts;
pub mod advice;
pub mod courtesy;
pub mod dated;
pub mod export;
pub mod holds;
pub mod idempotency;
pub mod overview;
pub mod usage_rate;
pub mod usages;
pub mod voids;
