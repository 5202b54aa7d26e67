//! The demo (feature `demo`): its customers, and the actions of its bar.

pub mod actions;
pub mod customers;
