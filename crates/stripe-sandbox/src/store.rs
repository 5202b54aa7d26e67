//! The sandbox's memory: one SQLite file, or none at all.
//!
//! Owns all its SQL. Invariant: one connection, so every request is a transaction of its own, one after
//! the other; what Stripe does at once (a session paid and expired) cannot happen at once here.
//!
//! Objects are kept as the JSON that is answered. A session carries what Stripe keeps to itself under
//! `_sandbox`; [`super::objects::public`] takes it off.

use std::path::PathBuf;

use axum::http::StatusCode;
use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{Row, SqliteConnection, SqlitePool};

use super::error::ApiError;
use super::subscriptions::LIVING;

const TABLES: &str = "
    create table if not exists objects (
        seq        integer primary key autoincrement,
        id         text not null unique,
        kind       text not null,
        session    text,    -- the Checkout it belongs to
        open_until integer, -- when the clock changes it: an open Checkout expires, a bank's money comes, a period ends
        body       text not null
    );
    create index if not exists objects_by_kind on objects (kind, seq);
    create index if not exists objects_by_session on objects (session);
    create index if not exists objects_open on objects (open_until) where open_until is not null;
    create table if not exists kept_replies (
        idempotency_key text primary key,
        request         text not null, -- a hash of the path and the parameters
        status          integer not null,
        body            text not null,
        made_at         integer not null
    );
    create index if not exists kept_replies_by_age on kept_replies (made_at);
    create table if not exists deliveries (
        event text primary key,
        state text not null check (state in ('pending', 'delivered', 'lost'))
    );
    create index if not exists deliveries_pending on deliveries (event) where state = 'pending';
";

/// Opens the file, made if it is not there, or a memory that ends with the pool.
pub(super) async fn open(file: Option<PathBuf>) -> Result<SqlitePool, sqlx::Error> {
    let options = match file {
        Some(file) => {
            if let Some(folder) = file.parent() {
                tokio::fs::create_dir_all(folder).await?;
            }
            SqliteConnectOptions::new().filename(file).create_if_missing(true)
        }
        None => SqliteConnectOptions::new().in_memory(true),
    };
    // The one connection is never closed: a memory would go with it.
    let pool = SqlitePoolOptions::new().max_connections(1).min_connections(1).idle_timeout(None).max_lifetime(None);
    let pool = pool.connect_with(options).await?;
    sqlx::raw_sql(TABLES).execute(&pool).await?;
    Ok(pool)
}

/// Keeps a new object.
pub(super) async fn insert(
    conn: &mut SqliteConnection,
    kind: &str,
    session: Option<&str>,
    body: &Value,
) -> Result<(), ApiError> {
    sqlx::query("insert into objects (id, kind, session, open_until, body) values (?, ?, ?, ?, ?)")
        .bind(body["id"].as_str())
        .bind(kind)
        .bind(session)
        .bind(due_at(body))
        .bind(body.to_string())
        .execute(conn)
        .await?;
    Ok(())
}

