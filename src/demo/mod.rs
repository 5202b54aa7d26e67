//! The demo (feature `demo`): its customers, their story, and the actions of its bar.
//!
//! *Not here:* its pages (`web::demo`), the command that starts it (`app::demo`).

pub mod actions;
mod auto_top_up;
pub mod customers;
pub mod rhythm;
pub mod seed;
pub mod steps;
mod story;
mod stripe;

pub use stripe::{card_charges, set_sandbox};
