//! Webhooks that wait to leave, and their states.
//!
//! A message keeps its id and its text however often it is sent. Order is not kept: each message has its own instant.
//!
//! *Not here:* claims and retries (`queue`), signing and HTTP (`webhooks` at the crate's root), the messages
//! (`notify`).

use crate::args;
use crate::domain::Instant;
use crate::ledger::WriteTransaction;
use crate::store::Store;
use crate::store::db::{DbError, Row};
use crate::time_zone;
use crate::usecases::delivery::backoff::Backoff;
use crate::usecases::delivery::failed_items::FailedItemList;
use crate::usecases::delivery::queue;
use crate::usecases::delivery::queue::{Attempt, Channel, ClaimedItem, Policy};
use crate::usecases::{App, InternalError};
use crate::webhooks::{Delivered, Hook};
use chrono::TimeDelta;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::fmt;
use tokio_util::sync::CancellationToken;

/// Days that a message is tried.
const GIVE_UP_DAYS: i64 = 3;
/// Lines of `topup hooks list` at most.
const LIST_MAX: i64 = 100;
/// Five seconds after the first failure, three times as long after each, three hours at most.
const RETRIES: Backoff = Backoff { first: 5, factor: 3, max: 3 * 60 * 60, limit: i64::MAX };

const POLICY: Policy = Policy {
    table: "webhook_messages",
    metric: "webhook",
    condition: "",
    columns: "id, kind, body, created_at, traceparent",
    round_max: 50,
    at_once_max: 8,
    claim_minutes: 5,
    backoff: RETRIES,
    alarm_at_attempt: 6,
    alarm: "hook",
    receiver: "endpoint",
    noun: "a message",
    deferred: "messages have been deferred for long",
    given_up_hint: "; `topup hooks retry` sends it again",
};

#[derive(Clone)]
struct Webhooks(Hook);

#[derive(Clone)]
struct QueuedWebhook {
    id: String,
    kind: String,
    body: String,
    created_at: Instant,
    /// Of the request that caused it.
    traceparent: Option<String>,
}

impl Channel for Webhooks {
    type Message = QueuedWebhook;

    fn policy(&self) -> &'static Policy {
        &POLICY
    }

    fn prepare<'a>(
        &'a self,
        _: &'a mut WriteTransaction,
        row: &'a Row,
    ) -> BoxFuture<'a, Result<QueuedWebhook, InternalError>> {
        Box::pin(async move {
            Ok(QueuedWebhook {
                id: row.text("id")?,
                kind: row.text("kind")?,
                body: row.text("body")?,
                created_at: row.at("created_at")?,
                traceparent: row.opt_text("traceparent")?,
            })
        })
    }

    fn send<'a>(&'a self, app: &'a App, message: &'a QueuedWebhook) -> BoxFuture<'a, Attempt> {
        let sent = self.0.send(&message.id, app.clock.real(), &message.body, message.traceparent.as_deref()).map(
            |delivered| match delivered {
                Delivered::Accepted => Attempt::Accepted,
                Delivered::Deferred(reason) => Attempt::Deferred(reason),
                Delivered::Refused(reason) => Attempt::Refused(reason),
            },
        );
        Box::pin(sent)
    }

    fn patience(&self, message: &QueuedWebhook) -> (Instant, TimeDelta) {
        (message.created_at, TimeDelta::days(GIVE_UP_DAYS))
    }

    fn kind<'a>(&self, message: &'a QueuedWebhook) -> &'a str {
        &message.kind
    }

    fn subject(&self, claimed: &ClaimedItem<QueuedWebhook>) -> String {
        claimed.message.id.clone()
    }

    fn ended_alarms(&self, claimed: &ClaimedItem<QueuedWebhook>) -> Vec<String> {
        vec!["endpoint".to_owned(), claimed.message.id.clone(), claimed.no.to_string()]
    }

    fn follow_up<'a>(
        &'a self,
        _: &'a mut WriteTransaction,
        _: &'a ClaimedItem<QueuedWebhook>,
    ) -> BoxFuture<'a, Result<(), InternalError>> {
        Box::pin(async { Ok(()) })
    }

    fn follow_up_list(&self, _: &QueuedWebhook) -> Option<FailedItemList> {
        None
    }
}

