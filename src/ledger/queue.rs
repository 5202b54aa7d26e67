//! The bounded queue and its one consumer.
//!
//! The consumer takes what is there, as much as one commit may hold, decides it in a write transaction, commits,
//! answers. A full queue refuses at once. At shut-down the queue is drained before the database is closed.
//!
//! A commit's size is counted in charges: an item may have a thousand of them, and the server gives up a process that
//! waits for seconds for another one's lock, or inside its own transaction.

use crate::clock::Clock;
use crate::domain::Catalog;
use crate::ledger::account_cache::AccountCache;
use crate::ledger::anonymous_lane::AnonymousLane;
use crate::ledger::batch::{Done, Item, QueuedJob, reason_of};
use crate::ledger::charge::{Charge, ChargeOutcome};
use crate::ledger::clock_guard::ClockGuard;
use crate::ledger::health::Health;
use crate::ledger::unavailable::Unavailable;
use crate::ledger::write_transaction::WriteTransaction;
use crate::metrics::METRICS;
use crate::store::db::DbError;
use crate::store::errors::is_lasting;
use crate::store::{Store, key_segments};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tokio::sync::{mpsc, oneshot};

/// How many writes may wait.
const QUEUE_MAX: usize = 8_192;
/// How many charges may wait in them: a batch has up to a thousand, and memory is what they cost.
const QUEUE_CHARGES_MAX: usize = 262_144;
/// How many charges are decided in one commit.
const COMMIT_MAX: usize = 2_048;

/// The way to write. Clones share one engine.
#[derive(Clone)]
pub struct Ledger {
    sender: mpsc::Sender<(Instant, Item)>,
    lane: Arc<AnonymousLane>,
    shared: Arc<Shared>,
}

/// The state that callers and the engine share.
struct Shared {
    /// The weight of all that waits.
    waiting: AtomicUsize,
    health: Health,
    guard: ClockGuard,
}

/// The consumer's end; it runs until every [`Ledger`] is gone.
pub struct Engine {
    store: Store,
    clock: Clock,
    catalog: Arc<Catalog>,
    receiver: mpsc::Receiver<(Instant, Item)>,
    /// Taken from the queue, and more than the last commit could hold.
    taken: VecDeque<Item>,
    shared: Arc<Shared>,
    cache: AccountCache,
    segment_rows: i64,
}

impl Ledger {
    /// Starts the engine. The task ends when all clones of the ledger are dropped and the queue is drained.
    #[must_use]
    pub fn start(store: Store, clock: Clock, catalog: Arc<Catalog>) -> (Self, tokio::task::JoinHandle<()>) {
        Self::start_with_segments(store, clock, catalog, key_segments::ROWS)
    }

    /// The same, with segments of keys that are sealed after so many rows of entries: tests want few.
    #[must_use]
    pub fn start_with_segments(
        store: Store,
        clock: Clock,
        catalog: Arc<Catalog>,
        segment_rows: i64,
    ) -> (Self, tokio::task::JoinHandle<()>) {
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        let cache = AccountCache::new(clock.mint(), segment_rows);
        let guard = ClockGuard::new(clock.clone());
        let shared = Arc::new(Shared { waiting: AtomicUsize::new(0), health: Health::default(), guard });
        let (taken, mine) = (VecDeque::new(), Arc::clone(&shared));
        let engine = Engine { store, clock, catalog, receiver, taken, shared: mine, cache, segment_rows };
        (Self { sender, lane: Arc::new(AnonymousLane::new()), shared }, tokio::spawn(engine.run()))
    }

