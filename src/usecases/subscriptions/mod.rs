//! Subscriptions at Stripe: a customer's plan follows them (R6).
//!
//! An event only says that there is something to look at: the subscription is fetched, and with all others that are
//! known of its customer it decides the plan, in one transaction. So events may come twice, late and in any order.
//!
//! Invariant: an answer of Stripe's that was overtaken by another while it was on its way is not taken: each look
//! counts the row's version up, and the look that finds another one than it began with asks again.

pub mod plan;
mod upgrade;

pub use plan::{FollowedSubscription, followed_subscription, is_told_by, update_plan};
pub(crate) use plan::{customer_subscriptions, owner_of};
pub use upgrade::{
    UpgradeChoice, UpgradeOutcome, came_back, open_billing_portal, open_customer_portal, sells_subscriptions,
    start_upgrade,
};
