//! Signing in: asking for a link by email (`request`), the link's own page (`link`), the session's forms (`session`).

mod link;
mod outcome;
mod request;
pub mod session;

pub use link::{LinkPage, OpenSession, RenewLink};
pub use outcome::SignInOutcome;
pub use request::{RequestLink, SignInPage};
