//! Reminders (R16): every owner and admin hears in time that top-ups will expire.
//!
//! Invariants: a row per grant, kind and date, written with its emails in one transaction, says that it was announced;
//! grants that expire on one day of the customer's calendar share one email; amounts are those of the ledger at
//! the transaction's own instant. `grants.remind_at` is only a list of what to look at: a look too many does nothing.

use crate::args;
use crate::domain::forecast::UsageRate;
use crate::domain::reminder::{ReminderStep, reminder_step};
use crate::domain::{Account, Grant, GrantId, Instant, Kind, forecast};
use crate::ledger::WriteTransaction;
use crate::store::db::DbError;
use crate::time_zone::Zone;
use crate::usecases::credits::usage_rate;
use crate::usecases::delivery::failed_items;
use crate::usecases::delivery::rounds;
use crate::usecases::notify::emails;
use crate::usecases::notify::emails::reminders;
use crate::usecases::{App, InternalError, ShopSettings};
use chrono::TimeDelta;

/// How many top-ups one round looks at.
const ROUND_MAX: i64 = 200;
/// How many are written side by side: the engine commits them together.
const AT_ONCE_MAX: usize = 20;
/// How long what is wholly held is left alone.
const HELD_MINUTES: i64 = 60;

/// When the next look is due after `now`.
pub async fn next_reminder_due(app: &App, now: Instant) -> Result<Option<Instant>, InternalError> {
    let sql = "select min(remind_at) as due from grants where remind_at is not null and remind_at > $1";
    let row = app.store.read().await?.fetch_optional(sql, args![now]).await?;
    Ok(row.map(|row| row.opt_at("due")).transpose()?.flatten())
}

/// How many top-ups wait to be looked at.
pub async fn reminder_backlog(app: &App) -> Result<i64, InternalError> {
    let sql = "select count(*) as n from grants where remind_at is not null and remind_at <= $1";
    let row = app.store.read().await?.fetch_optional(sql, args![app.clock.now()]).await?;
    Ok(row.map_or(Ok(0), |row| row.int("n"))?)
}

/// Announces what is due, a bounded number of customers at a time; how many emails that made. A customer that cannot
/// be served is retried later, by itself.
pub async fn send_reminders(app: &App) -> Result<u64, InternalError> {
    let act = |item: String| async move { remind_customer(app, failed_items::customer_of_item(&item)?).await };
    retry_notices(app).await?;
    let mut run = rounds::ItemRun::new(app, failed_items::REMINDERS, AT_ONCE_MAX);
    let mut written = run.retry(act).await?;
    let sql = format!(
        "select customer_no from grants where remind_at is not null and remind_at <= $1 and {}
         order by remind_at limit $2",
        failed_items::REMINDERS.without_failed("grants.customer_no")
    );
    loop {
        let rows = app.store.read().await?.fetch_all(sql.as_str(), args![app.clock.now(), ROUND_MAX]).await?;
        let due = failed_items::customer_items(&rows)?;
        if due.is_empty() {
            return Ok(written);
        }
        written += run.serve(due, act).await?;
    }
}

/// Serves one customer.
async fn remind_customer(app: &App, no: i64) -> Result<u64, InternalError> {
    // Read before the transaction: it may walk over many lines.
    let mut db = app.store.read().await?;
    let row = db.fetch_optional("select created_at from customers where no = $1", args![no]).await?;
    let Some(since) = row.map(|row| row.at("created_at")).transpose()? else { return Ok(0) };
    let rate = usage_rate::customer_usage_rate(&mut db, no, since, app.clock.now()).await?;
    drop(db);
    let shop = app.shop();
    app.write(move |tx| Box::pin(async move { write_reminders(tx, no, rate, &shop).await })).await
}

/// A top-up that is on the list.
struct ListedTopUp {
    no: i64,
    id: GrantId,
    expires_at: Instant,
    /// The kinds of this date that were announced.
    announced: Vec<i64>,
}

