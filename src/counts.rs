//! What this process has counted of strangers and operators, for `/metrics`. *Not here:* what the worker's jobs did,
//! which stands in the store.

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

type Labels = [(&'static str, &'static str); 1];

/// Counters by one label, whose values are a closed list: all of them are there from the start.
#[derive(Clone)]
struct Counters(&'static str, Family<Labels, Counter>);

impl Counters {
    fn new(label: &'static str, values: &[&'static str]) -> Self {
        let family = Family::default();
        values.iter().for_each(|value| drop(family.get_or_create(&[(label, *value)])));
        Self(label, family)
    }

    fn one(&self, value: &'static str) {
        self.1.get_or_create(&[(self.0, value)]).inc();
    }
}

/// How a sign-in of an operator ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInOutcome {
    /// A session was opened.
    SignedIn,
    /// Address, password and code did not fit.
    Wrong,
    /// It was not looked at: too many had failed before, or too many were waiting.
    Locked,
}

/// What is refused for being too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A key, or a session, over `RATE_LIMIT`.
    Key,
    /// A network over `RATE_LIMIT_ANONYMOUS`.
    Anonymous,
    /// A form of a stranger's, while too many others were being answered.
    Form,
    /// A connection, while its address had too many.
    Connection,
}

/// The counters of a process.
#[derive(Clone)]
pub struct Counts {
    sign_ins: Counters,
    locks: Counter,
    unauthorized: Counters,
    refused: Counters,
    unlogged: Arc<Unlogged>,
}

/// What was counted since the last line of the log: callers must not be able to fill it.
struct Unlogged {
    count: AtomicU64,
    pace: DefaultDirectRateLimiter,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            sign_ins: Counters::new("outcome", &["signed_in", "wrong", "locked"]),
            locks: Counter::default(),
            unauthorized: Counters::new("api", &["operator", "customer"]),
            refused: Counters::new("what", &["key", "anonymous", "form", "connection"]),
            unlogged: Arc::new(Unlogged {
                count: AtomicU64::new(0),
                pace: RateLimiter::direct(Quota::per_second(NonZeroU32::MIN)),
            }),
        }
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counts").finish_non_exhaustive()
    }
}

impl Counts {
    /// An operator has tried to sign in.
    pub fn operator_sign_in(&self, outcome: SignInOutcome) {
        self.sign_ins.one(match outcome {
            SignInOutcome::SignedIn => "signed_in",
            SignInOutcome::Wrong => "wrong",
            SignInOutcome::Locked => "locked",
        });
    }

    /// An account was locked for the place that guesses came from.
    pub fn operator_lock(&self) {
        self.locks.inc();
    }

    /// A request of the API was answered with 401. The log has a line a second at most, with how many there were.
    pub fn unauthorized(&self, is_operator_api: bool) {
        let api = if is_operator_api { "operator" } else { "customer" };
        self.unauthorized.one(api);
        self.unlogged.count.fetch_add(1, Ordering::Relaxed);
        if self.unlogged.pace.check().is_ok() {
            let requests = self.unlogged.count.swap(0, Ordering::Relaxed);
            tracing::warn!(requests, api, "requests without a good key were refused (401)");
        }
    }

    /// Something was too much.
    pub fn refused(&self, what: Refused) {
        self.refused.one(match what {
            Refused::Key => "key",
            Refused::Anonymous => "anonymous",
            Refused::Form => "form",
            Refused::Connection => "connection",
        });
    }

    /// Puts the counters into a registry, which adds `_total` to their names.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("operator_sign_ins", "Sign-ins of operators, by how they ended", self.sign_ins.1.clone());
        registry.register("operator_locks", "Accounts of operators locked for a place", self.locks.clone());
        registry.register("unauthorized", "Requests answered with 401, by API", self.unauthorized.1.clone());
        registry.register("refused", "Requests and connections refused for being too many", self.refused.1.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_is_there_from_the_start_and_counts() {
        let (counts, mut registry) = (Counts::default(), Registry::with_prefix("topup"));
        counts.register(&mut registry);
        counts.operator_sign_in(SignInOutcome::Wrong);
        counts.refused(Refused::Form);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("text");
        for line in [
            "topup_operator_sign_ins_total{outcome=\"wrong\"} 1",
            "topup_operator_sign_ins_total{outcome=\"signed_in\"} 0",
            "topup_operator_locks_total 0",
            "topup_unauthorized_total{api=\"customer\"} 0",
            "topup_refused_total{what=\"form\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }
}
