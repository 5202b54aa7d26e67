//! Work with others: the database, Stripe, deliveries of emails and webhooks.

use crate::metrics::families::{Counters, Histograms, Label, Labels, seconds};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::time::Duration;

/// Statements of the database.
pub struct DatabaseMetrics {
    round_trips: Counter,
    dated_reads: Counters,
}

impl Default for DatabaseMetrics {
    fn default() -> Self {
        Self { round_trips: Counter::default(), dated_reads: Counters::new("server", &["primary", "standby"]) }
    }
}

impl DatabaseMetrics {
    /// Counts a question to the database.
    pub fn count_round_trip(&self) {
        self.round_trips.inc();
    }

    /// Counts what was read for History, Usage or a file.
    pub fn count_dated_read(&self, server: &'static str) {
        self.dated_reads.count(server);
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Statements and commits sent to the database";
        registry.register("database_round_trips", help, self.round_trips.clone());
        self.dated_reads.register(
            registry,
            "dated_reads",
            "Reads of History, Usage and files, by the server that answered",
        );
    }
}

/// Requests to Stripe.
pub struct StripeMetrics {
    requests: Counters,
    durations: Histogram,
}

impl Default for StripeMetrics {
    fn default() -> Self {
        let outcomes = ["ok", "refused", "unauthorized", "unavailable", "malformed"];
        Self { requests: Counters::new("outcome", &outcomes), durations: seconds() }
    }
}

impl StripeMetrics {
    /// Counts a request with its retries.
    pub fn count(&self, outcome: &'static str, took: Duration) {
        self.requests.count(outcome);
        self.durations.observe(took.as_secs_f64());
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        self.requests.register(registry, "stripe_requests", "Requests to Stripe, retries included, by outcome");
        let help = "Duration of a request to Stripe, retries included";
        registry.register("stripe_request_duration_seconds", help, self.durations.clone());
    }
}

/// The result of one attempt to deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryOutcome {
    Accepted,
    Deferred,
    Refused,
}

/// Attempts to deliver emails and webhooks.
pub struct DeliveryMetrics {
    attempts: Family<Labels<2>, Counter>,
    ages: Histograms<Label>,
}

/// The buckets of a delivery's age, in seconds.
fn ages() -> Histogram {
    Histogram::new([1.0, 5.0, 15.0, 60.0, 300.0, 1_800.0, 3_600.0, 21_600.0, 86_400.0, 259_200.0])
}

impl Default for DeliveryMetrics {
    fn default() -> Self {
        let attempts = Family::<Labels<2>, Counter>::default();
        for kind in ["email", "webhook"] {
            for outcome in ["accepted", "deferred", "refused"] {
                drop(attempts.get_or_create(&[("kind", kind.into()), ("outcome", outcome.into())]));
            }
        }
        let ages = Histograms::<Label>::new_with_constructor(ages);
        for kind in ["email", "webhook"] {
            drop(ages.get_or_create(&[("kind", kind)]));
        }
        Self { attempts, ages }
    }
}

impl DeliveryMetrics {
    /// Counts an attempt; `age` is the time since the message's cause.
    pub fn count(&self, kind: &'static str, outcome: DeliveryOutcome, age: Duration) {
        let name = match outcome {
            DeliveryOutcome::Accepted => "accepted",
            DeliveryOutcome::Deferred => "deferred",
            DeliveryOutcome::Refused => "refused",
        };
        self.attempts.get_or_create(&[("kind", kind.into()), ("outcome", name.into())]).inc();
        if outcome == DeliveryOutcome::Accepted {
            self.ages.get_or_create(&[("kind", kind)]).observe(age.as_secs_f64());
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("deliveries", "Attempts to deliver, by kind and outcome", self.attempts.clone());
        let help = "Time from a message's cause to its acceptance, by kind";
        registry.register("delivery_age_seconds", help, self.ages.clone());
    }
}
