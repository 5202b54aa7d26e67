//! The segments that idempotency keys live in.
//!
//! Keys are random: in one big index each would touch a page of its own, and the rate would fall as the index
//! grows. So only the newest segment grows; older ones are sealed, and a filter or an index says which keys cannot
//! be in one (`sealed_segments`). Its mistakes go one way: it may send us to look for a key that is not there. The growing
//! one is known in memory too, if all its keys went through here: a new key costs no look at the store for it.
//!
//! On PostgreSQL several processes write. A segment is closed by one of them, and gets its filter when no transaction can
//! write into it any more (`key_filters`); until then all look into it, as into the one that grows.
//!
//! Invariants: a sealed segment never changes; its filter, and its index, know each of its keys; memory knows no more
//! segments as sealed than the database does ([`Segments::forget`]). Keys are looked for after the customer's account is
//! locked, and bound under that lock. However many keys there are, a batch has three looks at the store: for blocks of
//! indexes, for suspects in the segments that may have them, for all in those that grow.

use crate::args;
use crate::store::db::{Connection, DbError, Value};
use crate::store::idempotency_keys;
use crate::store::idempotency_keys::{KeyBinding, KeyHash};
use crate::store::sealed_segments::SealedSegments;
use crate::store::segment_filter::{SegmentFilter, key_digest};
use crate::store::segment_sizes::SegmentSizes;
use crate::store::statement_batch::StatementBatch;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Keys that one step of sealing reads.
const STEP: i64 = 8_192;

/// The segments in the engine's memory.
pub struct Segments {
    sizes: SegmentSizes,
    sealed: SealedSegments,
    /// What all lanes of a process have loaded.
    shared: SharedFilters,
    /// On PostgreSQL the segment that grows, and how many keys are known to be in it.
    growing: Option<(i64, i64)>,
    /// Digests of the current segment's keys, if all of them went through here; perhaps some more.
    fresh: Option<HashSet<u64>>,
    /// True if anything was loaded yet.
    is_loaded: bool,
    /// The last one was sealed in a write transaction that may not be committed yet.
    unsure: bool,
    /// Filters became an index.
    is_merged: bool,
}

/// Sealed segments, from the first on.
pub type SharedFilters = Arc<Mutex<SealedSegments>>;

impl Segments {
    /// Nothing known yet.
    #[must_use]
    pub fn of_sizes(sizes: SegmentSizes) -> Self {
        Self::sharing(sizes, SharedFilters::default())
    }

    /// The same, beside others of this process.
    #[must_use]
    pub fn sharing(sizes: SegmentSizes, shared: SharedFilters) -> Self {
        let (sealed, growing, fresh) = (SealedSegments::default(), None, None);
        Self { sizes, sealed, shared, growing, fresh, is_loaded: false, unsure: false, is_merged: false }
    }

    /// The number of the segment that grows.
    #[must_use]
    pub fn current(&self) -> i64 {
        self.growing.map_or_else(|| self.sealed.until(), |(segment, _)| segment)
    }

    /// After somebody else wrote, or a write transaction with an unknown end. Sealed segments stay as they are; but one that
    /// may not have been committed could have been sealed otherwise by somebody else.
    pub fn forget(&mut self) {
        self.fresh = None;
        if std::mem::take(&mut self.unsure) {
            self.sealed.pop();
        }
    }

    /// Where another database may have taken the place of the one that these filters are of.
    pub fn forget_sealed(&mut self) {
        self.sealed = SealedSegments::default();
        self.growing = None;
        *self.shared.lock().unwrap_or_else(PoisonError::into_inner) = SealedSegments::default();
    }

    /// On SQLite, where nobody else wrote since: the last seal is committed.
    pub async fn trust(&mut self, db: &mut Connection) -> Result<(), DbError> {
        self.unsure = false;
        self.follow_merges(db).await
    }

    async fn follow_merges(&mut self, db: &mut Connection) -> Result<(), DbError> {
        if std::mem::take(&mut self.is_merged) { self.sealed.read_indexes(db).await } else { Ok(()) }
    }

    /// Reads what was sealed by others, or before this process began.
    pub async fn load(&mut self, db: &mut Connection) -> Result<(), DbError> {
        self.sealed.read(db, i64::MAX).await?;
        if !std::mem::replace(&mut self.is_loaded, true) {
            let sql = "select 1 as one from idempotency_keys where segment = $1 limit 1";
            let is_empty = db.fetch_optional(sql, args![self.current()]).await?.is_none();
            self.fresh = is_empty.then(HashSet::new);
        }
        Ok(())
    }