/// Keeps an object as it is now.
pub(super) async fn save(conn: &mut SqliteConnection, body: &Value) -> Result<(), ApiError> {
    sqlx::query("update objects set body = ?, open_until = ? where id = ?")
        .bind(body.to_string())
        .bind(due_at(body))
        .bind(body["id"].as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// When the clock changes a Checkout or a subscription by itself.
pub(super) fn due_at(body: &Value) -> Option<i64> {
    if body["object"] == "subscription" {
        let lives = LIVING.contains(&body["status"].as_str().unwrap_or_default());
        return body["items"]["data"][0]["current_period_end"].as_i64().filter(|_| lives);
    }
    if body["object"] != "checkout.session" {
        return None;
    }
    if body["status"] == "open" { body["expires_at"].as_i64() } else { body["_sandbox"]["clears_at"].as_i64() }
}

/// An object of this kind, or none.
pub(super) async fn find(conn: &mut SqliteConnection, kind: &str, id: &str) -> Result<Option<Value>, ApiError> {
    let row = sqlx::query("select body from objects where id = ? and kind = ?")
        .bind(id)
        .bind(kind)
        .fetch_optional(conn)
        .await?;
    row.map(|row| body_of(&row)).transpose()
}

/// An object of any kind, or none.
pub(super) async fn find_any(conn: &mut SqliteConnection, id: &str) -> Result<Option<Value>, ApiError> {
    let row = sqlx::query("select body from objects where id = ?").bind(id).fetch_optional(conn).await?;
    row.map(|row| body_of(&row)).transpose()
}

/// The Checkout that an object belongs to.
pub(super) async fn session_of(conn: &mut SqliteConnection, id: &str) -> Result<String, ApiError> {
    let row = sqlx::query("select session from objects where id = ?").bind(id).fetch_one(conn).await?;
    Ok(row.try_get::<Option<String>, _>("session")?.unwrap_or_default())
}

/// All objects of a kind, newest first.
pub(super) async fn all(conn: &mut SqliteConnection, kind: &str) -> Result<Vec<Value>, ApiError> {
    let rows =
        sqlx::query("select body from objects where kind = ? order by seq desc").bind(kind).fetch_all(conn).await?;
    rows.iter().map(body_of).collect()
}

/// What the clock has overtaken first.
pub(super) async fn overdue(conn: &mut SqliteConnection, now: i64) -> Result<Option<Value>, ApiError> {
    let row = sqlx::query("select body from objects where open_until <= ? order by open_until, seq limit 1")
        .bind(now)
        .fetch_optional(conn)
        .await?;
    row.map(|row| body_of(&row)).transpose()
}

/// The events about a Checkout, oldest first.
pub(super) async fn events_of(conn: &mut SqliteConnection, session: &str) -> Result<Vec<Value>, ApiError> {
    let rows = sqlx::query("select body from objects where session = ? and kind = 'event' order by seq")
        .bind(session)
        .fetch_all(conn)
        .await?;
    rows.iter().map(body_of).collect()
}

fn body_of(row: &sqlx::sqlite::SqliteRow) -> Result<Value, ApiError> {
    Ok(serde_json::from_str(row.try_get::<&str, _>("body")?)?)
}

/// How long Stripe keeps an idempotency key, in seconds.
const KEPT_FOR: i64 = 24 * 60 * 60;

/// What was answered under an idempotency key in the last 24 hours: the request's hash, the status, the body.
pub(super) async fn recall(
    conn: &mut SqliteConnection,
    key: &str,
    now: i64,
) -> Result<Option<(String, StatusCode, String)>, ApiError> {
    let row = sqlx::query("select request, status, body from kept_replies where idempotency_key = ? and made_at > ?")
        .bind(key)
        .bind(now - KEPT_FOR)
        .fetch_optional(conn)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let status = StatusCode::from_u16(row.try_get("status")?).unwrap_or(StatusCode::OK);
    Ok(Some((row.try_get("request")?, status, row.try_get("body")?)))
}

/// Binds an idempotency key to its answer, and lets go of those that are too old.
pub(super) async fn remember(
    conn: &mut SqliteConnection,
    key: &str,
    request: &str,
    body: &str,
    now: i64,
) -> Result<(), ApiError> {
    sqlx::query("delete from kept_replies where made_at <= ?").bind(now - KEPT_FOR).execute(&mut *conn).await?;
    sqlx::query("insert into kept_replies (idempotency_key, request, status, body, made_at) values (?, ?, 200, ?, ?)")
        .bind(key)
        .bind(request)
        .bind(body)
        .bind(now)
        .execute(conn)
        .await?;
    Ok(())
}

/// Puts an event into the queue, or marks it as never to be sent.
pub(super) async fn enqueue(conn: &mut SqliteConnection, event: &str, lost: bool) -> Result<(), ApiError> {
    sqlx::query("insert into deliveries (event, state) values (?, ?)")
        .bind(event)
        .bind(if lost { "lost" } else { "pending" })
        .execute(conn)
        .await?;
    Ok(())
}

/// Events that no 2xx has answered yet, oldest first: id and body.
pub(super) async fn pending(conn: &mut SqliteConnection) -> Result<Vec<(String, String)>, ApiError> {
    let rows = sqlx::query(
        "select objects.id, objects.body from deliveries join objects on objects.id = deliveries.event
         where deliveries.state = 'pending' order by objects.seq limit 200",
    )
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| Ok((row.try_get("id")?, row.try_get("body")?))).collect()
}

/// Takes an event out of the queue.
pub(super) async fn delivered(conn: &mut SqliteConnection, event: &str) -> Result<(), ApiError> {
    sqlx::query("update deliveries set state = 'delivered' where event = ?").bind(event).execute(&mut *conn).await?;
    sqlx::query("update objects set body = json_set(body, '$.pending_webhooks', 0) where id = ?")
        .bind(event)
        .execute(conn)
        .await?;
    Ok(())
}
