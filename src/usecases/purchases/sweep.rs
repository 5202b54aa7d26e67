//! The sweep: with every webhook lost and every tab closed, what was paid is credited all the same.
//!
//! Bounded: so many purchases at a time, so many times in one run. Resumable: who was asked about stands in
//! the store, so that a run that is cut off is taken up where it ended.
//!
//! A failed or expired purchase may still be paid late. Stripe is asked for two weeks, each time after as long again as
//! it has waited already (eight times or so), a few in a run and after all others.

use crate::args;
use crate::domain::{Instant, Origin, PurchaseId, PurchaseState};
use crate::store::db::Row;
use crate::usecases::delivery::failed_items;
use crate::usecases::delivery::rounds;
use crate::usecases::purchases::fulfill::fulfill;
use crate::usecases::purchases::purchase::{Fulfillment, expire_purchase, find_purchase, open_deadline};
use crate::usecases::{App, InternalError};
use chrono::TimeDelta;

/// How many purchases one round asks about, all at once.
const ROUND: i64 = 8;
const AT_ONCE: usize = 8;
/// Rounds without any answer of Stripe's that end a run.
const UNANSWERED_MAX: usize = 3;
/// How many such rounds one run makes.
const ROUNDS_MAX: usize = 250;
/// How often the sweep asks about one purchase at most.
const ASK_EVERY_MINUTES: i64 = 1;
/// How long a purchase is left alone before the sweep asks.
const SWEEP_AFTER_MINUTES: i64 = 2;

/// How long what failed or expired is asked about.
const LATE_DAYS: i64 = 14;
/// When it is asked about first, counted from the click.
const LATE_AFTER_MINUTES: i64 = 60;

/// Asks Stripe about purchases that have waited for a while; how many it answered about. Each is asked about once a
/// minute at most, and less often the older it is; those not asked for longest come first. One that fails, or that
/// Stripe does not answer about, is asked about later, by itself. Where Stripe answers about nothing at all, the run
/// ends: the others would wait as long.
pub async fn sweep_purchases(app: &App) -> Result<u64, InternalError> {
    if app.stripe.is_none() {
        return Ok(0);
    }
    let act = |item: String| async move {
        ask_about_item(app, &item).await?;
        Ok(1)
    };
    let mut run = rounds::ItemRun::new(app, failed_items::PURCHASES, AT_ONCE);
    let mut done = run.retry(act).await?;
    let mut unanswered = 0;
    for _ in 0..ROUNDS_MAX {
        let due = due_purchases(app).await?;
        if due.is_empty() {
            break;
        }
        let items = asked_about(app, due).await?;
        let some = !items.is_empty();
        let round = run.serve(items, act).await?;
        done += round;
        unanswered = if some && round == 0 { unanswered + 1 } else { 0 };
        if unanswered >= UNANSWERED_MAX {
            return Ok(done);
        }
    }
    let late = late_purchases(app).await?;
    if !late.is_empty() {
        let items = asked_about(app, late).await?;
        done += run.serve(items, act).await?;
    }
    Ok(done)
}

/// How many purchases the sweep would ask about now.
pub async fn unfinished_purchases(app: &App) -> Result<i64, InternalError> {
    let now = app.clock.now();
    let (before, asked) = (now - TimeDelta::minutes(SWEEP_AFTER_MINUTES), now - TimeDelta::minutes(ASK_EVERY_MINUTES));
    let sql = format!("select count(*) as n from purchases where {DUE}");
    let row = app.store.read().await?.fetch_optional(sql, args![before, now, asked]).await?;
    Ok(row.map_or(Ok(0), |row| row.int("n"))?)
}

/// When next, after `now`, a purchase is given up or its Checkout ends. That others are asked about every minute
/// meanwhile is no reason to stop a clock there.
pub async fn next_purchase_due(app: &App, now: Instant) -> Result<Option<Instant>, InternalError> {
    if app.stripe.is_none() {
        return Ok(None);
    }
    let given_up = now - open_deadline(now);
    let sql = "select (select min(created_at) from purchases where state = 'created' and origin <> 'automatic' and created_at > $1) as made,
        (select min(checkout_expires_at) from purchases
          where state in ('created', 'open', 'processing') and checkout_expires_at > $2) as ends";
    let row = app.store.read().await?.fetch_optional(sql, args![now - given_up, now]).await?;
    let Some(row) = row else { return Ok(None) };
    let made = row.opt_at("made")?.map(|made| made + given_up);
    Ok(made.into_iter().chain(row.opt_at("ends")?).min())
}

