//! Upkeep of a database: retention of what is no longer needed, the check against the rules, copies of it, values that
//! older rows lack, the standby that is read from.
//!
//! *Not here:* when it runs (`jobs`).

pub mod backfill;
pub mod backup;
pub mod check;
pub mod read_standby;
pub mod restore;
pub mod retention;
