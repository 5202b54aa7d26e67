//! Requests by route and status, and errors by code.

use crate::metrics::families::{Histograms, Label, Labels, seconds};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::borrow::Cow;
use std::time::Duration;

/// Requests. A route is a pattern such as `/v1/customers/{id}/usage`, so their number is bounded.
pub struct RequestMetrics {
    requests: Family<Labels<3>, Counter>,
    durations: Histograms<Labels<2>>,
    problems: Family<Label, Counter>,
}

impl Default for RequestMetrics {
    fn default() -> Self {
        let durations = Histograms::new_with_constructor(seconds);
        Self { requests: Family::default(), durations, problems: Family::default() }
    }
}

impl RequestMetrics {
    /// Counts an answered request; `code` is the code of an error.
    pub fn count(&self, method: &'static str, route: &str, status: u16, code: Option<&'static str>, took: Duration) {
        let route: Cow<'static, str> = Cow::Owned(route.to_owned());
        let labels = [("method", method.into()), ("route", route.clone()), ("status", status.to_string().into())];
        self.requests.get_or_create(&labels).inc();
        self.durations.get_or_create(&[("method", method.into()), ("route", route)]).observe(took.as_secs_f64());
        if let Some(code) = code {
            self.problems.get_or_create(&[("code", code)]).inc();
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("http_requests", "Answered requests, by method, route and status", self.requests.clone());
        let help = "Time from the request's head to the answer's, by method and route";
        registry.register("http_request_duration_seconds", help, self.durations.clone());
        registry.register("http_problems", "Errors answered by the APIs, by code", self.problems.clone());
    }
}