    /// Writes that the database did not take since it last took one.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.shared.health.failures()
    }

    /// True if nothing is written because the clock jumped far ahead.
    #[must_use]
    pub fn refuses_clock(&self) -> bool {
        self.shared.guard.is_refused()
    }

    /// The number of waiting writes, and their size in charges.
    #[must_use]
    pub fn waiting(&self) -> (usize, usize) {
        (self.sender.max_capacity() - self.sender.capacity(), self.shared.waiting.load(Ordering::Relaxed))
    }

    /// Charges a customer.
    ///
    /// # Errors
    /// [`Unavailable`]; what the rules refuse is a [`ChargeOutcome`].
    pub async fn charge(&self, charge: Charge) -> Result<ChargeOutcome, Unavailable> {
        let (sender, receiver) = oneshot::channel();
        let outcome = match self.put(Item::Charge(charge, sender)) {
            Ok(()) => receiver.await.unwrap_or(Err(Unavailable::Database)),
            Err(unavailable) => Err(unavailable),
        };
        count_outcomes(1, outcome.as_ref().map(std::slice::from_ref));
        outcome
    }

    /// Charges in the order given, each on its own, all in one commit.
    ///
    /// # Errors
    /// [`Unavailable`]; what the rules refuse is a [`ChargeOutcome`].
    pub async fn charge_many(&self, charges: Vec<Charge>) -> Result<Vec<ChargeOutcome>, Unavailable> {
        let ((sender, receiver), count) = (oneshot::channel(), charges.len());
        let outcomes = match self.put(Item::Charges(charges, sender)) {
            Ok(()) => receiver.await.unwrap_or(Err(Unavailable::Database)),
            Err(unavailable) => Err(unavailable),
        };
        count_outcomes(count, outcomes.as_deref());
        outcomes
    }

    /// Runs a small job in the engine's transaction, in a savepoint of its own. `Err` undoes the job,
    /// and only the job. A job makes no network call.
    ///
    /// # Errors
    /// [`Unavailable`]; the job's own error is inside.
    pub async fn job<T, E, F>(&self, job: F) -> Result<Result<T, E>, Unavailable>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: for<'a> FnOnce(&'a mut WriteTransaction) -> BoxFuture<'a, Result<T, E>> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let run: QueuedJob = Box::new(move |tx| {
            Box::pin(async move {
                let result = job(tx).await;
                let result = match result {
                    Ok(value) => tx.flush().await.map(|()| value).map_err(E::from),
                    Err(e) => Err(e),
                };
                let keep = result.is_ok();
                let answer = move |committed: Result<(), Unavailable>| {
                    // A refused job has changed nothing: its answer holds whether or not the batch commits.
                    let _gone = sender.send(if keep { committed.map(|()| result) } else { Ok(result) });
                };
                Ok(Done { keep, answer: Box::new(answer) })
            })
        });
        self.put(Item::Job(run))?;
        receiver.await.unwrap_or(Err(Unavailable::Database))
    }

    /// The same as [`Ledger::job`] for somebody whom nobody knows yet: through a small lane in front of the queue, so
    /// that such jobs cannot crowd out charges.
    ///
    /// # Errors
    /// [`Unavailable`], also where too many wait in that lane; the job's own error is inside.
    pub async fn anonymous_job<T, E, F>(&self, job: F) -> Result<Result<T, E>, Unavailable>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: for<'a> FnOnce(&'a mut WriteTransaction) -> BoxFuture<'a, Result<T, E>> + Send + 'static,
    {
        let _place = self.lane.enter().await?;
        self.job(job).await
    }

    fn put(&self, item: Item) -> Result<(), Unavailable> {
        let weight = item.weight();
        let before = self.shared.waiting.fetch_add(weight, Ordering::Relaxed);
        let sent = if before > 0 && before.saturating_add(weight) > QUEUE_CHARGES_MAX {
            Err(Unavailable::Overloaded)
        } else {
            self.sender.try_send((Instant::now(), item)).map_err(|e| match e {
                mpsc::error::TrySendError::Full(_) => Unavailable::Overloaded,
                mpsc::error::TrySendError::Closed(_) => Unavailable::Closed,
            })
        };
        if sent.is_err() {
            self.shared.waiting.fetch_sub(weight, Ordering::Relaxed);
        }
        sent
    }
}

