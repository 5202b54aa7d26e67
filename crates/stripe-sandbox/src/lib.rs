#![doc = include_str!("../README.md")]
//!
//! # Modules
//! Arrows point down only, between files too: `routes → {api, pages, deliveries, controls} → {sandbox, actions} →
//! events → store → objects → error`. `params` checks requests for `api`.
//!
//! Not here: the listener, which belongs to the caller.

// The objects are wide: `json!` recurses once for each token.
#![recursion_limit = "512"]

mod actions;
mod api;
mod controls;
pub mod currencies;
mod deliveries;
mod error;
mod events;
mod faults;
mod objects;
mod pages;
mod params;
mod routes;
mod sandbox;
mod signature;
mod store;

pub use self::controls::CardCharges;
pub use self::faults::{ApiFault, Faults};
pub use self::sandbox::{Clock, Sandbox, SandboxSettings};
