//! The queue of emails and webhooks: claim, send, retry, give up, alarm.
//!
//! Invariants: nothing is sent inside a transaction; a message is claimed by moving its due instant forward in a
//! transaction, so that two processes do not send it twice, and a process that died is succeeded.
//!
//! *Not here:* the tables and ways out of each kind (`outbox`, `webhooks`).

use crate::args;
use crate::domain::Instant;
use crate::ledger::WriteTransaction;
use crate::metrics::{DeliveryOutcome, METRICS};
use crate::store::db::{DbError, Row};
use crate::usecases::delivery::backoff::{Backoff, plain_reason};
use crate::usecases::delivery::failed_items;
use crate::usecases::delivery::failed_items::{FailedItemList, ItemFailure, may_pass};
use crate::usecases::{App, InternalError, alarms};
use chrono::TimeDelta;
use futures::StreamExt;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

/// Rounds that follow each other before other work has its turn.
const ROUNDS_MAX: usize = 50;

/// The result of one attempt to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    Accepted,
    Deferred(String),
    Refused(String),
}

/// The limits and words of one kind of message.
pub(crate) struct Policy {
    pub table: &'static str,
    /// `email` or `webhook`, in the metrics.
    pub metric: &'static str,
    /// A further condition on the rows, which starts with ` and`.
    pub condition: &'static str,
    /// The columns that [`Channel::prepare`] reads, beside `no` and `attempts`.
    pub columns: &'static str,
    /// Messages of one round, and how many leave at once. The slowest round ends before its claims do.
    pub round_max: i64,
    pub at_once_max: usize,
    /// Minutes that a claim holds: after that the process is taken for dead.
    pub claim_minutes: i64,
    pub backoff: Backoff,
    /// The attempt from which on an alarm is raised, while it is still tried.
    pub alarm_at_attempt: i64,
    /// The kind of the alarms, and the subject of the one about the receiving side.
    pub alarm: &'static str,
    pub receiver: &'static str,
    /// `an email`: the word of alarms and logs.
    pub noun: &'static str,
    pub deferred: &'static str,
    /// The text after the reason in the alarm about a message that was given up.
    pub given_up_hint: &'static str,
}

/// A message that this process sends now.
#[derive(Clone)]
pub(crate) struct ClaimedItem<M> {
    pub no: i64,
    pub attempt: i64,
    pub message: M,
}

/// One kind of message, with its way out.
pub(crate) trait Channel: Clone + Send + Sync + 'static {
    /// A message as it leaves.
    type Message: Clone + Send + Sync + 'static;

    fn policy(&self) -> &'static Policy;

    /// The content of a claimed row, made complete as it leaves.
    fn prepare<'a>(
        &'a self,
        tx: &'a mut WriteTransaction,
        row: &'a Row,
    ) -> BoxFuture<'a, Result<Self::Message, InternalError>>;

    fn send<'a>(&'a self, app: &'a App, message: &'a Self::Message) -> BoxFuture<'a, Attempt>;

    /// Since when the message waits, and how long it is tried.
    fn patience(&self, message: &Self::Message) -> (Instant, TimeDelta);

    /// The kind of a message, for the log; and the subject of the alarm about one that was given up.
    fn kind<'a>(&self, message: &'a Self::Message) -> &'a str;
    fn subject(&self, claimed: &ClaimedItem<Self::Message>) -> String;

    /// Subjects of alarms that end with the acceptance of a message.
    fn ended_alarms(&self, claimed: &ClaimedItem<Self::Message>) -> Vec<String>;

    /// Work that follows the first acceptance of a message, in the same transaction.
    fn follow_up<'a>(
        &'a self,
        tx: &'a mut WriteTransaction,
        claimed: &'a ClaimedItem<Self::Message>,
    ) -> BoxFuture<'a, Result<(), InternalError>>;

    /// The list of failed items on which follow-up work is retried, so that the message is not sent once more for it.
    fn follow_up_list(&self, message: &Self::Message) -> Option<FailedItemList>;
}

/// Sends the messages that are due, and begins no further round after `stop`; how many were accepted.
pub(crate) async fn send_due_items<C: Channel>(
    app: &App,
    channel: &C,
    stop: &CancellationToken,
) -> Result<u64, InternalError> {
    let mut sent = 0;
    for _ in 0..ROUNDS_MAX {
        // Most rounds find nothing, and need no transaction for it.
        if stop.is_cancelled() || !has_due_items(app, channel.policy()).await? {
            break;
        }
        let this = channel.clone();
        let claimed = app.write(move |tx| Box::pin(async move { claim_items(tx, &this).await })).await?;
        let sending = claimed.into_iter().map(|claimed| deliver(app, channel, claimed));
        let mut sending = futures::stream::iter(sending).buffer_unordered(channel.policy().at_once_max);
        let mut failed = None;
        while let Some(accepted) = sending.next().await {
            match accepted {
                Ok(accepted) => sent += u64::from(accepted),
                Err(fault) => failed = Some(fault),
            }
        }
        if let Some(fault) = failed {
            return Err(fault);
        }
    }
    Ok(sent)
}

