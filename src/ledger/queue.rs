//! The bounded queue in front of the lanes.
//!
//! A full queue refuses at once. At shut-down the queue is drained before the database is closed.
//!
//! A commit's size is counted in charges: an item may have a thousand of them, and the server gives up a process that
//! waits for seconds for another one's lock, or inside its own transaction.

use crate::clock::Clock;
use crate::domain::Catalog;
use crate::ledger::anonymous_lane::AnonymousLane;
use crate::ledger::batch::{Charges, Done, Item, Job, QueuedJob, ReplySender};
use crate::ledger::charge::{Charge, ChargeOutcome};
use crate::ledger::clock_guard::ClockGuard;
use crate::ledger::health::Health;
use crate::ledger::lane::{Lane, LaneKind, LaneParts};
use crate::ledger::unavailable::Unavailable;
use crate::ledger::write_transaction::WriteTransaction;
use crate::metrics::METRICS;
use crate::store::Store;
use crate::store::db::DbError;
use crate::store::key_segments::SharedFilters;
use crate::store::segment_sizes::SegmentSizes;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// How many writes may wait.
const QUEUE_MAX: usize = 8_192;
/// How many charges may wait in them: a batch has up to a thousand, and memory is what they cost.
const QUEUE_CHARGES_MAX: usize = 262_144;

/// The way to write. Clones share one engine.
#[derive(Clone)]
pub struct Ledger {
    /// Charges and jobs of one customer, and since when they wait.
    ledgers: mpsc::Sender<(Instant, Item)>,
    /// Other jobs; the same queue on SQLite.
    jobs: mpsc::Sender<(Instant, Item)>,
    lane: Arc<AnonymousLane>,
    shared: Arc<Shared>,
}

/// The state that callers and the lanes share.
pub(super) struct Shared {
    /// The weight of all that waits.
    waiting: AtomicUsize,
    pub health: Health,
    pub guard: ClockGuard,
}

impl Shared {
    /// Notes that an item waits no more.
    pub fn took(&self, item: &Item) {
        self.waiting.fetch_sub(item.weight(), Ordering::Relaxed);
    }

    /// Notes that an item waits again.
    pub fn put_back(&self, item: &Item) {
        self.waiting.fetch_add(item.weight(), Ordering::Relaxed);
    }
}

impl Ledger {
    /// Starts the engine. The task ends when all clones of the ledger are dropped and the queue is drained.
    #[must_use]
    pub fn start(store: Store, clock: Clock, catalog: Arc<Catalog>) -> (Self, tokio::task::JoinHandle<()>) {
        Self::start_with_segments(store, clock, catalog, SegmentSizes::default())
    }

    /// The same, with segments of keys of other sizes: tests want small ones.
    #[must_use]
    pub fn start_with_segments(
        store: Store,
        clock: Clock,
        catalog: Arc<Catalog>,
        sizes: SegmentSizes,
    ) -> (Self, tokio::task::JoinHandle<()>) {
        let guard = ClockGuard::new(clock.clone());
        let shared = Arc::new(Shared { waiting: AtomicUsize::new(0), health: Health::default(), guard });
        let (ledgers, receiver) = mpsc::channel(QUEUE_MAX);
        let filters = SharedFilters::default();
        let parts = LaneParts { store, clock, catalog, shared: Arc::clone(&shared), sizes, filters };
        let mut lanes = Vec::new();
        let jobs = if matches!(parts.store, Store::Sqlite { .. }) {
            lanes.push(Lane::new(LaneKind::All, receiver, parts.clone()));
            ledgers.clone()
        } else {
            let ((patient, met_taken), (jobs, waiting)) = (mpsc::channel(QUEUE_MAX), mpsc::channel(QUEUE_MAX));
            lanes.push(Lane::new(LaneKind::Ledgers(patient), receiver, parts.clone()));
            lanes.push(Lane::new(LaneKind::Patient, met_taken, parts.clone()));
            lanes.push(Lane::new(LaneKind::Jobs, waiting, parts.clone()));
            jobs
        };
        (Self { ledgers, jobs, lane: Arc::new(AnonymousLane::new()), shared }, tokio::spawn(run(lanes, parts)))
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
        let queued = |sender: &mpsc::Sender<(Instant, Item)>| sender.max_capacity() - sender.capacity();
        let jobs = if self.jobs.same_channel(&self.ledgers) { 0 } else { queued(&self.jobs) };
        (queued(&self.ledgers) + jobs, self.shared.waiting.load(Ordering::Relaxed))
    }

