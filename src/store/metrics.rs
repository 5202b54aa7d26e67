//! Daily totals of the shop's own metrics: what charges count in `quantities`, by the catalogue's `[[metric]]` keys.
//!
//! A row is one metric on one customer's day (UTC). A batch adds to each row once, in the charges' own transaction,
//! without reading it. An undone usage is taken off the day it was on. A metric that the catalogue lost stays stored.

use crate::args;
use crate::store::daily_usage::{DAYS_AT_ONCE, day_arguments};
use crate::store::db::{Connection, DbError};
use crate::store::statement_batch::{StatementBatch, placeholders};
use std::collections::BTreeMap;

/// The sum of one metric.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MetricFigure {
    /// The sum.
    pub total: i64,
    /// Usages that named it: what an average divides by.
    pub said: i64,
}

/// Figures by metric.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DayMetrics(BTreeMap<String, MetricFigure>);

/// The metrics of each customer and day.
pub type MetricDays = BTreeMap<(i64, i64), DayMetrics>;

impl DayMetrics {
    /// The metrics of one usage, by its `quantities` as they are stored.
    #[must_use]
    pub fn of(quantities: Option<&str>) -> Self {
        let counts = quantities.and_then(|json| serde_json::from_str::<BTreeMap<String, i64>>(json).ok());
        Self(
            counts.unwrap_or_default().into_iter().map(|(key, total)| (key, MetricFigure { total, said: 1 })).collect(),
        )
    }

    /// These figures.
    #[must_use]
    pub fn from_figures<'a>(figures: impl IntoIterator<Item = (&'a str, MetricFigure)>) -> Self {
        Self(figures.into_iter().map(|(key, figure)| (key.to_owned(), figure)).collect())
    }

    /// The figure of a metric; nothing where no usage named it.
    #[must_use]
    pub fn get(&self, key: &str) -> MetricFigure {
        self.0.get(key).copied().unwrap_or_default()
    }

    /// True if nothing is counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.values().all(|figure| *figure == MetricFigure::default())
    }

    /// Adds other usages.
    pub fn add(&mut self, other: &Self) {
        for (key, figure) in &other.0 {
            self.put(key, *figure);
        }
    }

    fn put(&mut self, key: &str, figure: MetricFigure) {
        let sum = self.0.entry(key.to_owned()).or_default();
        sum.total = sum.total.saturating_add(figure.total);
        sum.said = sum.said.saturating_add(figure.said);
    }

    /// The same with opposite signs: added, it takes these usages off.
    #[must_use]
    pub fn undone(&self) -> Self {
        let minus = |(key, figure): (&String, &MetricFigure)| {
            (key.clone(), MetricFigure { total: -figure.total, said: -figure.said })
        };
        Self(self.0.iter().map(minus).collect())
    }

    /// All that is counted, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, MetricFigure)> {
        self.0.iter().map(|(key, figure)| (key.as_str(), *figure))
    }
}

/// Adds to the days, each row once, when the script is written.
pub(super) fn add_metrics(batch: &mut StatementBatch, days: MetricDays) {
    let rows = days.iter().flat_map(|((day, customer_no), metrics)| {
        metrics.iter().map(|(metric, it)| args![*day, *customer_no, metric, it.total, it.said])
    });
    batch.insert(
        "insert into usage_metrics (day, customer_no, metric, total, usages)",
        "on conflict (day, customer_no, metric) do update set
           total = usage_metrics.total + excluded.total, usages = usage_metrics.usages + excluded.usages",
        rows.collect(),
    );
}

/// A customer's metrics from day `first` to day `last`, both in it, by day.
pub async fn fetch_metrics(
    db: &mut Connection,
    customer_no: i64,
    first: i64,
    last: i64,
) -> Result<BTreeMap<i64, DayMetrics>, DbError> {
    let sql = format!(
        "select day, metric, total, usages from usage_metrics where customer_no = $1 and usages <> 0 and day in ({})",
        placeholders(2, DAYS_AT_ONCE)
    );
    let mut out: BTreeMap<i64, DayMetrics> = BTreeMap::new();
    for values in day_arguments(customer_no, first, last) {
        for row in db.fetch_all(sql.as_str(), values).await? {
            let figure = MetricFigure { total: row.int("total")?, said: row.int("usages")? };
            out.entry(row.int("day")?).or_default().put(&row.text("metric")?, figure);
        }
    }
    Ok(out)
}
