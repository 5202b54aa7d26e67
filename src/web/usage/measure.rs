//! The quantities that Usage shows, and their figures in words.

use crate::domain::Credits;
use crate::domain::amount::group;
use crate::domain::catalog::Metric;
use crate::store::daily_usage::Totals;
use crate::usecases::insight::usage::{UsageFigures, UsageOverview};

/// Credits, or a metric of the catalogue.
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

    /// A figure of the scale, short: `5,000`, `15K`, `2.5M`.
    pub fn short(&self, value: i64) -> String {
        let (whole, unit) = match self {
            Self::Credits => (i128::from(value / 1_000), String::new()),
            Self::Metric(metric) if metric.unit.is_empty() => (i128::from(value), String::new()),
            Self::Metric(metric) => (i128::from(value), format!(" {}", metric.unit)),
        };
        let sizes = [(1_000_000_000, "B"), (1_000_000, "M"), (1_000, "K")];
        let size = sizes.into_iter().find(|(size, _)| whole >= 10_000 && whole >= *size && whole * 10 % size == 0);
        let Some((size, letter)) = size else { return self.text(value) };
        let tenths = match whole % size * 10 / size {
            0 => String::new(),
            tenths => format!(".{tenths}"),
        };
        format!("{}{tenths}{letter}{unit}", whole / size)
    }

    /// The parts of a bar in thousandths of the scale, from below, with their classes. Blue and teal are credits' own.
    pub fn parts(&self, figures: &UsageFigures, top: i64) -> Vec<(i64, &'static str)> {
        match self {
            Self::Credits => {
                let Totals { plan, courtesy, top_up, .. } = figures.totals;
                vec![(share(plan.0, top), "used"), (share(courtesy.0, top), "held"), (share(top_up.0, top), "teal")]
            }
            Self::Metric(_) => vec![(share(self.figure(figures), top), "ink")],
        }
    }

    /// A bar in words: `2,900 · plan 1,800, top-ups 1,100`.
    pub fn read_out(&self, figures: &UsageFigures) -> String {
        let figure = self.figure(figures);
        if figure == 0 {
            return "none".to_owned();
        }
        let Self::Credits = self else { return self.text(figure) };
        let Totals { plan, courtesy, top_up, .. } = figures.totals;
        let parts = [("plan", plan), ("bonus", courtesy), ("top-ups", top_up)];
        let used: Vec<_> = parts.iter().filter(|(_, credits)| !credits.is_zero()).collect();
        let words = match used.as_slice() {
            [(name, _)] => format!("all from {name}"),
            several => {
                let part = |(name, credits): &&(&str, Credits)| format!("{name} {}", credits.grouped());
                several.iter().map(part).collect::<Vec<_>>().join(", ")
            }
        };
        format!("{} · {words}", self.text(figure))
    }
}

/// Thousandths of the scale.
pub fn share(value: i64, top: i64) -> i64 {
    i64::try_from(i128::from(value.max(0)) * 1_000 / i128::from(top.max(1))).unwrap_or(0)
}

/// The measures with data. The others are neither drawn nor in the table.
pub fn measures<'a>(usage: &UsageOverview, metrics: &'a [Metric]) -> Vec<Measure<'a>> {
    let all = std::iter::once(Measure::Credits).chain(metrics.iter().map(Measure::Metric));
    all.filter(|measure| usage.steps.iter().any(|step| measure.figure(&step.figures) != 0)).collect()
}
