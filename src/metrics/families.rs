//! Counters, gauges and histograms by labels.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::borrow::Cow;
use std::sync::atomic::AtomicU64;

/// The buckets of durations, in seconds.
pub const SECONDS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

pub(super) fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

/// One label whose values the program knows.
pub(super) type Label = [(&'static str, &'static str); 1];

/// Several labels.
pub(super) type Labels<const N: usize> = [(&'static str, Cow<'static, str>); N];

/// A histogram by labels.
pub(super) type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// Counters by one label.
#[derive(Clone)]
pub(super) struct Counters(&'static str, Family<Label, Counter>);

impl Counters {
    /// Each of `values` starts at 0.
    pub fn new(label: &'static str, values: &[&'static str]) -> Self {
        let family = Family::default();
        values.iter().for_each(|value| drop(family.get_or_create(&[(label, *value)])));
        Self(label, family)
    }

    pub fn count(&self, value: &'static str) {
        self.1.get_or_create(&[(self.0, value)]).inc();
    }

    pub fn register(&self, registry: &mut Registry, name: &str, help: &str) {
        registry.register(name, help, self.1.clone());
    }
}

/// Figures that are read when `/metrics` is asked for.
pub struct Figures<'a>(pub &'a mut Registry);

impl Figures<'_> {
    /// A gauge of whole numbers.
    pub fn gauges(&mut self, name: &str, help: &str) -> Family<Vec<(&'static str, String)>, Gauge> {
        let gauges = Family::default();
        self.0.register(name, help, gauges.clone());
        gauges
    }

    /// A gauge of seconds and other fractions.
    pub fn fractions(&mut self, name: &str, help: &str) -> Family<Vec<(&'static str, String)>, Gauge<f64, AtomicU64>> {
        let gauges = Family::default();
        self.0.register(name, help, gauges.clone());
        gauges
    }

    /// A counter whose value is stored elsewhere; `_total` is appended to its name.
    pub fn counters(&mut self, name: &str, help: &str) -> Family<Vec<(&'static str, String)>, Counter> {
        let counters = Family::default();
        self.0.register(name, help, counters.clone());
        counters
    }
}