    /// Reads on PostgreSQL, at the beginning of a write transaction, what was sealed since the last one.
    pub async fn follow(&mut self, db: &mut Connection) -> Result<(), DbError> {
        let Some(begun) = db.begun() else { return Ok(()) };
        if self.growing.is_none_or(|(segment, _)| segment != begun.segment) {
            let sql = "select count(*) as n from (select 1 from idempotency_keys where segment = $1 limit $2) keys";
            let row = db.fetch_optional(sql, args![begun.segment, self.sizes.rows]).await?;
            self.growing = Some((begun.segment, row.map_or(Ok(0), |row| row.int("n"))?));
        }
        let until = begun.closed.unwrap_or(begun.segment);
        self.sealed.truncate(until);
        self.follow_merges(db).await?;
        if self.sealed.until() == until {
            return Ok(());
        }
        let others = self.shared.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if (self.sealed.until()..=until).contains(&others.until()) {
            self.sealed = others;
        }
        self.sealed.read(db, until).await?;
        self.sealed.clone_into(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }

    /// True if there is a closed segment that has no filter yet.
    #[must_use]
    pub fn has_closed(&self) -> bool {
        self.growing.is_some_and(|(segment, _)| self.sealed.until() < segment)
    }

    /// True on PostgreSQL if the segment that grows has enough keys.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.growing.is_some_and(|(_, keys)| keys >= self.sizes.rows)
    }

    /// The first segment that has no filter.
    #[must_use]
    pub fn first_closed(&self) -> i64 {
        self.sealed.until()
    }

    /// True if there are so many filters in memory that the oldest should become an index.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        i64::try_from(self.sealed.filters()).unwrap_or(i64::MAX) >= self.sizes.crowd()
    }

    /// True if there are indexes, which a process that ended may have left half merged.
    #[must_use]
    pub fn has_indexes(&self) -> bool {
        self.sealed.has_indexes()
    }

    /// Says that indexes were made.
    pub const fn expect_indexes(&mut self) {
        self.is_merged = true;
    }

    /// The bindings of `hashes`.
    pub async fn find(
        &mut self,
        db: &mut Connection,
        hashes: &[KeyHash],
    ) -> Result<HashMap<KeyHash, KeyBinding>, DbError> {
        let mut suspects = self.sealed.suspects(db, hashes).await?;
        let mut found = if self.growing.is_some() {
            idempotency_keys::find_from_segment(db, self.sealed.until(), hashes).await?
        } else {
            let known = |key: &&KeyHash| self.fresh.as_ref().is_none_or(|fresh| fresh.contains(&key_digest(key)));
            suspects.extend(hashes.iter().filter(known).map(|key| (self.current(), *key)));
            HashMap::new()
        };
        found.extend(idempotency_keys::find_in_segments(db, &suspects).await?);
        Ok(found)
    }

    /// Binds keys, when the script is written.
    pub fn bind(&mut self, batch: &mut StatementBatch, bindings: HashMap<KeyHash, KeyBinding>) {
        if let Some(fresh) = &mut self.fresh {
            fresh.extend(bindings.keys().map(key_digest));
        }
        if let Some((_, keys)) = &mut self.growing {
            *keys += i64::try_from(bindings.len()).unwrap_or(0);
        }
        idempotency_keys::bind_keys(batch, self.current(), bindings);
    }

    /// True if SQLite's current segment has lived long enough.
    #[must_use]
    pub fn is_due(&self, last_row: i64) -> bool {
        self.growing.is_none() && last_row - self.sealed.until_row() >= self.sizes.rows
    }

    /// Seals the current segment if it has lived long enough. To be done at the end of a write transaction, when
    /// nothing of it can be undone any more but all of it.
    pub async fn seal(&mut self, db: &mut Connection, last_row: i64) -> Result<(), DbError> {
        if !self.is_due(last_row) {
            return Ok(());
        }
        let digests = match self.fresh.take() {
            Some(digests) => digests.into_iter().collect(),
            None => read_digests(db, self.current()).await?,
        };
        self.fresh = Some(HashSet::new());
        let filter = SegmentFilter::of(digests)?;
        let sql = "insert into key_segments (segment, until_row, bits) values ($1, $2, $3)";
        db.execute(sql, args![self.current(), last_row, filter.to_bytes()]).await?;
        self.sealed.push(last_row, filter);
        self.unsure = true;
        Ok(())
    }
}

/// The digests of a segment's keys.
///
/// # Errors
/// The database fails.
pub(super) async fn read_digests(db: &mut Connection, segment: i64) -> Result<Vec<u64>, DbError> {
    let (mut digests, mut after) = (Vec::new(), Value::from(Vec::<u8>::new()));
    loop {
        let sql = "select key_hash from idempotency_keys where segment = $1 and key_hash > $2
            order by key_hash limit $3";
        let rows = db.fetch_all(sql, args![segment, after, STEP]).await?;
        let Some(last) = rows.last() else { return Ok(digests) };
        after = Value::from(last.blob("key_hash")?);
        for row in &rows {
            digests.push(key_digest(&row.bytes("key_hash")?));
        }
    }
}

#[cfg(test)]
#[path = "key_segments_tests.rs"]
mod tests;
