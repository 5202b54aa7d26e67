//! `/usage.csv`: the table of Usage in plain figures for programs.

use crate::domain::catalog::Metric;
use crate::http::request::as_of::as_of_header;
use crate::store::daily_usage::day_number;
use crate::store::db::Connection;
use crate::usecases::credits::dated::{Dated, ReadFrom, read_dated};
use crate::usecases::insight::cycles::cycles;
use crate::usecases::insight::usage::{UsageOverview, UsageStep, usage_overview};
use crate::usecases::{App, InternalError};
use crate::web::csv_file::{MARK, failed, file, safe, viewer};
use crate::web::usage::choice::UsageChoice;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Redirect, Response};
use std::collections::HashMap;

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
    let today = day_number(app.clock.now());
    let choice = UsageChoice::read(|name| query.get(name).cloned(), today);
    let written = async {
        let (no, choice) = (viewer.customer_no, &choice);
        let Dated { found, as_of } = read_dated(&app, no, ReadFrom::Standby, |mut db: Connection| async move {
            let db = &mut db;
            let cycles = cycles(db, no).await?;
            let Ok(period) = choice.period(cycles.as_ref(), today) else { return Ok(None) };
            Ok(Some(usage_overview(db, no, &period).await?))
        })
        .await?;
        let Some(found) = found else { return Ok(None) };
        let mut writer = csv::Writer::from_writer(MARK.as_bytes().to_vec());
        for (n, line) in csv_lines(&found, &app.catalog.metrics).iter().enumerate() {
            // The heads are the shop's own words.
            let cell = |cell: &String| if n == 0 { safe(Some(cell)) } else { cell.clone() };
            writer.write_record(line.iter().map(cell)).map_err(|e| InternalError::Broken(e.to_string()))?;
        }
        writer.into_inner().map(|bytes| Some((bytes, as_of))).map_err(|e| InternalError::Broken(e.to_string()))
    };
    match written.await {
        Ok(Some((bytes, as_of))) => (as_of_header(as_of), file("usage.csv", Body::from(bytes))).into_response(),
        // The page says what is wrong with the days.
        Ok(None) => Redirect::to(&choice.address("/usage", &[])).into_response(),
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
    use crate::web::usage::example::{metrics, usage};

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
