//! Idempotency keys (R4): what a key answers is there.

use crate::args;
use crate::domain::{GrantId, HoldId, PurchaseId, UsageId};
use crate::store::Store;
use crate::store::db::{DbError, Value};
use crate::store::key_index::{KeyIndex, read_indexes};
use crate::store::key_merging::{blocks_of_keys, read_blocks};
use crate::store::segment_filter::SegmentFilter;
use crate::store::statement_batch::placeholders;
use std::collections::{BTreeMap, BTreeSet};

/// Keys that one step reads.
const STEP: i64 = 1_000;
/// Blocks of an index that one step compares.
const BLOCKS_STEP: i64 = 1_024;

/// The parts of an answer that name a row.
#[derive(serde::Deserialize)]
struct NamedRow {
    id: String,
    #[serde(default)]
    usage: Option<String>,
}

type Ids = BTreeMap<&'static str, BTreeSet<[u8; 16]>>;

/// The segment that grows.
pub(crate) async fn newest_segment(store: &Store) -> Result<i64, DbError> {
    let sql = "select coalesce(max(segment), 0) as n from idempotency_keys";
    let row = store.read().await?.without_timeout().fetch_optional(sql, Vec::new()).await?;
    row.map_or(Ok(0), |row| row.int("n"))
}

/// Every key whose answer is JSON, from a segment on, names rows that are there. A key is bound in the commit that writes what it names,
/// and nothing of that is ever deleted: a later look finds it. Keys that come meanwhile into newer segments are for the
/// next run.
pub(crate) async fn check_answers(store: &Store, from: i64) -> Result<Result<(), String>, DbError> {
    let (mut segment, mut after) = (from - 1, Vec::new());
    let newest = newest_segment(store).await?;
    loop {
        let mut db = store.read().await?.without_timeout();
        let sql = "select segment, key_hash, status, answer from idempotency_keys
            where kind = 2 and (segment > $1 or (segment = $1 and key_hash > $2)) and segment <= $3
            order by segment, key_hash limit $4";
        let rows = db.fetch_all(sql, args![segment, after.clone(), newest, STEP]).await?;
        let mut ids = Ids::new();
        for row in &rows {
            (segment, after) = (row.int("segment")?, row.blob("key_hash")?);
            let answer = row.blob("answer")?;
            let good = matches!(row.int("status")?, 200 | 201);
            if !good || serde_json::from_slice(&answer).ok().and_then(|named| collect_ids(&mut ids, named)).is_none() {
                return Ok(Err(format!("idempotency key {} has no answer", hex::encode(&after))));
            }
        }
        for (table, ids) in ids {
            let ids: Vec<Value> = ids.iter().map(|id| Value::from(*id)).collect();
            for part in ids.chunks(500) {
                let sql = format!("select count(*) as n from {table} where id in ({})", placeholders(1, part.len()));
                let there = db.fetch_optional(sql, part.to_vec()).await?.map_or(Ok(0), |row| row.int("n"))?;
                let missing = i64::try_from(part.len()).unwrap_or(i64::MAX) - there;
                if missing != 0 {
                    return Ok(Err(format!("{missing} idempotency keys of missing rows in {table}")));
                }
            }
        }
        if rows.is_empty() {
            return Ok(Ok(()));
        }
    }
}

