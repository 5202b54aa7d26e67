//! Courtesy credits: given by the shop, and taken back (R11).
//!
//! Why stands in `grant_notes`, where it can be erased; the chain has its salted hash.

use crate::args;
use crate::domain::entry::note_hash;
use crate::domain::{Credits, Grant, GrantId, Instant, Summary};
use crate::ledger::WriteTransaction;
use crate::store::db::{DbError, corrupt};
use crate::usecases::credits::idempotency::Refused;
use crate::usecases::{App, InternalError};

/// Courtesy credits as they are asked for.
#[derive(Clone, Debug)]
pub struct NewCourtesy {
    pub customer_no: i64,
    pub credits: Credits,
    /// When they die.
    pub expires_at: Instant,
    pub reason: String,
}

/// A grant right after a write, and the balance then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    pub grant: Grant,
    pub at: Instant,
    pub balance: Summary,
}

/// Gives courtesy credits.
pub async fn give_courtesy(
    tx: &mut WriteTransaction,
    new: NewCourtesy,
) -> Result<Result<Granted, Refused>, InternalError> {
    let (id, salt) = (GrantId(tx.clock.mint()), *tx.clock.mint().as_bytes());
    let note = Some(note_hash(&salt, &new.reason));
    let (done, at) = tx
        .with_account(new.customer_no, |account, at, catalog, changes| {
            match account.grant_courtesy(id, new.credits, new.expires_at, note, at, changes) {
                Ok(()) => Ok((account.grant(id).cloned(), Summary::of(account, at))),
                Err(refusal) => Err(Refused::of(refusal, account, at, catalog)),
            }
        })
        .await?;
    let (grant, balance) = match done {
        Ok(done) => done,
        Err(Refused::GrantEnded) => return Ok(Err(Refused::Past("expires_at"))),
        Err(refused) => return Ok(Err(refused)),
    };
    store_reason(tx, id, "given", &new.reason, salt, at).await?;
    let grant = grant.ok_or_else(|| InternalError::Broken(format!("{id} was given and is not there")))?;
    Ok(Ok(Granted { grant, at, balance }))
}

/// Takes the rest of a courtesy grant back, and whatever returns to it later.
pub async fn void_courtesy(
    tx: &mut WriteTransaction,
    customer_no: i64,
    id: GrantId,
    reason: &str,
) -> Result<Result<Granted, Refused>, InternalError> {
    // A used-up grant is not in the working set, and may still be voided.
    tx.reload_closed_grants(customer_no, &[id]).await?;
    let salt = *tx.clock.mint().as_bytes();
    let note = Some(note_hash(&salt, reason));
    let (done, at) = tx
        .with_account(customer_no, |account, at, catalog, changes| match account.void_grant(id, note, at, changes) {
            Ok(()) => Ok((account.grant(id).cloned(), Summary::of(account, at))),
            Err(refusal) => Err(Refused::of(refusal, account, at, catalog)),
        })
        .await?;
    let (grant, balance) = match done {
        Ok(done) => done,
        Err(refused) => return Ok(Err(refused)),
    };
    store_reason(tx, id, "voided", reason, salt, at).await?;
    let grant = grant.ok_or_else(|| InternalError::Broken(format!("{id} was voided and is not there")))?;
    Ok(Ok(Granted { grant, at, balance }))
}

async fn store_reason(
    tx: &mut WriteTransaction,
    id: GrantId,
    what: &str,
    reason: &str,
    salt: [u8; 16],
    at: Instant,
) -> Result<(), DbError> {
    tx.flush().await?;
    let row = tx.db.fetch_optional("select no from grants where id = $1", args![id.bytes()]).await?;
    let no = row.ok_or_else(|| corrupt("a grant without a row"))?.int("no")?;
    let sql = "insert into grant_notes (grant_no, kind, reason, salt, at) values ($1, $2, $3, $4, $5)";
    tx.db.execute(sql, args![no, what, reason, salt, at]).await?;
    Ok(())
}

/// The customer of a grant: its number and the SaaS's id.
pub async fn grant_owner(app: &App, id: GrantId) -> Result<Option<(i64, String)>, InternalError> {
    let sql = "select c.no, c.id from grants g join customers c on c.no = g.customer_no where g.id = $1";
    let row = app.store.read().await?.fetch_optional(sql, args![id.bytes()]).await?;
    row.map(|row| Ok((row.int("no")?, row.text("id")?))).transpose()
}

/// Why a grant was given, unless that was erased.
pub async fn courtesy_reason(app: &App, id: GrantId) -> Result<Option<String>, InternalError> {
    let sql =
        "select n.reason from grant_notes n join grants g on g.no = n.grant_no where g.id = $1 and n.kind = 'given'";
    let row = app.store.read().await?.fetch_optional(sql, args![id.bytes()]).await?;
    Ok(row.map(|row| row.text("reason")).transpose()?)
}
