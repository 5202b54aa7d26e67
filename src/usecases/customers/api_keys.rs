//! A customer's own API keys (`tk_…`): shown once, kept as SHA-256 only.
//!
//! The SaaS makes them for a customer; owners and admins make and revoke their own.
//!
//! *Not here:* what a key may read (`http`), how one is shown once (`web::settings::api_keys`).

use crate::args;
use crate::domain::id::KeyId;
use crate::domain::{Instant, text};
use crate::ledger::WriteTransaction;
use crate::store::db::{DbError, Row};
use crate::usecases::access::sessions;
use crate::usecases::access::sessions::Viewer;
use crate::usecases::{App, InternalError};
use sha2::{Digest, Sha256};

/// How many living keys members make; the SaaS may make more.
pub const KEYS_MAX: i64 = 50;
/// How many keys a list shows.
const LIST_MAX: i64 = 200;
/// How long a key's name is at most, in characters.
pub const NAME_MAX: usize = 100;

/// A key that was made.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// Its public half.
    pub id: KeyId,
    /// The secret that the customer's programs send.
    pub key: String,
}

/// A living key as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySummary {
    /// Its public half.
    pub id: KeyId,
    pub name: String,
    pub created_at: Instant,
    /// When it was last used.
    pub last_used_at: Option<Instant>,
}

/// The result of a member's wish for a key, or for one less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyChange {
    /// It is as was asked; for a key that this very form made before, too.
    Done,
    /// Only owners and admins have keys made or revoked.
    NotAllowed,
    /// A name is one line of 1 to [`NAME_MAX`] characters.
    BadName,
    /// [`KEYS_MAX`] keys are enough.
    TooMany,
    /// No such living key of this customer.
    Unknown,
}

/// SHA-256 of a key: what the store keeps.
#[must_use]
pub fn api_key_hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// Makes a key for the SaaS; `None` where the customer is closed.
pub async fn create_api_key(app: &App, customer_no: i64, name: String) -> Result<Option<NewApiKey>, InternalError> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|e| InternalError::Broken(format!("no random bytes: {e}")))?;
    let key = format!("tk_{}", hex::encode(bytes));
    let (id, hash) = (KeyId(app.clock.mint()), api_key_hash(&key));
    let job = app.write(move |tx| {
        Box::pin(async move {
            if tx.is_closed(customer_no).await? {
                return Ok(false);
            }
            insert_api_key(tx, id, customer_no, &name, hash).await?;
            Ok(true)
        })
    });
    Ok(job.await?.then_some(NewApiKey { id, key }))
}

async fn insert_api_key(
    tx: &mut WriteTransaction,
    id: KeyId,
    customer_no: i64,
    name: &str,
    hash: [u8; 32],
) -> Result<(), DbError> {
    let now = tx.now();
    let sql = "insert into api_keys (id, customer_no, name, key_hash, created_at) values ($1, $2, $3, $4, $5)";
    tx.db.execute(sql, args![id.bytes(), customer_no, name, hash, now]).await?;
    Ok(())
}

/// Makes a key that a member's form brought: the same form makes it once, however often it is sent.
pub async fn create_own_api_key(app: &App, viewer: &Viewer, name: &str, key: &str) -> Result<KeyChange, InternalError> {
    let name = name.trim().to_owned();
    if text::check_line(&name, NAME_MAX).is_err() {
        return Ok(KeyChange::BadName);
    }
    let (id, hash) = (KeyId(app.clock.mint()), api_key_hash(key));
    let (viewer, idle) = (viewer.clone(), sessions::idle_since(app));
    app.write(move |tx| {
        Box::pin(async move {
            if !sessions::may_manage(tx, &viewer, idle).await? {
                return Ok(KeyChange::NotAllowed);
            }
            let sql = "select count(*) as living, coalesce(sum(case when key_hash = $2 then 1 else 0 end), 0) as mine
                from api_keys where customer_no = $1 and (revoked_at is null or key_hash = $2)";
            let row = tx.db.fetch_optional(sql, args![viewer.customer_no, hash]).await?;
            let row = row.ok_or_else(|| InternalError::Broken("a count has no row".to_owned()))?;
            if row.int("mine")? > 0 {
                return Ok(KeyChange::Done);
            }
            if row.int("living")? >= KEYS_MAX {
                return Ok(KeyChange::TooMany);
            }
            insert_api_key(tx, id, viewer.customer_no, &name, hash).await?;
            Ok(KeyChange::Done)
        })
    })
    .await
}

