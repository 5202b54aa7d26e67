//! A lane: one task that takes what waits, decides it in a write transaction, commits, answers.
//!
//! SQLite has one for all. PostgreSQL has three, so that nothing waits behind what it has nothing to do with:
//! - *ledgers*: charges and jobs of one customer. It takes the accounts that are free, and waits for none.
//! - *patient*: what the first one met taken [`ROUNDS`] times. It waits where all that it has is taken, for one account.
//! - *jobs*: all other jobs, one transaction at a time among all processes.

use crate::clock::Clock;
use crate::domain::Catalog;
use crate::ledger::account_cache::AccountCache;
use crate::ledger::batch::{Batch, Item, reason_of};
use crate::ledger::queue::Shared;
use crate::ledger::unavailable::Unavailable;
use crate::ledger::write_transaction::WriteTransaction;
use crate::metrics::METRICS;
use crate::store::db::DbError;
use crate::store::errors::{is_lasting, is_lock_timeout, is_rolled_back};
use crate::store::key_segments::{Segments, SharedFilters};
use crate::store::segment_sizes::SegmentSizes;
use crate::store::{Scope, Store, key_filters, key_merging};
use futures::FutureExt;
use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How many charges are decided in one commit.
const COMMIT_MAX: usize = 2_048;
/// How often an item is left for the next batch before it goes to the patient lane.
const ROUNDS: u8 = 4;
/// Rounds after which an item is not tried once more when its transaction was undone.
const ROUNDS_MAX: u8 = 16;

/// What a lane is for.
pub(super) enum LaneKind {
    /// Everything: SQLite.
    All,
    /// Charges and jobs of one customer; where its items go that meet the same accounts taken again and again.
    Ledgers(mpsc::Sender<(Instant, Item)>),
    Patient,
    Jobs,
}

pub(super) struct Lane {
    kind: LaneKind,
    store: Store,
    clock: Clock,
    catalog: Arc<Catalog>,
    /// What waits, and since when.
    receiver: mpsc::Receiver<(Instant, Item)>,
    /// Taken from the queue, and more than the last commit could hold; in front what it has left.
    taken: VecDeque<Item>,
    shared: Arc<Shared>,
    cache: AccountCache,
    keys: (SegmentSizes, SharedFilters),
    /// The task that makes a filter of keys.
    filtering: Option<JoinHandle<()>>,
    /// The last one that made indexes of keys.
    merging: Option<JoinHandle<()>>,
    /// It was not seen to end yet.
    is_merging: bool,
}

/// What all lanes of an engine work with.
#[derive(Clone)]
pub(super) struct LaneParts {
    pub store: Store,
    pub clock: Clock,
    pub catalog: Arc<Catalog>,
    pub shared: Arc<Shared>,
    pub sizes: SegmentSizes,
    pub filters: SharedFilters,
}

impl Lane {
    pub(super) fn new(kind: LaneKind, receiver: mpsc::Receiver<(Instant, Item)>, parts: LaneParts) -> Self {
        let LaneParts { store, clock, catalog, shared, sizes, filters } = parts;
        let (cache, keys) = (empty_cache(sizes, &filters), (sizes, filters));
        Self {
            kind,
            store,
            clock,
            catalog,
            receiver,
            taken: VecDeque::new(),
            shared,
            cache,
            keys,
            filtering: None,
            merging: None,
            is_merging: false,
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            let batch = self.next().await;
            if batch.is_empty() {
                break;
            }
            let several = batch.len() > 1;
            let tx = AssertUnwindSafe(self.commit_batch(Batch::new(batch)));
            if tx.catch_unwind().await.is_err() {
                // A bug met by one write must not end all writing: its batch is undone, and nothing remembered of it.
                tracing::error!("a write transaction panicked");
                self.cache.forget();
            }
            self.keep_segments().await;
            self.keep_indexes();
            if several {
                // Callers with an answer may send more: one commit for them and those who waited, not two.
                tokio::task::yield_now().await;
            }
        }
        for task in [self.filtering.take(), self.merging.take()].into_iter().flatten() {
            task.abort();
            // It holds the store, which is closed next.
            let _aborted = task.await;
        }
    }

    /// As much as one commit holds of what waits, at least one item; nothing in the end.
    async fn next(&mut self) -> VecDeque<Item> {
        if self.taken.is_empty() {
            let Some((since, item)) = self.receiver.recv().await else { return VecDeque::new() };
            self.take(since, item);
        }
        let mut weight: usize = self.taken.iter().map(Item::weight).sum();
        while weight < COMMIT_MAX
            && let Ok((since, item)) = self.receiver.try_recv()
        {
            weight += item.weight();
            self.take(since, item);
        }
        let (mut batch, mut weight) = (VecDeque::new(), 0);
        while let Some(item) = self.taken.pop_front_if(|item| weight == 0 || weight + item.weight() <= COMMIT_MAX) {
            weight += item.weight();
            batch.push_back(item);
        }
        batch
    }

    fn take(&mut self, since: Instant, item: Item) {
        METRICS.ledger.observe_wait(since.elapsed());
        self.shared.took(&item);
        self.taken.push_back(item);
    }

