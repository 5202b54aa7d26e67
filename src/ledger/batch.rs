//! The writes of one commit: decided in their order, answered after the commit.
//!
//! On PostgreSQL another process may have the account of some of them. Those are left, and come again with the next batch.

use crate::ledger::charge::{Charge, ChargeOutcome};
use crate::ledger::unavailable::Unavailable;
use crate::ledger::write_transaction::WriteTransaction;
use crate::store::db::DbError;
use crate::store::errors::is_lasting;
use futures::future::BoxFuture;
use std::collections::{HashMap, VecDeque};
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

pub(super) type WriteReply = Box<dyn FnOnce(Result<(), Unavailable>) + Send>;

pub(super) enum Item {
    Charges(Charges),
    Job(Job),
}

/// A job; of one customer's ledger, or of anything.
pub(super) struct Job {
    pub customer: Option<i64>,
    pub run: QueuedJob,
    pub rounds: u8,
}

/// Charges that are answered together.
pub(super) struct Charges {
    asked: Vec<Charge>,
    outcomes: Vec<Option<ChargeOutcome>>,
    /// The places of those that were decided in the transaction that is not committed yet.
    decided: Vec<usize>,
    sender: ReplySender,
    rounds: u8,
}

/// Who waits for outcomes of charges.
pub(super) enum ReplySender {
    One(oneshot::Sender<Result<ChargeOutcome, Unavailable>>),
    Several(oneshot::Sender<Result<Vec<ChargeOutcome>, Unavailable>>),
}

impl Charges {
    pub fn new(asked: Vec<Charge>, sender: ReplySender) -> Self {
        let outcomes = asked.iter().map(|_| None).collect();
        Self { asked, outcomes, decided: Vec::new(), sender, rounds: 0 }
    }

    /// The charges that are not decided yet, with their places.
    pub fn open(&self) -> impl Iterator<Item = (usize, &Charge)> {
        let all = self.asked.iter().zip(&self.outcomes).enumerate();
        all.filter(|(_, (_, outcome))| outcome.is_none()).map(|(place, (charge, _))| (place, charge))
    }

    fn decide(&mut self, place: usize, outcome: ChargeOutcome) {
        if let Some(empty) = self.outcomes.get_mut(place) {
            *empty = Some(outcome);
            self.decided.push(place);
        }
    }

    /// After the commit: answers, unless some are still to be decided.
    fn committed(mut self) -> Option<Self> {
        self.decided.clear();
        if self.outcomes.iter().any(Option::is_none) {
            return Some(self);
        }
        let mut outcomes = self.outcomes.into_iter().flatten();
        match self.sender {
            ReplySender::One(sender) => drop(sender.send(outcomes.next().ok_or(Unavailable::Database))),
            ReplySender::Several(sender) => drop(sender.send(Ok(outcomes.collect()))),
        }
        None
    }

    /// After a transaction that came to nothing.
    fn undone(mut self) -> Self {
        for place in self.decided.drain(..) {
            self.outcomes[place] = None;
        }
        self
    }

    fn refuse(self, why: Unavailable) {
        match self.sender {
            ReplySender::One(sender) => drop(sender.send(Err(why))),
            ReplySender::Several(sender) => drop(sender.send(Err(why))),
        }
    }
}

impl Item {
    /// How much of a commit it takes, in charges.
    pub fn weight(&self) -> usize {
        match self {
            Self::Charges(charges) => charges.open().count().max(1),
            Self::Job(_) => JOB_WEIGHT,
        }
    }

    pub const fn charges(&self) -> Option<&Charges> {
        match self {
            Self::Charges(charges) => Some(charges),
            Self::Job(_) => None,
        }
    }

    /// The numbers of its customers, so far as they are known.
    pub fn customers<'a>(&'a self, by_id: &'a HashMap<String, i64>) -> impl Iterator<Item = i64> + 'a {
        let of_job = match self {
            Self::Job(job) => job.customer,
            Self::Charges(_) => None,
        };
        let open = self.charges().into_iter().flat_map(Charges::open);
        of_job.into_iter().chain(open.filter_map(|(_, charge)| by_id.get(&charge.customer).copied()))
    }

    /// How often it was left for another batch.
    pub const fn rounds(&mut self) -> &mut u8 {
        match self {
            Self::Charges(charges) => &mut charges.rounds,
            Self::Job(job) => &mut job.rounds,
        }
    }

