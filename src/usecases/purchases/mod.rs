//! Purchases: from the click to the credits (R7, R8, R19).
//!
//! Invariants: a purchase's id, minted when the form is drawn, is the key from click to Stripe to grant; one purchase
//! is one grant, however often [`fulfill`] is called; the credits are those sold, not those that the catalogue names
//! later; no transaction is open during a call to Stripe.

mod checkout_order;
mod checkout_state;
mod fulfill;
mod invoice;
mod list;
mod open_checkouts;
mod payment_parts;
mod place;
mod purchase;
mod refresh;
mod refunds_and_disputes;
mod restore;
mod search;
mod start;
mod stripe_customer;
mod sweep;
mod timeline;

pub use fulfill::{Fulfillment, StripeAnswer, fulfill, fulfill_session, recheck_purchase};
pub(crate) use fulfill::{has_invoice, stripe_unanswered};
pub use invoice::{InvoiceAnswer, purchase_invoice};
pub use list::{CustomerPurchases, customer_purchases, is_paid};
pub use open_checkouts::find_by_form;
pub(crate) use payment_parts::stored_payment;
pub use payment_parts::{PaymentPart, payment_parts};
pub use place::{PurchaseRequest, StartOutcome};
pub(crate) use purchase::PURCHASE;
pub use purchase::{Purchase, begun_since, find_purchase, list_purchases, newest, newest_failed};
pub(crate) use purchase::{add_event, load_purchase, purchase_of};
pub use refresh::refresh_purchase;
pub use refunds_and_disputes::{payment_history_of, purchase_of_charge, update_payment, update_purchase_payment};
pub use restore::{Lost, find_lost, restore_purchase};
pub use search::{FOUND_MAX, PurchaseMatches, email_key, search_purchases};
pub use start::start_purchase;
pub use stripe_customer::{contact_changes_waiting, next_contact_change, send_contact_changes};
pub(crate) use stripe_customer::{forget_stripe_customer, stripe_customer};
pub use sweep::{next_purchase_due, sweep_purchases, unfinished_purchases};
pub use timeline::{PurchaseEvent, ReminderDelivery, purchase_timeline};
