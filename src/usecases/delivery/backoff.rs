//! Waits between attempts.

use crate::usecases::InternalError;

/// How waits grow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    /// Seconds after the first failure.
    pub first: i64,
    /// By how much each wait is longer than the one before.
    pub factor: i64,
    /// The longest wait, before up to a quarter is added by chance.
    pub max: i64,
    /// The longest wait with that addition.
    pub limit: i64,
}

impl Backoff {
    /// Seconds until the next attempt. Up to a quarter is added by chance, so that items which failed together do not
    /// come back together.
    pub const fn seconds(self, attempt: i64, random: u8) -> i64 {
        let (mut wait, mut n) = (self.first, 1);
        while n < attempt && wait < self.max {
            wait *= self.factor;
            n += 1;
        }
        if wait > self.max {
            wait = self.max;
        }
        wait += wait * random as i64 / 1_024;
        if wait < self.limit { wait } else { self.limit }
    }

    /// The same with a random addition.
    pub fn random_seconds(self, attempt: i64) -> Result<i64, InternalError> {
        let mut byte = [0_u8];
        getrandom::fill(&mut byte).map_err(|e| InternalError::Broken(format!("no random bytes: {e}")))?;
        Ok(self.seconds(attempt, byte[0]))
    }
}

/// A reason as a database and a line of a terminal take it.
pub(crate) fn plain_reason(reason: &str) -> String {
    reason.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}
