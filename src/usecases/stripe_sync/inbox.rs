//! Stripe's events: into the inbox first, acted on by fetching the object itself, done when what they
//! cause is committed (R8).

use crate::args;
use crate::ledger::WriteTransaction;
use crate::store::db::{DbError, Row};
use crate::stripe::webhook::Envelope;
use crate::usecases::delivery::failed_items;
use crate::usecases::delivery::failed_items::ItemFailure;
use crate::usecases::delivery::plain_reason;
use crate::usecases::delivery::rounds;
use crate::usecases::purchases::Fulfillment;
use crate::usecases::{App, InternalError, alarms, auto_top_up, purchases, subscriptions};
use chrono::TimeDelta;

/// The result of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// Its effects are committed, now or before.
    Done,
    /// Stripe could not be asked: it waits.
    Waiting,
    /// An event of the other mode.
    WrongMode,
}

/// Tries before an alarm is raised (66 minutes); what waits for its customer has given up by then.
const ALARM_AT_ATTEMPT: i64 = 12;
/// The kind of that alarm; its subject is the event's id.
const ALARM: &str = "webhook";
/// How many waiting events one round of the sweep tries, how many of them at once, and how many rounds a run has.
const ROUND_MAX: i64 = 16;
const AT_ONCE_MAX: usize = 8;
const ROUNDS_MAX: usize = 250;
/// Rounds without any success that end a run.
const UNANSWERED_MAX: usize = 3;

/// Takes a verified event in, and acts on it.
pub async fn receive_event(app: &App, event: &Envelope) -> Result<Received, InternalError> {
    if app.stripe.as_ref().is_some_and(|stripe| stripe.livemode() != event.livemode) {
        wrong_mode(app, event).await?;
        return Ok(Received::WrongMode);
    }
    let Some(attempts) = store_event(app, event).await? else {
        return Ok(Received::Done);
    };
    let about = (event.kind.clone(), event.object_id.clone().unwrap_or_default());
    handle_event(app, InboxEvent { id: event.id.clone(), attempts, about: Some(about) }).await
}

/// Puts an event into the inbox; how many attempts it has had, or none where it was done before.
async fn store_event(app: &App, event: &Envelope) -> Result<Option<i64>, InternalError> {
    let event = event.clone();
    app.write(move |tx| {
        Box::pin(async move {
            let now = tx.now();
            let soon = now + TimeDelta::seconds(30);
            tx.db
                .execute(
                    "insert into inbox (id, type, object_id, created_at, received_at, due_at, attempts)
                             values ($1, $2, $3, $4, $5, $6, 0) on conflict (id) do nothing",
                    args![
                        &event.id,
                        &event.kind,
                        event.object_id.as_deref().unwrap_or_default(),
                        event.created.saturating_mul(1_000),
                        now,
                        soon
                    ],
                )
                .await?;
            let sql = "select attempts from inbox where id = $1 and done_at is null";
            let row = tx.db.fetch_optional(sql, args![&event.id]).await?;
            Ok(row.map(|row| row.int("attempts")).transpose()?)
        })
    })
    .await
}

/// An event of the inbox.
#[derive(Clone)]
struct InboxEvent {
    id: String,
    /// Attempts before this one: where another process counts the same attempt, it is counted once.
    attempts: i64,
    /// Its type and the id of its object, where they can be read.
    about: Option<(String, String)>,
}

impl InboxEvent {
    /// Of a row; none where not even its id can be read.
    fn from_row(row: &Row) -> Option<Self> {
        let about = || Ok::<_, DbError>((row.text("type")?, row.text("object_id")?));
        Some(Self { id: row.text("id").ok()?, attempts: row.int("attempts").ok()?, about: about().ok() })
    }
}

