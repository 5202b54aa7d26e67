//! Customers, their members and API keys, and the erasure of personal data.
//!
//! *Not here:* credits (`credits`), sign-in (`access`).

pub mod api_keys;
mod customer;
pub mod erasure;
pub mod members;

pub use customer::{
    Customer, Put, PutOutcome, customer_number, existing_customers, find_customer, load_customer, put_customer,
    put_customer_in, set_timezone,
};
