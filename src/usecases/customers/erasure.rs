//! Closing a customer, and its erasure: personal data blanked, sessions and keys ended; the ledger stays, without its
//! texts.
//!
//! Most is blanked in the commit that closes. The texts of its usages, which may be many, are blanked in steps; how far
//! they have come stands in `erasures`, so that the job `erasure` goes on where a caller hung up or a process ended.
//! Every step may be done again.

use crate::args;
use crate::domain::UsageId;
use crate::ledger::WriteTransaction;
use crate::store::daily_usage;
use crate::store::daily_usage::day_number;
use crate::store::db::Value;
use crate::store::statement_batch::placeholders;
use crate::usecases::agreements::EndedBy;
use crate::usecases::delivery::failed_items;
use crate::usecases::delivery::rounds;
use crate::usecases::{App, InternalError, agreements, alarms};
use std::time::Duration;

/// Usages whose texts one step blanks.
const STEP: i64 = 200;
/// Days whose sources one step blanks.
const DAYS_STEP: i64 = 60;
/// How long the request that closes waits for the erasure's end. The job does the rest.
const REQUEST_MAX: Duration = Duration::from_secs(20);
/// How many erasures one round of the job takes up, and how many side by side.
const ROUND_MAX: i64 = 50;
const AT_ONCE_MAX: usize = 4;

/// Closes a customer, for ever. When it returns, its data is blanked, or the job goes on with what takes longer.
pub async fn close_customer(app: &App, customer_no: i64) -> Result<(), InternalError> {
    app.write(move |tx| Box::pin(async move { close_customer_in(tx, customer_no).await })).await?;
    match tokio::time::timeout(REQUEST_MAX, erase_customer(app, customer_no)).await {
        Ok(erased) => erased,
        Err(_) => {
            tracing::info!(customer_no, "an erasure takes longer than its request; the job continues");
            Ok(())
        }
    }
}

/// How many erasures have not come to their end.
pub async fn erasure_backlog(app: &App) -> Result<i64, InternalError> {
    let row = app.store.read().await?.fetch_optional("select count(*) as n from erasures", Vec::new()).await?;
    Ok(row.map_or(Ok(0), |row| row.int("n"))?)
}

/// Brings erasures to their end; how many.
pub async fn run_erasure(app: &App) -> Result<u64, InternalError> {
    let act = |item: String| async move {
        erase_customer(app, failed_items::customer_of_item(&item)?).await?;
        Ok(1)
    };
    let mut run = rounds::ItemRun::new(app, failed_items::ERASURE, AT_ONCE_MAX);
    let mut done = run.retry(act).await?;
    let sql = format!(
        "select customer_no from erasures where {} order by requested_at limit $1",
        failed_items::ERASURE.without_failed("erasures.customer_no")
    );
    loop {
        let rows = app.store.read().await?.fetch_all(sql.as_str(), args![ROUND_MAX]).await?;
        let waiting = failed_items::customer_items(&rows)?;
        if waiting.is_empty() {
            return Ok(done);
        }
        done += run.serve(waiting, act).await?;
    }
}

/// Blanks what the commit that closed has left, from where an earlier run has come to.
async fn erase_customer(app: &App, customer_no: i64) -> Result<(), InternalError> {
    let sql = "select usages_before from erasures where customer_no = $1";
    let row = app.store.read().await?.fetch_optional(sql, args![customer_no]).await?;
    let Some(mut before) = row.map(|row| row.int("usages_before")).transpose()? else { return Ok(()) };
    // A closed customer gets no more usages, so the walk back meets every one. It keeps the engine only a step at a
    // time.
    loop {
        let page = crate::usecases::credits::usages::list_usages(app, customer_no, before, STEP).await?;
        let Some(last) = page.last() else { break };
        before = last.seq;
        let ids: Vec<UsageId> = page.iter().map(|row| row.usage.id).collect();
        app.write(move |tx| Box::pin(async move { blank_usages(tx, &ids, customer_no, before).await })).await?;
    }
    blank_days(app, customer_no).await?;
    app.write(move |tx| {
        Box::pin(async move {
            tx.db.execute("delete from erasures where customer_no = $1", args![customer_no]).await?;
            Ok(())
        })
    })
    .await
}

