//! A customer's own API keys (`tk_…`): shown once, kept as SHA-256 only.
//!
//! The SaaS makes them for a customer; owners and admins make and revoke their own.
//!
//! *Not here:* what a key may read (`http`), how one is shown once (`web::seal`).

use super::sessions::{self, Viewer};
use super::{Fault, Services, flat};
use crate::args;
use crate::domain::id::KeyId;
use crate::domain::{Instant, text};
use crate::ledger::Turn;
use crate::store::db::{DbError, Row};
use sha2::{Digest, Sha256};

/// How many living keys members make; the SaaS may make more.
pub const KEYS_MAX: i64 = 50;
/// How many keys a list shows.
const LIST_MAX: i64 = 200;
/// How long a key's name is at most, in characters.
pub const NAME_MAX: usize = 100;

/// A key that was made.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Its public half.
    pub id: KeyId,
    /// What the customer's programs send.
    pub key: String,
}

/// A living key as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its public half.
    pub id: KeyId,
    /// What somebody called it.
    pub name: String,
    /// Since when.
    pub created_at: Instant,
    /// When it was last used.
    pub last_used_at: Option<Instant>,
}

/// What became of a member's wish for a key, or for one less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
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
pub fn key_hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// Makes a key for the SaaS; `None` where the customer is closed.
///
/// # Errors
/// [`Fault`].
pub async fn make(services: &Services, customer_no: i64, name: String) -> Result<Option<NewKey>, Fault> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|e| Fault::Broken(format!("no random bytes: {e}")))?;
    let key = format!("tk_{}", hex::encode(bytes));
    let (id, hash) = (KeyId(services.clock.mint()), key_hash(&key));
    let made = services.ledger.job(move |turn| {
        Box::pin(async move {
            if turn.is_closed(customer_no).await? {
                return Ok::<_, Fault>(false);
            }
            insert(turn, id, customer_no, &name, hash).await?;
            Ok(true)
        })
    });
    Ok(flat(made.await)?.then_some(NewKey { id, key }))
}

async fn insert(turn: &mut Turn, id: KeyId, customer_no: i64, name: &str, hash: [u8; 32]) -> Result<(), DbError> {
    let now = turn.now();
    let sql = "insert into api_keys (id, customer_no, name, key_hash, created_at) values ($1, $2, $3, $4, $5)";
    turn.link.run(sql, args![id.bytes(), customer_no, name, hash, now]).await?;
    Ok(())
}

/// Makes a key that a member's form brought: the same form makes it once, however often it is sent.
///
/// # Errors
/// [`Fault`].
pub async fn make_own(services: &Services, viewer: &Viewer, name: &str, key: &str) -> Result<Changed, Fault> {
    let name = name.trim().to_owned();
    if text::line(&name, NAME_MAX).is_err() {
        return Ok(Changed::BadName);
    }
    let (id, hash) = (KeyId(services.clock.mint()), key_hash(key));
    let (viewer, idle) = (viewer.clone(), sessions::idle_since(services));
    let job = services.ledger.job(move |turn| {
        Box::pin(async move {
            if !sessions::may_manage(turn, &viewer, idle).await? {
                return Ok(Changed::NotAllowed);
            }
            let sql = "select count(*) as living, coalesce(sum(case when key_hash = $2 then 1 else 0 end), 0) as mine
                from api_keys where customer_no = $1 and (revoked_at is null or key_hash = $2)";
            let row = turn.link.one(sql, args![viewer.customer_no, hash]).await?;
            let row = row.ok_or_else(|| Fault::Broken("a count has no row".to_owned()))?;
            if row.int("mine")? > 0 {
                return Ok(Changed::Done);
            }
            if row.int("living")? >= KEYS_MAX {
                return Ok(Changed::TooMany);
            }
            insert(turn, id, viewer.customer_no, &name, hash).await?;
            Ok(Changed::Done)
        })
    });
    flat(job.await)
}

const LISTED: &str =
    "select id, name, created_at, last_used_at from api_keys where customer_no = $1 and revoked_at is null";

fn listed(row: &Row) -> Result<Listed, DbError> {
    Ok(Listed {
        id: KeyId(row.uuid("id")?),
        name: row.text("name")?,
        created_at: row.at("created_at")?,
        last_used_at: row.opt_at("last_used_at")?,
    })
}

/// The living keys of a customer, newest first.
///
/// # Errors
/// [`Fault`].
pub async fn list(services: &Services, customer_no: i64) -> Result<Vec<Listed>, Fault> {
    let sql = format!("{LISTED} order by created_at desc, id desc limit $2");
    let rows = services.store.read().await?.all(sql, args![customer_no, LIST_MAX]).await?;
    rows.iter().map(listed).collect::<Result<_, DbError>>().map_err(Fault::from)
}

/// The living key of a customer that is this one.
///
/// # Errors
/// [`Fault`].
pub async fn known(services: &Services, customer_no: i64, key: &str) -> Result<Option<Listed>, Fault> {
    let sql = format!("{LISTED} and key_hash = $2");
    let row = services.store.read().await?.one(sql, args![customer_no, key_hash(key)]).await?;
    row.as_ref().map(listed).transpose().map_err(Fault::from)
}

/// Revokes a key: who sends it is refused from now on.
///
/// # Errors
/// [`Fault`].
pub async fn revoke(services: &Services, viewer: &Viewer, id: KeyId) -> Result<Changed, Fault> {
    let (viewer, idle) = (viewer.clone(), sessions::idle_since(services));
    let job = services.ledger.job(move |turn| {
        Box::pin(async move {
            if !sessions::may_manage(turn, &viewer, idle).await? {
                return Ok(Changed::NotAllowed);
            }
            let now = turn.now();
            let sql = "update api_keys set revoked_at = $1 where id = $2 and customer_no = $3 and revoked_at is null";
            let rows = turn.link.run(sql, args![now, id.bytes(), viewer.customer_no]).await?;
            Ok(if rows > 0 { Changed::Done } else { Changed::Unknown })
        })
    });
    flat(job.await)
}

/// How long a key's last use may be behind: a write for each call would cost more than the call.
const USE_STEP: chrono::TimeDelta = chrono::TimeDelta::minutes(10);

/// Whose key this is, if it is one that lives: the customer's number.
///
/// # Errors
/// [`Fault`].
pub async fn owner(services: &Services, key: &str) -> Result<Option<i64>, Fault> {
    if !key.starts_with("tk_") {
        return Ok(None);
    }
    let hash = key_hash(key);
    let sql = "select k.customer_no, k.last_used_at from api_keys k join customers c on c.no = k.customer_no
         where k.key_hash = $1 and k.revoked_at is null and c.closed_at is null";
    let Some(row) = services.store.read().await?.one(sql, args![hash]).await? else { return Ok(None) };
    let now = services.clock.now();
    if row.opt_at("last_used_at")?.is_none_or(|last| now - last >= USE_STEP) {
        let used = services.ledger.job(move |turn| {
            Box::pin(async move {
                let sql = "update api_keys set last_used_at = $1 where key_hash = $2";
                turn.link.run(sql, args![now, hash]).await?;
                Ok::<_, Fault>(())
            })
        });
        // A key is good, whether or not its use can be noted.
        if let Err(e) = flat(used.await) {
            tracing::warn!(error = %e, "the use of a key was not noted");
        }
    }
    Ok(Some(row.int("customer_no")?))
}