/// Asks about one; gives up one that could not be opened in time.
async fn ask_about_item(app: &App, item: &str) -> Result<(), InternalError> {
    let Some(id) = PurchaseId::parse(item) else { return expire_unreadable(app, item).await };
    let Some(purchase) = find_purchase(app, id).await? else { return Ok(()) };
    if purchase.state == PurchaseState::Created && purchase.origin != Origin::Automatic {
        let job = app.write(move |tx| {
            Box::pin(async move {
                if purchase.created_at <= open_deadline(tx.now()) {
                    expire_purchase(tx, id).await?;
                }
                Ok(())
            })
        });
        return job.await;
    }
    match fulfill(app, id, None).await? {
        Fulfillment::Retry => Err(InternalError::Stripe("it cannot be asked about the purchase now".to_owned())),
        Fulfillment::Done | Fulfillment::NotOurs => Ok(()),
    }
}

/// A row whose id is none: an error while it is there.
async fn expire_unreadable(app: &App, item: &str) -> Result<(), InternalError> {
    let key = hex::decode(item).unwrap_or_default();
    let row = app.store.read().await?.fetch_optional("select 1 as n from purchases where id = $1", args![key]).await?;
    row.map_or(Ok(()), |_| Err(InternalError::Broken("the id of a purchase has not 16 bytes".to_owned())))
}

/// The name of an item: `pur_…`, or its bytes where they are no id.
fn item_name(key: &[u8]) -> String {
    PurchaseId::from_bytes(key).map_or_else(|| hex::encode(key), |id| id.to_string())
}

/// Those to ask about: `$1` is what was begun long enough ago, `$2` now, `$3` a question that is long enough ago for a
/// young one. The end of a Checkout is asked for at once.
/// An older one waits for a twelfth of its age.
/// An automatic one that is not open is the job's of automatic top-ups.
const DUE: &str = "state in ('created', 'open', 'processing') and created_at <= $1
      and (origin <> 'automatic' or session_id is not null)
      and (stripe_checked_at is null or (stripe_checked_at < checkout_expires_at and checkout_expires_at <= $2)
        or (stripe_checked_at <= $3 and stripe_checked_at <= $2 - ($2 - created_at) / 12))";

async fn due_purchases(app: &App) -> Result<Vec<Vec<u8>>, InternalError> {
    let now = app.clock.now();
    let sql =
        format!("select id from purchases where {DUE} order by coalesce(stripe_checked_at, 0), created_at limit $4");
    let (before, asked) = (now - TimeDelta::minutes(SWEEP_AFTER_MINUTES), now - TimeDelta::minutes(ASK_EVERY_MINUTES));
    purchase_keys(&app.store.read().await?.fetch_all(sql, args![before, now, asked, ROUND]).await?)
}

/// Failed or expired purchases that may still be paid. They are due when as much time has passed since the last
/// question as had passed before it.
async fn late_purchases(app: &App) -> Result<Vec<Vec<u8>>, InternalError> {
    let now = app.clock.now();
    let sql = "select id from purchases
        where state in ('expired', 'failed') and session_id is not null
          and created_at > $1 and created_at <= $2 and coalesce(stripe_checked_at, created_at) <= $3 - ($3 - created_at) / 2
        order by coalesce(stripe_checked_at, created_at), created_at limit $4";
    let (since, until) = (now - TimeDelta::days(LATE_DAYS), now - TimeDelta::minutes(LATE_AFTER_MINUTES));
    purchase_keys(&app.store.read().await?.fetch_all(sql, args![since, until, now, ROUND]).await?)
}

fn purchase_keys(rows: &[Row]) -> Result<Vec<Vec<u8>>, InternalError> {
    Ok(rows.iter().map(|row| row.blob("id")).collect::<Result<_, _>>()?)
}

/// Notes that they are asked about, so that they are the last to come again; those among them that are not retried by
/// themselves.
async fn asked_about(app: &App, due: Vec<Vec<u8>>) -> Result<Vec<String>, InternalError> {
    let failed = failed_items::failed_now(app, failed_items::PURCHASES).await?;
    let names = due.iter().map(|key| item_name(key)).filter(|name| !failed.contains(name)).collect();
    app.write(move |tx| {
        Box::pin(async move {
            let now = tx.now();
            for key in due {
                tx.db.execute("update purchases set stripe_checked_at = $1 where id = $2", args![now, key]).await?;
            }
            Ok(())
        })
    })
    .await?;
    Ok(names)
}
