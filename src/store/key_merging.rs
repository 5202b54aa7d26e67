//! The making of indexes of old keys, beside the engine: step by step, each a short write transaction.
//!
//! Filters of the oldest segments become an index when there are enough of them, and two indexes of one size become one of
//! twice that size; so there are few, however many keys there are. Readers use an index from the commit in which it comes into
//! force, and what it replaces is removed after that. A crash between two steps leaves blocks that the next run goes on
//! from. Several processes may do the same: a block's number is unique, and its bytes are the same whoever makes it. What
//! comes into force is decided under the lock of jobs.

use crate::args;
use crate::store::Store;
use crate::store::db::{Connection, DbError, Row, corrupt};
use crate::store::key_index::{DIGEST_BYTES, KeyIndex, read_indexes};
use crate::store::segment_sizes::SegmentSizes;
use crate::store::statement_batch;
use std::ops::Range;

/// Filters that one step drops.
const FILTERS_STEP: i64 = 8;

/// Does what is to be done, until nothing is.
///
/// # Errors
/// The database fails; the next run goes on.
pub async fn merge_keys(store: &Store, sizes: SegmentSizes) -> Result<(), DbError> {
    loop {
        let indexes = read_indexes(&mut store.read().await?).await?;
        if drop_replaced(store, &indexes, sizes.step).await? {
            continue;
        }
        if let Some(merged) = indexes.windows(2).find_map(|pair| pair[0].merged_with(&pair[1])) {
            make_index(store, (merged, &merged.parts()), sizes.step).await?;
        } else if let Some(first) = index_of_filters(store, &indexes, sizes).await? {
            make_index(store, (first, &[]), sizes.step).await?;
        } else {
            return Ok(());
        }
    }
}

/// The next index over segments that have filters, if there are enough.
async fn index_of_filters(
    store: &Store,
    indexes: &[KeyIndex],
    sizes: SegmentSizes,
) -> Result<Option<KeyIndex>, DbError> {
    let first = indexes.last().map_or(0, KeyIndex::until);
    // Other sizes than now: these segments are left as they are.
    if first % sizes.index != 0 {
        return Ok(None);
    }
    let sql = "select count(*) as n from key_segments where segment >= $1 and segment < $2 and length(bits) > 0";
    let values = args![first, first + sizes.crowd()];
    let sealed = store.read().await?.fetch_optional(sql, values).await?.map_or(Ok(0), |row| row.int("n"))?;
    if sealed < sizes.crowd() {
        return Ok(None);
    }
    KeyIndex::of_filters(first, sizes).map(Some)
}

/// Makes the blocks that are missing, in their order, and brings the index into force.
async fn make_index(store: &Store, (index, parts): (KeyIndex, &[KeyIndex]), step: i64) -> Result<(), DbError> {
    let first = index.numbers(0..0).start;
    loop {
        let all = index.numbers(0..index.blocks());
        let sql = "select coalesce(max(number), -1) as n from key_blocks where number >= $1 and number < $2";
        let last = store.read().await?.fetch_optional(sql, args![all.start, all.end]).await?;
        let last = last.map_or(Ok(-1), |row| row.int("n"))?;
        let from = if last < 0 { 0 } else { last - first + 1 };
        if from >= index.blocks() {
            return bring_into_force(store, index, parts).await;
        }
        let Some((blocks, made)) = next_blocks(store, (index, parts), from, step).await? else {
            let in_force = read_indexes(&mut store.read().await?).await?;
            let is_lost = parts.iter().all(|part| in_force.contains(part));
            return if is_lost { Err(corrupt("blocks of an index of keys are missing")) } else { Ok(()) };
        };
        if !write_blocks(store, index, blocks, made).await? {
            return Ok(());
        }
    }
}

/// Some blocks from this one on; nothing if the parts are not there any more, so that another process has merged them.
async fn next_blocks(
    store: &Store,
    (index, parts): (KeyIndex, &[KeyIndex]),
    from: i64,
    step: i64,
) -> Result<Option<(Range<i64>, Vec<Vec<u8>>)>, DbError> {
    let [left, right] = parts else {
        let blocks = from..index.blocks().min(from + step);
        return Ok(Some((blocks.clone(), blocks_of_keys(store, index, blocks).await?)));
    };
    let of_each = index.blocks() / left.blocks();
    let source = from / of_each..left.blocks().min(from / of_each + step);
    let left = read_blocks(store, *left, source.clone()).await?;
    let right = read_blocks(store, *right, source.clone()).await?;
    let (Some(left), Some(right)) = (left, right) else { return Ok(None) };
    let made = left.iter().zip(&right).flat_map(|(left, right)| index.merge_blocks(left, right)).collect();
    Ok(Some((source.start * of_each..source.end * of_each, made)))
}