const LISTED: &str =
    "select id, name, created_at, last_used_at from api_keys where customer_no = $1 and revoked_at is null";

fn key_summary_of(row: &Row) -> Result<KeySummary, DbError> {
    Ok(KeySummary {
        id: KeyId(row.uuid("id")?),
        name: row.text("name")?,
        created_at: row.at("created_at")?,
        last_used_at: row.opt_at("last_used_at")?,
    })
}

/// The living keys of a customer, newest first.
pub async fn list_api_keys(app: &App, customer_no: i64) -> Result<Vec<KeySummary>, InternalError> {
    let sql = format!("{LISTED} order by created_at desc, id desc limit $2");
    let rows = app.store.read().await?.fetch_all(sql, args![customer_no, LIST_MAX]).await?;
    rows.iter().map(key_summary_of).collect::<Result<_, DbError>>().map_err(InternalError::from)
}

/// The living key of a customer that is this one.
pub async fn find_made_key(app: &App, customer_no: i64, key: &str) -> Result<Option<KeySummary>, InternalError> {
    let sql = format!("{LISTED} and key_hash = $2");
    let row = app.store.read().await?.fetch_optional(sql, args![customer_no, api_key_hash(key)]).await?;
    row.as_ref().map(key_summary_of).transpose().map_err(InternalError::from)
}

/// Revokes a key: who sends it is refused from now on.
pub async fn revoke_key(app: &App, viewer: &Viewer, id: KeyId) -> Result<KeyChange, InternalError> {
    let (viewer, idle) = (viewer.clone(), sessions::idle_since(app));
    app.write(move |tx| {
        Box::pin(async move {
            if !sessions::may_manage(tx, &viewer, idle).await? {
                return Ok(KeyChange::NotAllowed);
            }
            let now = tx.now();
            let sql = "update api_keys set revoked_at = $1 where id = $2 and customer_no = $3 and revoked_at is null";
            let rows = tx.db.execute(sql, args![now, id.bytes(), viewer.customer_no]).await?;
            Ok(if rows > 0 { KeyChange::Done } else { KeyChange::Unknown })
        })
    })
    .await
}

/// How long a key's last use may be behind: a write for each call would cost more than the call.
const USE_STEP: chrono::TimeDelta = chrono::TimeDelta::minutes(10);

/// The customer of a live key.
pub async fn api_key_owner(app: &App, key: &str) -> Result<Option<i64>, InternalError> {
    if !key.starts_with("tk_") {
        return Ok(None);
    }
    let hash = api_key_hash(key);
    let sql = "select k.customer_no, k.last_used_at from api_keys k join customers c on c.no = k.customer_no
         where k.key_hash = $1 and k.revoked_at is null and c.closed_at is null";
    let Some(row) = app.store.read().await?.fetch_optional(sql, args![hash]).await? else { return Ok(None) };
    let now = app.clock.now();
    if row.opt_at("last_used_at")?.is_none_or(|last| now - last >= USE_STEP) {
        let job = app.write(move |tx| {
            Box::pin(async move {
                let sql = "update api_keys set last_used_at = $1 where key_hash = $2";
                tx.db.execute(sql, args![now, hash]).await?;
                Ok(())
            })
        });
        // A key is good, whether or not its use can be noted.
        if let Err(e) = job.await {
            tracing::warn!(error = %e, "the use of a key could not be recorded");
        }
    }
    Ok(Some(row.int("customer_no")?))
}
