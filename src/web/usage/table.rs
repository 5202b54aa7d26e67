//! The table of Usage, on the page and as `/usage.csv`.

use crate::domain::Credits;
use crate::domain::catalog::Metric;
use crate::usecases::insight::usage::{Range, UsageFigures, UsageOverview, UsageStep, usage_overview};
use crate::usecases::{App, InternalError};
use crate::web::csv_file::{MARK, failed, file, safe, viewer};
use crate::web::usage::day;
use crate::web::usage::measure::Measure;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use leptos::prelude::*;
use std::collections::HashMap;

/// The table's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableData {
    /// `Day by day`
    pub title: &'static str,
    /// `Day (UTC)`, `Week (UTC)`
    pub day: &'static str,
    /// The heads behind the day.
    pub heads: Vec<String>,
    /// Oldest first: the day, and a cell a head.
    pub rows: Vec<(String, Vec<String>)>,
    /// The sums of all days.
    pub totals: Vec<String>,
}

impl TableData {
    #[must_use]
    pub fn new(usage: &UsageOverview, range: Range, measures: &[Measure<'_>]) -> Self {
        let bonus = usage.total.totals.courtesy != Credits::ZERO;
        let row = |step: &UsageStep| (day(step, range), cells(measures, &step.figures, bonus));
        Self {
            title: if range == Range::Weekly { "Week by week" } else { "Day by day" },
            day: if range == Range::Weekly { "Week (UTC)" } else { "Day (UTC)" },
            heads: heads(measures, bonus),
            rows: usage.steps.iter().map(row).collect(),
            totals: cells(measures, &usage.total, bonus),
        }
    }
}

fn heads(measures: &[Measure<'_>], bonus: bool) -> Vec<String> {
    let mut heads = Vec::new();
    for measure in measures {
        heads.push(measure.label());
        if matches!(measure, Measure::Credits) {
            heads.push("from plan".to_owned());
            heads.extend(bonus.then(|| "from bonus".to_owned()));
            heads.push("from top-ups".to_owned());
        }
    }
    heads
}

fn cells(measures: &[Measure<'_>], figures: &UsageFigures, bonus: bool) -> Vec<String> {
    let mut cells = Vec::new();
    for measure in measures {
        cells.push(measure.text(measure.figure(figures)));
        if matches!(measure, Measure::Credits) {
            let totals = figures.totals;
            cells.push(totals.plan.grouped());
            cells.extend(bonus.then(|| totals.courtesy.grouped()));
            cells.push(totals.top_up.grouped());
        }
    }
    cells
}

/// The table.
#[component]
pub fn Table(table: TableData) -> impl IntoView {
    let cell = |text: String| view! { <td class="number">{text}</td> };
    let row = move |(day, cells): (String, Vec<String>)| {
        view! {
            <tr>
                <th scope="row">{day}</th>
                {cells.into_iter().map(cell).collect_view()}
            </tr>
        }
    };
    let head = |text: String| {
        view! {
            <th scope="col" class="number">
                {text}
            </th>
        }
    };
    view! {
        <div class="card scroll pinned" tabindex="0" role="region" aria-labelledby="days">
            <table>
                <thead>
                    <tr>
                        <th scope="col">{table.day}</th>
                        {table.heads.into_iter().map(head).collect_view()}
                    </tr>
                </thead>
                <tbody>{table.rows.into_iter().rev().map(row).collect_view()}</tbody>
                <tfoot>
                    <tr>
                        <th scope="row">"In all"</th>
                        {table.totals.into_iter().map(cell).collect_view()}
                    </tr>
                </tfoot>
            </table>
        </div>
    }
}

/// The file of the signed-in customer.
pub async fn usage_csv(
    State(app): State<App>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let viewer = match viewer(&app, &headers, "/usage").await {
        Ok(viewer) => viewer,
        Err(elsewhere) => return elsewhere,
    };
    let range = query.get("range").and_then(|name| Range::parse(name)).unwrap_or(Range::Month);
    let written = async {
        let found = usage_overview(&app, viewer.customer_no, range).await?;
        let mut writer = csv::Writer::from_writer(MARK.as_bytes().to_vec());
        for (n, line) in csv_lines(&found, &app.catalog.metrics).iter().enumerate() {
            // The heads are the shop's own words.
            let cell = |cell: &String| if n == 0 { safe(Some(cell)) } else { cell.clone() };
            writer.write_record(line.iter().map(cell)).map_err(|e| InternalError::Broken(e.to_string()))?;
        }
        writer.into_inner().map_err(|e| InternalError::Broken(e.to_string()))
    };
    match written.await {
        Ok(bytes) => file("usage.csv", Body::from(bytes)),
        Err(fault) => failed(&app, &fault),
    }
}

/// The table as lines of a file, its head first, in plain figures for programs. Each metric of the catalogue has a
/// column; an average has two, its sum and its count.
fn csv_lines(usage: &UsageOverview, metrics: &[Metric]) -> Vec<Vec<String>> {
    let fixed = ["first_day", "last_day", "credits", "plan", "bonus", "top_up", "usages"].map(str::to_owned);
    let head = fixed.into_iter().chain(metrics.iter().flat_map(columns)).collect();
    let line = |step: &UsageStep| {
        let sums = &step.figures.totals;
        let days = [step.first, step.last].map(|at| at.format("%Y-%m-%d").to_string());
        let credits = [sums.credits(), sums.plan, sums.courtesy, sums.top_up].map(|credits| credits.to_string());
        let counts = metrics.iter().flat_map(|metric| {
            let figure = step.figures.metrics.get(&metric.key);
            std::iter::once(figure.total).chain(metric.is_average().then_some(figure.said))
        });
        let counts = std::iter::once(sums.usages).chain(counts);
        days.into_iter().chain(credits).chain(counts.map(|count| count.to_string())).collect()
    };
    std::iter::once(head).chain(usage.steps.iter().map(line)).collect()
}

/// `tokens`; `latency_ms_sum` and `latency_count`.
fn columns(metric: &Metric) -> Vec<String> {
    let key = &metric.key;
    if !metric.is_average() {
        return vec![key.clone()];
    }
    let bare = key.strip_suffix(&format!("_{}", metric.unit)).unwrap_or(key);
    vec![format!("{key}_sum"), format!("{bare}_count")]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::usage::tests::{metrics, usage};

    #[test]
    fn the_file_has_the_sums_of_the_table_in_plain_figures() {
        let latency = Metric { key: "latency_ms".into(), label: "Latency".into(), unit: "ms".into(), average: None };
        let lines = csv_lines(&usage(), &[metrics(), vec![latency]].concat());
        let head = "first_day,last_day,credits,plan,bonus,top_up,usages,requests,tokens,latency_ms_sum,latency_count";
        assert_eq!(lines[0].join(","), head);
        assert_eq!(lines[2].join(","), "2024-10-05,2024-10-05,30,20,0,10,1,4,0,0,0");
        assert!(lines.iter().all(|line| line.len() == lines[0].len()));
    }
}
