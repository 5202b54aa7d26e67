//! Stripe's events: into the inbox first, acted on by fetching the object itself, done when what they
//! cause is committed (R8).

use super::purchases::{self, Settling};
use super::{Fault, Services, alarms, flat, subscriptions};
use crate::args;
use crate::stripe::webhook::Envelope;
use chrono::TimeDelta;

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// What it causes is committed, now or before.
    Done,
    /// Stripe could not be asked: it waits.
    Waiting,
    /// An event of the other mode.
    WrongMode,
}

/// After so many tries (66 minutes) a person hears of it; what waits for its customer has given up by then.
const ALARM_AT_ATTEMPT: i64 = 12;
/// How many waiting events one sweep tries.
const SWEEP_MAX: i64 = 50;

/// Takes a verified event in, and acts on it.
///
/// # Errors
/// [`Fault`].
pub async fn receive(services: &Services, event: &Envelope) -> Result<Received, Fault> {
    if services.stripe.as_ref().is_some_and(|stripe| stripe.livemode() != event.livemode) {
        wrong_mode(services, event).await?;
        return Ok(Received::WrongMode);
    }
    if store(services, event).await? {
        return Ok(Received::Done);
    }
    act(services, &event.id, &event.kind, event.object_id.as_deref().unwrap_or_default()).await
}

/// Puts an event into the inbox; says whether it was done before.
async fn store(services: &Services, event: &Envelope) -> Result<bool, Fault> {
    let event = event.clone();
    flat(
        services
            .ledger
            .job(move |turn| {
                Box::pin(async move {
                    let now = turn.now();
                    let soon = now + TimeDelta::seconds(30);
                    turn.link
                        .run(
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
                    let row = turn.link.one("select done_at from inbox where id = $1", args![&event.id]).await?;
                    Ok(row.map(|row| row.opt_int("done_at")).transpose()?.flatten().is_some())
                })
            })
            .await,
    )
}

async fn act(services: &Services, id: &str, kind: &str, object_id: &str) -> Result<Received, Fault> {
    let settled = if kind.starts_with("checkout.session.") {
        purchases::settle_session(services, object_id).await?
    } else if is_aftermath(kind) {
        purchases::look(services, object_id).await?
    } else if subscriptions::is_told_by(kind) {
        subscriptions::look(services, object_id).await?
    } else {
        Settling::Ignored
    };
    let (id, waits) = (id.to_owned(), settled == Settling::Waiting);
    flat(
        services
            .ledger
            .job(move |turn| {
                Box::pin(async move {
                    let now = turn.now();
                    if waits {
                        let sql = "update inbox set attempts = attempts + 1, last_error = 'stripe_unavailable',
                            due_at = $1 + 60000 * (attempts + 1) where id = $2 and done_at is null returning attempts";
                        let row = turn.link.one(sql, args![now, &id]).await?;
                        if row.map(|row| row.int("attempts")).transpose()? == Some(ALARM_AT_ATTEMPT) {
                            let detail = "an event of Stripe's has waited for more than an hour, as Stripe cannot be asked about it";
                            alarms::raise(turn, "webhook", &id, detail).await?;
                        }
                    } else {
                        let sql = "update inbox set done_at = $1 where id = $2 and done_at is null";
                        turn.link.run(sql, args![now, &id]).await?;
                    }
                    Ok(())
                })
            })
            .await,
    )?;
    Ok(if waits { Received::Waiting } else { Received::Done })
}

/// The events that are asked for where webhooks were lost: each object of ours is told of by one of them. Stripe takes
/// twenty at most in one question.
pub(crate) const KINDS: [&str; 20] = [
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
];

const _: () = assert!(KINDS.len() <= 20);

/// Whether an event may tell of a refund or a dispute. One sale is told of by several: the object decides.
fn is_aftermath(kind: &str) -> bool {
    kind.starts_with("refund.")
        || kind.starts_with("charge.dispute.")
        || kind.starts_with("charge.refund")
        || kind == "charge.updated"
}

async fn wrong_mode(services: &Services, event: &Envelope) -> Result<(), Fault> {
    let mode = if event.livemode { "live" } else { "test" };
    let detail = format!("an event of {mode} mode reached an endpoint of the other mode; it was refused");
    flat(
        services
            .ledger
            .job(move |turn| {
                Box::pin(async move {
                    alarms::raise(turn, "wrong_mode", "webhook", &detail).await?;
                    Ok(())
                })
            })
            .await,
    )
}

/// Somebody who knows the secret signed an event at another time than ours: this machine's clock is off, or an old
/// event is played again. Said once until it is acknowledged, however many come: the first alone takes a turn.
///
/// # Errors
/// [`Fault`].
pub async fn out_of_time(services: &Services) -> Result<(), Fault> {
    let sql = "select 1 as n from alarms where key = 'clock:webhook' and acknowledged_at is null";
    if services.store.read().await?.one(sql, Vec::new()).await?.is_some() {
        return Ok(());
    }
    let job = services.ledger.job(|turn| {
        Box::pin(async move {
            let detail = "a signed event was more than 300 seconds from this machine's time, and was refused";
            alarms::raise(turn, "clock", "webhook", detail).await?;
            Ok(())
        })
    });
    flat(job.await)
}

/// Tries again what waits in the inbox.
///
/// # Errors
/// [`Fault`].
pub async fn sweep(services: &Services) -> Result<(), Fault> {
    let sql = "select id, type, object_id from inbox where done_at is null and due_at <= $1 order by due_at limit $2";
    let rows = services.store.read().await?.all(sql, args![services.clock.now(), SWEEP_MAX]).await?;
    for row in rows {
        act(services, &row.text("id")?, &row.text("type")?, &row.text("object_id")?).await?;
    }
    Ok(())
}

/// Acts on one event now, whether or not it is due; an unknown one and one that is done are done.
///
/// # Errors
/// [`Fault`].
pub async fn retry(services: &Services, id: &str) -> Result<Received, Fault> {
    let sql = "select type, object_id from inbox where id = $1 and done_at is null";
    let row = services.store.read().await?.one(sql, args![id]).await?;
    let Some(row) = row else { return Ok(Received::Done) };
    act(services, id, &row.text("type")?, &row.text("object_id")?).await
}
