//! `/history.csv`: the filtered lines for a spreadsheet, streamed from the newest to the oldest.

use crate::domain::{Credits, Kind};
use crate::http::request::as_of::as_of_header;
use crate::store::db::Connection;
use crate::usecases::credits::dated::{Dated, ReadFrom, read_dated};
use crate::usecases::insight::cycles::cycles;
use crate::usecases::insight::history;
use crate::usecases::insight::history::{Filter, HistoryLine, Most, Slice, Sort};
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
    let (no, zone) = (viewer.customer_no, Zone::named(&viewer.timezone));
    let query = &query;
    let first = read_dated(&app, no, ReadFrom::Standby, |mut db: Connection| async move {
        let db = &mut db;
        let cycles = cycles(db, no).await?;
        let asked = FilterQuery::read(|name| query.get(name).cloned(), zone, cycles.as_ref());
        let slice = match asked.wrong {
            Some(_) => Slice::default(),
            None => history::history_slice(db, no, &asked.filter, None, STEP).await?,
        };
        Ok((asked, slice))
    });
    let Dated { found: (asked, first), as_of } = match first.await {
        Ok(first) => first,
        Err(fault) => return failed(&app, &fault),
    };
    if asked.wrong.is_some() {
        // The page says what is wrong with a field.
        return Redirect::to(&asked.address("/history", None)).into_response();
    }
    let mark = stream::iter([Ok(Bytes::from_static(MARK.as_bytes()))]);
    let body = Body::from_stream(mark.chain(lines(app, no, asked.filter, first)));
    (as_of_header(as_of), file("history.csv", body)).into_response()
}

/// The lines from the first slice on. Later slices are of older lines, which no longer change.
fn lines(
    app: App,
    customer_no: i64,
    filter: Filter,
    first: Slice,
) -> impl futures::Stream<Item = Result<Bytes, InternalError>> + Send + 'static {
    let start = (app, filter, Some(first), true);
    stream::try_unfold(start, move |(app, filter, slice, is_first)| async move {
        let Some(slice) = slice else { return Ok(None) };
        let text = written(&slice.lines, is_first)?;
        let next = match slice.next {
            Some(before) => Some(slice_below(&app, customer_no, &filter, before).await?),
            None => None,
        };
        Ok(Some((Bytes::from(text), (app, filter, next, false))))
    })
}

async fn slice_below(app: &App, customer_no: i64, filter: &Filter, before: i64) -> Result<Slice, InternalError> {
    let slice = |mut db: Connection| async move {
        history::history_slice(&mut db, customer_no, filter, Some(before), STEP).await
    };
    Ok(read_dated(app, customer_no, ReadFrom::Standby, slice).await?.found)
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