    async fn commit_batch(&mut self, mut batch: Batch) {
        if !self.shared.guard.admits(&self.store).await {
            self.shared.health.failed();
            return batch.refuse(Unavailable::Database);
        }
        let is_alone = batch.len() == 1;
        let (began, size, mut commit) = (Instant::now(), batch.weight(), None);
        let done = self.transact(&mut batch, &mut commit).await;
        METRICS.ledger.observe_transaction(size, began.elapsed(), commit, done.is_ok());
        let Err(e) = done else {
            self.shared.health.succeeded();
            return self.leave(batch.committed());
        };
        self.cache.forget();
        if is_rolled_back(&e) {
            tracing::info!(error = %e, "a write transaction is done once more");
            return self.repeat(batch.undone(Unavailable::Database));
        }
        tracing::error!(error = %e, "a write transaction was not committed");
        // A row that cannot be read is no fault of the database, nor one that somebody else keeps.
        if !is_lasting(&e) && !is_lock_timeout(&e) {
            self.shared.health.failed();
        }
        batch.refuse(reason_of(&e, is_alone));
    }

    async fn transact(&mut self, batch: &mut Batch, commit: &mut Option<Duration>) -> Result<(), DbError> {
        let cache = std::mem::replace(&mut self.cache, empty_cache(self.keys.0, &self.keys.1));
        let scope = if matches!(self.kind, LaneKind::Jobs) { Scope::Jobs } else { Scope::Ledgers };
        let begin = WriteTransaction::begin((&self.store, scope), self.clock.clone(), Arc::clone(&self.catalog), cache);
        let mut tx = match begin.await {
            Ok(tx) => tx,
            Err((e, cache)) => {
                self.cache = cache;
                return Err(e);
            }
        };
        let decided = tx.decide(batch, matches!(self.kind, LaneKind::Patient)).await;
        // Forgotten on errors, all but the filters of sealed segments: a disk that is full must not cost those.
        self.cache = tx.cache;
        decided?;
        let (used, began) = (tx.used, Instant::now());
        let committed = tx.db.commit().await;
        *commit = Some(began.elapsed());
        committed?;
        METRICS.ledger.count_used(used);
        Ok(())
    }

    /// Puts items whose accounts were taken in front of the queue, or gives them to the patient lane; all in their order.
    fn leave(&mut self, mut items: Vec<Item>) {
        items.iter_mut().for_each(|item| *item.rounds() = item.rounds().saturating_add(1));
        let mut stay = Vec::with_capacity(items.len());
        for mut item in items {
            match &self.kind {
                LaneKind::Ledgers(patient) if *item.rounds() >= ROUNDS => {
                    *item.rounds() = 0;
                    self.shared.put_back(&item);
                    if let Err(e) = patient.try_send((Instant::now(), item)) {
                        let (_, item) = e.into_inner();
                        self.shared.took(&item);
                        item.refuse(Unavailable::Overloaded);
                    }
                }
                _ => stay.push(item),
            }
        }
        stay.into_iter().rev().for_each(|item| self.taken.push_front(item));
    }

    /// After a transaction that PostgreSQL undid for reasons that pass at once.
    fn repeat(&mut self, items: Vec<Item>) {
        let mut again = Vec::with_capacity(items.len());
        for mut item in items {
            if *item.rounds() < ROUNDS_MAX { again.push(item) } else { item.refuse(Unavailable::Database) }
        }
        self.leave(again);
    }

    /// Closes the segment of keys that is full, and has the filter of a closed one made.
    async fn keep_segments(&mut self) {
        let keys = &self.cache.keys;
        if keys.is_full()
            && let Err(e) = key_filters::close_segment(&self.store, keys.current()).await
        {
            tracing::warn!(error = %e, "a segment of keys was not closed");
        }
        let is_idle = self.filtering.as_ref().is_none_or(JoinHandle::is_finished);
        if keys.has_closed() && is_idle && matches!(self.kind, LaneKind::Ledgers(_)) {
            let (store, segment) = (self.store.clone(), keys.first_closed());
            self.filtering = Some(tokio::spawn(async move {
                match key_filters::make_filter(&store, segment).await {
                    Ok(true) => {}
                    Ok(false) => tracing::warn!(segment, "a transaction that does not end keeps keys without a filter"),
                    Err(e) => tracing::warn!(error = %e, segment, "the filter of a segment of keys was not made"),
                }
            }));
        }
    }

    /// Has indexes of old keys made and merged; at first also what a process that ended has left half merged.
    fn keep_indexes(&mut self) {
        let keys = &mut self.cache.keys;
        match &self.merging {
            Some(merging) if !merging.is_finished() => return,
            // The next transaction sees what was made.
            Some(_) if std::mem::take(&mut self.is_merging) => keys.expect_indexes(),
            _ => {}
        }
        let is_due = keys.is_crowded() || (self.merging.is_none() && keys.has_indexes());
        if !is_due || !matches!(self.kind, LaneKind::All | LaneKind::Ledgers(_)) {
            return;
        }
        let (store, sizes) = (self.store.clone(), self.keys.0);
        self.is_merging = true;
        self.merging = Some(tokio::spawn(async move {
            if let Err(e) = key_merging::merge_keys(&store, sizes).await {
                tracing::warn!(error = %e, "an index of keys was not made");
            }
        }));
    }
}

fn empty_cache(sizes: SegmentSizes, filters: &SharedFilters) -> AccountCache {
    AccountCache::new(Segments::sharing(sizes, Arc::clone(filters)))
}