    /// Answers that nothing was done. The sender of a job is dropped with it, which says the same.
    pub fn refuse(self, why: Unavailable) {
        match self {
            Self::Charges(charges) => charges.refuse(why),
            Self::Job(job) => drop(job),
        }
    }
}

/// The answer to writes that failed together. A lasting error may be of one of them alone: repeated, the others come
/// without it.
pub(super) fn reason_of(e: &DbError, is_alone: bool) -> Unavailable {
    if is_alone && is_lasting(e) { Unavailable::Broken } else { Unavailable::Database }
}

/// The items of a transaction.
pub(super) struct Batch {
    /// Not looked at yet.
    pub todo: VecDeque<Item>,
    /// Charges that were looked at.
    charges: Vec<Charges>,
    /// Answers of jobs that were run.
    answers: Vec<WriteReply>,
    /// Jobs whose customer somebody else has.
    left: Vec<Item>,
}

impl Batch {
    pub fn new(items: VecDeque<Item>) -> Self {
        Self { todo: items, charges: Vec::new(), answers: Vec::new(), left: Vec::new() }
    }

    pub fn len(&self) -> usize {
        self.todo.len() + self.charges.len() + self.answers.len() + self.left.len()
    }

    /// The size of what is not looked at yet, in charges.
    pub fn weight(&self) -> usize {
        self.todo.iter().map(Item::weight).sum()
    }

    /// After the commit: answers what was decided, and returns what was left.
    pub fn committed(self) -> Vec<Item> {
        self.answers.into_iter().for_each(|answer| answer(Ok(())));
        let charges = self.charges.into_iter().filter_map(Charges::committed).map(Item::Charges);
        charges.chain(self.left).chain(self.todo).collect()
    }

    /// After a transaction that came to nothing for a reason that passes at once: what can be decided once more. Jobs
    /// that were run cannot.
    pub fn undone(self, why: Unavailable) -> Vec<Item> {
        self.answers.into_iter().for_each(|answer| answer(Err(why)));
        let charges = self.charges.into_iter().map(Charges::undone).map(Item::Charges);
        charges.chain(self.left).chain(self.todo).collect()
    }

    /// Answers that nothing was done, so far as is known.
    pub fn refuse(self, why: Unavailable) {
        self.undone(why).into_iter().for_each(|item| item.refuse(why));
    }
}

impl WriteTransaction {
    /// Decides what the transaction has the accounts of, and writes it.
    pub(super) async fn decide(&mut self, batch: &mut Batch, is_patient: bool) -> Result<(), DbError> {
        self.lock_batch(&mut batch.todo, is_patient).await?;
        while let Some(item) = batch.todo.pop_front() {
            match item {
                Item::Job(job) if job.customer.is_some_and(|no| !self.holds(no)) => batch.left.push(Item::Job(job)),
                Item::Job(job) => self.run_job(job.run, &mut batch.answers).await?,
                Item::Charges(charges) => {
                    // Charges that stand side by side are decided together, however they came.
                    let first = batch.charges.len();
                    batch.charges.push(charges);
                    while let Some(Item::Charges(more)) =
                        batch.todo.pop_front_if(|item| matches!(item, Item::Charges(_)))
                    {
                        batch.charges.push(more);
                    }
                    self.decide_charges(&mut batch.charges[first..]).await?;
                }
            }
        }
        self.flush_last().await?;
        self.read_versions().await?;
        let rows = self.cache.rows.last;
        self.cache.keys.seal(&mut self.db, rows).await
    }

    async fn decide_charges(&mut self, items: &mut [Charges]) -> Result<(), DbError> {
        let (mut places, mut asked) = (Vec::new(), Vec::new());
        for (item, charges) in items.iter().enumerate() {
            for (place, charge) in charges.open().filter(|(_, charge)| self.holds_customer(&charge.customer)) {
                places.push((item, place));
                asked.push(charge);
            }
        }
        let outcomes = self.charge_all(&asked).await?;
        for ((item, place), outcome) in places.into_iter().zip(outcomes) {
            items[item].decide(place, outcome);
        }
        Ok(())
    }

    async fn run_job(&mut self, job: QueuedJob, answers: &mut Vec<WriteReply>) -> Result<(), DbError> {
        self.flush().await?;
        let (rows, used) = ((self.cache.rows, self.cache.last_grant), self.used);
        self.begin_savepoint().await?;
        let done = job(self).await?;
        self.end_savepoint(!done.keep).await?;
        if !done.keep {
            self.drop_changes(rows);
            self.used = used;
        }
        answers.push(done.answer);
        Ok(())
    }
}
