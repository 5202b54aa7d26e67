//! What the SaaS's backend is told of what it did not cause itself: a top-up was credited, credits run low, none are
//! left. So that it can resume the jobs that it paused, or pause them before they are refused.
//!
//! Invariants: a message is written in the turn that causes it, once for a key; it keeps its id and its words however
//! often it is sent; it is claimed by moving its due instant forward in a turn, so that two processes do not send it
//! twice, and one that died is succeeded. Order is not kept: each message says when it was true.
//!
//! *Not here:* how a message is signed and sent (`hook`), what counts as low (`domain::news`).

use crate::args;
use crate::domain::news::What;
use crate::usecases::credits::export::rfc3339;
use crate::usecases::delivery::failed_items;
use crate::usecases::notify::emails::balance::Told;
use crate::usecases::purchases::Purchase;
use crate::usecases::{App, InternalError, Shop, alarms};

use crate::domain::{Account, Credits, Instant, Summary};
use crate::ledger::WriteTransaction;
use crate::store::Store;
use crate::store::db::{DbError, Row};
use crate::webhooks::{Delivered, Hook};
use chrono::TimeDelta;
use futures::StreamExt;
use serde::Serialize;
use serde_json::value::RawValue;
use std::fmt;
use tokio_util::sync::CancellationToken;

/// How many messages one round claims, and how many leave at once. The slowest round ends before its claims do.
const ROUND_MAX: i64 = 50;
const AT_ONCE_MAX: usize = 8;
/// How many rounds follow each other before others have their turn.
const ROUNDS_MAX: usize = 50;
/// How long a claim holds: after that the process is taken for dead.
const CLAIM_MINUTES: i64 = 5;
/// The first wait after a failure, tripled each time, and the longest.
const RETRY_SECONDS_MIN: i64 = 5;
const RETRY_SECONDS_MAX: i64 = 3 * 60 * 60;
/// How long a message is tried.
const GIVE_UP_DAYS: i64 = 3;
/// After so many failures (half an hour) a person hears of it, while it is still tried.
const ALARM_AT_ATTEMPT: i64 = 6;
/// The kind of that alarm, and of the one of a message that was given up.
const ALARM: &str = "hook";
/// How many lines `topup hooks list` has.
const LIST_MAX: i64 = 100;

/// The kinds of message.
pub const KINDS: [&str; 3] = [CREDITED, LOW, EXHAUSTED];
const CREDITED: &str = "top_up.credited";
const LOW: &str = "credits.low";
const EXHAUSTED: &str = "credits.exhausted";

/// A message, as Standard Webhooks shapes it.
#[derive(Serialize)]
struct Message<T> {
    #[serde(rename = "type")]
    kind: &'static str,
    /// When it was so.
    timestamp: String,
    data: T,
}

#[derive(Serialize)]
struct Credited<'a> {
    customer: &'a str,
    purchase: String,
    credits: Box<RawValue>,
    expires_at: String,
    balance: Balance,
}

#[derive(Serialize)]
struct Crossed<'a> {
    customer: &'a str,
    balance: Balance,
    /// The end of the cycle: the allowance is there again.
    resets_at: String,
    /// Where people buy, if their plan may.
    buy_url: Option<String>,
}

/// The five numbers that also answer a charge.
#[derive(Serialize)]
struct Balance {
    available: Box<RawValue>,
    plan: Box<RawValue>,
    courtesy: Box<RawValue>,
    top_up: Box<RawValue>,
    held: Box<RawValue>,
}

