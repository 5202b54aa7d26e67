//! Counters of this process for `/metrics`: operators' sign-ins, rejected keys, rate limits. The figures of jobs are in the
//! store.

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

type OneLabel = [(&'static str, &'static str); 1];

/// Counters by one label; each value starts at 0.
#[derive(Clone)]
struct LabelCounters(&'static str, Family<OneLabel, Counter>);

impl LabelCounters {
    fn new(label: &'static str, values: &[&'static str]) -> Self {
        let family = Family::default();
        values.iter().for_each(|value| drop(family.get_or_create(&[(label, *value)])));
        Self(label, family)
    }

    fn count(&self, value: &'static str) {
        self.1.get_or_create(&[(self.0, value)]).inc();
    }
}

/// The result of an operator's sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInResult {
    /// A session was opened.
    SignedIn,
    /// A wrong address, password or code.
    Wrong,
    /// Not checked, after too many failures or with too many waiting.
    Locked,
}

/// The limit that a request or connection exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitKind {
    /// A key, or a session, over `RATE_LIMIT`.
    Key,
    /// A network over `RATE_LIMIT_ANONYMOUS`.
    Anonymous,
    /// The limit of anonymous forms at one time.
    Form,
    /// The limit of connections of one address.
    Connection,
}

/// The counters of this process.
#[derive(Clone)]
pub struct ProcessMetrics {
    sign_ins: LabelCounters,
    locks: Counter,
    unauthorized: LabelCounters,
    limited: LabelCounters,
    unlogged: Arc<Unlogged>,
}

/// Requests since the last log line, which is at most one a second: so that callers cannot fill the log.
struct Unlogged {
    count: AtomicU64,
    log_limit: DefaultDirectRateLimiter,
}

impl Default for ProcessMetrics {
    fn default() -> Self {
        Self {
            sign_ins: LabelCounters::new("outcome", &["signed_in", "wrong", "locked"]),
            locks: Counter::default(),
            unauthorized: LabelCounters::new("api", &["operator", "customer"]),
            limited: LabelCounters::new("limit", &["key", "anonymous", "form", "connection"]),
            unlogged: Arc::new(Unlogged {
                count: AtomicU64::new(0),
                log_limit: RateLimiter::direct(Quota::per_second(NonZeroU32::MIN)),
            }),
        }
    }
}

impl fmt::Debug for ProcessMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessMetrics").finish_non_exhaustive()
    }
}

impl ProcessMetrics {
    /// Counts an operator's sign-in.
    pub fn count_sign_in(&self, outcome: SignInResult) {
        self.sign_ins.count(match outcome {
            SignInResult::SignedIn => "signed_in",
            SignInResult::Wrong => "wrong",
            SignInResult::Locked => "locked",
        });
    }

    /// Counts the lock of an operator's account for one place.
    pub fn count_lock(&self) {
        self.locks.inc();
    }

    /// Counts a 401 and logs it, at most one line a second.
    pub fn count_unauthorized(&self, is_operator_api: bool) {
        let api = if is_operator_api { "operator" } else { "customer" };
        self.unauthorized.count(api);
        self.unlogged.count.fetch_add(1, Ordering::Relaxed);
        if self.unlogged.log_limit.check().is_ok() {
            let requests = self.unlogged.count.swap(0, Ordering::Relaxed);
            tracing::warn!(requests, api, "requests without a valid key were refused (401)");
        }
    }

    /// Counts a request or connection over a limit.
    pub fn count_limited(&self, kind: LimitKind) {
        self.limited.count(match kind {
            LimitKind::Key => "key",
            LimitKind::Anonymous => "anonymous",
            LimitKind::Form => "form",
            LimitKind::Connection => "connection",
        });
    }

    /// Adds the counters to a registry, which appends `_total` to their names.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("operator_sign_ins", "Sign-ins of operators, by outcome", self.sign_ins.1.clone());
        registry.register("operator_locks", "Locks of operators' accounts for a place", self.locks.clone());
        registry.register("unauthorized", "Requests answered with 401, by API", self.unauthorized.1.clone());
        registry.register("refused", "Requests and connections over a limit", self.limited.1.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_is_there_from_the_start() {
        let (metrics, mut registry) = (ProcessMetrics::default(), Registry::with_prefix("topup"));
        metrics.register(&mut registry);
        metrics.count_sign_in(SignInResult::Wrong);
        metrics.count_limited(LimitKind::Form);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("text");
        for line in [
            "topup_operator_sign_ins_total{outcome=\"wrong\"} 1",
            "topup_operator_sign_ins_total{outcome=\"signed_in\"} 0",
            "topup_operator_locks_total 0",
            "topup_unauthorized_total{api=\"customer\"} 0",
            "topup_refused_total{limit=\"form\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }
}
