//! Webhooks: every event is posted, signed, until a 2xx answers it.
//!
//! Owns the loop and its patience. Invariants: the queue is in the store, so a restart forgets nothing
//! but the pauses; an event is in flight once at a time; each try is signed anew, by the real clock.
//! Events may arrive in any order and, after a time-out, twice: as Stripe's do.

use std::collections::HashMap;
use std::sync::Weak;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::error::ApiError;
use super::{Inner, Sandbox, endpoints, signature, store};

/// A receiver that takes longer has failed.
const ANSWER_MAX: Duration = Duration::from_secs(10);
const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(300);
/// How often it is looked at what the clock has made due.
const TICK: Duration = Duration::from_secs(1);
const IN_FLIGHT_MAX: usize = 16;

/// When an event is tried again, and after how many tries. `due` is none while it is in flight.
struct Waiting {
    tries: u32,
    due: Option<Instant>,
}

/// Delivers until the sandbox is gone.
pub(super) async fn run(sandbox: Weak<Inner>) {
    let mut waiting: HashMap<String, Waiting> = HashMap::new();
    let mut flights: JoinSet<(String, bool)> = JoinSet::new();
    loop {
        let Some(inner) = sandbox.upgrade() else { return };
        let sandbox = Sandbox { inner };
        if let Err(error) = start_due(&sandbox, &mut waiting, &mut flights).await {
            tracing::warn!(error = %error.message, "the sandbox cannot read its queue");
        }
        let woken = std::sync::Arc::clone(&sandbox.inner.woken);
        drop(sandbox);
        tokio::select! {
            () = woken.notified() => {}
            () = tokio::time::sleep(pause(&waiting)) => {}
            Some(landed) = flights.join_next() => {
                if let Ok((event, taken)) = landed { settle(&mut waiting, event, taken); }
            }
        }
    }
}

/// Starts whatever is due and not in flight.
async fn start_due(
    sandbox: &Sandbox,
    waiting: &mut HashMap<String, Waiting>,
    flights: &mut JoinSet<(String, bool)>,
) -> Result<(), ApiError> {
    sandbox.advance().await?;
    let pending = store::pending(&mut *sandbox.pool().acquire().await?).await?;
    let now = Instant::now();
    for (event, body) in pending {
        if flights.len() >= IN_FLIGHT_MAX {
            break;
        }
        let one = waiting.entry(event.clone()).or_insert(Waiting { tries: 0, due: Some(now) });
        if one.due.is_some_and(|due| due <= now) {
            one.due = None;
            if one.tries == 0 {
                let (sandbox, body) = (sandbox.clone(), body.clone());
                tokio::spawn(async move { endpoints::tell(&sandbox, &body).await });
            }
            let sandbox = sandbox.clone();
            flights.spawn(async move {
                let taken = deliver(&sandbox, &event, body).await;
                (event, taken)
            });
        }
    }
    Ok(())
}

/// One try. True if it was taken, and is out of the queue.
async fn deliver(sandbox: &Sandbox, event: &str, body: String) -> bool {
    let settings = sandbox.settings();
    let signature = signature::sign(&settings.webhook_secret, (settings.real_now)(), body.as_bytes());
    let request = sandbox.inner.http.post(&settings.webhook_url).timeout(ANSWER_MAX);
    let request = request.header("content-type", "application/json; charset=utf-8");
    match request.header("stripe-signature", signature).body(body).send().await {
        Ok(answer) if answer.status().is_success() => {}
        Ok(answer) => {
            tracing::debug!(event, status = answer.status().as_u16(), "a webhook was not taken");
            return false;
        }
        Err(error) => {
            tracing::debug!(event, error = %error.without_url(), "a webhook did not arrive");
            return false;
        }
    }
    let done = async { store::delivered(&mut *sandbox.pool().acquire().await?, event).await };
    let done: Result<(), ApiError> = done.await;
    done.is_ok()
}

fn settle(waiting: &mut HashMap<String, Waiting>, event: String, taken: bool) {
    if taken {
        waiting.remove(&event);
    } else if let Some(one) = waiting.get_mut(&event) {
        one.due = Some(Instant::now() + backoff(one.tries));
        one.tries = one.tries.saturating_add(1);
    }
}

/// 1, 2, 4 … 300 seconds.
fn backoff(tries: u32) -> Duration {
    PAUSE_FIRST.saturating_mul(2u32.saturating_pow(tries.min(16))).min(PAUSE_MAX)
}

fn pause(waiting: &HashMap<String, Waiting>) -> Duration {
    let now = Instant::now();
    let next = waiting.values().filter_map(|one| one.due).min();
    next.map_or(TICK, |due| due.saturating_duration_since(now).min(TICK))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::backoff;

    #[test]
    fn the_pauses_double_up_to_five_minutes() {
        let seconds: Vec<_> = (0..11).map(|tries| backoff(tries).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(backoff(u32::MAX), Duration::from_secs(300));
    }
}
