//! The quantities that Usage shows, and their figures in words.

use crate::domain::Credits;
use crate::domain::amount::group;
use crate::domain::catalog::Metric;
use crate::store::daily_usage::Totals;
use crate::usecases::insight::usage::{UsageFigures, UsageOverview};

/// A quantity that the page shows: credits, or a metric of the catalogue.
#[derive(Clone, Copy)]
pub enum Measure<'a> {
    Credits,
    Metric(&'a Metric),
}

impl Measure<'_> {
    pub fn key(&self) -> &str {
        match self {
            Self::Credits => "credits",
            Self::Metric(metric) => &metric.key,
        }
    }

    pub fn label(&self) -> String {
        match self {
            Self::Credits => "Credits".to_owned(),
            Self::Metric(metric) => metric.label.clone(),
        }
    }

    /// The figure of some days: thousandths for credits, whole numbers otherwise; a sum or an average.
    pub fn figure(&self, figures: &UsageFigures) -> i64 {
        match self {
            Self::Credits => figures.totals.credits().0,
            Self::Metric(metric) => {
                let figure = figures.metrics.get(&metric.key);
                if metric.is_average() { figure.total.checked_div(figure.said).unwrap_or(0) } else { figure.total }
            }
        }
    }

    /// A figure with its unit.
    pub fn text(&self, value: i64) -> String {
        match self {
            Self::Credits => Credits(value).grouped(),
            Self::Metric(metric) => {
                let sign = if value < 0 { "\u{2212}" } else { "" };
                let space = if metric.unit.is_empty() { "" } else { " " };
                format!("{sign}{}{space}{}", group(&value.unsigned_abs().to_string()), metric.unit)
            }
        }
    }

    /// The parts of a bar in thousandths of the scale, from below, with their classes.
    pub fn parts(&self, figures: &UsageFigures, top: i64) -> Vec<(i64, &'static str)> {
        let part = |value: i64| i64::try_from(i128::from(value.max(0)) * 1_000 / i128::from(top.max(1))).unwrap_or(0);
        match self {
            Self::Credits => {
                let Totals { plan, courtesy, top_up, .. } = figures.totals;
                vec![(part(plan.0), "used"), (part(courtesy.0), "held"), (part(top_up.0), "teal")]
            }
            Self::Metric(_) => vec![(part(self.figure(figures)), "used")],
        }
    }
}

/// The measures with data. The others are neither drawn nor in the table.
pub fn measures<'a>(usage: &UsageOverview, metrics: &'a [Metric]) -> Vec<Measure<'a>> {
    let all = std::iter::once(Measure::Credits).chain(metrics.iter().map(Measure::Metric));
    all.filter(|measure| usage.steps.iter().any(|step| measure.figure(&step.figures) != 0)).collect()
}
