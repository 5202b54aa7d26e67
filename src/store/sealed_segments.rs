//! What a lane knows of the segments of keys that grow no more: the newest by their filters, in memory; all before them by
//! indexes, of which it remembers what they cover, and reads the blocks that a look needs.
//!
//! Invariant: what is remembered stays right for ever, because a sealed segment never changes. An index whose blocks are gone
//! was merged, and the indexes are read again.

use crate::args;
use crate::store::db::{Connection, DbError, Row, Value, corrupt};
use crate::store::idempotency_keys::KeyHash;
use crate::store::key_index::{KeyIndex, read_indexes, segments_of};
use crate::store::segment_filter::{SegmentFilter, key_digest};
use crate::store::statement_batch;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Filters that are read at once: each is some 300 KB.
const STEP: i64 = 8;
/// Looks at most while others merge.
const LOOKS_MAX: usize = 8;

/// Sealed segments, from the first one on without a gap.
#[derive(Clone, Default)]
pub struct SealedSegments {
    indexes: Vec<KeyIndex>,
    /// Of the segments behind the indexes.
    filters: Vec<Arc<Sealed>>,
}

struct Sealed {
    until_row: i64,
    filter: SegmentFilter,
}

impl SealedSegments {
    /// The first segment that has a filter in memory.
    fn first(&self) -> i64 {
        self.indexes.last().map_or(0, KeyIndex::until)
    }

    /// The first segment that is not known.
    #[must_use]
    pub fn until(&self) -> i64 {
        self.first() + i64::try_from(self.filters.len()).unwrap_or(i64::MAX)
    }

    /// The last row of the last one.
    #[must_use]
    pub fn until_row(&self) -> i64 {
        self.filters.last().map_or(0, |sealed| sealed.until_row)
    }

    /// Filters in memory.
    #[must_use]
    pub fn filters(&self) -> usize {
        self.filters.len()
    }

    /// True if some segments are known by indexes.
    #[must_use]
    pub fn has_indexes(&self) -> bool {
        !self.indexes.is_empty()
    }

    /// Adds the segment that was just sealed.
    pub fn push(&mut self, until_row: i64, filter: SegmentFilter) {
        self.filters.push(Arc::new(Sealed { until_row, filter }));
    }

    /// Forgets the last one.
    pub fn pop(&mut self) {
        self.filters.pop();
    }

    /// Forgets all from this segment on. A restored database has fewer.
    pub fn truncate(&mut self, until: i64) {
        match usize::try_from(until - self.first()) {
            Ok(filters) => self.filters.truncate(filters),
            Err(_) => *self = Self::default(),
        }
    }

    /// Reads what was sealed since, up to a segment.
    ///
    /// # Errors
    /// The database fails, or a segment is missing.
    pub async fn read(&mut self, db: &mut Connection, until: i64) -> Result<(), DbError> {
        self.read_indexes(db).await?;
        let mut looks = 0;
        loop {
            let sql = "select segment, until_row, bits from key_segments where segment >= $1 and segment < $2
                order by segment limit $3";
            let rows = db.fetch_all(sql, args![self.until(), until, STEP]).await?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in rows {
                if !self.push_row(&row)? {
                    // It went into an index after these were read.
                    looks += 1;
                    if looks > LOOKS_MAX {
                        return Err(corrupt("a segment of keys has no filter"));
                    }
                    self.read_indexes(db).await?;
                    break;
                }
            }
        }
    }

    fn push_row(&mut self, row: &Row) -> Result<bool, DbError> {
        if row.int("segment")? != self.until() {
            return Err(corrupt("a segment of keys is missing"));
        }
        let Some(bits) = row.opt_blob("bits")? else { return Ok(false) };
        self.push(row.int("until_row")?, SegmentFilter::parse(&bits)?);
        Ok(true)
    }

    /// Reads which indexes there are, and drops the filters that they replace.
    ///
    /// # Errors
    /// The database fails.
    pub async fn read_indexes(&mut self, db: &mut Connection) -> Result<(), DbError> {
        let indexes = read_indexes(db).await?;
        let replaced = indexes.last().map_or(0, KeyIndex::until) - self.first();
        match usize::try_from(replaced) {
            Ok(replaced) => drop(self.filters.drain(..replaced.min(self.filters.len()))),
            // A restored database has fewer.
            Err(_) => self.filters.clear(),
        }
        self.indexes = indexes;
        Ok(())
    }

    /// The segments that may have these keys. One look at the store at most, for the blocks of indexes.
    ///
    /// # Errors
    /// The database fails.
    pub async fn suspects(&mut self, db: &mut Connection, keys: &[KeyHash]) -> Result<Vec<(i64, KeyHash)>, DbError> {
        // First: it may read the indexes again, and drop filters.
        let mut out = self.suspects_in_indexes(db, keys).await?;
        let digests: Vec<(u64, KeyHash)> = keys.iter().map(|key| (key_digest(key), *key)).collect();
        for (segment, sealed) in (self.first()..).zip(&self.filters) {
            let knows = sealed.filter.knows();
            out.extend(digests.iter().filter(|(digest, _)| knows(*digest)).map(|(_, key)| (segment, *key)));
        }
        Ok(out)
    }

    async fn suspects_in_indexes(
        &mut self,
        db: &mut Connection,
        keys: &[KeyHash],
    ) -> Result<Vec<(i64, KeyHash)>, DbError> {
        for _ in 0..LOOKS_MAX {
            let number = |(index, key): (&KeyIndex, &KeyHash)| index.number_of(key_digest(key));
            let looks = || self.indexes.iter().flat_map(|index| keys.iter().map(move |key| (index, key)));
            let numbers: BTreeSet<i64> = looks().map(number).collect();
            let blocks = fetch_blocks(db, &numbers).await?;
            if blocks.len() == numbers.len() {
                let found = looks().flat_map(|(index, key)| {
                    let block = blocks.get(&number((index, key))).map_or(&[][..], Vec::as_slice);
                    segments_of(block, key_digest(key)).map(|segment| (segment, *key))
                });
                return Ok(found.collect());
            }
            self.read_indexes(db).await?;
        }
        Err(corrupt("blocks of an index of keys are missing"))
    }
}

/// Blocks by their numbers; one that is not there is left out.
async fn fetch_blocks(db: &mut Connection, numbers: &BTreeSet<i64>) -> Result<HashMap<i64, Vec<u8>>, DbError> {
    if numbers.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = if db.is_sqlite() {
        let sql = "select b.number, b.entries from json_each($1) as asked
            cross join key_blocks b on b.number = asked.value";
        let json = serde_json::to_string(numbers).map_err(|e| corrupt(e.to_string()))?;
        db.fetch_all(sql, args![json]).await?
    } else {
        let sql = |_: &str, array: &str| {
            format!(
                "select b.number, b.entries from unnest({array}) as asked (number) cross join lateral
                   (select number, entries from key_blocks where number = asked.number limit 1) b"
            )
        };
        let values = numbers.iter().map(|number| Value::from(*number)).collect();
        statement_batch::fetch_all_by_array(db, sql, Vec::new(), values).await?
    };
    rows.iter().map(|row| Ok((row.int("number")?, row.blob("entries")?))).collect()
}