/// The result for a listed top-up.
enum TopUpStep {
    Announce(i64),
    Again(Option<Instant>),
}

async fn write_reminders(
    tx: &mut WriteTransaction,
    no: i64,
    rate: Option<UsageRate>,
    shop: &ShopSettings,
) -> Result<u64, InternalError> {
    let (account, at) = tx.account(no).await?;
    let account = account.clone();
    tx.flush().await?;
    let Some(to) = emails::addressed(tx, no).await? else {
        let sql = "update grants set remind_at = null where customer_no = $1 and remind_at is not null";
        tx.db.execute(sql, args![no]).await?;
        return Ok(0);
    };
    let mut written = 0;
    loop {
        let listed = listed_top_ups(tx, no).await?;
        let first = listed.iter().find_map(|one| match top_up_step(one, &account, tx, at) {
            TopUpStep::Announce(days) => Some((one, days)),
            TopUpStep::Again(_) => None,
        });
        let Some((one, days)) = first else {
            for one in &listed {
                if let TopUpStep::Again(next) = top_up_step(one, &account, tx, at) {
                    tx.db.execute("update grants set remind_at = $1 where no = $2", args![next, one.no]).await?;
                }
            }
            return Ok(written);
        };
        let day = one.expires_at;
        // The nearest of the day decides which reminder it is.
        let same = |other: &&ListedTopUp| to.zone.same_day(day, other.expires_at);
        let days = listed.iter().filter(same).fold(days, |days, other| match top_up_step(other, &account, tx, at) {
            TopUpStep::Announce(other) => days.min(other),
            TopUpStep::Again(_) => days,
        });
        written += announce_day(tx, &account, &to, &listed, (day, days, at), rate, shop).await?;
    }
}

async fn listed_top_ups(tx: &mut WriteTransaction, no: i64) -> Result<Vec<ListedTopUp>, DbError> {
    let sql = "select no, id, expires_at from grants
        where customer_no = $1 and kind = 3 and remind_at is not null order by expires_at, no";
    let mut out = Vec::new();
    for row in tx.db.fetch_all(sql, args![no]).await? {
        out.push(ListedTopUp {
            no: row.int("no")?,
            id: GrantId(row.uuid("id")?),
            expires_at: row.at("expires_at")?,
            announced: Vec::new(),
        });
    }
    let sql = "select r.grant_no, r.kind, r.expires_at from reminders r join grants g on g.no = r.grant_no
        where g.customer_no = $1 and g.remind_at is not null";
    for row in tx.db.fetch_all(sql, args![no]).await? {
        let (grant, expires_at) = (row.int("grant_no")?, row.at("expires_at")?);
        let days = row.text("kind")?.trim_end_matches('d').parse().unwrap_or(0);
        if let Some(one) = out.iter_mut().find(|one| one.no == grant && one.expires_at == expires_at) {
            one.announced.push(days);
        }
    }
    Ok(out)
}

fn top_up_step(one: &ListedTopUp, account: &Account, tx: &WriteTransaction, at: Instant) -> TopUpStep {
    // Returned credits or a moved date put a grant on the list again (`ledger::flush`).
    let Some(grant) = account.grant(one.id).filter(|grant| grant.frozen.is_zero() && grant.has_something()) else {
        return TopUpStep::Again(None);
    };
    match reminder_step(one.expires_at, &tx.catalog.rules.reminder_days, &one.announced, at) {
        ReminderStep::Announce(_) if grant.remaining().is_zero() => {
            TopUpStep::Again(Some(at + TimeDelta::minutes(HELD_MINUTES)).filter(|next| *next < one.expires_at))
        }
        ReminderStep::Announce(days) => TopUpStep::Announce(days),
        ReminderStep::Wait(next) => TopUpStep::Again(Some(next)),
        ReminderStep::Done => TopUpStep::Again(None),
    }
}