fn number(credits: Credits) -> Box<RawValue> {
    RawValue::from_string(credits.to_string()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

impl From<Summary> for Balance {
    fn from(s: Summary) -> Self {
        Self {
            available: number(s.available),
            plan: number(s.plan),
            courtesy: number(s.courtesy),
            top_up: number(s.top_up),
            held: number(s.held),
        }
    }
}

/// Writes that a purchase has been credited, in the turn that credits it.
///
/// # Errors
/// [`Fault`] of the database.
pub async fn credited(
    tx: &mut WriteTransaction,
    shop: &Shop,
    purchase: &Purchase,
    at: Instant,
    expires_at: Instant,
) -> Result<(), InternalError> {
    if !shop.hooked {
        return Ok(());
    }
    let account = tx.account(purchase.customer_no).await?.0;
    let data = Credited {
        customer: &account.customer,
        purchase: purchase.id.to_string(),
        credits: number(purchase.credits),
        expires_at: rfc3339(expires_at),
        balance: Summary::of(account, at).into(),
    };
    let message = Message { kind: CREDITED, timestamp: rfc3339(at), data };
    let (body, key) = (written(&message)?, format!("{CREDITED}:{}", purchase.id));
    enqueue(tx, purchase.customer_no, CREDITED, key, body).await
}

/// Writes what a balance has come to, in the turn that takes it off the list; nothing where it has become untrue.
///
/// # Errors
/// [`Fault`] of the database.
pub async fn crossed(
    tx: &mut WriteTransaction,
    shop: &Shop,
    no: i64,
    told: Told,
    account: &Account,
    low: Credits,
) -> Result<(), InternalError> {
    let balance = Summary::of(account, account.last_at);
    let left = balance.available + balance.held;
    // The gravest is on the list alone: credits may run low at the very charge that used the plan up.
    let kind = match told.what {
        What::Out if left.is_zero() => EXHAUSTED,
        What::Low | What::PlanUsedUp if left.is_positive() && left <= low => LOW,
        _ => return Ok(()),
    };
    if !shop.hooked {
        return Ok(());
    }
    let buys = tx.catalog.may_buy(&account.plan);
    let data = Crossed {
        customer: &account.customer,
        balance: balance.into(),
        resets_at: rfc3339(account.cycle.end),
        buy_url: buys.then(|| format!("{}/billing", shop.site)),
    };
    let body = written(&Message { kind, timestamp: rfc3339(told.at), data })?;
    enqueue(tx, no, kind, format!("{kind}:{no}:{}", told.seq), body).await
}

fn written(message: &impl Serialize) -> Result<String, InternalError> {
    serde_json::to_string(message).map_err(|e| InternalError::Broken(format!("a message could not be written: {e}")))
}

async fn enqueue(
    tx: &mut WriteTransaction,
    no: i64,
    kind: &'static str,
    key: String,
    body: String,
) -> Result<(), InternalError> {
    let (id, now) = (format!("msg_{}", tx.clock.mint().simple()), tx.now());
    let sql = "insert into webhook_messages (id, key, customer_no, kind, body, state, attempts, created_at, due_at)
        values ($1, $2, $3, $4, $5, 'queued', 0, $6, $6) on conflict (key) do nothing";
    tx.db.execute(sql, args![id, key, no, kind, body, now]).await?;
    Ok(())
}

/// When the next message after `after` is due, where messages leave at all.
///
/// # Errors
/// [`Fault`].
pub async fn next_due(app: &App, after: Instant) -> Result<Option<Instant>, InternalError> {
    if app.hook.is_none() {
        return Ok(None);
    }
    let sql = "select min(due_at) as due from webhook_messages where done_at is null and due_at > $1";
    let row = app.store.read().await?.fetch_optional(sql, args![after]).await?;
    Ok(row.map(|row| row.opt_at("due")).transpose()?.flatten())
}

/// How many are due.
///
/// # Errors
/// [`Fault`].
pub async fn backlog(app: &App) -> Result<i64, InternalError> {
    let sql = "select count(*) as n from webhook_messages where done_at is null and due_at <= $1";
    let row = app.store.read().await?.fetch_optional(sql, args![app.clock.now()]).await?;
    Ok(row.map_or(Ok(0), |row| row.int("n"))?)
}

/// Sends what is due, and begins no further round once told to `stop`; how many were accepted.
///
/// # Errors
/// [`Fault`] of the database; what the receiver says is a state of the message.
pub async fn send_due(app: &App, stop: &CancellationToken) -> Result<u64, InternalError> {
    let Some(hook) = &app.hook else { return Ok(0) };
    let _round = hook.round().await;
    let mut sent = 0;
    for _ in 0..ROUNDS_MAX {
        // Most ticks find nothing, and take no turn for it.
        if stop.is_cancelled() || backlog(app).await? == 0 {
            break;
        }
        let claimed = app.write(|tx| Box::pin(claim(tx))).await?;
        let sending = claimed.into_iter().map(|claimed| deliver(app, hook, claimed));
        let mut sending = futures::stream::iter(sending).buffer_unordered(AT_ONCE_MAX);
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

struct Claimed {
    no: i64,
    id: String,
    kind: String,
    body: String,
    attempt: i64,
    created_at: Instant,
}

/// Takes some due messages: nobody else takes them while the claim holds.
async fn claim(tx: &mut WriteTransaction) -> Result<Vec<Claimed>, InternalError> {
    let now = tx.now();
    let until = now + TimeDelta::minutes(CLAIM_MINUTES);
    let sql = "update webhook_messages set due_at = $1, attempts = attempts + 1
        where no in (select no from webhook_messages where done_at is null and due_at <= $2 order by due_at, no limit $3)
          and done_at is null and due_at <= $2
        returning no, id, kind, body, attempts, created_at";
    let rows = tx.db.fetch_all(sql, args![until, now, ROUND_MAX]).await?;
    let claimed = |row: &Row| {
        Ok(Claimed {
            no: row.int("no")?,
            id: row.text("id")?,
            kind: row.text("kind")?,
            body: row.text("body")?,
            attempt: row.int("attempts")?,
            created_at: row.at("created_at")?,
        })
    };
    let mut taken = Vec::with_capacity(rows.len());
    for row in &rows {
        match claimed(row) {
            Ok(claimed) => taken.push(claimed),
            Err(fault) => unreadable(tx, row.int("no")?, row.int("attempts").unwrap_or(1), &fault).await?,
        }
    }
    taken.sort_by_key(|claimed| claimed.no);
    Ok(taken)
}

/// A message that cannot be read: tried later, and a person hears of it.
async fn unreadable(tx: &mut WriteTransaction, no: i64, attempt: i64, fault: &DbError) -> Result<(), InternalError> {
    let (reason, now) = (failed_items::plain(&fault.to_string()), tx.now());
    let due = now + TimeDelta::seconds(retry_seconds(attempt, failed_items::dice()?));
    let sql = "update webhook_messages set state = 'deferred', due_at = $1, last_error = $2 where no = $3 and done_at is null";
    tx.db.execute(sql, args![due, &reason, no]).await?;
    alarms::raise(tx, ALARM, &no.to_string(), &format!("a message cannot be read, and is retried: {reason}")).await?;
    Ok(())
}

async fn deliver(app: &App, hook: &Hook, claimed: Claimed) -> Result<bool, InternalError> {
    let delivered = hook.send(&claimed.id, app.clock.real(), &claimed.body).await;
    let accepted = delivered == Delivered::Accepted;
    app.write(move |tx| {
        Box::pin(async move {
            match delivered {
                Delivered::Accepted => done(tx, &claimed).await,
                Delivered::Refused(reason) => give_up(tx, &claimed, &reason).await,
                Delivered::Deferred(reason) if tx.now() - claimed.created_at >= TimeDelta::days(GIVE_UP_DAYS) => {
                    give_up(tx, &claimed, &reason).await
                }
                Delivered::Deferred(reason) => defer(tx, &claimed, &reason).await,
            }
        })
    })
    .await?;
    Ok(accepted)
}

async fn done(tx: &mut WriteTransaction, claimed: &Claimed) -> Result<(), InternalError> {
    let now = tx.now();
    let sql = "update webhook_messages set state = 'accepted', done_at = $1, last_error = null where no = $2 and done_at is null";
    tx.db.execute(sql, args![now, claimed.no]).await?;
    for subject in ["endpoint", &claimed.id, &claimed.no.to_string()] {
        alarms::end(tx, ALARM, subject).await?;
    }
    tracing::info!(message = claimed.id, kind = claimed.kind, "a message was accepted");
    Ok(())
}

async fn defer(tx: &mut WriteTransaction, claimed: &Claimed, reason: &str) -> Result<(), InternalError> {
    let due = tx.now() + TimeDelta::seconds(retry_seconds(claimed.attempt, failed_items::dice()?));
    // Only if the claim is still ours.
    let sql = "update webhook_messages set state = 'deferred', due_at = $1, last_error = $2
        where no = $3 and done_at is null and attempts = $4";
    tx.db.execute(sql, args![due, reason, claimed.no, claimed.attempt]).await?;
    tracing::warn!(
        message = claimed.id,
        kind = claimed.kind,
        attempt = claimed.attempt,
        reason,
        "a message is tried again later"
    );
    if claimed.attempt == ALARM_AT_ATTEMPT {
        alarms::raise(tx, ALARM, "endpoint", &format!("messages have been deferred for long: {reason}")).await?;
    }
    Ok(())
}

async fn give_up(tx: &mut WriteTransaction, claimed: &Claimed, reason: &str) -> Result<(), InternalError> {
    let now = tx.now();
    let sql = "update webhook_messages set state = 'refused', done_at = $1, last_error = $2 where no = $3 and done_at is null";
    if tx.db.execute(sql, args![now, reason, claimed.no]).await? > 0 {
        let detail = format!("a message was given up: {reason}; `topup hooks retry` sends it again");
        alarms::raise(tx, ALARM, &claimed.id, &detail).await?;
    }
    Ok(())
}

/// Five seconds after the first failure, three times as long after each, three hours at most; up to a quarter more,
/// so that messages which failed together do not come back together.
fn retry_seconds(attempt: i64, dice: u8) -> i64 {
    let triplings = u32::try_from(attempt.clamp(1, 12) - 1).unwrap_or(0);
    let wait = (RETRY_SECONDS_MIN * 3_i64.pow(triplings)).min(RETRY_SECONDS_MAX);
    wait + wait * i64::from(dice) / 1_024
}

/// A message as `topup hooks list` shows it.
#[derive(Clone, Debug)]
pub struct Listed {
    id: String,
    kind: String,
    customer: String,
    state: String,
    attempts: i64,
    last_error: Option<String>,
    created_at: Instant,
    due_at: Option<Instant>,
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, kind, customer, state, attempts, .. } = self;
        let at = |at: Instant| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        write!(f, "{id} {} {kind} {customer}: {state} (attempts: {attempts})", at(self.created_at))?;
        if let Some(due) = self.due_at {
            write!(f, ", next {}", at(due))?;
        }
        self.last_error.as_ref().map_or(Ok(()), |reason| write!(f, ": {reason}"))
    }
}

/// What has not been accepted, or with `all` the newest of all; newest first.
///
/// # Errors
/// [`Fault`].
pub async fn list(store: &Store, all: bool) -> Result<Vec<Listed>, InternalError> {
    let sql =
        "select h.id, h.kind, c.id as customer, h.state, h.attempts, h.last_error, h.created_at, h.due_at, h.done_at
        from webhook_messages h join customers c on c.no = h.customer_no
        where h.state <> 'accepted' or $1 = 1 order by h.no desc limit $2";
    let rows = store.read().await?.fetch_all(sql, args![i64::from(all), LIST_MAX]).await?;
    let listed = |row: &Row| {
        let done = row.opt_at("done_at")?.is_some();
        Ok(Listed {
            id: row.text("id")?,
            kind: row.text("kind")?,
            customer: row.text("customer")?,
            state: row.text("state")?,
            attempts: row.int("attempts")?,
            last_error: row.opt_text("last_error")?,
            created_at: row.at("created_at")?,
            due_at: if done { None } else { row.opt_at("due_at")? },
        })
    };
    rows.iter().map(listed).collect::<Result<_, DbError>>().map_err(InternalError::from)
}

/// Has messages sent once more, whatever became of them, beginning now; those that there are none of.
///
/// # Errors
/// [`Fault`].
pub async fn again(app: &App, ids: &[String]) -> Result<Vec<String>, InternalError> {
    let ids = ids.to_vec();
    app.write(move |tx| {
        Box::pin(async move {
            let (mut unknown, now) = (Vec::new(), tx.now());
            for id in ids {
                let sql = "update webhook_messages set state = 'queued', attempts = 0, created_at = $1, due_at = $1,
                    done_at = null where id = $2";
                if tx.db.execute(sql, args![now, id.clone()]).await? == 0 {
                    unknown.push(id);
                }
            }
            Ok(unknown)
        })
    })
    .await
}

/// A message that is about nothing, sent at once and kept nowhere: whether the receiver takes it.
pub async fn probe(app: &App, hook: &Hook) -> Delivered {
    let (id, at) = (format!("msg_{}", app.clock.mint().simple()), app.clock.real());
    let body = serde_json::json!({"type": "topup.test", "timestamp": rfc3339(at), "data": {}}).to_string();
    hook.send(&id, at, &body).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_from_seconds_to_hours() {
        let waits: Vec<i64> = (1..=9).map(|attempt| retry_seconds(attempt, 0)).collect();
        assert_eq!(waits, [5, 15, 45, 135, 405, 1_215, 3_645, 10_800, 10_800]);
        assert_eq!(retry_seconds(i64::MAX, 255), 10_800 + 10_800 * 255 / 1_024);
    }
}
