//! The sweep: with every webhook lost and every tab closed, what was paid is credited all the same.
//!
//! Bounded: so many purchases at a time, so many times in one run. Resumable: who was asked about stands in
//! the store, so that a run that is cut off is taken up where it ended.
//!
//! What failed or expired may still be paid late. It is asked about for two weeks, each time after as long again as
//! it has waited already (eight times or so), a few in a run and after all others.

use super::super::{Fault, Services, flat};
use super::{Settling, settle, start};
use crate::args;
use crate::domain::{Instant, PurchaseId};
use crate::store::db::Row;
use chrono::TimeDelta;
use futures::future::join_all;

/// How many purchases are asked about at once.
const AT_ONCE: i64 = 8;
/// How many such rounds one run makes.
const ROUNDS_MAX: usize = 250;
/// How often the sweep asks about one purchase.
const ASK_EVERY_MINUTES: i64 = 1;
/// How long a purchase is left alone before the sweep asks.
const SWEEP_AFTER_MINUTES: i64 = 2;

/// How long what failed or expired is asked about.
const LATE_DAYS: i64 = 14;
/// When it is asked about first, counted from the click.
const LATE_AFTER_MINUTES: i64 = 60;

/// Asks Stripe about purchases that have waited for a while. Each is asked about once a minute at most;
/// those not asked for longest come first. Where Stripe does not answer, the run ends: the others would
/// wait as long.
///
/// # Errors
/// [`Fault`].
pub async fn sweep(services: &Services) -> Result<(), Fault> {
    if services.stripe.is_none() {
        return Ok(());
    }
    for _ in 0..ROUNDS_MAX {
        let due = due(services).await?;
        if due.is_empty() {
            break;
        }
        if !ask(services, due).await? {
            return Ok(());
        }
    }
    let late = late(services).await?;
    if !late.is_empty() {
        ask(services, late).await?;
    }
    Ok(())
}

/// How many purchases the sweep would ask about now.
///
/// # Errors
/// [`Fault`].
pub async fn waiting(services: &Services) -> Result<i64, Fault> {
    let now = services.clock.now();
    let (before, asked) = (now - TimeDelta::minutes(SWEEP_AFTER_MINUTES), now - TimeDelta::minutes(ASK_EVERY_MINUTES));
    let sql = "select count(*) as n from purchases
        where state in ('created', 'open', 'processing') and created_at <= $1 and coalesce(asked_at, 0) <= $2";
    let row = services.store.read().await?.one(sql, args![before, asked]).await?;
    Ok(row.map_or(Ok(0), |row| row.int("n"))?)
}

/// When next, after `now`, a purchase is given up or its Checkout ends. That others are asked about every minute
/// meanwhile is no reason to stop a clock there.
///
/// # Errors
/// [`Fault`].
pub async fn next_due(services: &Services, now: Instant) -> Result<Option<Instant>, Fault> {
    if services.stripe.is_none() {
        return Ok(None);
    }
    let given_up = now - start::open_deadline(now);
    let sql = "select (select min(created_at) from purchases where state = 'created' and created_at > $1) as made,
        (select min(checkout_expires_at) from purchases
          where state in ('created', 'open', 'processing') and checkout_expires_at > $2) as ends";
    let row = services.store.read().await?.one(sql, args![now - given_up, now]).await?;
    let Some(row) = row else { return Ok(None) };
    let made = row.opt_at("made")?.map(|made| made + given_up);
    Ok(made.into_iter().chain(row.opt_at("ends")?).min())
}

/// Asks about some; false where Stripe did not answer.
async fn ask(services: &Services, due: Vec<Due>) -> Result<bool, Fault> {
    let opened: Vec<_> = due.iter().filter(|one| one.opened).map(|one| one.id).collect();
    asked_about(services, due).await?;
    for settled in join_all(opened.into_iter().map(|id| settle(services, id, None))).await {
        if settled? == Settling::Waiting {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A purchase that waits.
struct Due {
    id: PurchaseId,
    opened: bool,
    created_at: Instant,
}

async fn due(services: &Services) -> Result<Vec<Due>, Fault> {
    let now = services.clock.now();
    let sql = "select id, state, created_at from purchases
        where state in ('created', 'open', 'processing') and created_at <= $1 and coalesce(asked_at, 0) <= $2
        order by coalesce(asked_at, 0), created_at limit $3";
    let (before, asked) = (now - TimeDelta::minutes(SWEEP_AFTER_MINUTES), now - TimeDelta::minutes(ASK_EVERY_MINUTES));
    rows(services.store.read().await?.all(sql, args![before, asked, AT_ONCE]).await?)
}

/// What failed or expired and may be paid all the same. Asked about when as much time has passed since the last
/// question as had passed before it.
async fn late(services: &Services) -> Result<Vec<Due>, Fault> {
    let now = services.clock.now();
    let sql = "select id, state, created_at from purchases
        where state in ('expired', 'failed') and session_id is not null
          and created_at > $1 and created_at <= $2 and coalesce(asked_at, created_at) <= $3 - ($3 - created_at) / 2
        order by coalesce(asked_at, created_at), created_at limit $4";
    let (since, until) = (now - TimeDelta::days(LATE_DAYS), now - TimeDelta::minutes(LATE_AFTER_MINUTES));
    rows(services.store.read().await?.all(sql, args![since, until, now, AT_ONCE]).await?)
}

fn rows(rows: Vec<Row>) -> Result<Vec<Due>, Fault> {
    let mut due = Vec::with_capacity(rows.len());
    for row in rows {
        let (id, opened) = (PurchaseId(row.uuid("id")?), row.text("state")? != "created");
        due.push(Due { id, opened, created_at: row.at("created_at")? });
    }
    Ok(due)
}

/// Notes that they are asked about, and gives up those that could not be opened in time.
async fn asked_about(services: &Services, due: Vec<Due>) -> Result<(), Fault> {
    let job = services.ledger.job(move |turn| {
        Box::pin(async move {
            let now = turn.now();
            for one in due {
                turn.link.run("update purchases set asked_at = $1 where id = $2", args![now, one.id.bytes()]).await?;
                if !one.opened && one.created_at <= start::open_deadline(now) {
                    start::expire(turn, one.id).await?;
                }
            }
            Ok(())
        })
    });
    flat(job.await)
}