/// Blocks as the keys themselves say that they are.
///
/// # Errors
/// The database fails.
pub async fn blocks_of_keys(store: &Store, index: KeyIndex, blocks: Range<i64>) -> Result<Vec<Vec<u8>>, DbError> {
    let (from, until) = index.key_bounds(blocks.clone());
    let mut digests = Vec::new();
    for segment in index.first()..index.until() {
        let sql = if store.is_sqlite() {
            "select group_concat(hex(substr(key_hash, 1, 5)), '') as digests from idempotency_keys
             where segment = $1 and key_hash >= $2 and key_hash < $3"
        } else {
            "select string_agg(encode(substr(key_hash, 1, 5), 'hex'), '') as digests from idempotency_keys
             where segment = $1 and key_hash >= $2 and key_hash < $3"
        };
        let values = args![segment, from.clone(), until.clone()];
        let row = store.read().await?.fetch_optional(sql, values).await?;
        let text = row.map_or(Ok(None), |row| row.opt_text("digests"))?.unwrap_or_default();
        let bytes = hex::decode(text).map_err(|e| corrupt(format!("digests of keys: {e}")))?;
        for digest in bytes.as_chunks::<DIGEST_BYTES>().0 {
            let mut whole = [0; 8];
            whole[..DIGEST_BYTES].copy_from_slice(digest);
            digests.push((u64::from_be_bytes(whole), segment));
        }
    }
    Ok(index.fill_blocks(blocks, &digests))
}

/// Blocks as they are stored; nothing if one is missing.
///
/// # Errors
/// The database fails.
pub async fn read_blocks(store: &Store, index: KeyIndex, blocks: Range<i64>) -> Result<Option<Vec<Vec<u8>>>, DbError> {
    let (numbers, count) = (index.numbers(blocks.clone()), blocks.end - blocks.start);
    let sql = "select entries from key_blocks where number >= $1 and number < $2 order by number";
    let rows = store.read().await?.fetch_all(sql, args![numbers.start, numbers.end]).await?;
    let found = rows.iter().map(|row| row.blob("entries")).collect::<Result<Vec<_>, _>>()?;
    Ok((i64::try_from(found.len()) == Ok(count)).then_some(found))
}

/// Writes blocks; false if the index is in force, or in a larger one, so that nobody would ever remove them.
async fn write_blocks(store: &Store, index: KeyIndex, blocks: Range<i64>, made: Vec<Vec<u8>>) -> Result<bool, DbError> {
    let mut db = store.begin_write().await?;
    if is_in_force(&mut db, index).await? {
        return Ok(false);
    }
    let rows = index.numbers(blocks).zip(made).map(|(number, entries)| args![number, entries]).collect();
    let head = "insert into key_blocks (number, entries)";
    statement_batch::insert_rows(&mut db, head, "on conflict (number) do nothing", rows).await?;
    db.commit().await?;
    Ok(true)
}

async fn is_in_force(db: &mut Connection, index: KeyIndex) -> Result<bool, DbError> {
    let in_force = read_indexes(db).await?;
    Ok(in_force.iter().any(|other| other.first() <= index.first() && index.until() <= other.until()))
}

/// One commit: before it readers use the parts, after it the whole.
async fn bring_into_force(store: &Store, index: KeyIndex, parts: &[KeyIndex]) -> Result<(), DbError> {
    let mut db = store.begin_write().await?;
    let in_force = read_indexes(&mut db).await?;
    let is_next = in_force.last().map_or(0, KeyIndex::until) == index.first();
    if parts.iter().any(|part| !in_force.contains(part)) || (parts.is_empty() && !is_next) {
        return Ok(());
    }
    for part in parts {
        db.execute("delete from key_indexes where first_segment = $1", args![part.first()]).await?;
    }
    let sql = "insert into key_indexes (first_segment, until_segment, bits) values ($1, $2, $3)";
    db.execute(sql, args![index.first(), index.until(), i64::from(index.bits)]).await?;
    db.commit().await
}

/// Removes some of what indexes in force have replaced; false if nothing is left of it.
async fn drop_replaced(store: &Store, indexes: &[KeyIndex], step: i64) -> Result<bool, DbError> {
    for index in indexes {
        let sql = "select segment from key_segments where segment >= $1 and segment < $2 and bits is not null
            order by segment limit 1";
        let row = first_row(store, sql, index.first(), index.until()).await?;
        if let Some(segment) = row.map(|row| row.int("segment")).transpose()? {
            let sql = "update key_segments set bits = null where segment >= $1 and segment < $2";
            let until = index.until().min(segment + FILTERS_STEP);
            write_range(store, sql, segment, until).await?;
            return Ok(true);
        }
        for part in index.parts().iter().filter(|_| index.level > 0) {
            let numbers = part.numbers(0..part.blocks());
            let sql = "select number from key_blocks where number >= $1 and number < $2 order by number limit 1";
            let row = first_row(store, sql, numbers.start, numbers.end).await?;
            if let Some(number) = row.map(|row| row.int("number")).transpose()? {
                let sql = "delete from key_blocks where number >= $1 and number < $2";
                write_range(store, sql, number, numbers.end.min(number + step)).await?;
                return Ok(true);
            }
        }
    }
    Ok(false)
}

async fn first_row(store: &Store, sql: &str, from: i64, until: i64) -> Result<Option<Row>, DbError> {
    store.read().await?.fetch_optional(sql, args![from, until]).await
}

async fn write_range(store: &Store, sql: &str, from: i64, until: i64) -> Result<(), DbError> {
    let mut db = store.begin_write().await?;
    db.execute(sql, args![from, until]).await?;
    db.commit().await
}
