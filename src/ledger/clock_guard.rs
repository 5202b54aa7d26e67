//! A clock that jumped far ahead is not followed: what it let expire could not be brought back.
//!
//! At the start the clock is compared with the newest commit (`store::newest_commit`). While a process runs, the clock is
//! compared with the time that has really passed since: a shop in which nothing happens for days is no reason to
//! stop. Only where both disagree is the store asked, since others may have gone on, or an operator has accepted it.

use crate::clock::Clock;
use crate::domain::Instant;
use crate::store::newest_commit::AHEAD_MAX;
use crate::store::{Store, newest_commit};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::time::Instant as Elapsed;

/// Compares one process's clock with the time that passes.
pub struct ClockGuard {
    clock: Clock,
    /// The clock when it was last found good.
    good: Mutex<(Instant, Elapsed)>,
    refused: AtomicBool,
}

impl ClockGuard {
    /// Of a clock that was compared with the newest commit just now.
    pub fn new(clock: Clock) -> Self {
        let good = Mutex::new((clock.real(), Elapsed::now()));
        Self { clock, good, refused: AtomicBool::new(false) }
    }

    /// True if the clock is refused now.
    pub fn is_refused(&self) -> bool {
        self.refused.load(Ordering::SeqCst)
    }

    /// True if rules may go by the clock. A test clock is moved by hand, and always may.
    pub async fn admits(&self, store: &Store) -> bool {
        if self.clock.is_test() {
            return true;
        }
        let now = self.clock.real();
        if !self.jumped(now) {
            if self.refused.swap(false, Ordering::SeqCst) {
                tracing::info!("the clock is right again; writes resume");
            }
            return true;
        }
        let refusal = match newest_commit::clock_refusal(store, now).await {
            Ok(None) => {
                self.found_good(now);
                self.refused.store(false, Ordering::SeqCst);
                return true;
            }
            Ok(Some(refusal)) => refusal,
            Err(e) => e.to_string(),
        };
        if !self.refused.swap(true, Ordering::SeqCst) {
            tracing::error!("writes are refused: {refusal}");
        }
        false
    }

    fn jumped(&self, now: Instant) -> bool {
        let (then, since) = *self.good.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = chrono::TimeDelta::from_std(since.elapsed()).unwrap_or(chrono::TimeDelta::MAX);
        is_jump(now - then, passed)
    }

    fn found_good(&self, now: Instant) {
        *self.good.lock().unwrap_or_else(PoisonError::into_inner) = (now, Elapsed::now());
    }
}

/// True if a clock went on by much more than the time that passed.
fn is_jump(by_clock: chrono::TimeDelta, passed: chrono::TimeDelta) -> bool {
    by_clock > passed + AHEAD_MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn a_clock_that_goes_with_the_time_is_no_jump_however_long_nothing_happens() {
        let check = |by_clock, passed, want| assert_eq!(is_jump(by_clock, passed), want, "{by_clock} {passed}");
        check(TimeDelta::days(90), TimeDelta::days(90), false);
        check(AHEAD_MAX, TimeDelta::zero(), false);
        check(AHEAD_MAX + TimeDelta::milliseconds(1), TimeDelta::zero(), true);
        check(TimeDelta::days(-400), TimeDelta::zero(), false);
    }
}
