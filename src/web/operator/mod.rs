//! The operators' pages: each authorises, and shows nothing to anybody else.
//!
//! Operators read the words of the ledger (grant, usage, hold), and times in UTC.

pub mod account;
mod action_form;
pub mod actions;
pub mod alarms;
pub mod audit_table;
pub mod auto_top_up;
mod chart;
pub mod customer;
pub mod customer_head;
mod customer_lists;
mod frame;
pub mod home;
pub mod keys;
mod new_key;
mod outcome;
pub mod page;
mod purchase;
pub mod purchase_table;
mod qr;
pub mod refund;
pub mod sales;
pub mod sales_csv;
pub mod search;
pub mod second_factor;
pub mod session;
mod sign_in;
mod sign_in_link;
mod stripe_link;
pub mod table;

pub use account::AccountPage;
pub use alarms::AlarmsPage;
pub use customer::CustomerPage;
pub use home::HomePage;
pub use keys::KeysPage;
pub use purchase::OperatorPurchasePage;
pub use refund::RefundPage;
pub use sales::SalesPage;
pub use second_factor::SecondFactorPage;
pub use sign_in::OperatorSignInPage;
