//! The bounded queue and its one consumer.
//!
//! The consumer takes what is there, decides it in a turn, commits, answers. A full queue refuses at
//! once. At shut-down the queue is drained before the database is closed.

use super::charge::{Charge, Outcome};
use super::turn::{Memory, Turn};
use crate::clock::Clock;
use crate::domain::Catalog;
use crate::store::Store;
use crate::store::db::DbError;
use crate::store::segments;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// How many writes may wait.
const QUEUE_MAX: usize = 8_192;
/// How many are decided in one commit.
const BATCH_MAX: usize = 2_048;

/// A write could not be done now. The outcome is unknown only if the commit itself was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// Too much is waiting.
    #[error("the queue of writes is full")]
    Overloaded,
    /// The database did not take it.
    #[error("the database did not take the write")]
    Database,
    /// The process is shutting down.
    #[error("shutting down")]
    Closed,
}

type Job = Box<dyn for<'a> FnOnce(&'a mut Turn) -> BoxFuture<'a, Result<Done, DbError>> + Send>;

/// What a job leaves behind: whether its writes stand, and how to answer once they do.
struct Done {
    keep: bool,
    answer: Box<dyn FnOnce(Result<(), Unavailable>) + Send>,
}

enum Item {
    Charge(Charge, oneshot::Sender<Result<Outcome, Unavailable>>),
    Charges(Vec<Charge>, oneshot::Sender<Result<Vec<Outcome>, Unavailable>>),
    Job(Job),
}

/// The way to write. Clones share one engine.
#[derive(Clone)]
pub struct Ledger {
    sender: mpsc::Sender<Item>,
}

/// The consumer's end; it runs until every [`Ledger`] is gone.
pub struct Engine {
    store: Store,
    clock: Clock,
    catalog: Arc<Catalog>,
    receiver: mpsc::Receiver<Item>,
    memory: Memory,
    segment_rows: i64,
}

impl Ledger {
    /// Starts the engine. The task ends when all clones of the ledger are dropped and the queue is drained.
    #[must_use]
    pub fn start(store: Store, clock: Clock, catalog: Arc<Catalog>) -> (Self, tokio::task::JoinHandle<()>) {
        Self::start_with_segments(store, clock, catalog, segments::ROWS)
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
        let memory = Memory::new(clock.mint(), segment_rows);
        let engine = Engine { store, clock, catalog, receiver, memory, segment_rows };
        (Self { sender }, tokio::spawn(engine.run()))
    }

    /// Charges a customer.
    ///
    /// # Errors
    /// [`Unavailable`]; what the rules refuse is an [`Outcome`].
    pub async fn charge(&self, charge: Charge) -> Result<Outcome, Unavailable> {
        let (sender, receiver) = oneshot::channel();
        self.put(Item::Charge(charge, sender))?;
        receiver.await.unwrap_or(Err(Unavailable::Database))
    }

    /// Charges in the order given, each on its own, all in one commit.
    ///
    /// # Errors
    /// [`Unavailable`]; what the rules refuse is an [`Outcome`].
    pub async fn charge_many(&self, charges: Vec<Charge>) -> Result<Vec<Outcome>, Unavailable> {
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
        F: for<'a> FnOnce(&'a mut Turn) -> BoxFuture<'a, Result<T, E>> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let run: Job = Box::new(move |turn| {
            Box::pin(async move {
                let result = job(turn).await;
                let result = match result {
                    Ok(value) => turn.flush().await.map(|()| value).map_err(E::from),
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

    fn put(&self, item: Item) -> Result<(), Unavailable> {
        self.sender.try_send(item).map_err(|e| match e {
            mpsc::error::TrySendError::Full(_) => Unavailable::Overloaded,
            mpsc::error::TrySendError::Closed(_) => Unavailable::Closed,
        })
    }
}

type Answer = Box<dyn FnOnce(Result<(), Unavailable>) + Send>;

impl Engine {
    async fn run(mut self) {
        let mut batch = Vec::new();
        while self.receiver.recv_many(&mut batch, BATCH_MAX).await > 0 {
            let several = batch.len() > 1;
            let turn = AssertUnwindSafe(self.turn(std::mem::take(&mut batch)));
            if turn.catch_unwind().await.is_err() {
                // A bug met by one write must not end all writing: its batch is undone, and nothing remembered of it.
                tracing::error!("a batch of writes panicked");
                self.memory.forget();
            }
            if several {
                // Who was just answered may have more: one commit for them and those who waited, not two.
                tokio::task::yield_now().await;
            }
        }
    }

    async fn turn(&mut self, batch: Vec<Item>) {
        let memory = std::mem::replace(&mut self.memory, Memory::new(self.clock.mint(), self.segment_rows));
        let mut answers = Vec::with_capacity(batch.len());
        let result = match Turn::begin(&self.store, self.clock.clone(), Arc::clone(&self.catalog), memory).await {
            Ok(mut turn) => match turn.decide(batch, &mut answers).await {
                Ok(()) => {
                    self.memory = turn.memory;
                    turn.link.commit().await
                }
                Err(e) => {
                    // Forgotten below, all but the filters of sealed segments: a disk that is full must not cost those.
                    self.memory = turn.memory;
                    Err(e)
                }
            },
            Err((e, memory)) => {
                self.memory = memory;
                Err(e)
            }
        };
        let committed = result.map_err(|e| {
            tracing::error!(error = %e, "a batch of writes was not committed");
            self.memory.forget();
            Unavailable::Database
        });
        for answer in answers {
            answer(committed);
        }
    }
}

impl Turn {
    async fn decide(&mut self, batch: Vec<Item>, answers: &mut Vec<Answer>) -> Result<(), DbError> {
        let mut items = batch.into_iter().peekable();
        while let Some(item) = items.next() {
            match item {
                Item::Job(job) => self.run_job(job, answers).await?,
                Item::Charges(charges, sender) => {
                    let outcomes = self.charge_all(&charges.iter().collect::<Vec<_>>()).await?;
                    answers.push(Box::new(move |committed| {
                        let _gone = sender.send(committed.map(|()| outcomes));
                    }));
                }
                Item::Charge(charge, sender) => {
                    let mut charges = vec![charge];
                    let mut senders = vec![sender];
                    while let Some(Item::Charge(charge, sender)) = items.next_if(|i| matches!(i, Item::Charge(..))) {
                        charges.push(charge);
                        senders.push(sender);
                    }
                    let outcomes = self.charge_all(&charges.iter().collect::<Vec<_>>()).await?;
                    answers.extend(senders.into_iter().zip(outcomes).map(|(sender, outcome)| {
                        Box::new(move |committed: Result<(), Unavailable>| {
                            let _gone = sender.send(committed.map(|()| outcome));
                        }) as Answer
                    }));
                }
            }
        }
        self.flush_last().await?;
        let rows = self.memory.last_row;
        self.memory.keys.seal(&mut self.link, rows).await
    }

    async fn run_job(&mut self, job: Job, answers: &mut Vec<Answer>) -> Result<(), DbError> {
        self.flush().await?;
        let rows = (self.memory.last_row, self.memory.last_grant);
        self.link.run("savepoint job", Vec::new()).await?;
        let done = job(self).await?;
        if done.keep {
            self.link.run("release savepoint job", Vec::new()).await?;
        } else {
            self.roll_back(rows).await?;
            self.link.run("release savepoint job", Vec::new()).await?;
        }
        answers.push(done.answer);
        Ok(())
    }
}