/// Top-ups of the account that expire on the day of `day` and have something left: those of the page.
fn of_the_day(account: &Account, zone: Zone, day: Instant) -> Vec<&Grant> {
    let mut grants: Vec<&Grant> = account
        .grants
        .iter()
        .filter(|grant| grant.kind == Kind::TopUp && grant.frozen.is_zero() && grant.remaining().is_positive())
        .filter(|grant| zone.same_day(day, grant.expires_at))
        .collect();
    grants.sort_by_key(|grant| grant.burn_key());
    grants
}

/// A mail server took a reminder: the top-ups that it announced await no further one.
pub async fn reminder_delivered(tx: &mut WriteTransaction, mail: i64) -> Result<(), InternalError> {
    let sql = "select g.id, g.customer_no from outbox o join reminders r on r.mail = o.cause
        join grants g on g.no = r.grant_no where o.no = $1 and g.awaits_notice = 1 order by g.no";
    for row in tx.db.fetch_all(sql, args![mail]).await? {
        let (id, customer) = (GrantId(row.uuid("id")?), row.int("customer_no")?);
        tx.reload_closed_grants(customer, &[id]).await?;
        let (told, _) = tx.with_account(customer, |account, at, _, changes| account.notice(id, at, changes)).await?;
        told.map_err(|_| InternalError::Broken(format!("the top-up {id} is not there")))?;
    }
    Ok(())
}

/// Top-ups that could not be told that their reminder was taken.
async fn retry_notices(app: &App) -> Result<(), InternalError> {
    let act = |item: String| async move {
        let mail = item.parse().map_err(|_| InternalError::Broken(format!("{item:?} is no number of a mail")))?;
        app.write(move |tx| Box::pin(async move { reminder_delivered(tx, mail).await })).await?;
        Ok(0)
    };
    rounds::ItemRun::new(app, failed_items::NOTICES, AT_ONCE_MAX).retry(act).await?;
    Ok(())
}

/// One email for all that expires on a day, and the rows that say so.
async fn announce_day(
    tx: &mut WriteTransaction,
    account: &Account,
    to: &emails::Addressed,
    listed: &[ListedTopUp],
    (day, days, at): (Instant, i64, Instant),
    rate: Option<UsageRate>,
    shop: &ShopSettings,
) -> Result<u64, InternalError> {
    let grants = of_the_day(account, to.zone, day);
    let ids: Vec<GrantId> = grants.iter().map(|grant| grant.id).collect();
    let plan = tx.catalog.plan(&account.plan).map_or_else(|| account.plan.clone(), |plan| plan.name.clone());
    let of = reminders::Expiring {
        top_ups: grants.iter().map(|g| (g.remaining(), g.expires_at, g.effective_at, g.amount)).collect(),
        forecast: rate.and_then(|rate| forecast::top_ups_together(account, &tx.catalog, rate, &ids, at)),
        paused_on: account.top_ups_paused.then_some(plan),
    };
    let mail = *tx.clock.mint().as_bytes();
    let sql = "insert into reminders (grant_no, kind, expires_at, mail, at) values ($1, $2, $3, $4, $5)
        on conflict (grant_no, kind, expires_at) do nothing";
    for one in listed.iter().filter(|one| ids.contains(&one.id)) {
        // A shorter one that went out before makes this one superfluous.
        if one.announced.iter().all(|sent| *sent > days) {
            tx.db.execute(sql, args![one.no, format!("{days}d"), one.expires_at, mail, at]).await?;
        }
    }
    for purchase in grants.iter().filter_map(|grant| grant.purchase) {
        let sql = "insert into purchase_events (purchase, kind, at) values ($1, 'reminded', $2)";
        tx.db.execute(sql, args![purchase.bytes(), at]).await?;
    }
    let Some(letter) = reminders::reminder_letter(&tx.catalog, shop, to, &of, at, mail) else { return Ok(0) };
    let written = emails::write_announcement(tx, shop, to, letter).await?;
    tracing::info!(customer = to.id, days, mails = written, "a reminder");
    Ok(u64::try_from(written).unwrap_or(0))
}
