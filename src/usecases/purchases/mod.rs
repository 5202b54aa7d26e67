//! Purchases: from the click to the credits (R7, R8, R19).
//!
//! Invariants: a purchase's id, minted when the form is drawn, is the key from click to Stripe to grant; one purchase
//! is one grant, however often [`fulfill`] is called; the credits are those sold, not those that the catalogue names
//! later; no transaction is open during a call to Stripe.

mod checkout_order;
mod fulfill;
mod invoice;
mod list;
mod open_checkouts;
mod purchase;
mod refresh;
mod refunds_and_disputes;
mod restore;
mod search;
mod settle_checkout;
mod start;
mod stripe_customer;
mod sweep;
mod timeline;

pub(crate) use fulfill::unanswered;
pub use fulfill::{Fulfillment, StripeAnswer, fulfill, fulfill_session, recheck};
pub use invoice::{Invoice, invoice};
pub use list::{CustomerPurchases, is_paid, listed};
pub use open_checkouts::of_form;
pub(crate) use purchase::load;
pub use purchase::{Purchase, begun_since, find, list, newest};
pub use refresh::refresh;
pub(crate) use refunds_and_disputes::stored_payment;
pub use refunds_and_disputes::{aftermath_of, look, look_at, payer};
pub use restore::{Lost, lost, restore};
pub use search::{FOUND_MAX, Matches, email_key, search};
pub use start::{Start, Started, start};
pub use stripe_customer::{changes_waiting, next_change, tell_changes};
pub(crate) use stripe_customer::{forget, stripe_customer};
pub use sweep::{next_due, sweep, waiting};
pub use timeline::{PurchaseEvent, ReminderDelivery, timeline};
