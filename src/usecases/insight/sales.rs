//! Sales and liability: credits sold, used, expired, refunded and outstanding, by month and kind, from the entries.
//!
//! Model: every entry that changes a balance falls into one column of one month (UTC, by its `event_at`) and one kind
//! of credits; "outstanding" is what all columns up to the month's end come to, so that its last value is the sum of
//! all balances. Credits alone move it: a hold or a freeze changes no balance. An expiry that is booked late is dated
//! at its own instant, so that a month may still change for as long as catch-up is behind.
//!
//! Entries never change: what was added up once is remembered by the process, and only newer rows are read. Memory
//! affects the cost, never the figures. Each step is a short read, for no read transaction may be long.

use crate::args;
use crate::domain::{Credits, EntryKind, Kind};
use crate::store::Store;
use crate::store::db::{Connection, corrupt};
use crate::store::row_numbers::RUN;
pub use crate::usecases::app::{Month, SalesFigures};

use crate::usecases::app::SalesSums;
use crate::usecases::{App, InternalError};
use std::collections::BTreeMap;
use std::time::Duration;

/// Entries that one step adds up.
const STEP: i64 = 50_000;
/// How long one request adds up before it shows what it has.
const BUDGET: Duration = Duration::from_secs(4);
/// The same for a page with one figure of it.
const SHORT_BUDGET: Duration = Duration::from_millis(300);

/// The three kinds, in the order of tables.
pub const KINDS: [Kind; 3] = [Kind::Plan, Kind::Courtesy, Kind::TopUp];

/// One kind's line of a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SalesLine {
    pub month: Month,
    pub kind: Kind,
    pub figures: SalesFigures,
    /// The outstanding credits at its end: the liability.
    pub outstanding: i128,
}

/// The takings of a month, in minor units of one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SalesMoney {
    /// The month in which the credits came.
    pub month: Month,
    /// ISO 4217.
    pub currency: String,
    pub purchases: i64,
    /// Their prices, tax aside.
    pub sold: i128,
    /// Tax on top.
    pub tax: i128,
    /// The refunded part by now.
    pub refunded: i128,
}

/// The price that was paid for outstanding top-up credits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deferred {
    /// ISO 4217.
    pub currency: String,
    /// Minor units.
    pub minor: i128,
}

/// The whole report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SalesReport {
    /// Every kind of every month from the first entry to the last or this one, oldest first.
    pub lines: Vec<SalesLine>,
    /// The revenue, oldest first.
    pub money: Vec<SalesMoney>,
    /// The price of the top-up credits that are left.
    pub deferred: Vec<Deferred>,
    /// Rows that are added up, and rows that there are.
    pub rows: (i64, i64),
}

impl SalesReport {
    /// True if every entry is in.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.rows.0 >= self.rows.1
    }

    /// The outstanding credits now.
    #[must_use]
    pub fn outstanding(&self) -> i128 {
        self.lines.iter().rev().take(KINDS.len()).map(|line| line.outstanding).sum()
    }
}

/// Adds up what is new and tells all of it.
pub async fn sales_report(app: &App) -> Result<SalesReport, InternalError> {
    let mut sums = app.sales_cache.0.lock().await;
    let rows = roll_forward(&app.store, &mut sums, BUDGET).await?;
    let lines = sales_lines(&sums.months, Month::of(app.clock.now()));
    drop(sums);
    let mut db = app.store.read().await?;
    Ok(SalesReport { lines, money: fetch_money(&mut db).await?, deferred: fetch_deferred(&mut db).await?, rows })
}

/// Top-up credits that are left of all that were bought; none while not every entry is added up.
pub async fn unused_top_ups(app: &App) -> Result<Option<Credits>, InternalError> {
    let mut sums = app.sales_cache.0.lock().await;
    let (upto, last) = roll_forward(&app.store, &mut sums, SHORT_BUDGET).await?;
    let top_ups = sums.months.iter().filter(|((_, kind), _)| *kind == Kind::TopUp);
    let left: i128 = top_ups.map(|(_, figures)| figures.net()).sum();
    Ok((upto >= last).then(|| credits_of_sum(left)))
}