impl Engine {
    async fn run(mut self) {
        let (shared, store) = (Arc::clone(&self.shared), self.store.clone());
        let watch = tokio::spawn(async move { shared.health.watch(&store, &shared.guard).await });
        loop {
            let batch = self.next().await;
            if batch.is_empty() {
                break;
            }
            let several = batch.len() > 1;
            let tx = AssertUnwindSafe(self.commit_batch(batch));
            if tx.catch_unwind().await.is_err() {
                // A bug met by one write must not end all writing: its batch is undone, and nothing remembered of it.
                tracing::error!("a write transaction panicked");
                self.cache.forget();
            }
            if several {
                // Callers with an answer may send more: one commit for them and those who waited, not two.
                tokio::task::yield_now().await;
            }
        }
        watch.abort();
        // It holds the store, which is closed next.
        let _aborted = watch.await;
    }

    /// As much as one commit holds of what waits, at least one item; nothing in the end.
    async fn next(&mut self) -> Vec<Item> {
        if self.taken.is_empty() {
            let Some((since, item)) = self.receiver.recv().await else { return Vec::new() };
            METRICS.ledger.observe_wait(since.elapsed());
            self.taken.push_back(item);
        }
        let mut weight: usize = self.taken.iter().map(Item::weight).sum();
        while weight < COMMIT_MAX
            && let Ok((since, item)) = self.receiver.try_recv()
        {
            METRICS.ledger.observe_wait(since.elapsed());
            weight += item.weight();
            self.taken.push_back(item);
        }
        let (mut batch, mut weight) = (Vec::new(), 0);
        while let Some(item) = self.taken.pop_front_if(|item| weight == 0 || weight + item.weight() <= COMMIT_MAX) {
            weight += item.weight();
            batch.push(item);
        }
        self.shared.waiting.fetch_sub(weight, Ordering::Relaxed);
        batch
    }

    async fn commit_batch(&mut self, batch: Vec<Item>) {
        if !self.shared.guard.admits(&self.store).await {
            self.shared.health.failed();
            return batch.into_iter().for_each(Item::refuse);
        }
        let cache = std::mem::replace(&mut self.cache, AccountCache::new(self.clock.mint(), self.segment_rows));
        let is_alone = batch.len() == 1;
        let (began, size) = (Instant::now(), batch.iter().map(Item::weight).sum());
        let (mut used, mut commit) = ([0; 3], None);
        let mut answers = Vec::with_capacity(batch.len());
        let result =
            match WriteTransaction::begin(&self.store, self.clock.clone(), Arc::clone(&self.catalog), cache).await {
                Ok(mut tx) => match tx.decide(batch, &mut answers).await {
                    Ok(()) => {
                        (self.cache, used) = (tx.cache, tx.used);
                        let commits = Instant::now();
                        let committed = tx.db.commit().await;
                        commit = Some(commits.elapsed());
                        committed
                    }
                    Err(e) => {
                        // Forgotten below, all but the filters of sealed segments: a disk that is full must not cost those.
                        self.cache = tx.cache;
                        Err(e)
                    }
                },
                Err((e, cache)) => {
                    self.cache = cache;
                    Err(e)
                }
            };
        let committed = result.map_err(|e| {
            tracing::error!(error = %e, "a write transaction was not committed");
            self.cache.forget();
            // A row that cannot be read is no fault of the database.
            if !is_lasting(&e) {
                self.shared.health.failed();
            }
            reason_of(&e, is_alone)
        });
        METRICS.ledger.observe_transaction(size, began.elapsed(), commit, committed.is_ok());
        if committed.is_ok() {
            METRICS.ledger.count_used(used);
            self.shared.health.succeeded();
        }
        for answer in answers {
            answer(committed);
        }
    }
}

/// Counts answered charges.
fn count_outcomes(count: usize, outcomes: Result<&[ChargeOutcome], &Unavailable>) {
    match outcomes {
        Ok(outcomes) => outcomes.iter().for_each(|outcome| METRICS.ledger.count_charge(outcome.name())),
        Err(_) => (0..count).for_each(|_| METRICS.ledger.count_charge("unavailable")),
    }
}