async fn has_due_items(app: &App, policy: &Policy) -> Result<bool, InternalError> {
    let Policy { table, condition, .. } = policy;
    let sql = format!("select 1 as n from {table} where done_at is null and due_at <= $1{condition} limit 1");
    Ok(app.store.read().await?.fetch_optional(sql, args![app.clock.now()]).await?.is_some())
}

/// Takes some due messages: nobody else takes them while the claim holds. One that cannot be read or prepared is put
/// off.
async fn claim_items<C: Channel>(
    tx: &mut WriteTransaction,
    channel: &C,
) -> Result<Vec<ClaimedItem<C::Message>>, InternalError> {
    let (now, policy) = (tx.now(), channel.policy());
    let Policy { table, condition, columns, .. } = policy;
    let sql = format!(
        "update {table} set due_at = $1, attempts = attempts + 1
         where no in (select no from {table} where done_at is null and due_at <= $2{condition}
           order by due_at, no limit $3) and done_at is null and due_at <= $2
         returning no, attempts, {columns}"
    );
    let until = now + TimeDelta::minutes(policy.claim_minutes);
    let rows = tx.db.fetch_all(sql, args![until, now, policy.round_max]).await?;
    let mut claimed = Vec::with_capacity(rows.len());
    for row in &rows {
        let no = row.int("no")?;
        match (channel.prepare(tx, row).await, row.int("attempts")) {
            (Ok(message), Ok(attempt)) => claimed.push(ClaimedItem { no, attempt, message }),
            (Err(fault), _) if may_pass(&fault) => return Err(fault),
            (Err(fault), attempt) => put_off_unsent(tx, policy, row, (no, attempt.unwrap_or(1)), &fault).await?,
            (Ok(_), Err(fault)) => put_off_unsent(tx, policy, row, (no, 1), &fault.into()).await?,
        }
    }
    claimed.sort_by_key(|claimed| claimed.no);
    Ok(claimed)
}

/// Puts off a message that cannot be read, and raises an alarm.
async fn put_off_unsent(
    tx: &mut WriteTransaction,
    policy: &Policy,
    row: &Row,
    (no, attempt): (i64, i64),
    fault: &InternalError,
) -> Result<(), InternalError> {
    let (reason, now) = (plain_reason(&fault.to_string()), tx.now());
    let due = now + TimeDelta::seconds(policy.backoff.random_seconds(attempt)?);
    let sql = format!(
        "update {} set state = 'deferred', due_at = $1, last_error = $2 where no = $3 and done_at is null",
        policy.table
    );
    tx.db.execute(sql, args![due, &reason, no]).await?;
    let detail = format!("{} cannot be read, and is retried: {reason}", policy.noun);
    let kind = row.text("kind").unwrap_or_default();
    raise_delivery_alarm(tx, policy.alarm, &kind, &no.to_string(), &detail).await
}

/// Raises an alarm about a message. One about an alarm's own message is not announced, so that it causes no further one.
async fn raise_delivery_alarm(
    tx: &mut WriteTransaction,
    alarm: &str,
    message: &str,
    subject: &str,
    detail: &str,
) -> Result<(), InternalError> {
    if alarms::is_notice(message) {
        alarms::raise_unannounced_alarm(tx, alarm, subject, detail).await?;
    } else {
        alarms::raise_alarm(tx, alarm, subject, detail).await?;
    }
    Ok(())
}

async fn deliver<C: Channel>(app: &App, channel: &C, claimed: ClaimedItem<C::Message>) -> Result<bool, InternalError> {
    let attempt = channel.send(app, &claimed.message).await;
    count_attempt(app, channel, &claimed, &attempt);
    let accepted = attempt == Attempt::Accepted;
    let list = channel.follow_up_list(&claimed.message).filter(|_| accepted);
    let repeat = list.map(|list| (list, channel.clone(), claimed.clone()));
    let this = channel.clone();
    let done = app.write(move |tx| Box::pin(async move { store_attempt(tx, &this, &claimed, attempt).await })).await;
    match (done, repeat) {
        (Err(fault), Some((list, this, claimed))) if !may_pass(&fault) => {
            // The message is accepted all the same: only its follow-up is retried.
            let failure = ItemFailure::from(&fault);
            let job = app.write(move |tx| {
                Box::pin(async move {
                    accept_item(tx, &this, &claimed).await?;
                    failed_items::fail_item(tx, list, &claimed.no.to_string(), &failure).await
                })
            });
            job.await?;
        }
        (done, _) => done?,
    }
    Ok(accepted)
}

