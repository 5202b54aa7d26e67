//! Balance alerts: the engine lists them with the entries that cause them; here each becomes its emails and its
//! webhook, in the transaction that takes it off the list.

use crate::args;
use crate::domain::balance_alert::{AlertKind, BalanceAlert, low_mark};
use crate::domain::{Credits, Instant, forecast};
use crate::ledger::WriteTransaction;
use crate::store::db::{DbError, Row, corrupt};
use crate::usecases::credits::overview::Overview;
use crate::usecases::credits::{advice, overview, usage_rate};
use crate::usecases::delivery::failed_items;
use crate::usecases::delivery::rounds;
use crate::usecases::notify::emails::balance;
use crate::usecases::notify::emails::balance::Outlook;
use crate::usecases::notify::{emails, webhooks};
use crate::usecases::{App, InternalError, ShopSettings};

/// How many rows of the list one round reads, and how many customers are served side by side.
const ROUND_MAX: i64 = 200;
const AT_ONCE_MAX: usize = 20;

/// How many are on the list.
pub async fn alert_backlog(app: &App) -> Result<i64, InternalError> {
    let sql = "select count(*) as n from balance_alerts where emailed_at is null";
    let row = app.store.read().await?.fetch_optional(sql, Vec::new()).await?;
    Ok(row.map_or(Ok(0), |row| row.int("n"))?)
}

/// Makes emails of what is on the list; how many. A customer that cannot be served is retried later, by itself.
pub async fn send_balance_alerts(app: &App) -> Result<u64, InternalError> {
    let act = |item: String| async move { alert_customer(app, failed_items::customer_of_item(&item)?).await };
    let mut run = rounds::ItemRun::new(app, failed_items::BALANCE_ALERTS, AT_ONCE_MAX);
    let mut written = run.retry(act).await?;
    let sql = format!(
        "select customer_no from balance_alerts where emailed_at is null and {} order by at limit $1",
        failed_items::BALANCE_ALERTS.without_failed("balance_alerts.customer_no")
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

async fn alert_customer(app: &App, no: i64) -> Result<u64, InternalError> {
    let (shop, outlook) = (app.shop(), outlook(app, no).await?);
    let (written, unreadable) =
        app.write(move |tx| Box::pin(async move { write_alerts(tx, no, &shop, outlook).await })).await?;
    unreadable.map_or(Ok(written), |fault| Err(InternalError::Db(fault)))
}

/// The coming days, if an alert about few credits waits. It is read before the transaction, since it takes several
/// queries.
async fn outlook(app: &App, no: i64) -> Result<Outlook, InternalError> {
    let mut db = app.store.snapshot().await?;
    let sql = "select c.id, c.created_at, c.hint_hidden_until from customers c where c.no = $1 and exists (
        select 1 from balance_alerts b where b.customer_no = c.no and b.emailed_at is null and b.kind in ($2, $3))";
    let kinds = [AlertKind::Low.name(), AlertKind::Out.name()];
    let Some(row) = db.fetch_optional(sql, args![no, kinds[0], kinds[1]]).await? else {
        return Ok(Outlook::default());
    };
    let id = row.text("id")?;
    let Some(Overview { account, balance, .. }) = overview::load_overview(&mut db, app, no, &id).await? else {
        return Ok(Outlook::default());
    };
    let now = balance.as_of;
    let rate = usage_rate::customer_usage_rate(&mut db, no, row.at("created_at")?, now).await?;
    let resets_at = account.cycle.end;
    let runs_out = rate.and_then(|rate| forecast::runs_out(&account, &app.catalog, rate, now, resets_at).all);
    Ok(Outlook {
        runs_out: runs_out.filter(|at| *at < resets_at),
        verdict: advice::customer_verdict(&mut db, &app.catalog, no, &account, rate, now).await?,
        is_advice_hidden: row.opt_at("hint_hidden_until")?.is_some_and(|until| until > now),
        ..Outlook::default()
    })
}

/// Writes the emails and webhooks of a customer's alerts; and the error of alerts that cannot be read.
async fn write_alerts(
    tx: &mut WriteTransaction,
    no: i64,
    shop: &ShopSettings,
    mut outlook: Outlook,
) -> Result<(u64, Option<DbError>), InternalError> {
    let account = tx.account(no).await?.0.clone();
    tx.flush().await?;
    let (list, unreadable) = waiting_alerts(tx, no).await?;
    let low = tx.low_balance(no).await?;
    let low = low_mark(&account, low);
    outlook.low_mark = low;
    let (to, now) = (emails::addressed(tx, no).await?, tx.now());
    let mut written = 0;
    for alert in list {
        if let Some(to) = &to
            && let Some(letter) = balance::balance_letter(&tx.catalog, shop, to, alert, &account, &outlook)
        {
            written += emails::write_announcement(tx, shop, to, letter).await?;
        }
        webhooks::enqueue_balance_alert(tx, shop, no, alert, &account, low).await?;
        let sql = "update balance_alerts set emailed_at = $1 where customer_no = $2 and kind = $3 and seq = $4";
        tx.db.execute(sql, args![now, no, alert.kind.name(), alert.seq]).await?;
    }
    Ok((u64::try_from(written).unwrap_or(0), unreadable))
}

/// The alerts to send; credits that expired on one day of the customer's calendar make one alert.
async fn waiting_alerts(tx: &mut WriteTransaction, no: i64) -> Result<(Vec<BalanceAlert>, Option<DbError>), DbError> {
    let sql =
        "select kind, seq, at, credits from balance_alerts where customer_no = $1 and emailed_at is null order by seq";
    let (mut list, mut unreadable) = (Vec::new(), None);
    for row in tx.db.fetch_all(sql, args![no]).await? {
        match alert_of(&row) {
            Ok(alert) => list.push(alert),
            Err(fault) => unreadable = Some(fault),
        }
    }
    list.sort_by_key(|alert| (alert.seq, alert.kind.name()));
    Ok((list, unreadable))
}

fn alert_of(row: &Row) -> Result<BalanceAlert, DbError> {
    let name = row.text("kind")?;
    let kind = AlertKind::from_name(&name).ok_or_else(|| corrupt(format!("{name:?} in news")))?;
    let (seq, at, credits): (i64, Instant, Credits) = (row.int("seq")?, row.at("at")?, row.credits("credits")?);
    Ok(BalanceAlert { kind, at, credits, seq })
}