/// Acts on an event now. Where it fails, it is retried later.
async fn handle_event(app: &App, event: InboxEvent) -> Result<Received, InternalError> {
    let attempted = attempt_event(app, event.clone()).await;
    if let Err(fault) = attempted.as_ref()
        && !failed_items::may_pass(fault)
    {
        record_event_failures(app, vec![(event, ItemFailure::from(fault))]).await?;
    }
    attempted
}

/// Acts on an event, and notes that it is done, or that it waits for Stripe.
async fn attempt_event(app: &App, event: InboxEvent) -> Result<Received, InternalError> {
    let Some((kind, object_id)) = &event.about else {
        return Err(InternalError::Broken("the event's row cannot be read".to_owned()));
    };
    let outcome = if kind.starts_with("checkout.session.") {
        purchases::fulfill_session(app, object_id).await?
    } else if is_refund_or_dispute(kind) {
        purchases::update_payment(app, object_id).await?
    } else if purchases::has_invoice(app, object_id).await? {
        purchases::fulfill_session(app, object_id).await?
    } else if kind == "customer.updated" {
        auto_top_up::address_changed(app, object_id).await?;
        Fulfillment::Done
    } else if subscriptions::is_told_by(kind) {
        subscriptions::update_plan(app, object_id).await?
    } else {
        Fulfillment::NotOurs
    };
    let waits = outcome == Fulfillment::Retry;
    app.write(move |tx| {
        Box::pin(async move { if waits { put_event_off(tx, &event).await } else { mark_done(tx, &event.id).await } })
    })
    .await?;
    Ok(if waits { Received::Waiting } else { Received::Done })
}

async fn mark_done(tx: &mut WriteTransaction, id: &str) -> Result<(), InternalError> {
    let now = tx.now();
    let sql = "update inbox set done_at = $1, last_error = null where id = $2 and done_at is null returning attempts";
    let row = tx.db.fetch_optional(sql, args![now, id]).await?;
    if row.map(|row| row.int("attempts")).transpose()?.is_some_and(|attempts| attempts > 0) {
        alarms::end_alarm(tx, ALARM, id).await?;
    }
    Ok(())
}

/// Stripe could not be asked: once more, a minute later than the last time.
async fn put_event_off(tx: &mut WriteTransaction, event: &InboxEvent) -> Result<(), InternalError> {
    let attempt = event.attempts.saturating_add(1);
    let seconds = attempt.saturating_mul(60).min(failed_items::WAIT_SECONDS_MAX);
    let counted = retry_event_later(tx, event, "stripe_unavailable", seconds).await?;
    if counted && attempt == ALARM_AT_ATTEMPT {
        let detail = "an event of Stripe has waited for more than an hour, since Stripe can't be reached";
        alarms::raise_alarm(tx, ALARM, &event.id, detail).await?;
    }
    Ok(())
}

/// Events that failed by themselves: each is retried later, and an alarm is raised.
async fn record_event_failures(app: &App, failed: Vec<(InboxEvent, ItemFailure)>) -> Result<(), InternalError> {
    app.write(move |tx| {
        Box::pin(async move {
            for (event, failure) in failed {
                let (attempt, reason) = (event.attempts.saturating_add(1), plain_reason(&failure.reason));
                let seconds = failed_items::RETRIES.random_seconds(attempt)?;
                if !retry_event_later(tx, &event, &reason, seconds).await? {
                    continue;
                }
                tracing::error!(
                    event = event.id,
                    attempt,
                    error = reason,
                    "an event of Stripe failed and will be retried"
                );
                if attempt >= failure.alarm_at {
                    let detail = format!("an event of Stripe failed and will be retried: {reason}");
                    alarms::raise_alarm(tx, ALARM, &event.id, &detail).await?;
                }
            }
            Ok(())
        })
    })
    .await
}

