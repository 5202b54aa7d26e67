//! Limits on comparing operators' passwords: how many at once, how many a second.
//!
//! *Not here:* the comparison (`operators::password`).

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use std::fmt;
use std::num::NonZeroU32;
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};

/// Comparisons a second in the long run, and at once after a quiet time.
const PER_SECOND: NonZeroU32 = NonZeroU32::new(2).expect("not zero");
const BURST: NonZeroU32 = NonZeroU32::new(60).expect("not zero");

/// Limits on comparing passwords: one for browsers that an account is known to use, and one for all others.
#[derive(Debug, Default)]
pub struct PasswordGates {
    known: Gate,
    others: Gate,
}

struct Gate {
    waiting: Semaphore,
    one: Semaphore,
    pace: DefaultDirectRateLimiter,
}

impl Default for Gate {
    fn default() -> Self {
        let pace = RateLimiter::direct(Quota::per_second(PER_SECOND).allow_burst(BURST));
        Self { waiting: Semaphore::new(PasswordGates::WAITING_MAX), one: Semaphore::new(1), pace }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").finish_non_exhaustive()
    }
}

/// The right to compare one password, until it is dropped.
#[derive(Debug)]
pub struct Permit<'a> {
    _waiting: SemaphorePermit<'a>,
    _one: SemaphorePermit<'a>,
}

impl PasswordGates {
    /// Tries that wait at one gate at most.
    pub const WAITING_MAX: usize = 16;

    /// Waits for the turn of one comparison; none where too many wait.
    ///
    /// # Errors
    /// None in practice: no semaphore is ever closed.
    pub async fn enter(&self, is_known: bool) -> Result<Option<Permit<'_>>, AcquireError> {
        let gate = if is_known { &self.known } else { &self.others };
        let Ok(waiting) = gate.waiting.try_acquire() else { return Ok(None) };
        let one = gate.one.acquire().await?;
        while let Err(early) = gate.pace.check() {
            tokio::time::sleep(early.wait_time_from(DefaultClock::default().now())).await;
        }
        Ok(Some(Permit { _waiting: waiting, _one: one }))
    }

    /// Takes one place at the gate for unknown browsers.
    #[cfg(test)]
    pub(crate) fn hold_place(&self) -> Option<SemaphorePermit<'_>> {
        self.others.waiting.try_acquire().ok()
    }
}
