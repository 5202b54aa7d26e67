//! The bounded queue and its one consumer.
//!
//! The consumer takes what is there, as much as one commit may hold, decides it in a turn, commits, answers. A full queue
//! refuses at once. At shut-down the queue is drained before the database is closed.
//!
//! How much a commit holds is counted in charges: an item may have a thousand of them, and who waits for the lock of
//! another process's turn, or for an answer inside one, is given up by the server after seconds.

use crate::clock::Clock;
use crate::domain::Catalog;
use crate::ledger::account_cache::AccountCache;
use crate::ledger::anonymous_lane::AnonymousLane;
use crate::ledger::charge::{Charge, ChargeOutcome};
use crate::ledger::clock_guard::ClockGuard;
use crate::ledger::health::Health;
use crate::ledger::write_transaction::WriteTransaction;
use crate::store::db::DbError;
use crate::store::errors::is_lasting;
use crate::store::{Store, key_segments};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{mpsc, oneshot};

/// How many writes may wait.
const QUEUE_MAX: usize = 8_192;
/// How many charges may wait in them: a batch has up to a thousand, and memory is what they cost.
const QUEUE_CHARGES_MAX: usize = 262_144;
/// How many charges are decided in one commit.
const TURN_MAX: usize = 2_048;
/// How many charges a job counts as: each makes round trips of its own.
const JOB_WEIGHT: usize = 16;

/// A write could not be done now. The outcome is unknown only if the commit itself was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// Too much is waiting.
    #[error("the queue of writes is full")]
    Overloaded,
    /// The database did not take it.
    #[error("the database did not take the write")]
    Database,
    /// The database refused the write, and will refuse it again: a stored row cannot be read, or a rule of the tables
    /// is broken.
    #[error("the write cannot be done until its cause is mended")]
    Broken,
    /// The process is shutting down.
    #[error("shutting down")]
    Closed,
}

type QueuedJob = Box<dyn for<'a> FnOnce(&'a mut WriteTransaction) -> BoxFuture<'a, Result<Done, DbError>> + Send>;

/// What a job leaves behind: whether its writes stand, and how to answer once they do.
struct Done {
    keep: bool,
    answer: Box<dyn FnOnce(Result<(), Unavailable>) + Send>,
}

enum Item {
    Charge(Charge, oneshot::Sender<Result<ChargeOutcome, Unavailable>>),
    Charges(Vec<Charge>, oneshot::Sender<Result<Vec<ChargeOutcome>, Unavailable>>),
    Job(QueuedJob),
}

impl Item {
    /// How much of a commit it takes, in charges.
    fn weight(&self) -> usize {
        match self {
            Self::Charge(..) => 1,
            Self::Charges(charges, _) => charges.len().max(1),
            Self::Job(_) => JOB_WEIGHT,
        }
    }
}

/// The way to write. Clones share one engine.
#[derive(Clone)]
pub struct Ledger {
    sender: mpsc::Sender<Item>,
    lane: Arc<AnonymousLane>,
    shared: Arc<Shared>,
}

