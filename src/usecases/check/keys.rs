//! Idempotency keys (R4): what a key answers is there.

use crate::args;
use crate::domain::{GrantId, HoldId, PurchaseId, UsageId};
use crate::store::bulk::places;
use crate::store::db::{DbError, Link, Value};
use crate::store::segments;
use std::collections::{BTreeMap, BTreeSet};

/// Keys that one step reads.
const STEP: i64 = 1_000;

/// The parts of an answer that name a row.
#[derive(serde::Deserialize)]
struct Named {
    id: String,
    #[serde(default)]
    usage: Option<String>,
}

type Ids = BTreeMap<&'static str, BTreeSet<[u8; 16]>>;

/// Every key whose answer is JSON names rows that are there.
pub(super) async fn answers(link: &mut Link) -> Result<Result<(), String>, DbError> {
    let (mut segment, mut after) = (-1, Vec::new());
    loop {
        let sql = "select segment, key_hash, status, answer from idempotency_keys
            where kind = 2 and (segment > $1 or (segment = $1 and key_hash > $2))
            order by segment, key_hash limit $3";
        let rows = link.all(sql, args![segment, after.clone(), STEP]).await?;
        let mut ids = Ids::new();
        for row in &rows {
            (segment, after) = (row.int("segment")?, row.blob("key_hash")?);
            let answer = row.blob("answer")?;
            let good = matches!(row.int("status")?, 200 | 201);
            if !good || serde_json::from_slice(&answer).ok().and_then(|named| note(&mut ids, named)).is_none() {
                return Ok(Err(format!("idempotency key {} is bound to no answer", hex::encode(&after))));
            }
        }
        for (table, ids) in ids {
            let ids: Vec<Value> = ids.iter().map(|id| Value::from(*id)).collect();
            for part in ids.chunks(500) {
                let sql = format!("select count(*) as n from {table} where id in ({})", places(1, part.len()));
                let there = link.one(sql, part.to_vec()).await?.map_or(Ok(0), |row| row.int("n"))?;
                let missing = i64::try_from(part.len()).unwrap_or(i64::MAX) - there;
                if missing != 0 {
                    return Ok(Err(format!("{missing} idempotency keys bound to {table} that are not there")));
                }
            }
        }
        if rows.is_empty() {
            return Ok(Ok(()));
        }
    }
}

/// Every key of a sealed segment is known to its filter, and no key is bound twice.
pub(super) async fn sealed(link: &mut Link) -> Result<Result<(), String>, DbError> {
    let sql =
        "select count(*) as n from (select key_hash from idempotency_keys group by key_hash having count(*) > 1) t";
    let doubled = link.one(sql, Vec::new()).await?.map_or(Ok(0), |row| row.int("n"))?;
    if doubled > 0 {
        return Ok(Err(format!("{doubled} idempotency keys are bound twice")));
    }
    let mut next = 0;
    while let Some(row) = link.one("select filter from key_segments where segment = $1", args![next]).await? {
        let filter = segments::parse(&row.text("filter")?)?;
        let mut after = Vec::new();
        loop {
            let sql = "select key_hash from idempotency_keys where segment = $1 and key_hash > $2
                order by key_hash limit $3";
            let rows = link.all(sql, args![next, after, STEP]).await?;
            let Some(last) = rows.last() else { break };
            after = last.blob("key_hash")?;
            for row in &rows {
                if !segments::may_have(&filter, &row.bytes("key_hash")?) {
                    return Ok(Err(format!("segment {next} of the idempotency keys hides one of its keys")));
                }
            }
        }
        next += 1;
    }
    let sql = "select count(*) as n from key_segments where segment >= $1";
    let more = link.one(sql, args![next]).await?.map_or(Ok(0), |row| row.int("n"))?;
    let sql = "select count(*) as n from idempotency_keys where segment > $1";
    let beyond = link.one(sql, args![next]).await?.map_or(Ok(0), |row| row.int("n"))?;
    Ok(if more + beyond > 0 { Err(format!("segment {next} of the idempotency keys is missing")) } else { Ok(()) })
}

/// Notes the ids that an answer names; nothing where it names none of ours.
fn note(ids: &mut Ids, named: Named) -> Option<()> {
    let id = named.id.as_str();
    let (table, bytes) = GrantId::parse(id)
        .map(|id| ("grants", id.bytes()))
        .or_else(|| HoldId::parse(id).map(|id| ("holds", id.bytes())))
        .or_else(|| UsageId::parse(id).map(|id| ("usages", id.bytes())))
        .or_else(|| PurchaseId::parse(id).map(|id| ("purchases", id.bytes())))?;
    ids.entry(table).or_default().insert(bytes);
    if let Some(usage) = named.usage {
        ids.entry("usages").or_default().insert(UsageId::parse(&usage)?.bytes());
    }
    Some(())
}
