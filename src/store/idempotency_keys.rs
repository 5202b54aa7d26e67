//! Idempotency keys (R4): what a key was bound to, for ever.

use crate::args;
use crate::store::db::{Connection, DbError, Row, Value, corrupt};
use crate::store::statement_batch;
use crate::store::statement_batch::StatementBatch;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// A key of a customer, hashed.
pub type KeyHash = [u8; 16];

/// The stored answer of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyBinding {
    /// Hash of method, path and body.
    pub content: [u8; 16],
    /// The answer's status.
    pub status: i64,
    pub answer: BoundAnswer,
}

/// An answer as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BoundAnswer {
    /// A usage and the five numbers of the balance after it.
    Usage(Vec<u8>),
    /// The JSON that was sent.
    Json(Vec<u8>),
}

/// The hash of a customer's key.
#[must_use]
pub fn idempotency_key_hash(customer: &str, key: &str) -> KeyHash {
    let mut sha = Sha256::new();
    sha.update(customer.as_bytes());
    sha.update([0]);
    sha.update(key.as_bytes());
    first_half(sha)
}

/// The hash of what a key is bound to: method, path and canonical body.
#[must_use]
pub fn content_hash(method: &str, path: &str, body: &str) -> [u8; 16] {
    let mut sha = Sha256::new();
    for part in [method, path, body] {
        sha.update((part.len() as u64).to_be_bytes());
        sha.update(part.as_bytes());
    }
    first_half(sha)
}

fn first_half(sha: Sha256) -> [u8; 16] {
    let digest: [u8; 32] = sha.finalize().into();
    let mut out = [0; 16];
    out.copy_from_slice(&digest[..16]);
    out
}

/// The bindings of `hashes` in segment `first` and all behind it, on PostgreSQL.
pub(super) async fn find_from_segment(
    db: &mut Connection,
    first: i64,
    hashes: &[KeyHash],
) -> Result<HashMap<KeyHash, KeyBinding>, DbError> {
    if hashes.is_empty() {
        return Ok(HashMap::new());
    }
    // Up to the segment that grows now: another process may have begun it after this transaction began.
    let sql = |first: &str, array: &str| {
        format!(
            "select k.* from unnest({array}) as h (hash)
             cross join generate_series({first}, (select coalesce(max(segment) + 1, 0) from key_segments)) as s (no)
             cross join lateral (select key_hash, content_hash, status, kind, answer from idempotency_keys
               where segment = s.no and key_hash = h.hash limit 1) k"
        )
    };
    let values = hashes.iter().map(|hash| Value::from(*hash)).collect();
    let rows = statement_batch::fetch_all_by_array(db, sql, args![first], values).await?;
    rows.iter().map(|row| Ok((row.bytes("key_hash")?, binding_of(row)?))).collect()
}

/// The bindings of keys in the segments that may have them, in one statement.
pub(super) async fn find_in_segments(
    db: &mut Connection,
    suspects: &[(i64, KeyHash)],
) -> Result<HashMap<KeyHash, KeyBinding>, DbError> {
    if suspects.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = if db.is_sqlite() {
        let sql = "select k.key_hash, k.content_hash, k.status, k.kind, k.answer from json_each($1) as asked
            cross join idempotency_keys k on k.segment = asked.value ->> 0 and k.key_hash = unhex(asked.value ->> 1)";
        let asked: Vec<(i64, String)> = suspects.iter().map(|(segment, key)| (*segment, hex::encode(key))).collect();
        let json = serde_json::to_string(&asked).map_err(|e| corrupt(e.to_string()))?;
        db.fetch_all(sql, args![json]).await?
    } else {
        // One look by the whole key for each. With `any`, PostgreSQL takes a segment that has grown since it was last
        // analysed for small, and reads all of it each time.
        let sql = "select k.* from unnest($1::bigint[], $2::bytea[]) as asked (segment, hash) cross join lateral
             (select key_hash, content_hash, status, kind, answer from idempotency_keys
                where segment = asked.segment and key_hash = asked.hash limit 1) k";
        let asked = suspects.iter().map(|(segment, key)| args![*segment, *key]).collect();
        db.fetch_all_with_arrays(sql.to_owned(), Vec::new(), statement_batch::columns_of_rows(asked)?).await?
    };
    rows.iter().map(|row| Ok((row.bytes("key_hash")?, binding_of(row)?))).collect()
}

fn binding_of(row: &Row) -> Result<KeyBinding, DbError> {
    let answer = row.blob("answer")?;
    let answer = if row.int("kind")? == 1 { BoundAnswer::Usage(answer) } else { BoundAnswer::Json(answer) };
    Ok(KeyBinding { content: row.bytes("content_hash")?, status: row.int("status")?, answer })
}

/// Binds keys. A key that is bound already is an error of the database: the transaction is lost, not the rule.
pub(super) fn bind_keys(batch: &mut StatementBatch, segment: i64, bindings: HashMap<KeyHash, KeyBinding>) {
    let rows = bindings
        .into_iter()
        .map(|(key, binding)| {
            let (kind, answer) = match binding.answer {
                BoundAnswer::Usage(bytes) => (1_i64, bytes),
                BoundAnswer::Json(bytes) => (2, bytes),
            };
            args![segment, key, binding.content, binding.status, kind, answer]
        })
        .collect();
    batch.insert("insert into idempotency_keys (segment, key_hash, content_hash, status, kind, answer)", "", rows);
}
