//! Topup sells prepaid credits on top of a SaaS plan. ARCHITECTURE.md is the map.

pub use topup_domain as domain;

/// A request is many small allocations: the system's allocator took a seventh of the server's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub mod app;
pub mod cli;
pub mod clock;
#[cfg(feature = "demo")]
pub mod demo;
pub mod email;
pub mod http;
pub mod jobs;
pub mod ledger;
pub mod metrics;
pub mod rate_limits;
pub mod request_log;
pub mod request_trace;
pub mod settings;
pub mod store;
pub mod stripe;
pub mod time_zone;
pub mod usecases;
pub mod web;
pub mod webhooks;