/// Adds up for as long as the budget lasts; returns how many rows are added up, and how many there are.
async fn roll_forward(store: &Store, sums: &mut SalesSums, budget: Duration) -> Result<(i64, i64), InternalError> {
    let began = tokio::time::Instant::now();
    let mut ends = BTreeMap::new();
    for row in store.read().await?.fetch_all(RUN_ENDS, args![RUN]).await? {
        ends.insert(row.int("n")?, row.int("last")?);
    }
    if sums.upto.iter().any(|(run, upto)| ends.get(run).is_none_or(|last| last < upto)) {
        // A restored backup: what is remembered belongs to another history.
        *sums = SalesSums::default();
    }
    let (mut done, mut all) = (0, 0);
    for (run, last) in ends {
        let before_run = (run * RUN - 1).max(0);
        let mut upto = sums.upto.get(&run).copied().unwrap_or(before_run);
        while upto < last && began.elapsed() < budget {
            let to = last.min(upto + STEP);
            add_rows(store, sums, upto, to).await?;
            sums.upto.insert(run, to);
            upto = to;
        }
        (done, all) = (done + upto - before_run, all + last - before_run);
    }
    Ok((done, all))
}

async fn add_rows(store: &Store, sums: &mut SalesSums, after: i64, to: i64) -> Result<(), InternalError> {
    for row in store.read().await?.fetch_all(SUMS, args![after, to]).await? {
        let kind = Kind::from_code(row.int("grant_kind")?).ok_or_else(|| corrupt("unknown kind of grant"))?;
        let what = EntryKind::from_code(row.int("kind")?).ok_or_else(|| corrupt("unknown kind of entry"))?;
        let figures = sums.months.entry((Month::of_day(row.int("day")?), kind)).or_default();
        figures.add(what, row.flag("by_usage")?, i128::from(row.int("amount")?));
    }
    Ok(())
}

/// The last row of each run that has one.
const RUN_ENDS: &str = "with recursive numbers (n) as (
       select max(row_no) / $1 from entries
       union all select n - 1 from numbers where n > 0),
     runs (n, last) as (
       select n, (select max(row_no) from entries where row_no >= n * $1 and row_no < (n + 1) * $1) from numbers)
     select n, last from runs where last is not null order by n";

const SUMS: &str = "select e.event_at / 86400000 as day, g.kind as grant_kind, e.kind as kind,
      case when e.cause_kind = 2 then 1 else 0 end * cast(1 as bigint) as by_usage,
      cast(sum(e.amount) as bigint) as amount
    from entries e join grants g on g.no = e.grant_no where e.row_no > $1 and e.row_no <= $2 and e.amount <> 0
    group by 1, 2, 3, 4";

/// Every month without a gap, so that a quiet one shows what is outstanding too.
fn sales_lines(months: &BTreeMap<(Month, Kind), SalesFigures>, now: Month) -> Vec<SalesLine> {
    let (Some((first, _)), Some((last, _))) = (months.keys().next(), months.keys().next_back()) else {
        return Vec::new();
    };
    let (mut month, end) = (*first, (*last).max(now));
    let mut outstanding = [0_i128; 3];
    let mut lines = Vec::new();
    while month <= end {
        for (kind, outstanding) in KINDS.into_iter().zip(&mut outstanding) {
            let figures = months.get(&(month, kind)).copied().unwrap_or_default();
            *outstanding += figures.net();
            lines.push(SalesLine { month, kind, figures, outstanding: *outstanding });
        }
        month = month.next();
    }
    lines
}

async fn fetch_money(db: &mut Connection) -> Result<Vec<SalesMoney>, InternalError> {
    let sql = "select credited_at / 86400000 as day, currency, count(*) as n, cast(sum(amount) as bigint) as sold,
          cast(sum(coalesce(amount_tax, 0)) as bigint) as tax, cast(sum(refunded_amount) as bigint) as refunded
        from purchases where credited_at is not null group by 1, 2";
    let mut months: BTreeMap<(Month, String), SalesMoney> = BTreeMap::new();
    for row in db.fetch_all(sql, Vec::new()).await? {
        let (month, currency) = (Month::of_day(row.int("day")?), row.text("currency")?);
        let empty = || SalesMoney { month, currency: currency.clone(), purchases: 0, sold: 0, tax: 0, refunded: 0 };
        let sum = months.entry((month, currency.clone())).or_insert_with(empty);
        sum.purchases += row.int("n")?;
        sum.sold += i128::from(row.int("sold")?);
        sum.tax += i128::from(row.int("tax")?);
        sum.refunded += i128::from(row.int("refunded")?);
    }
    Ok(months.into_values().collect())
}

