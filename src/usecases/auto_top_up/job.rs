//! The jobs: looking at rules that are due, and taking payments a step further.

use crate::args;
use crate::domain::{Instant, PurchaseId};
use crate::store::db::Row;
use crate::usecases::auto_top_up::order::look_at_rule;
use crate::usecases::auto_top_up::payment::drive_payment;
use crate::usecases::auto_top_up::{detach, search};
use crate::usecases::delivery::{failed_items, rounds};
use crate::usecases::{App, InternalError};

/// How many rules or payments one round takes, and how many rounds one run has.
const ROUND_MAX: i64 = 100;
const ROUNDS_MAX: usize = 50;
/// How many are served side by side: the engine commits looks together, Stripe is asked about a few payments at once.
const LOOKS_AT_ONCE: usize = 20;
const PAYMENTS_AT_ONCE: usize = 8;

/// Looks at the rules that are due, and once a minute for any that were missed; how many purchases that made.
pub async fn run_auto_top_ups(app: &App) -> Result<u64, InternalError> {
    search::find_missed(app).await?;
    let act =
        |item: String| async move { Ok(u64::from(look_at_rule(app, failed_items::customer_of_item(&item)?).await?)) };
    let mut run = rounds::ItemRun::new(app, failed_items::RULES, LOOKS_AT_ONCE);
    let mut bought = run.retry(act).await?;
    let sql = format!(
        "select customer_no from auto_top_ups where due_at <= $1 and state = 'on' and {} order by due_at limit $2",
        failed_items::RULES.without_failed("auto_top_ups.customer_no")
    );
    for _ in 0..ROUNDS_MAX {
        let rows = app.store.read().await?.fetch_all(sql.as_str(), args![app.clock.now(), ROUND_MAX]).await?;
        let due = failed_items::customer_items(&rows)?;
        if due.is_empty() {
            break;
        }
        bought += run.serve(due, act).await?;
    }
    Ok(bought)
}

/// How many rules are due.
pub async fn auto_top_up_backlog(app: &App) -> Result<i64, InternalError> {
    let sql = "select count(*) as n from auto_top_ups where due_at <= $1 and state = 'on'";
    fetch_count(app, sql).await
}

/// When next, after `now`, a rule is due. That one which sleeps is looked at every minute is no reason to stop a clock
/// there.
pub async fn next_auto_top_up_due(app: &App, now: Instant) -> Result<Option<Instant>, InternalError> {
    let sql = "select min(due_at) as due from auto_top_ups where due_at > $1 and state = 'on'
        and (blocked_at is not null or not_before > $1)";
    fetch_due(app, sql, now).await
}

/// Takes payments a step further, and detaches cards; how many payments moved.
pub async fn run_auto_payments(app: &App) -> Result<u64, InternalError> {
    if app.stripe.is_none() {
        return Ok(0);
    }
    detach::detach_cards(app).await?;
    let act = |item: String| async move {
        let id = PurchaseId::parse(&item);
        drive_payment(app, id.ok_or_else(|| InternalError::Broken(format!("{item:?} is no purchase")))?).await
    };
    let mut run = rounds::ItemRun::new(app, failed_items::AUTO_PAYMENTS, PAYMENTS_AT_ONCE);
    let mut moved = run.retry(act).await?;
    let sql = "select purchase from auto_payments where due_at <= $1 order by due_at limit $2";
    for _ in 0..ROUNDS_MAX {
        let failed = failed_items::failed_now(app, failed_items::AUTO_PAYMENTS).await?;
        let rows = app.store.read().await?.fetch_all(sql, args![app.clock.now(), ROUND_MAX]).await?;
        let item = |row: &Row| Ok(PurchaseId(row.uuid("purchase")?).to_string());
        let due = rows.iter().map(item).collect::<Result<Vec<_>, InternalError>>()?;
        let due: Vec<String> = due.into_iter().filter(|item| !failed.contains(item)).collect();
        if due.is_empty() {
            break;
        }
        moved += run.serve(due, act).await?;
    }
    Ok(moved)
}

/// How many payments and cards wait for a step.
pub async fn auto_payment_backlog(app: &App) -> Result<i64, InternalError> {
    let sql = "select (select count(*) from auto_payments where due_at <= $1)
        + (select count(*) from card_detachments where due_at <= $1) as n";
    fetch_count(app, sql).await
}

/// When next, after `now`, a payment has a step to take.
pub async fn next_auto_payment_due(app: &App, now: Instant) -> Result<Option<Instant>, InternalError> {
    if app.stripe.is_none() {
        return Ok(None);
    }
    // That Stripe is asked again soon is no reason to stop a clock there.
    let sql = "select min(due_at) as due from auto_payments where due_at > $1 and step in ('wait', 'confirm')";
    fetch_due(app, sql, now).await
}

async fn fetch_count(app: &App, sql: &str) -> Result<i64, InternalError> {
    let row = app.store.read().await?.fetch_optional(sql, args![app.clock.now()]).await?;
    Ok(row.map_or(Ok(0), |row| row.int("n"))?)
}

async fn fetch_due(app: &App, sql: &str, after: Instant) -> Result<Option<Instant>, InternalError> {
    let row = app.store.read().await?.fetch_optional(sql, args![after]).await?;
    Ok(row.map(|row| row.opt_at("due")).transpose()?.flatten())
}
