//! Webhooks: every event is posted, signed, until a 2xx answers it.
//!
//! Invariants: the queue is in the store, so only the pauses are lost at a restart; an event is in flight once at a
//! time; each attempt is signed again, by the real clock. As at Stripe, events may arrive in any order and, after a
//! time-out, twice; with `deliver_twice` always.
//!
//! An endpoint that the API created gets each event of its types once, signed with its own secret. It gets no
//! second attempt.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde_json::Value;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use crate::actions::due;
use crate::error::{ApiError, Result};
use crate::objects::{items, text};
use crate::sandbox::{Inner, Sandbox};
use crate::signature::sign;

const TIMEOUT: Duration = Duration::from_secs(10);
const ENDPOINT_TIMEOUT: Duration = Duration::from_secs(5);
const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(300);
/// Pause between checks for changes that the clock has made due.
const TICK: Duration = Duration::from_secs(1);
const IN_FLIGHT_MAX: usize = 16;

impl Sandbox {
    /// Starts the delivery of webhooks. Call it once: a second loop delivers every event a second time. It ends with
    /// the last [`Sandbox`], or by the handle.
    pub fn spawn_deliveries(&self) -> JoinHandle<()> {
        tokio::spawn(Deliveries::default().run(Arc::downgrade(&self.inner)))
    }
}

/// The queue of one sandbox.
#[derive(Default)]
struct Deliveries {
    waiting: HashMap<String, Waiting>,
    /// Each ends with the event and whether it was delivered.
    in_flight: JoinSet<(String, bool)>,
}

/// An event between attempts. `due` is none while it is in flight.
struct Waiting {
    attempts: u32,
    due: Option<Instant>,
}

impl Deliveries {
    async fn run(mut self, sandbox: Weak<Inner>) {
        while let Some(inner) = sandbox.upgrade() {
            let sandbox = Sandbox { inner };
            if let Err(error) = self.start_due(&sandbox).await {
                tracing::warn!(error = %error.message, "the sandbox cannot read its queue");
            }
            let woken = Arc::clone(&sandbox.inner.woken);
            drop(sandbox);
            tokio::select! {
                () = woken.notified() => {}
                () = tokio::time::sleep(self.pause()) => {}
                Some(landed) = self.in_flight.join_next() => {
                    if let Ok((event, delivered)) = landed { self.record(event, delivered); }
                }
            }
        }
    }

    /// Starts an attempt for each event that is due.
    async fn start_due(&mut self, sandbox: &Sandbox) -> Result<()> {
        let mut tx = sandbox.begin().await?;
        due::catch_up(&mut tx).await?;
        let pending = tx.pending().await?;
        // Not by the sandbox: that would wake this loop for ever.
        tx.commit().await?;
        let now = Instant::now();
        for (event, body) in pending {
            if self.in_flight.len() >= IN_FLIGHT_MAX {
                break;
            }
            let waiting = self.waiting.entry(event.clone()).or_insert(Waiting { attempts: 0, due: Some(now) });
            if waiting.due.is_none_or(|due| due > now) {
                continue;
            }
            waiting.due = None;
            if waiting.attempts == 0 {
                let (sandbox, body) = (sandbox.clone(), body.clone());
                tokio::spawn(async move { post_to_endpoints(&sandbox, &body).await });
            }
            let sandbox = sandbox.clone();
            self.in_flight.spawn(async move {
                let delivered = deliver(&sandbox, &event, &body).await;
                (event, delivered)
            });
        }
        Ok(())
    }

    fn record(&mut self, event: String, delivered: bool) {
        if delivered {
            self.waiting.remove(&event);
        } else if let Some(waiting) = self.waiting.get_mut(&event) {
            waiting.due = Some(Instant::now() + back_off(waiting.attempts));
            waiting.attempts = waiting.attempts.saturating_add(1);
        }
    }

    fn pause(&self) -> Duration {
        let next = self.waiting.values().filter_map(|waiting| waiting.due).min();
        next.map_or(TICK, |due| due.saturating_duration_since(Instant::now()).min(TICK))
    }
}

/// 1, 2, 4 … 300 seconds.
fn back_off(attempts: u32) -> Duration {
    PAUSE_FIRST.saturating_mul(2u32.saturating_pow(attempts.min(16))).min(PAUSE_MAX)
}

/// Makes one attempt. Whether it succeeded, which takes the event out of the queue.
async fn deliver(sandbox: &Sandbox, event: &str, body: &str) -> bool {
    let settings = sandbox.settings();
    if !post(sandbox, &settings.webhook_url, &settings.webhook_secret, body, TIMEOUT).await {
        return false;
    }
    let saved = async {
        let mut tx = sandbox.begin().await?;
        tx.set_delivered(event).await?;
        tx.commit().await
    };
    let is_saved = saved.await.is_ok();
    if settings.deliver_twice {
        post(sandbox, &settings.webhook_url, &settings.webhook_secret, body, TIMEOUT).await;
    }
    is_saved
}

async fn post_to_endpoints(sandbox: &Sandbox, body: &str) {
    let endpoints = async { sandbox.begin().await?.all("webhook_endpoint").await };
    let endpoints: std::result::Result<_, ApiError> = endpoints.await;
    let kind = serde_json::from_str::<Value>(body).map(|event| event["type"].clone()).unwrap_or_default();
    for endpoint in endpoints.unwrap_or_default() {
        let is_wanted = items(&endpoint["enabled_events"]).iter().any(|wanted| *wanted == kind || wanted == "*");
        let (url, secret) = (text(&endpoint["url"]), text(&endpoint["_sandbox"]["secret"]));
        if is_wanted && endpoint["status"] == "enabled" && url != sandbox.settings().webhook_url {
            post(sandbox, url, secret, body, ENDPOINT_TIMEOUT).await;
        }
    }
}

/// True after a 2xx.
async fn post(sandbox: &Sandbox, url: &str, secret: &str, body: &str, timeout: Duration) -> bool {
    let signature = sign(secret, sandbox.real_now(), body);
    let request = sandbox.inner.http.post(url).timeout(timeout).header("stripe-signature", signature);
    let request = request.header("content-type", "application/json; charset=utf-8").body(body.to_owned());
    match request.send().await {
        Ok(answer) if answer.status().is_success() => return true,
        Ok(answer) => tracing::debug!(status = answer.status().as_u16(), "a webhook was refused"),
        Err(error) => tracing::debug!(error = %error.without_url(), "a webhook did not arrive"),
    }
    false
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::back_off;

    #[test]
    fn the_pauses_double_up_to_five_minutes() {
        let seconds: Vec<_> = (0..11).map(|attempts| back_off(attempts).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(back_off(u32::MAX), Duration::from_secs(300));
    }
}
