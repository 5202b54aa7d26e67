//! `/v1/customers/{id}/entries`: the customer's ledger as JSON pages or as one CSV.

use crate::domain::Entry;
use crate::http::request::as_of::as_of_header;
use crate::http::request::customer::customer_no;
use crate::http::request::extract::{Id, Query};
use crate::http::request::json::{At, Num};
use crate::http::request::paging;
use crate::http::request::problem::Problem;
use crate::store::db::Connection;
use crate::store::entries;
use crate::usecases::credits::dated::{Dated, ReadFrom, read_dated};
use crate::usecases::credits::export;
use crate::usecases::{App, InternalError};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::{StreamExt as _, stream};
use serde::Serialize;

/// Entries that one read of a CSV fetches.
const CSV_CHUNK: i64 = 1_000;

pub fn routes() -> Router<App> {
    Router::new().route("/v1/customers/{id}/entries", get(list))
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

async fn list(State(app): State<App>, Id(id): Id, Query(query): Query) -> Result<Response, Problem> {
    let no = customer_no(&app, &id).await?;
    let paging = paging::paging(&query, &["format"])?;
    let after = paging.number(0)?;
    match query.get("format").map(String::as_str) {
        None | Some("json") => {}
        Some("csv") => return csv(app, (no, id), after).await,
        Some(_) => return Err(Problem::query("format", "must be json or csv")),
    }
    let Dated { mut found, as_of } = page_of_entries(&app, no, after, paging.limit + 1).await?;
    let next = paging::cut(&mut found, &paging).map(|entry| paging::cursor(entry.seq));
    let list = paging::list(found.iter().map(|entry| entry_json(entry, &id)).collect(), next);
    Ok((as_of_header(as_of), list).into_response())
}

async fn page_of_entries(app: &App, no: i64, after: i64, limit: i64) -> Result<Dated<Vec<Entry>>, InternalError> {
    let page = |mut db: Connection| async move { Ok(entries::fetch_page(&mut db, no, after, limit).await?) };
    read_dated(app, no, ReadFrom::Standby, page).await
}

/// Streams all entries as CSV. Its columns are the JSON's fields. It is as of its first part; later ones may be newer.
async fn csv(app: App, (no, id): (i64, String), after: i64) -> Result<Response, Problem> {
    let Dated { found, as_of } = page_of_entries(&app, no, after, CSV_CHUNK).await?;
    let head = Bytes::from(format!("{}\n", export::FIELDS.join(",")));
    let rest = stream::try_unfold((app, id, found), move |(app, id, found)| async move {
        let Some(last) = found.last().map(|entry| entry.seq) else { return Ok::<_, InternalError>(None) };
        let text = csv_lines(&found, &id)?;
        let next = page_of_entries(&app, no, last, CSV_CHUNK).await?.found;
        Ok(Some((Bytes::from(text), (app, id, next))))
    });
    let chunks = stream::iter([Ok(head)]).chain(rest);
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"entries.csv\""),
    ];
    Ok((headers, as_of_header(as_of), Body::from_stream(chunks)).into_response())
}

fn csv_lines(entries: &[Entry], customer: &str) -> Result<String, InternalError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for e in entries {
        writer.write_record(export::export_fields(e, customer)).map_err(|e| InternalError::Broken(e.to_string()))?;
    }
    let bytes = writer.into_inner().map_err(|e| InternalError::Broken(e.to_string()))?;
    String::from_utf8(bytes).map_err(|e| InternalError::Broken(e.to_string()))
}
