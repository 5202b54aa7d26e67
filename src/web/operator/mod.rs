//! The operators' pages: each authorises, and shows nothing to anybody else.
//!
//! Operators read the words of the ledger (grant, usage, hold), and times in UTC.

pub mod account;
mod action_form;
pub mod actions;
mod alarms;
mod audit_table;
mod chart;
mod customer;
mod customer_head;
mod customer_lists;
mod frame;
mod home;
mod outcome;
mod page;
mod purchase;
mod purchase_table;
mod qr;
mod refund;
mod sales;
pub mod sales_csv;
mod search;
pub mod second_factor;
pub mod session;
mod sign_in;
mod sign_in_link;
mod stripe_link;
mod table;

pub use account::AccountPage;
pub use alarms::AlarmsPage;
pub use customer::CustomerPage;
pub use home::HomePage;
pub use purchase::OperatorPurchasePage;
pub use refund::RefundPage;
pub use sales::SalesPage;
pub use second_factor::SecondFactorPage;
pub use sign_in::OperatorSignInPage;