/// Every key of a sealed segment is known to its filter or its index, and no key is bound twice. What is sealed never changes.
pub(crate) async fn check_filters(store: &Store) -> Result<Result<(), String>, DbError> {
    let count = async |sql: &str| {
        store.read().await?.without_timeout().fetch_optional(sql, Vec::new()).await?.map_or(Ok(0), |row| row.int("n"))
    };
    let sql =
        "select count(*) as n from (select key_hash from idempotency_keys group by key_hash having count(*) > 1) t";
    let doubled = count(sql).await?;
    if doubled > 0 {
        return Ok(Err(format!("{doubled} idempotency keys exist twice")));
    }
    // One statement: a segment may be sealed at any moment, and the next one begun.
    let sql = "select coalesce(min(missing), -1) as n from (
           select k.segment + 1 as missing from key_segments k
             where not exists (select 1 from key_segments n where n.segment = k.segment + 1)
               and (exists (select 1 from key_segments n where n.segment > k.segment + 1)
                 or exists (select 1 from idempotency_keys i where i.segment > k.segment + 1))
           union all select 0 as missing where not exists (select 1 from key_segments k where k.segment = 0)
               and (exists (select 1 from key_segments) or exists (select 1 from idempotency_keys i where i.segment > 0)))
         gaps";
    let missing = count(sql).await?;
    if missing >= 0 {
        return Ok(Err(format!("segment {missing} of the idempotency keys is missing")));
    }
    let segments = count("select count(*) as n from key_segments").await?;
    for segment in 0..segments {
        let sql = "select bits from key_segments where segment = $1";
        let row = store.read().await?.fetch_optional(sql, args![segment]).await?;
        let Some(row) = row else { return Ok(Err(format!("segment {segment} of the idempotency keys is missing"))) };
        // One that went into an index is compared with that. A segment that was closed a moment ago has no filter yet: it is
        // looked into.
        let Some(bits) = row.opt_blob("bits")?.filter(|bits| !bits.is_empty()) else { continue };
        if !hides_none(store, segment, &SegmentFilter::parse(&bits)?).await? {
            return Ok(Err(format!("segment {segment} of the idempotency keys hides one of its keys")));
        }
    }
    check_indexes(store).await
}

/// Every block of an index is what the keys say, and no segment without a filter is beyond the indexes.
async fn check_indexes(store: &Store) -> Result<Result<(), String>, DbError> {
    let mut checked: Option<KeyIndex> = None;
    loop {
        let indexes = read_indexes(&mut store.read().await?).await?;
        let first = checked.map_or(0, |index| index.until());
        let Some(index) = indexes.iter().copied().find(|index| index.until() > first) else {
            let sql = "select coalesce(min(segment), -1) as n from key_segments where segment >= $1 and bits is null";
            let row = store.read().await?.fetch_optional(sql, args![first]).await?;
            let lost = row.map_or(Ok(-1), |row| row.int("n"))?;
            // It may have gone into an index since.
            let mut db = store.read().await?;
            let is_lost = lost >= 0 && read_indexes(&mut db).await?.iter().all(|index| index.until() <= lost);
            let why = format!("segment {lost} of the idempotency keys has no filter and is in no index");
            return Ok(if is_lost { Err(why) } else { Ok(()) });
        };
        if !is_whole(store, index).await? {
            // One that was merged meanwhile is looked at where it is now.
            if read_indexes(&mut store.read().await?).await?.contains(&index) {
                let (first, last) = (index.first(), index.until() - 1);
                let what = format!("the index of segments {first} to {last} of the idempotency keys");
                return Ok(Err(format!("{what} is not what its keys say")));
            }
            continue;
        }
        checked = Some(index);
    }
}

async fn is_whole(store: &Store, index: KeyIndex) -> Result<bool, DbError> {
    let mut from = 0;
    while from < index.blocks() {
        let blocks = from..index.blocks().min(from + BLOCKS_STEP);
        let expected = blocks_of_keys(store, index, blocks.clone()).await?;
        if read_blocks(store, index, blocks.clone()).await?.as_ref() != Some(&expected) {
            return Ok(false);
        }
        from = blocks.end;
    }
    Ok(true)
}

async fn hides_none(store: &Store, segment: i64, filter: &SegmentFilter) -> Result<bool, DbError> {
    let mut after = Vec::new();
    loop {
        let sql = "select key_hash from idempotency_keys where segment = $1 and key_hash > $2
            order by key_hash limit $3";
        let rows = store.read().await?.without_timeout().fetch_all(sql, args![segment, after, STEP]).await?;
        let Some(last) = rows.last() else { return Ok(true) };
        after = last.blob("key_hash")?;
        for row in &rows {
            if !filter.may_have(&row.bytes("key_hash")?) {
                return Ok(false);
            }
        }
    }
}

/// Notes the ids that an answer names; nothing where it names none of ours.
fn collect_ids(ids: &mut Ids, named: NamedRow) -> Option<()> {
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
