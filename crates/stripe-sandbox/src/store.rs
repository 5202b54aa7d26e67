//! The store: one SQLite file, or memory.
//!
//! Owns all SQL. Invariant: the pool has one connection, so transactions run one after the other.
//!
//! Objects are stored as the JSON of their answers, with the sandbox's own data under `_sandbox`
//! ([`objects::public`] removes it).

use std::path::PathBuf;

use serde_json::Value;
use sqlx::SqlitePool;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnectOptions, SqlitePoolOptions};

use crate::error::{ApiError, Result};
use crate::objects::{self, id_of, text};

const TABLES: &str = "
    create table if not exists objects (
        seq        integer primary key autoincrement,
        id         text not null unique,
        kind       text not null,
        session    text,    -- the Checkout or subscription it belongs to
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

/// How long Stripe keeps an idempotency key, in seconds.
const KEY_LIFETIME: i64 = 24 * 60 * 60;

/// Opens the file, created where it is missing, or a database in memory that ends with the pool.
pub(crate) async fn open(file: Option<PathBuf>) -> std::result::Result<SqlitePool, sqlx::Error> {
    let options = match file {
        Some(file) => {
            if let Some(folder) = file.parent() {
                tokio::fs::create_dir_all(folder).await?;
            }
            SqliteConnectOptions::new().filename(file).create_if_missing(true)
        }
        None => SqliteConnectOptions::new().in_memory(true),
    };
    // The connection is never closed: a database in memory would go with it.
    let pool = SqlitePoolOptions::new().max_connections(1).min_connections(1).idle_timeout(None).max_lifetime(None);
    let pool = pool.connect_with(options).await?;
    sqlx::raw_sql(TABLES).execute(&pool).await?;
    Ok(pool)
}

/// One transaction.
pub(crate) struct Transaction {
    pub database: sqlx::Transaction<'static, Sqlite>,
    /// By the shop's clock, in Unix seconds.
    pub now: i64,
    /// The URL of the sandbox's own pages.
    pub base: String,
    /// Events are recorded and never sent.
    pub webhooks_lost: bool,
    /// Cards, by their last four digits, whose bank answers with this `decline_code`.
    pub card_faults: Vec<(String, String)>,
    /// The API request that caused the events, as they name it.
    pub request: Value,
}

impl Transaction {
    pub async fn commit(self) -> Result<()> {
        Ok(self.database.commit().await?)
    }

    async fn run(&mut self, query: Query<'_, Sqlite, SqliteArguments>) -> Result<()> {
        query.execute(&mut *self.database).await?;
        Ok(())
    }

    /// Inserts an object. `subject` is the Checkout or subscription that it belongs to.
    pub async fn insert(&mut self, object: &Value, subject: Option<&str>) -> Result<()> {
        let sql = "insert into objects (id, kind, session, open_until, body) values (?, ?, ?, ?, ?)";
        let query = sqlx::query(sql).bind(id_of(object)).bind(text(&object["object"])).bind(subject);
        self.run(query.bind(objects::due_at(object)).bind(object.to_string())).await
    }

    /// Updates objects.
    pub async fn save(&mut self, objects: &[&Value]) -> Result<()> {
        for object in objects {
            let query = sqlx::query("update objects set body = ?, open_until = ? where id = ?");
            self.run(query.bind(object.to_string()).bind(objects::due_at(object)).bind(id_of(object))).await?;
        }
        Ok(())
    }

    pub async fn delete(&mut self, id: &str) -> Result<()> {
        self.run(sqlx::query("delete from objects where id = ?").bind(id)).await
    }

    pub async fn find(&mut self, kind: &str, id: &str) -> Result<Option<Value>> {
        Ok(self.find_any(id).await?.filter(|object| object["object"] == kind))
    }

    /// The object, or Stripe's 404.
    pub async fn get(&mut self, kind: &str, id: &str) -> Result<Value> {
        self.find(kind, id).await?.ok_or_else(|| ApiError::no_such(kind, id))
    }

    /// The object, or Stripe's refusal of the parameter `param`.
    pub async fn get_by_param(&mut self, kind: &str, id: &str, param: &str) -> Result<Value> {
        self.find(kind, id).await?.ok_or_else(|| ApiError::no_such_param(kind, id, param))
    }

    pub async fn find_any(&mut self, id: &str) -> Result<Option<Value>> {
        Ok(self.bodies("select body from objects where id = ?", id).await?.pop())
    }

    /// All objects of a kind, newest first.
    pub async fn all(&mut self, kind: &str) -> Result<Vec<Value>> {
        self.bodies("select body from objects where kind = ? order by seq desc", kind).await
    }

    /// All objects that belong to a Checkout or subscription, oldest first.
    pub async fn all_of(&mut self, subject: &str) -> Result<Vec<Value>> {
        self.bodies("select body from objects where session = ? order by seq", subject).await
    }

    async fn bodies(&mut self, sql: &'static str, key: &str) -> Result<Vec<Value>> {
        let rows: Vec<String> = sqlx::query_scalar(sql).bind(key).fetch_all(&mut *self.database).await?;
        rows.iter().map(|body| Ok(serde_json::from_str(body)?)).collect()
    }

    /// The object that the clock changes first, if its time has come.
    pub async fn first_due(&mut self, now: i64) -> Result<Option<Value>> {
        let sql = "select body from objects where open_until <= ? order by open_until, seq limit 1";
        let body: Option<String> = sqlx::query_scalar(sql).bind(now).fetch_optional(&mut *self.database).await?;
        Ok(body.map(|body| serde_json::from_str(&body)).transpose()?)
    }

    /// The Checkout or subscription that an object belongs to.
    pub async fn subject_of(&mut self, id: &str) -> Result<String> {
        let sql = "select coalesce(session, '') from objects where id = ?";
        Ok(sqlx::query_scalar(sql).bind(id).fetch_one(&mut *self.database).await?)
    }

    /// The request's hash, the status and the answer that were stored for an idempotency key in the last 24 hours.
    pub async fn stored_answer(&mut self, key: &str) -> Result<Option<(String, u16, String)>> {
        let sql = "select request, status, body from kept_replies where idempotency_key = ? and made_at > ?";
        let stored = sqlx::query_as(sql).bind(key).bind(self.now - KEY_LIFETIME);
        Ok(stored.fetch_optional(&mut *self.database).await?)
    }

    /// Stores the answer for an idempotency key, and deletes those that are too old.
    pub async fn store_answer(&mut self, key: &str, request: &str, status: u16, body: &str) -> Result<()> {
        let oldest = self.now - KEY_LIFETIME;
        self.run(sqlx::query("delete from kept_replies where made_at <= ?").bind(oldest)).await?;
        let sql = "insert into kept_replies (idempotency_key, request, status, body, made_at) values (?, ?, ?, ?, ?)";
        self.run(sqlx::query(sql).bind(key).bind(request).bind(status).bind(body).bind(self.now)).await
    }

    /// Puts an event into the queue of webhooks, or marks it as never to be sent.
    pub async fn enqueue(&mut self, event: &str) -> Result<()> {
        let state = if self.webhooks_lost { "lost" } else { "pending" };
        self.run(sqlx::query("insert into deliveries (event, state) values (?, ?)").bind(event).bind(state)).await
    }

    /// The id and the body of each event in the queue, oldest first.
    pub async fn pending(&mut self) -> Result<Vec<(String, String)>> {
        let sql = "select objects.id, objects.body from deliveries join objects on objects.id = deliveries.event
                   where deliveries.state = 'pending' order by objects.seq limit 200";
        Ok(sqlx::query_as(sql).fetch_all(&mut *self.database).await?)
    }

    /// Takes an event out of the queue.
    pub async fn set_delivered(&mut self, event: &str) -> Result<()> {
        self.run(sqlx::query("update deliveries set state = 'delivered' where event = ?").bind(event)).await?;
        let sql = "update objects set body = json_set(body, '$.pending_webhooks', 0) where id = ?";
        self.run(sqlx::query(sql).bind(event)).await
    }
}
