//! Upkeep of a database: retention of what is no longer needed, the check against the rules, the test clock.
//!
//! *Not here:* when it runs (`jobs`).

pub mod backfill;
pub mod check;
pub mod retention;
