//! The health of writes, for `/readyz` and the metrics, without a caller that has to write first.
//!
//! After a write that the database did not take, a task beside the engine tries a write of its own until one is
//! committed. A process without traffic is so found well again, and one that a proxy has taken out comes back.

use crate::ledger::clock_guard::ClockGuard;
use crate::store::Store;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// The wait before the first try: a cut connection is mended at once.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// The wait between tries.
const WAIT: Duration = Duration::from_secs(1);

/// How the last writes went.
#[derive(Default)]
pub struct Health {
    failures: AtomicU32,
    changed: Notify,
}

impl Health {
    /// Writes that the database did not take since it last took one.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures.load(Ordering::SeqCst)
    }

    pub(super) fn failed(&self) {
        let more = |failures: u32| Some(failures.saturating_add(1));
        if self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more) == Ok(0) {
            self.changed.notify_one();
        }
    }

    pub(super) fn succeeded(&self) {
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::SeqCst);
        }
    }

    /// Tries to write whenever writes fail, until one is committed.
    pub(super) async fn watch(&self, store: &Store, guard: &ClockGuard) {
        loop {
            self.changed.notified().await;
            let mut wait = FIRST_WAIT;
            while self.failures() > 0 {
                tokio::time::sleep(wait).await;
                wait = WAIT;
                if guard.admits(store).await && store.try_write().await.is_ok() {
                    self.succeeded();
                }
            }
        }
    }
}
