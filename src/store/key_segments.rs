//! The segments that idempotency keys live in.
//!
//! Keys are random: in one big index each would touch a page of its own, and the rate would fall as the index
//! grows. So only the newest segment grows; older ones are sealed, and a filter in memory says which keys cannot
//! be in one. Its mistakes go one way: it may send us to look for a key that is not there. The growing one is known in
//! memory too, if all its keys went through here: a new key then costs no look at the store at all.
//!
//! On PostgreSQL several processes write. A segment is closed by one of them, and gets its filter when no transaction can
//! write into it any more (`key_filters`); until then all look into it, as into the one that grows.
//!
//! Invariants: a sealed segment never changes; its filter knows each of its keys; memory holds the filters of
//! exactly the segments that the database says are sealed, or fewer, never more ([`Segments::forget`]). Keys are looked
//! for after the customer's account is locked, and bound under that lock.

use crate::args;
use crate::store::db::{Connection, DbError, Row, Value, corrupt};
use crate::store::idempotency_keys;
use crate::store::idempotency_keys::{KeyBinding, KeyHash};
use crate::store::statement_batch::StatementBatch;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use xorf::{BinaryFuse16, Filter as _};

/// How many rows of entries a segment lives, which is about how many keys it has.
pub const ROWS: i64 = 131_072;

/// Keys that one step of sealing reads.
const STEP: i64 = 8_192;

/// The segments in the engine's memory.
pub struct Segments {
    /// How many rows of entries a segment lives.
    rows: i64,
    sealed: Vec<Arc<Sealed>>,
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
}

/// Filters of sealed segments, from the first on.
pub type SharedFilters = Arc<Mutex<Vec<Arc<Sealed>>>>;

/// A segment that grows no more.
pub struct Sealed {
    until_row: i64,
    filter: BinaryFuse16,
}

/// A key as a filter has it.
pub(super) fn key_digest(key: &KeyHash) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *key;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// A filter from the store.
///
/// # Errors
/// A text that is no filter.
pub fn parse_filter(json: &str) -> Result<BinaryFuse16, DbError> {
    serde_json::from_str(json).map_err(|e| corrupt(format!("a filter of keys: {e}")))
}

/// True if a filter knows a key; it may know one that it never saw.
#[must_use]
pub fn may_have(filter: &BinaryFuse16, key: &KeyHash) -> bool {
    filter.contains(&key_digest(key))
}

impl Segments {
    /// Nothing known yet.
    #[must_use]
    pub fn of_rows(rows: i64) -> Self {
        Self::sharing(rows, SharedFilters::default())
    }

    /// The same, beside others of this process.
    #[must_use]
    pub fn sharing(rows: i64, shared: SharedFilters) -> Self {
        Self { rows, sealed: Vec::new(), shared, growing: None, fresh: None, is_loaded: false, unsure: false }
    }

    /// The number of the segment that grows.
    #[must_use]
    pub fn current(&self) -> i64 {
        self.growing.map_or_else(|| self.sealed_count(), |(segment, _)| segment)
    }

