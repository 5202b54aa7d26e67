//! Scoped keys of the operator API (`ak_…`), beside `OPERATOR_KEYS`: shown once, kept as SHA-256, revoked at once.
//!
//! *Not here:* what a scope opens (`http`); making and revoking with an audit line (`operators::actions`).

use crate::args;
use crate::domain::Instant;
use crate::domain::id::KeyId;
use crate::store::db::{DbError, Row, corrupt};
use crate::usecases::app::Scope;
use crate::usecases::{App, InternalError};
use chrono::TimeDelta;
use sha2::{Digest, Sha256};

/// The beginning of each key.
pub const PREFIX: &str = "ak_";
/// How many living keys there may be.
pub const KEYS_MAX: i64 = 200;
/// How long a key's name is at most, in characters.
pub const NAME_MAX: usize = 100;
/// How far the last use may be behind: a write for each request would cost more than the request.
const USE_STEP: TimeDelta = TimeDelta::hours(1);

/// A living key as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopedKey {
    pub id: KeyId,
    pub name: String,
    pub scope: Scope,
    /// The operator who made it.
    pub made_by: String,
    pub created_at: Instant,
    /// When it was last used, to the hour.
    pub last_used_at: Option<Instant>,
}

/// The key of 32 bytes.
#[must_use]
pub fn key_of(bytes: &[u8; 32]) -> String {
    format!("{PREFIX}{}", hex::encode(bytes))
}

/// SHA-256 of a key: what the store keeps.
#[must_use]
pub fn key_hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

const KEY: &str = "select id, name, scope, made_by, created_at, last_used_at from scoped_keys where revoked_at is null";

fn key_from(row: &Row) -> Result<ScopedKey, DbError> {
    let scope = row.text("scope")?;
    Ok(ScopedKey {
        id: KeyId(row.uuid("id")?),
        name: row.text("name")?,
        scope: Scope::from_name(&scope).ok_or_else(|| corrupt(format!("unknown scope {scope}")))?,
        made_by: row.text("made_by")?,
        created_at: row.at("created_at")?,
        last_used_at: row.opt_at("last_used_at")?,
    })
}

/// The living keys, newest first.
pub async fn list_keys(app: &App) -> Result<Vec<ScopedKey>, InternalError> {
    let sql = format!("{KEY} order by created_at desc, id desc limit $1");
    let rows = app.store.read().await?.fetch_all(sql, args![KEYS_MAX]).await?;
    rows.iter().map(key_from).collect::<Result<_, DbError>>().map_err(InternalError::from)
}

/// A living key.
pub async fn find_key(app: &App, key: &str) -> Result<Option<ScopedKey>, InternalError> {
    let row = app.store.read().await?.fetch_optional(format!("{KEY} and key_hash = $1"), args![key_hash(key)]).await?;
    row.as_ref().map(key_from).transpose().map_err(InternalError::from)
}

/// The scope of a living key; from memory if it was read in the last seconds.
pub async fn scope_of(app: &App, key: &str) -> Result<Option<Scope>, InternalError> {
    if !key.starts_with(PREFIX) {
        return Ok(None);
    }
    let (hash, keys) = (key_hash(key), &app.settings.scoped_keys);
    if let Some(scope) = keys.get(&hash) {
        return Ok(Some(scope));
    }
    let generation = keys.generation();
    let Some(found) = find_key(app, key).await? else { return Ok(None) };
    keys.put(hash, found.scope, generation);
    let now = app.clock.now();
    if found.last_used_at.is_none_or(|last| now - last >= USE_STEP) {
        // The request does not wait for it.
        tokio::spawn(record_use(app.clone(), hash, now));
    }
    Ok(Some(found.scope))
}

async fn record_use(app: App, hash: [u8; 32], now: Instant) {
    let job = app.write(move |tx| {
        Box::pin(async move {
            let sql = "update scoped_keys set last_used_at = $1
                where key_hash = $2 and (last_used_at is null or last_used_at <= $3)";
            tx.db.execute(sql, args![now, hash, now - USE_STEP]).await?;
            Ok::<_, InternalError>(())
        })
    });
    if let Err(e) = job.await {
        tracing::warn!(error = %e, "the use of a key could not be recorded");
    }
}
