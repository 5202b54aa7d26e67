//! Closing segments of keys on PostgreSQL, and their filters.
//!
//! A transaction writes into the segment that grew when it began. So a closed segment may still get keys, from those that
//! began before it was closed; they have numbers below the next one that was free when somebody saw it closed. When none of
//! them is left, nothing can come to it any more, and its filter is made.
//!
//! Processes may do this at the same time: they make the same.

use crate::args;
use crate::store::Store;
use crate::store::db::DbError;
use crate::store::key_segments::read_digests;
use crate::store::segment_filter::SegmentFilter;
use std::time::Duration;

/// The wait between two looks at the transactions that began before.
const WAIT: Duration = Duration::from_millis(20);
/// Looks at most; after that the next transaction asks for the filter again.
const LOOKS_MAX: usize = 3_000;

/// Closes a segment: keys go to the next one from now on. One statement by itself, so that no process can be frozen in the
/// middle of it.
///
/// # Errors
/// The database fails.
pub async fn close_segment(store: &Store, segment: i64) -> Result<(), DbError> {
    // Only the one that grows: another server may have taken over since this was asked for.
    let sql = "insert into key_segments (segment, until_row, bits)
        select cast($1 as bigint), 0, cast('' as bytea) where $1 = (select coalesce(max(segment) + 1, 0) from key_segments)
        on conflict (segment) do nothing";
    store.read().await?.execute(sql, args![segment]).await.map(drop)
}

/// Makes the filter of a segment that was seen closed. False if transactions that may write into it do not end.
///
/// # Errors
/// The database fails.
pub async fn make_filter(store: &Store, segment: i64) -> Result<bool, DbError> {
    let last = snapshot_bound(store, "select txid_snapshot_xmax(txid_current_snapshot()) as n").await?;
    let mut looks = 0;
    while snapshot_bound(store, "select txid_snapshot_xmin(txid_current_snapshot()) as n").await? < last {
        looks += 1;
        if looks > LOOKS_MAX {
            return Ok(false);
        }
        tokio::time::sleep(WAIT).await;
    }
    let mut db = store.read().await?;
    let filter = SegmentFilter::of(read_digests(&mut db, segment).await?)?;
    let sql = "update key_segments set bits = $1 where segment = $2 and length(bits) = 0";
    db.execute(sql, args![filter.to_bytes(), segment]).await?;
    Ok(true)
}

async fn snapshot_bound(store: &Store, sql: &str) -> Result<i64, DbError> {
    store.read().await?.fetch_optional(sql, Vec::new()).await?.map_or(Ok(0), |row| row.int("n"))
}
