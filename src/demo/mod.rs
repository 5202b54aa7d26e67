//! The demo (feature `demo`): its customers, their story, and the actions of its bar.
//!
//! *Not here:* its pages (`web::demo`), the command that starts it (`app::demo`).

pub mod actions;
pub mod customers;
pub mod rhythm;
pub mod seed;
pub mod steps;
mod story;