/// Counts an attempt and sets the next one; whether another process had not counted it already.
async fn retry_event_later(
    tx: &mut WriteTransaction,
    event: &InboxEvent,
    reason: &str,
    seconds: i64,
) -> Result<bool, InternalError> {
    let due = tx.now() + TimeDelta::seconds(seconds);
    let sql = "update inbox set attempts = attempts + 1, last_error = $1, due_at = $2
        where id = $3 and attempts = $4 and done_at is null returning attempts";
    Ok(tx.db.fetch_optional(sql, args![reason, due, &event.id, event.attempts]).await?.is_some())
}

/// The events that move something: the endpoint asks for them, and so does the search for missed ones.
pub(crate) const EVENTS: [&str; 22] = [
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "charge.refunded",
    "charge.refund.updated",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_reinstated",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.voided",
    "customer.updated",
];

/// True if an event may report a refund or a dispute. Several events report one sale: the object decides. An endpoint
/// that the shop made itself may send `charge.updated` too.
fn is_refund_or_dispute(kind: &str) -> bool {
    kind.starts_with("refund.")
        || kind.starts_with("charge.dispute.")
        || kind.starts_with("charge.refund")
        || kind == "charge.updated"
}

async fn wrong_mode(app: &App, event: &Envelope) -> Result<(), InternalError> {
    let mode = if event.livemode { "live" } else { "test" };
    let detail = format!("an event of {mode} mode reached an endpoint of the other mode and was refused");
    app.write(move |tx| {
        Box::pin(async move {
            alarms::raise_alarm(tx, "wrong_mode", "webhook", &detail).await?;
            Ok(())
        })
    })
    .await
}

/// Somebody who knows the secret signed an event at another time than ours: this machine's clock is off, or an old
/// event is played again. Said once until it is acknowledged, however many come: the first alone takes a transaction.
pub async fn signature_out_of_time(app: &App) -> Result<(), InternalError> {
    let sql = "select 1 as n from alarms where key = 'clock:webhook' and acknowledged_at is null";
    if app.store.read().await?.fetch_optional(sql, Vec::new()).await?.is_some() {
        return Ok(());
    }
    app.write(|tx| {
        Box::pin(async move {
            let detail = "a signed event was more than 300 seconds from this machine's time, and was refused";
            alarms::raise_alarm(tx, "clock", "webhook", detail).await?;
            Ok(())
        })
    })
    .await
}

/// Tries again what waits in the inbox; how many events are done. One that fails keeps no other from its turn; where
/// Stripe answers about nothing at all, the run ends.
pub async fn sweep_inbox(app: &App) -> Result<u64, InternalError> {
    let sql = "select id, type, object_id, attempts from inbox where done_at is null and due_at <= $1 order by due_at limit $2";
    let (mut done, mut unanswered) = (0, 0);
    for _ in 0..ROUNDS_MAX {
        let rows = app.store.read().await?.fetch_all(sql, args![app.clock.now(), ROUND_MAX]).await?;
        let events: Vec<InboxEvent> = rows.iter().filter_map(InboxEvent::from_row).collect();
        if events.is_empty() || unanswered >= UNANSWERED_MAX {
            break;
        }
        let act = |event: InboxEvent| async move { Ok(u64::from(attempt_event(app, event).await? == Received::Done)) };
        let round = rounds::run_round(events, AT_ONCE_MAX, act).await;
        done += round.done;
        unanswered = if round.done == 0 { unanswered + 1 } else { 0 };
        if !round.failed.is_empty() {
            record_event_failures(app, round.failed).await?;
        }
        if let Some(fault) = round.stopped {
            return Err(fault);
        }
    }
    Ok(done)
}

/// Acts on one event now, whether or not it is due; an unknown one and one that is done are done.
pub async fn retry_stored_event(app: &App, id: &str) -> Result<Received, InternalError> {
    let sql = "select id, type, object_id, attempts from inbox where id = $1 and done_at is null";
    let row = app.store.read().await?.fetch_optional(sql, args![id]).await?;
    match row.as_ref().and_then(InboxEvent::from_row) {
        Some(event) => handle_event(app, event).await,
        None => Ok(Received::Done),
    }
}
