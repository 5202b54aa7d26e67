//! The figures and lists of the operators' first page: each by an index, however much lies behind.

use crate::args;
use crate::domain::balance_alert::AlertKind;
use crate::domain::{Credits, Instant, Money};
use crate::store::db::{Connection, DbError, Row};
use crate::usecases::purchases::Purchase;
use crate::usecases::{App, InternalError, alarms, insight, purchases};
use chrono::TimeDelta;

/// Days that "sold" and "failed payments" count.
pub const DAYS: i64 = 30;
/// Days back that customers count who ran out.
pub const RAN_OUT_DAYS: i64 = 7;
/// Rows of each list.
const ROWS: i64 = 10;
/// Failed payments that are listed.
pub const FAILED_MAX: i64 = 100;
/// Alerts that are read for [`ROWS`] customers: one may run out more than once.
const ALERTS_MAX: i64 = 100;

/// The first page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// Sums before tax of [`DAYS`] days, a currency each, and their purchases.
    pub sold: Vec<Money>,
    pub purchases: i64,
    /// Top-up credits that customers paid for and have left; none while the sums of the entries are not complete.
    pub unused: Option<Credits>,
    pub open_alarms: i64,
    /// Payments that failed in [`DAYS`] days.
    pub failed: i64,
    /// The newest purchases, without abandoned Checkouts.
    pub newest: Vec<Purchase>,
    pub ran_out: Vec<RanOut>,
    /// True if more customers ran out than are listed.
    pub ran_out_cut: bool,
}

/// A customer without credits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RanOut {
    pub id: String,
    pub name: String,
    pub plan: String,
    /// When its credits ran out, the last time.
    pub at: Instant,
    /// Its balance now.
    pub balance: Credits,
}

pub async fn load_home(app: &App) -> Result<Home, InternalError> {
    let now = app.clock.now();
    let unused = insight::sales::unused_top_ups(app).await?;
    let mut db = app.store.read().await?;
    let (sold, bought) = sold(&mut db, now - TimeDelta::days(DAYS)).await?;
    let sql = "select count(*) as n from purchases where state = 'failed' and created_at >= $1";
    let failed = db.fetch_optional(sql, args![now - TimeDelta::days(DAYS)]).await?;
    let failed = failed.map_or(Ok(0), |row| row.int("n"))?;
    let mut ran_out = customers_out_of_credits(&mut db, now - TimeDelta::days(RAN_OUT_DAYS)).await?;
    drop(db);
    let shown = usize::try_from(ROWS).unwrap_or(usize::MAX);
    let ran_out_cut = ran_out.len() > shown;
    ran_out.truncate(shown);
    let newest = purchases::newest(app, ROWS).await?;
    let open_alarms = alarms::count_open(&app.store).await?;
    Ok(Home { sold, purchases: bought, unused, open_alarms, failed, newest, ran_out, ran_out_cut })
}

/// The newest payments that failed in [`DAYS`] days.
pub async fn failed_payments(app: &App) -> Result<Vec<Purchase>, InternalError> {
    purchases::newest_failed(app, app.clock.now() - TimeDelta::days(DAYS), FAILED_MAX).await
}

async fn sold(db: &mut Connection, since: Instant) -> Result<(Vec<Money>, i64), DbError> {
    let sql = "select currency, count(*) as n, cast(sum(amount) as bigint) as sold from purchases
        where credited_at >= $1 group by currency order by sold desc";
    let (mut sums, mut purchases) = (Vec::new(), 0);
    for row in db.fetch_all(sql, args![since]).await? {
        sums.push(Money::new(row.int("sold")?, &row.text("currency")?));
        purchases += row.int("n")?;
    }
    Ok((sums, purchases))
}

async fn customers_out_of_credits(db: &mut Connection, since: Instant) -> Result<Vec<RanOut>, DbError> {
    let sql = "select c.id, c.name, a.plan, a.balance, b.at from balance_alerts b
        join customers c on c.no = b.customer_no join accounts a on a.customer_no = b.customer_no
        where b.kind = $1 and b.at >= $2 and c.closed_at is null order by b.at desc limit $3";
    let mut found: Vec<RanOut> = Vec::new();
    for row in db.fetch_all(sql, args![AlertKind::Out.name(), since, ALERTS_MAX]).await? {
        let one = ran_out_of(&row)?;
        if found.iter().all(|other| other.id != one.id) {
            found.push(one);
        }
    }
    Ok(found)
}

fn ran_out_of(row: &Row) -> Result<RanOut, DbError> {
    let (id, name, plan) = (row.text("id")?, row.text("name")?, row.text("plan")?);
    Ok(RanOut { id, name, plan, at: row.at("at")?, balance: row.credits("balance")? })
}
