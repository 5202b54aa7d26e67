//! The list of what customers' people should hear of their balance, which the engine writes with the lines that
//! brought it about; here each becomes its mails and its message to the SaaS, in the turn that takes it off the list.

use crate::args;
use crate::domain::news::{What, low_mark};
use crate::domain::{Credits, Instant};
use crate::ledger::WriteTransaction;
use crate::store::db::{DbError, Row, corrupt};
use crate::usecases::delivery::failed_items;
use crate::usecases::notify::emails::balance;
use crate::usecases::notify::{emails, webhooks};
use crate::usecases::{App, InternalError, Shop};

/// How many rows of the list one round reads, and how many customers are served side by side.
const ROUND_MAX: i64 = 200;
const AT_ONCE_MAX: usize = 20;

/// How many are on the list.
///
/// # Errors
/// [`Fault`].
pub async fn backlog(app: &App) -> Result<i64, InternalError> {
    let sql = "select count(*) as n from balance_alerts where emailed_at is null";
    let row = app.store.read().await?.fetch_optional(sql, Vec::new()).await?;
    Ok(row.map_or(Ok(0), |row| row.int("n"))?)
}

/// Makes mails of what is on the list; how many. A customer that cannot be served is retried later, by itself.
///
/// # Errors
/// [`Fault`] of a database that is away.
pub async fn run(app: &App) -> Result<u64, InternalError> {
    let act = |item: String| async move { one(app, failed_items::customer_no(&item)?).await };
    let mut run = failed_items::Run::new(app, failed_items::NEWS, AT_ONCE_MAX);
    let mut written = run.retry(act).await?;
    let sql = format!(
        "select customer_no from balance_alerts where emailed_at is null and {} order by at limit $1",
        failed_items::NEWS.without_failed("balance_alerts.customer_no")
    );
    loop {
        let rows = app.store.read().await?.fetch_all(sql.as_str(), args![ROUND_MAX]).await?;
        let waiting = failed_items::customer_items(&rows)?;
        if waiting.is_empty() {
            return Ok(written);
        }
        let served = run.serve(waiting, act).await;
        app.hook.iter().for_each(crate::webhooks::Hook::nudge);
        app.mailer.nudge();
        written += served?;
    }
}

async fn one(app: &App, no: i64) -> Result<u64, InternalError> {
    let shop = app.shop();
    let (written, unreadable) = app.write(move |tx| Box::pin(async move { tell(tx, no, &shop).await })).await?;
    // What can be read has been told by then.
    unreadable.map_or(Ok(written), |fault| Err(InternalError::Db(fault)))
}

/// Tells what can be read; and why something could not be.
async fn tell(tx: &mut WriteTransaction, no: i64, shop: &Shop) -> Result<(u64, Option<DbError>), InternalError> {
    let account = tx.account(no).await?.0.clone();
    tx.flush().await?;
    let (list, unreadable) = waiting(tx, no).await?;
    let low = tx.low_balance(no).await?;
    let low = low_mark(&account, low);
    let (to, now) = (emails::addressed(tx, no).await?, tx.now());
    let mut written = 0;
    for told in list {
        if let Some(to) = &to
            && let Some(letter) = balance::letter(tx, shop, to, told, &account, low)
        {
            written += emails::write(tx, shop, to, letter).await?;
        }
        webhooks::crossed(tx, shop, no, told, &account, low).await?;
        let sql = "update balance_alerts set emailed_at = $1 where customer_no = $2 and kind = $3 and seq = $4";
        tx.db.execute(sql, args![now, no, told.what.name(), told.seq]).await?;
    }
    Ok((u64::try_from(written).unwrap_or(0), unreadable))
}

/// What is to be told; what expired on one day of the customer's calendar is one thing.
async fn waiting(tx: &mut WriteTransaction, no: i64) -> Result<(Vec<balance::Told>, Option<DbError>), DbError> {
    let sql =
        "select kind, seq, at, credits from balance_alerts where customer_no = $1 and emailed_at is null order by seq";
    let (mut list, mut unreadable) = (Vec::new(), None);
    for row in tx.db.fetch_all(sql, args![no]).await? {
        match told_of(&row) {
            Ok(told) => list.push(told),
            Err(fault) => unreadable = Some(fault),
        }
    }
    list.sort_by_key(|told| (told.seq, told.what.name()));
    Ok((list, unreadable))
}

fn told_of(row: &Row) -> Result<balance::Told, DbError> {
    let what = row.text("kind")?;
    let what = What::from_name(&what).ok_or_else(|| corrupt(format!("{what:?} in news")))?;
    let (seq, at, credits): (i64, Instant, Credits) = (row.int("seq")?, row.at("at")?, row.credits("credits")?);
    Ok(balance::Told { what, at, credits, seq })
}
