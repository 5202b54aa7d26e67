//! `/v1/customers/{id}/entries` and `/grants`.

use crate::domain::Entry;
use crate::http::customers::GrantJson;
use crate::http::json::{At, Num};
use crate::http::located::{Id, Query};
use crate::http::problem::Problem;
use crate::http::{call, lists};
use crate::usecases::credits::{accounts, export};
use crate::usecases::{App, InternalError};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::stream;
use serde::Serialize;

/// Entries that one step of a CSV reads.
const CSV_STEP: i64 = 1_000;

/// Routes.
pub fn routes() -> Router<App> {
    Router::new().route("/v1/customers/{id}/entries", get(entries)).route("/v1/customers/{id}/grants", get(grants))
}

#[derive(Serialize)]
struct EntryJson<'a> {
    id: String,
    seq: i64,
    kind: &'static str,
    grant: String,
    amount: Num,
    balance_after: Num,
    held_change: Num,
    frozen_change: Num,
    event_at: At,
    created_at: At,
    #[serde(rename = "ref")]
    cause: String,
    hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<At>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    customer: &'a str,
}

fn entry_json<'a>(entry: &Entry, customer: &'a str) -> EntryJson<'a> {
    EntryJson {
        id: entry.id().to_string(),
        seq: entry.seq,
        kind: entry.kind.name(),
        grant: entry.grant.to_string(),
        amount: Num(entry.amount),
        balance_after: Num(entry.balance_after),
        held_change: Num(entry.held_change),
        frozen_change: Num(entry.frozen_change),
        event_at: At(entry.event_at),
        created_at: At(entry.created_at),
        cause: entry.cause.to_string(),
        hash: hex::encode(entry.hash),
        expires_at: entry.expires_at.map(At),
        note: entry.note.map(hex::encode),
        customer,
    }
}

async fn entries(State(app): State<App>, Id(id): Id, Query(query): Query) -> Result<Response, Problem> {
    let no = call::customer_no(&app, &id).await?;
    let page = lists::page(&query, &["format"])?;
    let after = page.number(0)?;
    match query.get("format").map(String::as_str) {
        None | Some("json") => {}
        Some("csv") => return Ok(csv(app, (no, id), after)),
        Some(_) => return Err(Problem::query("format", "must be json or csv")),
    }
    let mut found = accounts::entries(&app, no, after, page.limit + 1).await?;
    let next = lists::cut(&mut found, &page).map(|entry| lists::cursor(entry.seq));
    Ok(lists::list(found.iter().map(|entry| entry_json(entry, &id)).collect(), next))
}

/// All entries as CSV, streamed: the columns are the JSON's fields.
fn csv(app: App, (no, id): (i64, String), after: i64) -> Response {
    let head = || format!("{}\n", export::FIELDS.join(","));
    let steps = stream::try_unfold((app, id, after, true), move |(app, id, after, first)| async move {
        let found = accounts::entries(&app, no, after, CSV_STEP).await?;
        let Some(last) = found.last().map(|entry| entry.seq) else {
            let rest = first.then(|| (Bytes::from(head()), (app, id, after, false)));
            return Ok::<_, InternalError>(rest);
        };
        let mut text = if first { head() } else { String::new() };
        text.push_str(&csv_lines(&found, &id)?);
        Ok(Some((Bytes::from(text), (app, id, last, false))))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"entries.csv\""),
    ];
    (headers, Body::from_stream(steps)).into_response()
}

fn csv_lines(entries: &[Entry], customer: &str) -> Result<String, InternalError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for e in entries {
        writer.write_record(export::fields(e, customer)).map_err(|e| InternalError::Broken(e.to_string()))?;
    }
    let bytes = writer.into_inner().map_err(|e| InternalError::Broken(e.to_string()))?;
    String::from_utf8(bytes).map_err(|e| InternalError::Broken(e.to_string()))
}

async fn grants(State(app): State<App>, Id(id): Id, Query(query): Query) -> Result<Response, Problem> {
    let no = call::customer_no(&app, &id).await?;
    let page = lists::page(&query, &[])?;
    let before = page.number(i64::MAX)?;
    let mut found = accounts::grants(&app, no, None, before, page.limit + 1).await?;
    let next = lists::cut(&mut found, &page).map(|row| lists::cursor(row.no));
    Ok(lists::list(found.iter().map(|row| GrantJson::new(&row.grant, row.state)).collect(), next))
}
