//! The shop's own people: their accounts, apart from customers and their sessions.
//!
//! Invariants: a password is kept as Argon2id alone, the secret of a second factor encrypted by it; a disabled account
//! opens nothing, and its sessions are over at once. Accounts are made on the command line, never by a page.
//!
//! *Not here:* what operators do (`actions`), its audit (`audit`).

pub mod accounts;
pub mod actions;
pub mod api_keys;
pub mod audit;
mod common;
#[cfg(feature = "demo")]
pub mod demo;
pub mod enrolment;
pub mod home;
pub mod password;
pub mod search;
pub mod second_factor;
pub mod sign_in;

pub use accounts::{
    OperatorAccount, add_operator, add_operator_with, disable_operator, has_factor, list_operators, reset_operator,
    reset_operator_with,
};
pub use enrolment::Enrolment;
