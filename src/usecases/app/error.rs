//! Errors that no rule foresees.

use crate::ledger::Unavailable;
use crate::store::db::DbError;
use crate::store::errors::is_lasting;

/// An error that no rule foresees. Logged once at the edge; its cause is never shown.
#[derive(Debug, thiserror::Error)]
pub enum InternalError {
    /// The database.
    #[error("database: {0}")]
    Db(#[from] DbError),
    /// A write could not be done now.
    #[error("{0}")]
    Unavailable(#[from] Unavailable),
    /// Stripe did not answer, or not as documented.
    #[error("stripe: {0}")]
    Stripe(String),
    /// Broken data or a bug of ours.
    #[error("broken: {0}")]
    Broken(String),
}

impl InternalError {
    /// True if the cause stays until a person repairs it (a 500). All other errors pass (a 503).
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Db(e) => is_lasting(e),
            Self::Unavailable(unavailable) => *unavailable == Unavailable::Broken,
            Self::Stripe(_) => false,
            Self::Broken(_) => true,
        }
    }

    /// True if the engine has already logged the cause, with the batch that it ended.
    #[must_use]
    pub const fn is_logged(&self) -> bool {
        matches!(self, Self::Unavailable(Unavailable::Database | Unavailable::Broken))
    }
}
