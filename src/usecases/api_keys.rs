//! A customer's own API keys (`tk_…`): shown once, kept as SHA-256 only.

use super::{Fault, Services, flat};
use crate::args;
use crate::domain::id::KeyId;
use sha2::{Digest, Sha256};

/// A key that was made.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Its public half.
    pub id: KeyId,
    /// What the customer's programs send.
    pub key: String,
}

/// SHA-256 of a key: what the store keeps.
#[must_use]
pub fn key_hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// Makes a key; `None` where the customer is closed.
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
            let now = turn.now();
            let sql = "insert into api_keys (id, customer_no, name, key_hash, created_at) values ($1, $2, $3, $4, $5)";
            turn.link.run(sql, args![id.bytes(), customer_no, name, hash, now]).await?;
            Ok(true)
        })
    });
    Ok(flat(made.await)?.then_some(NewKey { id, key }))
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