/// The daily totals stay, and name no source any more.
async fn blank_days(app: &App, customer_no: i64) -> Result<(), InternalError> {
    let sql = "select c.created_at, a.last_at from customers c join accounts a on a.customer_no = c.no where c.no = $1";
    let Some(row) = app.store.read().await?.fetch_optional(sql, args![customer_no]).await? else { return Ok(()) };
    let (mut first, end) = (day_number(row.at("created_at")?), day_number(row.at("last_at")?));
    while first <= end {
        let last = end.min(first + DAYS_STEP - 1);
        app.write(move |tx| {
            Box::pin(async move { Ok(daily_usage::blank_sources(&mut tx.db, customer_no, first, last).await?) })
        })
        .await?;
        first = last + 1;
    }
    Ok(())
}

/// The statements that blank personal data, except that of usages. `$1` is the customer, `$2` now.
const BLANK: [&str; 9] = [
    "update customers set email = '', name = '', folded_name = '', timezone = 'UTC',
       closed_at = coalesce(closed_at, $2) where no = $1",
    "delete from links where purpose = 'sign_in' and $2 = $2
       and email in (select email from members where customer_no = $1)
       and not exists (select 1 from members m join customers c on c.no = m.customer_no
         where m.email = links.email and m.customer_no <> $1 and m.removed_at is null and c.closed_at is null)",
    "delete from members where customer_no = $1 and $2 = $2",
    "delete from links where customer_no = $1 and $2 = $2",
    "update sessions set email = null, device = '', return_url = null, ended_at = coalesce(ended_at, $2)
       where customer_no = $1",
    "update api_keys set name = '', revoked_at = coalesce(revoked_at, $2) where customer_no = $1",
    "update holds set source = null where customer_no = $1 and $2 = $2",
    "update purchases set member_email = null where customer_no = $1 and $2 = $2",
    "update outbox set recipient = '', subject = '', body_text = '', body_html = '', done_at = coalesce(done_at, $2),
       state = case when state in ('queued', 'deferred') then 'refused' else state end where customer_no = $1",
];

async fn close_customer_in(tx: &mut WriteTransaction, no: i64) -> Result<(), InternalError> {
    let closed = tx.is_closed(no).await?;
    // Due entries are booked first.
    let followed = tx.account(no).await?.0.controlled_by.as_ref().map(|it| it.subscription.clone());
    if let Some(subscription) = followed.filter(|_| !closed) {
        let detail = "its customer was closed; it continues at Stripe and is paid until somebody ends it there";
        alarms::raise_alarm(tx, "subscription", &subscription, detail).await?;
    }
    tx.with_account(no, |account, _, _, changes| account.notice_nobody(changes)).await?;
    // Its card is detached and its unpaid purchase voided by the job.
    agreements::end_rule(tx, no, EndedBy::Closed).await?;
    tx.flush().await?;
    let now = tx.now();
    for sql in BLANK {
        tx.db.execute(sql, args![no, now]).await?;
    }
    let sql = "delete from grant_notes where grant_no in (select no from grants where customer_no = $1)";
    tx.db.execute(sql, args![no]).await?;
    let sql = "insert into erasures (customer_no, requested_at, usages_before) values ($1, $2, $3)
        on conflict (customer_no) do nothing";
    tx.db.execute(sql, args![no, now, i64::MAX]).await?;
    tx.evict_account(no).await?;
    Ok(())
}

/// Blanks the texts of usages, and notes that all from `before` on are blanked.
async fn blank_usages(
    tx: &mut WriteTransaction,
    ids: &[UsageId],
    customer_no: i64,
    before: i64,
) -> Result<(), InternalError> {
    let sql = format!(
        "update usages set source = null, metadata = null, salt = null, void_reason = null, void_salt = null
         where id in ({})",
        placeholders(1, ids.len())
    );
    tx.db.execute(sql, ids.iter().map(|id| Value::from(id.bytes())).collect()).await?;
    let sql = "update erasures set usages_before = $1 where customer_no = $2 and usages_before > $1";
    tx.db.execute(sql, args![before, customer_no]).await?;
    Ok(())
}
