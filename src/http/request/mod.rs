//! The parts of a request that all resources share: key, rate limits, path, query, body, idempotency key, and the
//! generic errors. The order of errors stands in `http`.
//!
//! *Not here:* a resource's own answers and errors.

pub mod as_of;
pub mod auth;
pub mod body;
pub mod canonical;
pub mod client_ip;
pub mod code;
pub mod customer;
pub mod extract;
pub mod fields;
pub mod idempotency;
pub mod json;
pub mod object;
pub mod paging;
pub mod problem;
pub mod rate_limit;
pub mod refusal;
pub mod scope;
