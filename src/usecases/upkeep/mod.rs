//! Upkeep of a database: retention of what is no longer needed, the check against the rules, values that older rows
//! lack.
//!
//! *Not here:* when it runs (`jobs`).

pub mod backfill;
pub mod check;
pub mod retention;