/// The share of each price that its credits' rest is, by price and size, since packages are few.
async fn fetch_deferred(db: &mut Connection) -> Result<Vec<Deferred>, InternalError> {
    let sql = "select p.currency, p.amount, g.amount as credits,
          cast(sum(g.amount - g.used - g.expired - g.refunded - g.disputed - g.voided) as bigint) as left_over
        from grants g join purchases p on p.id = g.purchase where g.is_open = 1 group by p.currency, p.amount, g.amount";
    let mut sums: BTreeMap<String, i128> = BTreeMap::new();
    for row in db.fetch_all(sql, Vec::new()).await? {
        let (price, credits) = (i128::from(row.int("amount")?), i128::from(row.int("credits")?));
        *sums.entry(row.text("currency")?).or_default() += price * i128::from(row.int("left_over")?) / credits.max(1);
    }
    Ok(sums.into_iter().map(|(currency, minor)| Deferred { currency, minor }).collect())
}

/// Credits of a sum, which may be more than one customer's can be.
#[must_use]
pub fn credits_of_sum(sum: i128) -> Credits {
    Credits(i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX }))
}

/// The whole report as CSV: a line for each month and kind.
pub fn sales_csv(report: &SalesReport) -> Result<String, InternalError> {
    let head = ["month", "kind", "granted", "used", "expired", "refunded", "voided", "outstanding"];
    let rows = report.lines.iter().map(|line| {
        let f = &line.figures;
        let sums = [f.granted, f.used, f.expired, f.refunded, f.voided, line.outstanding];
        let mut row = vec![line.month.to_string(), line.kind.name().to_owned()];
        row.extend(sums.map(|sum| credits_of_sum(sum).to_string()));
        row
    });
    csv_text(&head, rows)
}

/// The takings as CSV, in minor units.
pub fn money_csv(report: &SalesReport) -> Result<String, InternalError> {
    let head = ["month", "currency", "purchases", "sold", "tax", "refunded"];
    let rows = report.money.iter().map(|line| {
        let mut row = vec![line.month.to_string(), line.currency.clone(), line.purchases.to_string()];
        row.extend([line.sold, line.tax, line.refunded].map(|sum| sum.to_string()));
        row
    });
    csv_text(&head, rows)
}

fn csv_text(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Result<String, InternalError> {
    let broken = |e: csv::Error| InternalError::Broken(e.to_string());
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(head).map_err(broken)?;
    for row in rows {
        writer.write_record(&row).map_err(broken)?;
    }
    let bytes = writer.into_inner().map_err(|e| InternalError::Broken(e.to_string()))?;
    String::from_utf8(bytes).map_err(|e| InternalError::Broken(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(text: &str) -> Month {
        Month::of(format!("{text}-15T00:00:00Z").parse().expect("an instant"))
    }

    #[test]
    fn a_quiet_month_is_there_and_owes_what_the_last_one_owed() {
        let mut months = BTreeMap::new();
        let sold = SalesFigures { granted: 1_200, used: 200, ..SalesFigures::default() };
        months.insert((month("2026-11"), Kind::TopUp), sold);
        months.insert((month("2027-01"), Kind::TopUp), SalesFigures { expired: 1_000, ..SalesFigures::default() });
        let lines = sales_lines(&months, month("2026-12"));
        let owed: Vec<_> = lines.iter().filter(|line| line.kind == Kind::TopUp).map(|line| line.outstanding).collect();
        assert_eq!(owed, [1_000, 1_000, 0]);
        assert_eq!(lines.len(), 9);
        assert_eq!(lines[3].month.to_string(), "2026-12");
    }
}
