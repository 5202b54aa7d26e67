//! `/history.csv`: the filtered lines for a spreadsheet, streamed from the newest to the oldest.

use crate::domain::{Credits, Kind};
use crate::usecases::insight::cycles::cycles;
use crate::usecases::insight::history;
use crate::usecases::insight::history::{Filter, HistoryLine, Most, Sort};
use crate::usecases::{App, InternalError};
use crate::web::csv_file::{MARK, failed, file, safe, viewer};
use crate::web::history::query::FilterQuery;
use crate::web::ui::dates::Zone;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Redirect, Response};
use futures::{StreamExt as _, stream};
use std::collections::HashMap;

/// Lines of one step.
const STEP: Most = Most { lines: 500, looked: 4_096 };

const FIELDS: [&str; 11] =
    ["time", "seq", "sort", "kind", "operation", "source", "credits", "plan", "bonus", "top_up", "balance_incl_held"];

/// The file of the signed-in customer.
pub async fn history_csv(
    State(app): State<App>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let viewer = match viewer(&app, &headers, "/history").await {
        Ok(viewer) => viewer,
        Err(elsewhere) => return elsewhere,
    };
    let cycles = match cycles(&app, viewer.customer_no).await {
        Ok(cycles) => cycles,
        Err(fault) => return failed(&app, &fault),
    };
    let asked = FilterQuery::read(|name| query.get(name).cloned(), Zone::named(&viewer.timezone), cycles.as_ref());
    if asked.wrong.is_some() {
        // The page says what is wrong with a field.
        return Redirect::to(&asked.address("/history", None)).into_response();
    }
    let lines = lines(app, viewer.customer_no, asked.filter);
    file("history.csv", Body::from_stream(stream::iter([Ok(Bytes::from_static(MARK.as_bytes()))]).chain(lines)))
}

fn lines(
    app: App,
    customer_no: i64,
    filter: Filter,
) -> impl futures::Stream<Item = Result<Bytes, InternalError>> + Send + 'static {
    let start = (app, filter, Some(None::<i64>), true);
    stream::try_unfold(start, move |(app, filter, from, first)| async move {
        let Some(before) = from else { return Ok(None) };
        let slice = history::history_slice(&app, customer_no, &filter, before, STEP).await?;
        let text = written(&slice.lines, first)?;
        Ok(Some((Bytes::from(text), (app, filter, slice.next.map(Some), false))))
    })
}

fn written(lines: &[HistoryLine], first: bool) -> Result<Vec<u8>, InternalError> {
    let broken = |e: &dyn std::fmt::Display| InternalError::Broken(e.to_string());
    let mut writer = csv::Writer::from_writer(Vec::new());
    if first {
        writer.write_record(FIELDS).map_err(|e| broken(&e))?;
    }
    for line in lines {
        writer.write_record(record(line)).map_err(|e| broken(&e))?;
    }
    writer.into_inner().map_err(|e| broken(&e))
}

fn record(line: &HistoryLine) -> [String; 11] {
    let of = |kind: Kind| -> Credits {
        line.parts.iter().filter(|part| part.grant.kind == kind).map(|part| part.amount).sum()
    };
    [
        line.at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        line.seq.to_string(),
        Sort::of_entry(line.kind, line.cause).name().to_owned(),
        line.kind.name().to_owned(),
        safe(line.operation.as_deref()),
        safe(line.source.as_deref()),
        line.change().to_string(),
        of(Kind::Plan).to_string(),
        of(Kind::Courtesy).to_string(),
        of(Kind::TopUp).to_string(),
        line.balance.to_string(),
    ]
}
