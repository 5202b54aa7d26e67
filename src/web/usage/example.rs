//! Two days of usage, for the tests of the page's parts.

use crate::domain::Credits;
use crate::domain::catalog::Metric;
use crate::store::daily_usage::Totals;
use crate::store::metrics::{DayMetrics, MetricFigure};
use crate::usecases::insight::usage::{Period, Range, UsageFigures, UsageOverview, UsageStep, midnight};

/// Seven days that end a day after the usage.
pub fn period() -> Period {
    Period::range(Range::Week, 20_002)
}

pub fn usage() -> UsageOverview {
    let totals = |plan: i64, top_up: i64| Totals {
        plan: Credits::whole(plan),
        top_up: Credits::whole(top_up),
        usages: 1,
        ..Totals::default()
    };
    let figures = |totals, requests| UsageFigures {
        totals,
        metrics: DayMetrics::from_figures([("requests", MetricFigure { total: requests, said: 1 })]),
    };
    let step = |n: i64, figures| UsageStep { first: midnight(20_000 + n), last: midnight(20_000 + n), figures };
    let mut total = totals(30, 0);
    total.add(&totals(20, 10));
    UsageOverview {
        steps: vec![step(0, figures(totals(30, 0), 3)), step(1, figures(totals(20, 10), 4))],
        total: figures(total, 7),
        before: Some(UsageFigures::default()),
        by_operation: vec![("crawl_site".into(), totals(40, 5)), (String::new(), totals(10, 5))],
        by_source: vec![(String::new(), total)],
    }
}

pub fn metrics() -> Vec<Metric> {
    let metric =
        |key: &str, label: &str| Metric { key: key.into(), label: label.into(), unit: String::new(), average: None };
    vec![metric("requests", "Requests"), metric("tokens", "Tokens")]
}
