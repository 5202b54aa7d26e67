//! Events that never reached us: Stripe keeps each for 30 days and tells them when asked.
//!
//! Webhooks are quicker; this is for those that were lost. Where we have read to stands in the store, so that a
//! process that was away for a week goes on from there. A database that has never read begins with now: what it
//! does not know was not sold by it.

use crate::args;
use crate::domain::Instant;
use crate::stripe::webhook::Envelope;
use crate::usecases::delivery::failed_items;
use crate::usecases::delivery::plain_reason;
use crate::usecases::stripe_sync::inbox::{self, EVENTS};
use crate::usecases::{App, InternalError, alarms};
use chrono::TimeDelta;

/// How often Stripe is asked.
const ASK_EVERY_MINUTES: i64 = 10;
/// How far before the last reading the next one begins: events may be told a little late.
const OVERLAP_MINUTES: i64 = 60;
/// How long Stripe keeps events.
const KEPT_DAYS: i64 = 30;
/// The most kinds that Stripe takes in one question.
const KINDS_MAX: usize = 20;

/// Reads what Stripe has told since the last time, and acts on what never reached us; how many events that were.
pub async fn fetch_missed_events(app: &App) -> Result<u64, InternalError> {
    let Some(stripe) = &app.stripe else { return Ok(0) };
    let now = app.clock.now();
    let sql = "select at from cursors where name = 'stripe_events'";
    let row = app.store.read().await?.fetch_optional(sql, Vec::new()).await?;
    let Some(read_to) = row.map(|row| row.at("at")).transpose()? else {
        mark_read(app, now).await?;
        return Ok(0);
    };
    if now - read_to < TimeDelta::minutes(ASK_EVERY_MINUTES) {
        return Ok(0);
    }
    let since = (read_to - TimeDelta::minutes(OVERLAP_MINUTES)).max(now - TimeDelta::days(KEPT_DAYS));
    let mut events = Vec::new();
    for kinds in EVENTS.chunks(KINDS_MAX) {
        let told = stripe.events_since(since.timestamp(), kinds).await;
        let told = told.map_err(|e| InternalError::Stripe(format!("its events could not be fetched: {e}")))?;
        events.extend(told.into_iter().rev());
    }
    events.sort_by_key(|event| event.created);
    let mut missed = 0;
    for event in events {
        let sql = "select id from inbox where id = $1";
        if app.store.read().await?.fetch_optional(sql, args![&event.id]).await?.is_some() {
            continue;
        }
        let object_id = event.object_id().map(str::to_owned);
        let (id, kind, created, livemode) = (event.id, event.kind, event.created, event.livemode);
        let envelope = Envelope { id, kind, created, livemode, object_id };
        // Where it cannot be acted on, it waits in the inbox from now on.
        match inbox::receive_event(app, &envelope).await {
            Ok(_) => missed += 1,
            Err(fault) if failed_items::may_pass(&fault) => return Err(fault),
            Err(fault) => alarm_unstored(app, envelope.id, &fault).await?,
        }
    }
    mark_read(app, now).await?;
    Ok(missed)
}

/// An event that failed is in the inbox, which names it; one that is not has no other place to be named in.
async fn alarm_unstored(app: &App, id: String, fault: &InternalError) -> Result<(), InternalError> {
    let sql = "select id from inbox where id = $1";
    if app.store.read().await?.fetch_optional(sql, args![&id]).await?.is_some() {
        return Ok(());
    }
    let reason = plain_reason(&fault.to_string());
    app.write(move |tx| {
        Box::pin(async move {
            let detail =
                format!("an event of Stripe could not be stored ({reason}); `topup reconcile` finds its effect");
            alarms::raise_alarm(tx, "webhook", &plain_reason(&id), &detail).await?;
            Ok(())
        })
    })
    .await
}

/// Notes how far we have read.
async fn mark_read(app: &App, to: Instant) -> Result<(), InternalError> {
    app.write(move |tx| {
        Box::pin(async move {
            let sql = "insert into cursors (name, at) values ('stripe_events', $1)
                on conflict (name) do update set at = excluded.at";
            tx.db.execute(sql, args![to]).await?;
            Ok(())
        })
    })
    .await
}
