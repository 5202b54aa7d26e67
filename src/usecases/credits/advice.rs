//! Buy or upgrade: the verdict for a customer, with the last cycles' figures for the domain's comparison (R17), and hiding
//! advice for a larger plan.

use crate::args;
use crate::domain::account::cycle_start_of;
use crate::domain::advice::{Advice, PastCycle, Verdict, advise, look_ahead};
use crate::domain::forecast::UsageRate;
use crate::domain::{Account, Catalog, Credits, Grant, Instant, Kind};
use crate::store::accounts::{GRANT_COLUMNS, GRANT_TABLES};
use crate::store::daily_usage::day_number;
use crate::store::db::{Connection, DbError, Row};
use crate::store::{accounts, daily_usage};
use crate::usecases::{App, InternalError};

/// How many cycles are looked at.
const CYCLES: i64 = 3;
/// How many purchases are summed up.
const PURCHASES_MAX: i64 = 1_000;

/// The verdict for a customer. `account` stands at `now`; without a usage rate nothing looks ahead.
pub async fn customer_verdict(
    db: &mut Connection,
    catalog: &Catalog,
    no: i64,
    account: &Account,
    rate: Option<UsageRate>,
    now: Instant,
) -> Result<Option<Verdict>, DbError> {
    let back = last_cycles(db, catalog, no, account, now).await?;
    Ok(Verdict::new(rate.and_then(|rate| look_ahead(account, catalog, rate, now)), back))
}

/// The comparison of the last cycles.
async fn last_cycles(
    db: &mut Connection,
    catalog: &Catalog,
    no: i64,
    account: &Account,
    now: Instant,
) -> Result<Option<Advice>, DbError> {
    let grants = plan_grants(db, no).await?;
    // Only whole cycles of the present plan tell something about it: none in which a plan ended unpaid.
    let allowance = catalog.allowance(&account.plan);
    let tells = |grant: &Grant| grant.amount == allowance && !grant.is_voided;
    let grants: Vec<Grant> = grants.into_iter().take_while(tells).collect();
    if grants.iter().filter(|grant| ran_out(grant)).count() < 2 {
        return Ok(None);
    }
    let cycles = past_cycles(db, no, &grants, now, &catalog.shop.currency).await?;
    Ok(cycles.and_then(|cycles| advise(catalog, &account.plan, &cycles)))
}

fn ran_out(grant: &Grant) -> bool {
    grant.remaining().is_zero() && grant.expired.is_zero() && grant.amount.is_positive()
}

/// The newest plan grants, newest first: a cycle each.
async fn plan_grants(db: &mut Connection, no: i64) -> Result<Vec<Grant>, DbError> {
    let sql = format!(
        "select {GRANT_COLUMNS} from {GRANT_TABLES} where g.customer_no = $1 and g.kind = $2 order by g.no desc limit $3"
    );
    let rows = db.fetch_all(sql, args![no, i64::from(Kind::Plan.code()), CYCLES]).await?;
    rows.iter().map(accounts::grant_of_row).collect()
}

/// Used credits and purchases of each cycle. `None` if a purchase has another currency than the plans,
/// because such sums cannot be compared.
async fn past_cycles(
    db: &mut Connection,
    no: i64,
    grants: &[Grant],
    now: Instant,
    currency: &str,
) -> Result<Option<Vec<PastCycle>>, DbError> {
    let Some(first) = grants.last() else { return Ok(None) };
    let cycle = |grant: &Grant| PastCycle { used: Credits::ZERO, ran_out: ran_out(grant), bought: 0 };
    let mut cycles: Vec<PastCycle> = grants.iter().map(cycle).collect();
    for (_, start, used) in daily_usage::used_by_day(db, no, day_number(first.effective_at), day_number(now)).await? {
        if let Some(n) = grants.iter().position(|grant| cycle_start_of(grant.id) == start) {
            cycles[n].used += used;
        }
    }
    let sql = "select credited_at, amount - refunded_amount as paid, currency from purchases
        where customer_no = $1 and credited_at >= $2 limit $3";
    let rows = db.fetch_all(sql, args![no, first.effective_at, PURCHASES_MAX]).await?;
    for row in &rows {
        if row.text("currency")? != currency {
            return Ok(None);
        }
    }
    let paid = |row: &Row| Ok::<_, DbError>((row.at("credited_at")?, row.int("paid")?));
    for (at, paid) in rows.iter().map(paid).collect::<Result<Vec<_>, _>>()? {
        if let Some(n) = grants.iter().position(|grant| grant.effective_at <= at) {
            cycles[n].bought = cycles[n].bought.saturating_add(paid.max(0));
        }
    }
    Ok(Some(cycles))
}

/// Hides advice for a larger plan until the next reset, for all members of the customer.
pub async fn hide_advice(app: &App, customer_no: i64) -> Result<(), InternalError> {
    app.write(move |tx| {
        Box::pin(async move {
            let until = tx.account(customer_no).await?.0.cycle.end;
            tx.db
                .execute("update customers set hint_hidden_until = $1 where no = $2", args![until, customer_no])
                .await?;
            Ok(())
        })
    })
    .await
}