/// What callers and the engine both see.
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
    receiver: mpsc::Receiver<Item>,
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

    /// Whether nothing is written because the clock jumped far ahead.
    #[must_use]
    pub fn refuses_clock(&self) -> bool {
        self.shared.guard.is_refused()
    }

    /// Charges a customer.
    ///
    /// # Errors
    /// [`Unavailable`]; what the rules refuse is a [`ChargeOutcome`].
    pub async fn charge(&self, charge: Charge) -> Result<ChargeOutcome, Unavailable> {
        let (sender, receiver) = oneshot::channel();
        self.put(Item::Charge(charge, sender))?;
        receiver.await.unwrap_or(Err(Unavailable::Database))
    }

    /// Charges in the order given, each on its own, all in one commit.
    ///
    /// # Errors
    /// [`Unavailable`]; what the rules refuse is a [`ChargeOutcome`].
    pub async fn charge_many(&self, charges: Vec<Charge>) -> Result<Vec<ChargeOutcome>, Unavailable> {
        let (sender, receiver) = oneshot::channel();
        self.put(Item::Charges(charges, sender))?;
        receiver.await.unwrap_or(Err(Unavailable::Database))
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
            self.sender.try_send(item).map_err(|e| match e {
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

type WriteReply = Box<dyn FnOnce(Result<(), Unavailable>) + Send>;

/// Who waits for the outcomes of charges.
enum ReplySender {
    One(oneshot::Sender<Result<ChargeOutcome, Unavailable>>),
    Several(usize, oneshot::Sender<Result<Vec<ChargeOutcome>, Unavailable>>),
}

impl ReplySender {
    /// Answers that nothing was done.
    fn refuse(self, why: Unavailable) {
        match self {
            Self::One(sender) => drop(sender.send(Err(why))),
            Self::Several(_, sender) => drop(sender.send(Err(why))),
        }
    }

    /// The answer with the next of `outcomes`, once they are committed.
    fn answer(self, outcomes: &mut impl Iterator<Item = ChargeOutcome>) -> WriteReply {
        match self {
            Self::One(sender) => {
                let outcome = outcomes.next();
                Box::new(move |committed| {
                    let outcome = committed.and_then(|()| outcome.ok_or(Unavailable::Database));
                    let _gone = sender.send(outcome);
                })
            }
            Self::Several(count, sender) => {
                let outcomes: Vec<ChargeOutcome> = outcomes.take(count).collect();
                Box::new(move |committed| {
                    let _gone = sender.send(committed.map(|()| outcomes));
                })
            }
        }
    }
}

impl Item {
    /// Its charges, and who waits for them; a job has none.
    fn into_charges(self, charges: &mut Vec<Charge>, askers: &mut Vec<ReplySender>) {
        match self {
            Self::Charge(charge, sender) => {
                charges.push(charge);
                askers.push(ReplySender::One(sender));
            }
            Self::Charges(more, sender) => {
                askers.push(ReplySender::Several(more.len(), sender));
                charges.extend(more);
            }
            Self::Job(_) => {}
        }
    }

    /// Answers that nothing was done. Who waits for a job hears it as the job goes.
    fn refuse(self) {
        match self {
            Self::Charge(_, sender) => drop(sender.send(Err(Unavailable::Database))),
            Self::Charges(_, sender) => drop(sender.send(Err(Unavailable::Database))),
            Self::Job(job) => drop(job),
        }
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
                tracing::error!("a batch of writes panicked");
                self.cache.forget();
            }
            if several {
                // Who was just answered may have more: one commit for them and those who waited, not two.
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
            let Some(item) = self.receiver.recv().await else { return Vec::new() };
            self.taken.push_back(item);
        }
        let mut weight: usize = self.taken.iter().map(Item::weight).sum();
        while weight < TURN_MAX
            && let Ok(item) = self.receiver.try_recv()
        {
            weight += item.weight();
            self.taken.push_back(item);
        }
        let (mut batch, mut weight) = (Vec::new(), 0);
        while let Some(item) = self.taken.pop_front_if(|item| weight == 0 || weight + item.weight() <= TURN_MAX) {
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
        let mut answers = Vec::with_capacity(batch.len());
        let result =
            match WriteTransaction::begin(&self.store, self.clock.clone(), Arc::clone(&self.catalog), cache).await {
                Ok(mut tx) => match tx.decide(batch, &mut answers).await {
                    Ok(()) => {
                        self.cache = tx.cache;
                        tx.db.commit().await
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
            tracing::error!(error = %e, "a batch of writes was not committed");
            self.cache.forget();
            // A row that cannot be read is no fault of the database.
            if !is_lasting(&e) {
                self.shared.health.failed();
            }
            reason_of(&e, is_alone)
        });
        if committed.is_ok() {
            self.shared.health.succeeded();
        }
        for answer in answers {
            answer(committed);
        }
    }
}

/// The answer to writes that failed together. A lasting error may be of one of them alone: repeated, the others come
/// without it.
fn reason_of(e: &DbError, is_alone: bool) -> Unavailable {
    if is_alone && is_lasting(e) { Unavailable::Broken } else { Unavailable::Database }
}

impl WriteTransaction {
    async fn decide(&mut self, batch: Vec<Item>, answers: &mut Vec<WriteReply>) -> Result<(), DbError> {
        let mut items = batch.into_iter().peekable();
        while let Some(item) = items.next() {
            if let Item::Job(job) = item {
                self.run_job(job, answers).await?;
                continue;
            }
            // Charges that stand side by side are decided together, however they came.
            let (mut charges, mut senders) = (Vec::new(), Vec::new());
            let mut next = Some(item);
            while let Some(item) = next {
                item.into_charges(&mut charges, &mut senders);
                next = items.next_if(|item| !matches!(item, Item::Job(_)));
            }
            let mut outcomes = match self.charge_all(&charges.iter().collect::<Vec<_>>()).await {
                Ok(outcomes) => outcomes.into_iter(),
                Err(e) => {
                    let why = reason_of(&e, senders.len() == 1);
                    // Answered when the cause is logged.
                    answers
                        .extend(senders.into_iter().map(|sender| Box::new(move |_| sender.refuse(why)) as WriteReply));
                    return Err(e);
                }
            };
            answers.extend(senders.into_iter().map(|sender| sender.answer(&mut outcomes)));
        }
        self.flush_last().await?;
        let rows = self.cache.last_row;
        self.cache.keys.seal(&mut self.db, rows).await
    }

    async fn run_job(&mut self, job: QueuedJob, answers: &mut Vec<WriteReply>) -> Result<(), DbError> {
        self.flush().await?;
        let rows = (self.cache.last_row, self.cache.last_grant);
        self.db.begin_savepoint().await?;
        let done = job(self).await?;
        self.db.end_savepoint(!done.keep).await?;
        if !done.keep {
            self.drop_changes(rows);
        }
        answers.push(done.answer);
        Ok(())
    }
}