/// Sends the messages that are due, and begins no further round after `stop`; how many were accepted.
///
/// # Errors
/// Those of the database; an answer of the receiver is a state of the message.
pub async fn send_due_webhooks(app: &App, stop: &CancellationToken) -> Result<u64, InternalError> {
    let Some(hook) = &app.hook else { return Ok(0) };
    let _round = hook.round().await;
    queue::send_due_items(app, &Webhooks(hook.clone()), stop).await
}

/// When the next message after `after` is due, where messages leave at all.
pub async fn next_webhook_due(app: &App, after: Instant) -> Result<Option<Instant>, InternalError> {
    if app.hook.is_none() {
        return Ok(None);
    }
    let sql = "select min(due_at) as due from webhook_messages where done_at is null and due_at > $1";
    let row = app.store.read().await?.fetch_optional(sql, args![after]).await?;
    Ok(row.map(|row| row.opt_at("due")).transpose()?.flatten())
}

/// How many are due.
pub async fn webhook_backlog(app: &App) -> Result<i64, InternalError> {
    let sql = "select count(*) as n from webhook_messages where done_at is null and due_at <= $1";
    let row = app.store.read().await?.fetch_optional(sql, args![app.clock.now()]).await?;
    Ok(row.map_or(Ok(0), |row| row.int("n"))?)
}

/// A message as `topup hooks list` shows it.
#[derive(Clone, Debug)]
pub struct WebhookSummary {
    id: String,
    kind: String,
    customer: String,
    state: String,
    attempts: i64,
    last_error: Option<String>,
    created_at: Instant,
    due_at: Option<Instant>,
}

impl fmt::Display for WebhookSummary {
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

/// The messages that are not accepted, or with `all` the newest of all; newest first.
pub async fn list_webhooks(store: &Store, all: bool) -> Result<Vec<WebhookSummary>, InternalError> {
    let sql =
        "select h.id, h.kind, coalesce(c.id, '') as customer, h.state, h.attempts, h.last_error, h.created_at, h.due_at, h.done_at
        from webhook_messages h left join customers c on c.no = h.customer_no
        where h.state <> 'accepted' or $1 = 1 order by h.no desc limit $2";
    let rows = store.read().await?.fetch_all(sql, args![i64::from(all), LIST_MAX]).await?;
    let summary = |row: &Row| {
        let done = row.opt_at("done_at")?.is_some();
        Ok(WebhookSummary {
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
    rows.iter().map(summary).collect::<Result<_, DbError>>().map_err(InternalError::from)
}

/// Sends messages once more, whatever their state, beginning now; returns the ids that are unknown.
pub async fn resend_webhooks(app: &App, ids: &[String]) -> Result<Vec<String>, InternalError> {
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

/// Sends a test message at once, which is stored nowhere.
pub async fn send_test_webhook(app: &App, hook: &Hook) -> Delivered {
    let (id, at) = (format!("msg_{}", app.clock.mint().simple()), app.clock.real());
    let body = serde_json::json!({"type": "topup.test", "timestamp": time_zone::rfc3339(at), "data": {}}).to_string();
    hook.send(&id, at, &body, None).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_from_seconds_to_hours() {
        let waits: Vec<i64> = (1..=9).map(|attempt| RETRIES.seconds(attempt, 0)).collect();
        assert_eq!(waits, [5, 15, 45, 135, 405, 1_215, 3_645, 10_800, 10_800]);
        assert_eq!(RETRIES.seconds(i64::MAX, 255), 10_800 + 10_800 * 255 / 1_024);
    }
}
