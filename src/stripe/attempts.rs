//! Retries of one request within one deadline.
//!
//! Invariant: `retry` returns within the deadline, even if an attempt never ends. The library's strategies do not fit: one
//! never retries, the other retries a POST without a key. A back-off crate does not fit either: each attempt has a time-out
//! of its own, cut to the rest of the deadline, which would still be written here.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::metrics::METRICS;
use crate::stripe::error::{StripeError, classify};

/// The limits of one request with its retries.
#[derive(Clone, Copy, Debug)]
pub(super) struct RetryLimits {
    /// For all attempts, pauses included. A page must answer within 5 seconds.
    pub deadline: Duration,
    /// For one attempt. Shorter than the deadline, so that the second attempt finds the result of the first.
    pub attempt: Duration,
    /// The most attempts.
    pub attempts: u32,
    /// The first pause, roughly; each next one is twice as long.
    pub pause: Duration,
}

impl Default for RetryLimits {
    fn default() -> Self {
        RetryLimits {
            deadline: Duration::from_millis(4500),
            attempt: Duration::from_millis(2500),
            attempts: 3,
            pause: Duration::from_millis(150),
        }
    }
}

/// Calls `send` until it succeeds, fails for good, or the limits are reached.
pub(super) async fn retry<T, Answer>(limits: RetryLimits, send: impl FnMut() -> Answer) -> Result<T, StripeError>
where
    Answer: Future<Output = Result<T, ::stripe::StripeError>>,
{
    let began = Instant::now();
    let result = attempt(limits, send).await;
    let outcome = match &result {
        Ok(_) => "ok",
        Err(StripeError::Refused { .. } | StripeError::Card { .. }) => "refused",
        Err(StripeError::Unauthorized(_)) => "unauthorized",
        Err(StripeError::Unavailable(_)) => "unavailable",
        Err(StripeError::Malformed(_)) => "malformed",
    };
    METRICS.stripe.count(outcome, began.elapsed());
    result
}

async fn attempt<T, Answer>(limits: RetryLimits, mut send: impl FnMut() -> Answer) -> Result<T, StripeError>
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
        let failed = match answer {
            Ok(value) => return Ok(value),
            Err(error) => classify(error),
        };
        if !failed.is_retryable {
            return Err(failed.error);
        }
        tracing::debug!(attempt, error = %failed.error, "a request to Stripe is retried");
        last = failed.error;
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
    // Without random bytes, the pause is half.
    let share = getrandom::fill(&mut random).map_or(0, |()| u32::from(u16::from_le_bytes(random)));
    pause / 2 + (pause / 2) * share / u32::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{RetryLimits, jittered, retry};
    use crate::stripe::StripeError;

    const QUICK: RetryLimits = RetryLimits {
        deadline: Duration::from_millis(300),
        attempt: Duration::from_millis(100),
        attempts: 3,
        pause: Duration::from_millis(2),
    };

    fn broken() -> ::stripe::StripeError {
        ::stripe::StripeError::ClientError("connection reset".to_owned())
    }

    #[tokio::test]
    async fn a_broken_connection_is_retried() {
        let attempts = Cell::new(0);
        let result = retry(QUICK, || {
            attempts.set(attempts.get() + 1);
            let answer = if attempts.get() == 3 { Ok("done") } else { Err(broken()) };
            async move { answer }
        });
        assert_eq!(result.await, Ok("done"));
        assert_eq!(attempts.get(), 3);
    }

    #[tokio::test]
    async fn the_attempts_are_counted() {
        let attempts = Cell::new(0);
        let result: Result<(), _> = retry(QUICK, || {
            attempts.set(attempts.get() + 1);
            async { Err(broken()) }
        })
        .await;
        assert_eq!(result, Err(StripeError::Unavailable("connection reset".to_owned())));
        assert_eq!(attempts.get(), 3);
    }

    #[tokio::test]
    async fn a_request_without_an_answer_ends_at_the_deadline() {
        let limits = RetryLimits { attempt: Duration::from_secs(60), ..QUICK };
        let started = Instant::now();
        let result: Result<(), _> = retry(limits, std::future::pending).await;
        assert!(matches!(result, Err(StripeError::Unavailable(_))));
        assert!(started.elapsed() >= QUICK.deadline);
        assert!(started.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_pause_is_between_half_and_whole() {
        let pause = Duration::from_millis(100);
        for _ in 0..1000 {
            let spread = jittered(pause);
            assert!(spread >= pause / 2 && spread <= pause, "{spread:?}");
        }
    }
}
