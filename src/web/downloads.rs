//! Files for spreadsheets: `/history.csv`, the filtered lines, streamed from the newest to the oldest; `/usage.csv`,
//! the table of Usage.

use crate::domain::{Credits, Kind};
use crate::usecases::access::portal;
use crate::usecases::access::portal::Viewer;
use crate::usecases::insight::history;
use crate::usecases::insight::history::{Filter, Line, Most, Sort};
use crate::usecases::insight::usage::Range;
use crate::usecases::{App, InternalError, insight};
use crate::web::cookies::Cookie;
use crate::web::pages::Asked;
use crate::web::view::{Zone, usage};
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use futures::{StreamExt as _, stream};
use std::collections::HashMap;

/// Lines of one step.
const STEP: Most = Most { lines: 500, looked: 4_096 };

const FIELDS: [&str; 11] =
    ["time", "seq", "sort", "kind", "operation", "source", "credits", "plan", "bonus", "top_up", "balance_incl_held"];

/// The file, for whoever is signed in.
pub async fn history_csv(
    State(app): State<App>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let viewer = match viewer(&app, &headers).await {
        Ok(viewer) => viewer,
        Err(elsewhere) => return elsewhere,
    };
    let asked = Asked::of(|name| query.get(name).cloned(), Zone::named(&viewer.timezone));
    let lines = lines(app, viewer.customer_no, asked.filter);
    file("history.csv", Body::from_stream(stream::iter([Ok(Bytes::from_static(MARK.as_bytes()))]).chain(lines)))
}

/// What was used, day by day, for whoever is signed in.
pub async fn usage_csv(
    State(app): State<App>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let viewer = match viewer(&app, &headers).await {
        Ok(viewer) => viewer,
        Err(elsewhere) => return elsewhere,
    };
    let range = query.get("range").and_then(|name| Range::parse(name)).unwrap_or(Range::Month);
    let written = async {
        let found = insight::usage::usage(&app, viewer.customer_no, range).await?;
        let mut writer = csv::Writer::from_writer(MARK.as_bytes().to_vec());
        for (n, line) in usage::table(&found, &app.catalog.metrics).iter().enumerate() {
            // The heads are the shop's own words.
            let cell = |cell: &String| if n == 0 { safe(Some(cell)) } else { cell.clone() };
            writer.write_record(line.iter().map(cell)).map_err(|e| InternalError::Broken(e.to_string()))?;
        }
        writer.into_inner().map_err(|e| InternalError::Broken(e.to_string()))
    };
    match written.await {
        Ok(bytes) => file("usage.csv", Body::from(bytes)),
        Err(fault) => failed(&fault),
    }
}

/// The mark of UTF-8 at the head of a file: without it a spreadsheet takes the letters for those of its own country.
pub const MARK: &str = "\u{feff}";

/// A file that the browser saves. Only this answer names one: an ended session leads to the sign-in page, and a fault
/// to a page that says so. The links have no `download` of their own, by which browsers would save those pages.
pub fn file(name: &str, body: Body) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    let head =
        [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    (head, body).into_response()
}

/// Who is signed in, or the answer for who is not.
async fn viewer(app: &App, headers: &HeaderMap) -> Result<Viewer, Response> {
    let Some(token) = Cookie::Session.read(headers, app.settings.is_https()) else {
        return Err(Redirect::to("/sign-in").into_response());
    };
    let viewer = portal::viewer(app, &token).await.map_err(|fault| failed(&fault))?;
    viewer.ok_or_else(|| Redirect::to("/sign-in").into_response())
}

fn failed(fault: &InternalError) -> Response {
    tracing::error!(error = %fault, "a file could not be written");
    Redirect::to("/billing?outcome=file_failed").into_response()
}

fn lines(
    app: App,
    customer_no: i64,
    filter: Filter,
) -> impl futures::Stream<Item = Result<Bytes, InternalError>> + Send + 'static {
    let start = (app, filter, Some(None::<i64>), true);
    stream::try_unfold(start, move |(app, filter, from, first)| async move {
        let Some(before) = from else { return Ok(None) };
        let slice = history::slice(&app, customer_no, &filter, before, STEP).await?;
        let text = written(&slice.lines, first)?;
        Ok(Some((Bytes::from(text), (app, filter, slice.next.map(Some), false))))
    })
}

fn written(lines: &[Line], first: bool) -> Result<Vec<u8>, InternalError> {
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

fn record(line: &Line) -> [String; 11] {
    let of = |kind: Kind| -> Credits {
        line.parts.iter().filter(|part| part.grant.kind == kind).map(|part| part.amount).sum()
    };
    [
        line.at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        line.seq.to_string(),
        Sort::of(line.kind, line.cause).name().to_owned(),
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

/// A spreadsheet takes what begins so for a formula.
fn safe(text: Option<&str>) -> String {
    let text = text.unwrap_or_default();
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}