    /// Charges a customer.
    ///
    /// # Errors
    /// [`Unavailable`]; what the rules refuse is a [`ChargeOutcome`].
    pub async fn charge(&self, charge: Charge) -> Result<ChargeOutcome, Unavailable> {
        let (sender, receiver) = oneshot::channel();
        let charges = Item::Charges(Charges::new(vec![charge], ReplySender::One(sender)));
        let outcome = match self.put(charges) {
            Ok(()) => receiver.await.unwrap_or(Err(Unavailable::Database)),
            Err(unavailable) => Err(unavailable),
        };
        count_outcomes(1, outcome.as_ref().map(std::slice::from_ref));
        outcome
    }

    /// Charges in the order given, each on its own, as a rule all in one commit: those of a customer whose account another
    /// process has come later, in their order.
    ///
    /// # Errors
    /// [`Unavailable`]; what the rules refuse is a [`ChargeOutcome`].
    pub async fn charge_many(&self, charges: Vec<Charge>) -> Result<Vec<ChargeOutcome>, Unavailable> {
        let ((sender, receiver), count) = (oneshot::channel(), charges.len());
        let outcomes = match self.put(Item::Charges(Charges::new(charges, ReplySender::Several(sender)))) {
            Ok(()) => receiver.await.unwrap_or(Err(Unavailable::Database)),
            Err(unavailable) => Err(unavailable),
        };
        count_outcomes(count, outcomes.as_deref());
        outcomes
    }

    /// Runs a small job in the engine's transaction, in a savepoint of its own. `Err` undoes the job,
    /// and only the job. A job makes no network call. On PostgreSQL no other process runs such a job at the same time.
    ///
    /// # Errors
    /// [`Unavailable`]; the job's own error is inside.
    pub async fn job<T, E, F>(&self, job: F) -> Result<Result<T, E>, Unavailable>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: for<'a> FnOnce(&'a mut WriteTransaction) -> BoxFuture<'a, Result<T, E>> + Send + 'static,
    {
        self.run_job(None, job).await
    }

    /// The same for a job that reads and writes the ledger of one customer, and rows that only jobs under the same account
    /// write. Its account is locked before it begins, and nothing else.
    ///
    /// # Errors
    /// As [`Ledger::job`].
    pub async fn customer_job<T, E, F>(&self, customer_no: i64, job: F) -> Result<Result<T, E>, Unavailable>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: for<'a> FnOnce(&'a mut WriteTransaction) -> BoxFuture<'a, Result<T, E>> + Send + 'static,
    {
        self.run_job(Some(customer_no), job).await
    }

    async fn run_job<T, E, F>(&self, customer: Option<i64>, job: F) -> Result<Result<T, E>, Unavailable>
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
        self.put(Item::Job(Job { customer, run, rounds: 0 }))?;
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
        let is_job = matches!(&item, Item::Job(job) if job.customer.is_none());
        let (weight, sender) = (item.weight(), if is_job { &self.jobs } else { &self.ledgers });
        let before = self.shared.waiting.fetch_add(weight, Ordering::Relaxed);
        let sent = if before > 0 && before.saturating_add(weight) > QUEUE_CHARGES_MAX {
            Err(Unavailable::Overloaded)
        } else {
            sender.try_send((Instant::now(), item)).map_err(|e| match e {
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

/// Runs the lanes until every [`Ledger`] is gone.
async fn run(lanes: Vec<Lane>, parts: LaneParts) {
    let (shared, store) = (parts.shared, parts.store);
    let watch = tokio::spawn(async move { shared.health.watch(&store, &shared.guard).await });
    let lanes: Vec<JoinHandle<()>> = lanes.into_iter().map(|lane| tokio::spawn(lane.run())).collect();
    for lane in lanes {
        if let Err(e) = lane.await {
            tracing::error!(error = %e, "a lane ended");
        }
    }
    watch.abort();
    // It holds the store, which is closed next.
    let _aborted = watch.await;
}

/// Counts answered charges.
fn count_outcomes(count: usize, outcomes: Result<&[ChargeOutcome], &Unavailable>) {
    match outcomes {
        Ok(outcomes) => outcomes.iter().for_each(|outcome| METRICS.ledger.count_charge(outcome.name())),
        Err(_) => (0..count).for_each(|_| METRICS.ledger.count_charge("unavailable")),
    }
}
