//! Access of people to a customer's pages: links by email and from the SaaS, sessions.
//!
//! *Not here:* operators (`operators`) and API keys (`customers`).

pub mod client;
pub mod links;
pub mod sessions;
pub mod sign_in;
#[cfg(test)]
mod tests;
pub mod tokens;
