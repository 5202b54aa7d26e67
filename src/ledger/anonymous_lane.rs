//! The small lane in front of the queue: writes for people whom nobody knows yet (a link by email, a sign-in).
//!
//! Invariants: a few of them are in the queue at once, they enter it at a bounded pace, and a bounded number waits in
//! front. However many arrive, charges lose little: each of these jobs costs the engine as much as tens of charges.

use crate::ledger::unavailable::Unavailable;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;
use tokio::sync::{Semaphore, SemaphorePermit};

/// How many are in the queue at once.
const SLOTS: usize = 2;
/// How many may wait in front of it.
const WAITING_MAX: usize = 256;
/// How many enter in a second, in the long run.
const PER_SECOND: NonZeroU32 = NonZeroU32::new(50).expect("not zero");
/// How many may enter at once after a quiet time.
const BURST: NonZeroU32 = NonZeroU32::new(200).expect("not zero");

/// The lane. One per engine.
pub(super) struct AnonymousLane {
    waiting: Semaphore,
    slots: Semaphore,
    pace: DefaultDirectRateLimiter,
}

/// A place in the lane: until it is dropped, nobody else has it.
pub(super) struct LanePlace<'a> {
    _waiting: SemaphorePermit<'a>,
    _slot: SemaphorePermit<'a>,
}

impl AnonymousLane {
    pub(super) fn new() -> Self {
        Self {
            waiting: Semaphore::new(WAITING_MAX),
            slots: Semaphore::new(SLOTS),
            pace: RateLimiter::direct(Quota::per_second(PER_SECOND).allow_burst(BURST)),
        }
    }

    /// Waits for a place, first come, first served.
    ///
    /// # Errors
    /// [`Unavailable::Overloaded`] where too many wait already.
    pub(super) async fn enter(&self) -> Result<LanePlace<'_>, Unavailable> {
        let waiting = self.waiting.try_acquire().map_err(|_full| Unavailable::Overloaded)?;
        let slot = self.slots.acquire().await.map_err(|_closed| Unavailable::Closed)?;
        while let Err(early) = self.pace.check() {
            tokio::time::sleep(early.wait_time_from(DefaultClock::default().now())).await;
        }
        Ok(LanePlace { _waiting: waiting, _slot: slot })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    #[tokio::test]
    async fn few_are_inside_some_wait_and_the_rest_are_refused_at_once() {
        let lane = AnonymousLane::new();
        let mut inside = Vec::new();
        for _ in 0..SLOTS {
            inside.push(lane.enter().await.expect("a place"));
        }
        let mut waiting: Vec<_> = (0..WAITING_MAX - SLOTS).map(|_| Box::pin(lane.enter())).collect();
        assert!(waiting.iter_mut().all(|next| next.now_or_never().is_none()), "all wait");
        assert_eq!(lane.enter().now_or_never().map(|entered| entered.err()), Some(Some(Unavailable::Overloaded)));
        inside.pop();
        let first = waiting.remove(0).now_or_never();
        assert!(first.is_some_and(|entered| entered.is_ok()), "the first in line is next");
    }
}
