//! Our own repetition: a few tries of one request within one deadline.
//!
//! Invariant: `repeat` returns within the deadline, even if a try never ends. The library's strategies
//! are not used: one never repeats, the other repeats a POST without a key.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::stripe::error::{StripeError, sort};

/// How long and how often one call is tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The whole call, pauses included. A page must answer within 5 seconds.
    pub deadline: Duration,
    /// One try. Shorter than the deadline, so that a second try finds the first one's result.
    pub attempt: Duration,
    /// Tries at most.
    pub attempts: u32,
    /// The first pause, about; it doubles.
    pub pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            deadline: Duration::from_millis(4500),
            attempt: Duration::from_millis(2500),
            attempts: 3,
            pause: Duration::from_millis(150),
        }
    }
}

/// Calls `send` until it succeeds, fails for good, or the limits are reached.
pub(super) async fn repeat<T, Answer>(limits: Limits, mut send: impl FnMut() -> Answer) -> Result<T, StripeError>
where
    Answer: Future<Output = Result<T, ::stripe::StripeError>>,
{
    let end = Instant::now() + limits.deadline;
    let mut last = StripeError::Unavailable("no answer in time".to_owned());
    for attempt in 0..limits.attempts {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let answer = timeout(left.min(limits.attempt), send()).await.unwrap_or(Err(::stripe::StripeError::Timeout));
        let sorted = match answer {
            Ok(value) => return Ok(value),
            Err(error) => sort(error),
        };
        if !sorted.again {
            return Err(sorted.error);
        }
        tracing::debug!(attempt, error = %sorted.error, "a call to Stripe is tried again");
        last = sorted.error;
        let left = end.saturating_duration_since(Instant::now());
        if attempt + 1 < limits.attempts {
            sleep(jittered(limits.pause * 2u32.pow(attempt)).min(left)).await;
        }
    }
    Err(last)
}

/// Between a half and the whole of `pause`, so that callers that failed together do not return together.
fn jittered(pause: Duration) -> Duration {
    let mut random = [0u8; 2];
    // Without randomness the pause is merely not spread.
    let share = getrandom::fill(&mut random).map_or(0, |()| u32::from(u16::from_le_bytes(random)));
    pause / 2 + (pause / 2) * share / u32::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Limits, jittered, repeat};
    use crate::stripe::StripeError;

    const QUICK: Limits = Limits {
        deadline: Duration::from_millis(300),
        attempt: Duration::from_millis(100),
        attempts: 3,
        pause: Duration::from_millis(2),
    };

    fn broken() -> ::stripe::StripeError {
        ::stripe::StripeError::ClientError("connection reset".to_owned())
    }

    #[tokio::test]
    async fn a_broken_connection_is_tried_again() {
        let tries = Cell::new(0);
        let result = repeat(QUICK, || {
            tries.set(tries.get() + 1);
            let answer = if tries.get() == 3 { Ok("done") } else { Err(broken()) };
            async move { answer }
        });
        assert_eq!(result.await, Ok("done"));
        assert_eq!(tries.get(), 3);
    }

    #[tokio::test]
    async fn the_tries_are_counted() {
        let tries = Cell::new(0);
        let result: Result<(), _> = repeat(QUICK, || {
            tries.set(tries.get() + 1);
            async { Err(broken()) }
        })
        .await;
        assert_eq!(result, Err(StripeError::Unavailable("connection reset".to_owned())));
        assert_eq!(tries.get(), 3);
    }

    #[tokio::test]
    async fn a_call_that_never_answers_ends_at_the_deadline() {
        let limits = Limits { attempt: Duration::from_secs(60), ..QUICK };
        let started = Instant::now();
        let result: Result<(), _> = repeat(limits, std::future::pending).await;
        assert!(matches!(result, Err(StripeError::Unavailable(_))));
        assert!(started.elapsed() >= QUICK.deadline);
        assert!(started.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_pause_is_between_its_half_and_its_whole() {
        let pause = Duration::from_millis(100);
        for _ in 0..1000 {
            let spread = jittered(pause);
            assert!(spread >= pause / 2 && spread <= pause, "{spread:?}");
        }
    }
}
