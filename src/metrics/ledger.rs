//! The engine: its queue, its transactions, charges and credits.

use crate::domain::Credits;
use crate::metrics::families::{Counters, Label, seconds};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The buckets of a transaction's size, in charges.
const SIZES: [f64; 12] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0];

/// The kinds of grants, in the order of [`LedgerMetrics::count_used`].
const KINDS: [&str; 3] = ["plan", "courtesy", "top_up"];

/// The engine's figures.
pub struct LedgerMetrics {
    charges: Counters,
    /// Thousandths of credits by kind.
    used: [AtomicU64; 3],
    queue_wait: Histogram,
    sizes: Histogram,
    durations: Histogram,
    commits: Histogram,
    transactions: Counters,
}

impl Default for LedgerMetrics {
    fn default() -> Self {
        let outcomes = [
            "charged",
            "replayed",
            "insufficient_credits",
            "idempotency_key_reused",
            "not_found",
            "customer_closed",
            "unavailable",
        ];
        Self {
            charges: Counters::new("outcome", &outcomes),
            used: Default::default(),
            queue_wait: seconds(),
            sizes: Histogram::new(SIZES),
            durations: seconds(),
            commits: seconds(),
            transactions: Counters::new("outcome", &["committed", "failed"]),
        }
    }
}

impl LedgerMetrics {
    /// Counts a charge that was answered.
    pub fn count_charge(&self, outcome: &'static str) {
        self.charges.count(outcome);
    }

    /// Counts committed usage in thousandths of credits: of plans, courtesy grants and top-ups.
    pub fn count_used(&self, used: [i64; 3]) {
        for (sum, used) in self.used.iter().zip(used) {
            sum.fetch_add(used.unsigned_abs(), Ordering::Relaxed);
        }
    }

    /// A write that was taken from the queue.
    pub fn observe_wait(&self, waited: Duration) {
        self.queue_wait.observe(waited.as_secs_f64());
    }

    /// A transaction that ended: its size in charges, its duration, and that of its commit.
    pub fn observe_transaction(&self, size: usize, took: Duration, commit: Option<Duration>, committed: bool) {
        self.sizes.observe(f64::from(u32::try_from(size).unwrap_or(u32::MAX)));
        self.durations.observe(took.as_secs_f64());
        if let Some(commit) = commit {
            self.commits.observe(commit.as_secs_f64());
        }
        self.transactions.count(if committed { "committed" } else { "failed" });
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        self.charges.register(registry, "charges", "Answered charges, by outcome; a batch counts each of its charges");
        let used = Family::<Label, Counter<f64, AtomicU64>>::default();
        for (kind, sum) in KINDS.into_iter().zip(&self.used) {
            let thousandths = i64::try_from(sum.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
            let credits = Credits(thousandths).to_string().parse().unwrap_or_default();
            used.get_or_create(&[("kind", kind)]).inc_by(credits);
        }
        registry.register("credits_used", "Credits of committed usages, by kind of grant", used);
        let help = "Time of a write in the queue";
        registry.register("queue_wait_seconds", help, self.queue_wait.clone());
        let help = "Size of a write transaction; other writes than charges count as 16";
        registry.register("transaction_charges", help, self.sizes.clone());
        let help = "Duration of a write transaction, with its commit";
        registry.register("transaction_duration_seconds", help, self.durations.clone());
        registry.register("commit_duration_seconds", "Duration of a commit", self.commits.clone());
        self.transactions.register(registry, "transactions", "Write transactions, by outcome");
    }
}
