//! The reasons for which a write is not done.

/// A write could not be done now. The outcome is unknown only if the commit itself was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// Too much is waiting.
    #[error("the write queue is full")]
    Overloaded,
    #[error("the database refused the write")]
    Database,
    /// The database refused the write, and will refuse it again: a stored row cannot be read, or a rule of the tables
    /// is broken.
    #[error("the write fails until its cause is repaired")]
    Broken,
    #[error("shutting down")]
    Closed,
}
