//! The writes of one commit: decided in their order, answered after the commit.

use crate::ledger::charge::{Charge, ChargeOutcome};
use crate::ledger::unavailable::Unavailable;
use crate::ledger::write_transaction::WriteTransaction;
use crate::store::db::DbError;
use crate::store::errors::is_lasting;
use futures::future::BoxFuture;
use tokio::sync::oneshot;

/// How many charges a job counts as: each makes round trips of its own.
const JOB_WEIGHT: usize = 16;

pub(super) type QueuedJob =
    Box<dyn for<'a> FnOnce(&'a mut WriteTransaction) -> BoxFuture<'a, Result<Done, DbError>> + Send>;

/// The result of a job: whether its writes stand, and the answer after the commit.
pub(super) struct Done {
    pub keep: bool,
    pub answer: WriteReply,
}

pub(super) enum Item {
    Charge(Charge, oneshot::Sender<Result<ChargeOutcome, Unavailable>>),
    Charges(Vec<Charge>, oneshot::Sender<Result<Vec<ChargeOutcome>, Unavailable>>),
    Job(QueuedJob),
}

impl Item {
    /// How much of a commit it takes, in charges.
    pub fn weight(&self) -> usize {
        match self {
            Self::Charge(..) => 1,
            Self::Charges(charges, _) => charges.len().max(1),
            Self::Job(_) => JOB_WEIGHT,
        }
    }
}

pub(super) type WriteReply = Box<dyn FnOnce(Result<(), Unavailable>) + Send>;

/// The senders that wait for outcomes of charges.
pub(super) enum ReplySender {
    One(oneshot::Sender<Result<ChargeOutcome, Unavailable>>),
    Several(usize, oneshot::Sender<Result<Vec<ChargeOutcome>, Unavailable>>),
}

impl ReplySender {
    /// Answers that nothing was done.
    pub fn refuse(self, why: Unavailable) {
        match self {
            Self::One(sender) => drop(sender.send(Err(why))),
            Self::Several(_, sender) => drop(sender.send(Err(why))),
        }
    }

    /// The answer with the next of `outcomes`, once they are committed.
    pub fn answer(self, outcomes: &mut impl Iterator<Item = ChargeOutcome>) -> WriteReply {
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
    /// Moves its charges and their sender out; a job has none.
    pub fn into_charges(self, charges: &mut Vec<Charge>, askers: &mut Vec<ReplySender>) {
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

    /// Answers that nothing was done. The sender of a job is dropped with it, which says the same.
    pub fn refuse(self) {
        match self {
            Self::Charge(_, sender) => drop(sender.send(Err(Unavailable::Database))),
            Self::Charges(_, sender) => drop(sender.send(Err(Unavailable::Database))),
            Self::Job(job) => drop(job),
        }
    }
}

/// The answer to writes that failed together. A lasting error may be of one of them alone: repeated, the others come
/// without it.
pub(super) fn reason_of(e: &DbError, is_alone: bool) -> Unavailable {
    if is_alone && is_lasting(e) { Unavailable::Broken } else { Unavailable::Database }
}

impl WriteTransaction {
    pub(super) async fn decide(&mut self, batch: Vec<Item>, answers: &mut Vec<WriteReply>) -> Result<(), DbError> {
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
        let (rows, used) = ((self.cache.last_row, self.cache.last_grant), self.used);
        self.db.begin_savepoint().await?;
        let done = job(self).await?;
        self.db.end_savepoint(!done.keep).await?;
        if !done.keep {
            self.drop_changes(rows);
            self.used = used;
        }
        answers.push(done.answer);
        Ok(())
    }
}