    fn sealed_count(&self) -> i64 {
        i64::try_from(self.sealed.len()).unwrap_or(i64::MAX)
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
        self.sealed.clear();
        self.growing = None;
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The last seal is committed: nobody else wrote since.
    pub fn trust(&mut self) {
        self.unsure = false;
    }

    /// Reads what was sealed by others, or before this process began.
    pub async fn load(&mut self, db: &mut Connection) -> Result<(), DbError> {
        let sql = "select segment, until_row, filter from key_segments where segment >= $1 order by segment";
        for row in db.fetch_all(sql, args![self.current()]).await? {
            self.push(&row)?;
        }
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
            let row = db.fetch_optional(sql, args![begun.segment, self.rows]).await?;
            self.growing = Some((begun.segment, row.map_or(Ok(0), |row| row.int("n"))?));
        }
        let until = begun.closed.unwrap_or(begun.segment);
        // A restored database has fewer.
        self.sealed.truncate(usize::try_from(until).unwrap_or(0));
        if self.sealed_count() == until {
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        let others = shared.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let missing = usize::try_from(until - self.sealed_count()).unwrap_or(0);
        self.sealed.extend(others.into_iter().skip(self.sealed.len()).take(missing));
        let sql = "select segment, until_row, filter from key_segments where segment >= $1 and segment < $2
            order by segment";
        for row in db.fetch_all(sql, args![self.sealed_count(), until]).await? {
            self.push(&row)?;
        }
        self.sealed.clone_into(&mut shared.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }

    fn push(&mut self, row: &Row) -> Result<(), DbError> {
        if row.int("segment")? != self.sealed_count() {
            return Err(corrupt("a segment of keys is missing"));
        }
        let (until_row, filter) = (row.int("until_row")?, parse_filter(&row.text("filter")?)?);
        self.sealed.push(Arc::new(Sealed { until_row, filter }));
        Ok(())
    }

    /// True if there is a closed segment that has no filter yet.
    #[must_use]
    pub fn has_closed(&self) -> bool {
        self.growing.is_some_and(|(segment, _)| self.sealed_count() < segment)
    }

    /// True on PostgreSQL if the segment that grows has enough keys.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.growing.is_some_and(|(_, keys)| keys >= self.rows)
    }

    /// The first segment that has no filter.
    #[must_use]
    pub fn first_closed(&self) -> i64 {
        self.sealed_count()
    }

    /// The bindings of `hashes`.
    pub async fn find(&self, db: &mut Connection, hashes: &[KeyHash]) -> Result<HashMap<KeyHash, KeyBinding>, DbError> {
        let mut found = if self.growing.is_some() {
            idempotency_keys::find_from_segment(db, self.sealed_count(), hashes).await?
        } else {
            self.find_in_growing(db, hashes).await?
        };
        for (segment, sealed) in (0..).zip(&self.sealed) {
            let suspects: Vec<KeyHash> = hashes.iter().filter(|key| may_have(&sealed.filter, key)).copied().collect();
            if !suspects.is_empty() {
                found.extend(idempotency_keys::find_in_segment(db, segment, &suspects).await?);
            }
        }
        Ok(found)
    }

    async fn find_in_growing(
        &self,
        db: &mut Connection,
        hashes: &[KeyHash],
    ) -> Result<HashMap<KeyHash, KeyBinding>, DbError> {
        let known = |key: &KeyHash| self.fresh.as_ref().is_none_or(|fresh| fresh.contains(&key_digest(key)));
        let here: Vec<KeyHash> = hashes.iter().filter(|key| known(key)).copied().collect();
        idempotency_keys::find_in_segment(db, self.current(), &here).await
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
        self.growing.is_none() && last_row - self.sealed.last().map_or(0, |sealed| sealed.until_row) >= self.rows
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
        let filter = build_filter(digests)?;
        let json = filter_json(&filter)?;
        let sql = "insert into key_segments (segment, until_row, filter) values ($1, $2, $3)";
        db.execute(sql, args![self.current(), last_row, json]).await?;
        self.sealed.push(Arc::new(Sealed { until_row: last_row, filter }));
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

/// A filter as the store has it.
///
/// # Errors
/// It cannot be written as JSON.
pub(super) fn filter_json(filter: &BinaryFuse16) -> Result<String, DbError> {
    serde_json::to_string(filter).map_err(|e| corrupt(e.to_string()))
}

/// The filter of these digests. Only doubled ones could keep it from being made, and there are none.
pub(super) fn build_filter(mut digests: Vec<u64>) -> Result<BinaryFuse16, DbError> {
    digests.sort_unstable();
    digests.dedup();
    BinaryFuse16::try_from(digests).map_err(corrupt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_knows_each_of_its_keys_after_it_was_stored() {
        let key = |n: u64| crate::store::idempotency_keys::idempotency_key_hash("acme", &n.to_string());
        for count in [0, 1, 2, 3, 1_000] {
            let made = build_filter((0..count).map(|n| key_digest(&key(n))).collect()).expect("a filter");
            let stored = parse_filter(&serde_json::to_string(&made).expect("JSON")).expect("a filter");
            assert!((0..count).all(|n| may_have(&stored, &key(n))), "{count}");
            let mistakes = (count..count + 10_000).filter(|n| may_have(&stored, &key(*n))).count();
            assert!(mistakes < 100 || count < 2, "{mistakes} of {count}");
        }
        assert!(parse_filter("{}").is_err());
    }

    fn binding() -> KeyBinding {
        KeyBinding {
            content: [1; 16],
            status: 201,
            answer: crate::store::idempotency_keys::BoundAnswer::Json(Vec::new()),
        }
    }

    async fn bind(segments: &mut Segments, tx: &mut Connection, bindings: Vec<(KeyHash, KeyBinding)>) {
        let mut batch = StatementBatch::default();
        segments.bind(&mut batch, bindings.into_iter().collect());
        batch.write(tx).await.expect("bound");
    }

    #[tokio::test]
    async fn a_segment_whose_sealing_was_not_committed_is_sealed_by_whoever_comes_next() {
        let file = std::env::temp_dir().join(format!("topup_segments_{}.db", std::process::id()));
        let store = crate::store::Store::open(&format!("sqlite://{}", file.display())).await.expect("a database");
        store.migrate().await.expect("tables");
        let key = |n: u64| crate::store::idempotency_keys::idempotency_key_hash("acme", &n.to_string());
        let mut lost = Segments::of_rows(2);
        let mut tx = store.begin_write().await.expect("a turn");
        lost.load(&mut tx).await.expect("nothing");
        bind(&mut lost, &mut tx, vec![(key(1), binding())]).await;
        lost.seal(&mut tx, 2).await.expect("sealed");
        drop(tx);
        lost.forget();
        let mut other = Segments::of_rows(2);
        let mut tx = store.begin_write().await.expect("a turn");
        other.load(&mut tx).await.expect("nothing");
        bind(&mut other, &mut tx, vec![(key(2), binding()), (key(3), binding())]).await;
        other.seal(&mut tx, 3).await.expect("sealed");
        tx.commit().await.expect("committed");
        let mut tx = store.begin_write().await.expect("a turn");
        lost.load(&mut tx).await.expect("a filter");
        let found = lost.find(&mut tx, &[key(1), key(2), key(3)]).await.expect("rows");
        assert_eq!((found.len(), found.contains_key(&key(1))), (2, false));
        drop(tx);
        store.close().await;
        drop(std::fs::remove_file(file));
    }
}
