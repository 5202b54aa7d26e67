//! The figures of this process for `/metrics`, by Prometheus' conventions: base units, `_total`, histograms.
//!
//! They are the one state that all parts of a process share, so that a part counts with one line and no part hands them on.
//! *Not here:* figures of the database (`http::metrics`).

mod families;
mod ledger;
mod machine;
pub mod process;
mod requests;
mod work;

pub use families::{Figures, SECONDS};
pub use ledger::LedgerMetrics;
pub use requests::RequestMetrics;
pub use work::{DatabaseMetrics, DeliveryMetrics, DeliveryOutcome, StripeMetrics};

use prometheus_client::registry::Registry;
use std::sync::LazyLock;

/// The figures of this process.
pub static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::default);

/// All of them.
#[derive(Default)]
pub struct Metrics {
    pub requests: RequestMetrics,
    pub ledger: LedgerMetrics,
    pub database: DatabaseMetrics,
    pub stripe: StripeMetrics,
    pub deliveries: DeliveryMetrics,
}

impl Metrics {
    /// Adds the product's figures to a registry whose prefix is the product's name.
    pub fn register(&self, registry: &mut Registry) {
        self.requests.register(registry);
        self.ledger.register(registry);
        self.database.register(registry);
        self.stripe.register(registry);
        self.deliveries.register(registry);
    }
}

/// Adds the figures that every process of a machine has, `process_…`, to a registry without a prefix.
pub fn register_process(registry: &mut Registry) {
    machine::register(registry);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn names_have_base_units_and_counters_end_in_total() {
        METRICS.requests.count("GET", "/v1/catalog", 200, None, Duration::from_millis(7));
        METRICS.ledger.count_used([1_500, 0, 250]);
        METRICS.stripe.count("ok", Duration::from_millis(80));
        let mut root = Registry::default();
        register_process(&mut root);
        METRICS.register(root.sub_registry_with_prefix("topup"));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &root).expect("text");
        for start in [
            "topup_http_requests_total{method=\"GET\",route=\"/v1/catalog\",status=\"200\"} ",
            "topup_http_request_duration_seconds_bucket{",
            "topup_credits_used_total{kind=\"plan\"} 1.5",
            "topup_stripe_requests_total{outcome=\"ok\"} ",
            "topup_queue_wait_seconds_count ",
            "topup_database_round_trips_total ",
            "process_resident_memory_bytes ",
            "process_cpu_seconds_total ",
        ] {
            assert!(text.lines().any(|line| line.starts_with(start)), "{start} in {text}");
        }
        for line in text.lines().filter(|line| line.starts_with("# TYPE ")) {
            let name = line.split(' ').nth(2).expect("a name");
            let wrong = ["_ms", "_milliseconds", "_minutes", "_kb", "_total"];
            assert!(!wrong.iter().any(|end| name.ends_with(end)), "{name}: base units, and `_total` comes by itself");
        }
    }
}