fn count_attempt<C: Channel>(app: &App, channel: &C, claimed: &ClaimedItem<C::Message>, attempt: &Attempt) {
    let outcome = match attempt {
        Attempt::Accepted => DeliveryOutcome::Accepted,
        Attempt::Deferred(_) => DeliveryOutcome::Deferred,
        Attempt::Refused(_) => DeliveryOutcome::Refused,
    };
    let (since, _) = channel.patience(&claimed.message);
    let age = (app.clock.now() - since).to_std().unwrap_or_default();
    METRICS.deliveries.count(channel.policy().metric, outcome, age);
}

/// The cause of the oldest message that waits, by kind: `email`, `webhook`.
pub async fn oldest_waiting(app: &App) -> Result<Vec<(String, Option<Instant>)>, InternalError> {
    let sql = "select 'email' as kind, min(created_at) as at from outbox where done_at is null
        union all select 'webhook' as kind, min(created_at) as at from webhook_messages where done_at is null";
    let rows = app.store.read().await?.fetch_all(sql, Vec::new()).await?;
    let oldest = |row: &Row| Ok((row.text("kind")?, row.opt_at("at")?));
    rows.iter().map(oldest).collect::<Result<_, DbError>>().map_err(InternalError::from)
}

async fn store_attempt<C: Channel>(
    tx: &mut WriteTransaction,
    channel: &C,
    claimed: &ClaimedItem<C::Message>,
    attempt: Attempt,
) -> Result<(), InternalError> {
    let (since, patience) = channel.patience(&claimed.message);
    match attempt {
        Attempt::Accepted => match accept_item(tx, channel, claimed).await? {
            true => channel.follow_up(tx, claimed).await,
            false => Ok(()),
        },
        Attempt::Refused(reason) => give_up(tx, channel, claimed, &reason).await,
        Attempt::Deferred(reason) if tx.now() - since >= patience => give_up(tx, channel, claimed, &reason).await,
        Attempt::Deferred(reason) => defer_item(tx, channel, claimed, &reason).await,
    }
}

/// Marks a message as accepted; whether it was not before.
async fn accept_item<C: Channel>(
    tx: &mut WriteTransaction,
    channel: &C,
    claimed: &ClaimedItem<C::Message>,
) -> Result<bool, InternalError> {
    let (policy, now) = (channel.policy(), tx.now());
    let sql = format!(
        "update {} set state = 'accepted', done_at = $1, last_error = null where no = $2 and done_at is null",
        policy.table
    );
    let first = tx.db.execute(sql, args![now, claimed.no]).await? > 0;
    for subject in channel.ended_alarms(claimed) {
        alarms::end_alarm(tx, policy.alarm, &subject).await?;
    }
    tracing::info!(no = claimed.no, kind = channel.kind(&claimed.message), "{} was accepted", policy.noun);
    Ok(first)
}

async fn defer_item<C: Channel>(
    tx: &mut WriteTransaction,
    channel: &C,
    claimed: &ClaimedItem<C::Message>,
    reason: &str,
) -> Result<(), InternalError> {
    let (policy, attempt) = (channel.policy(), claimed.attempt);
    let due = tx.now() + TimeDelta::seconds(policy.backoff.random_seconds(attempt)?);
    // Only if the claim is still ours.
    let sql = format!(
        "update {} set state = 'deferred', due_at = $1, last_error = $2
         where no = $3 and done_at is null and attempts = $4",
        policy.table
    );
    tx.db.execute(sql, args![due, reason, claimed.no, attempt]).await?;
    let kind = channel.kind(&claimed.message);
    tracing::warn!(no = claimed.no, kind, attempt, reason, "{} is tried again later", policy.noun);
    if attempt == policy.alarm_at_attempt {
        raise_delivery_alarm(tx, policy.alarm, kind, policy.receiver, &format!("{}: {reason}", policy.deferred))
            .await?;
    }
    Ok(())
}

async fn give_up<C: Channel>(
    tx: &mut WriteTransaction,
    channel: &C,
    claimed: &ClaimedItem<C::Message>,
    reason: &str,
) -> Result<(), InternalError> {
    let (policy, now) = (channel.policy(), tx.now());
    let sql = format!(
        "update {} set state = 'refused', done_at = $1, last_error = $2 where no = $3 and done_at is null",
        policy.table
    );
    if tx.db.execute(sql, args![now, reason, claimed.no]).await? > 0 {
        let detail = format!("{} was given up: {reason}{}", policy.noun, policy.given_up_hint);
        raise_delivery_alarm(tx, policy.alarm, channel.kind(&claimed.message), &channel.subject(claimed), &detail)
            .await?;
    }
    Ok(())
}
