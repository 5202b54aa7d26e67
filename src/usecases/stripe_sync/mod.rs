//! Stripe's side of things: its events, and what `topup reconcile` compares.
//!
//! *Not here:* what a purchase or a subscription makes of an object (`purchases`, `subscriptions`).

pub mod differences;
pub mod events;
pub mod inbox;
pub mod reconcile;
pub mod subscription_differences;
