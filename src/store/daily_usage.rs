//! Daily totals of usage: what charts, `/api/usage-stats` and "used in this cycle" read. The shop's own metrics are in
//! `metrics`.
//!
//! A row is one customer's day (UTC) of one operation and one source in one billing cycle. A batch adds to
//! each row once, in the charges' own transaction, without reading it. Rows lie by day first: the pages that
//! charges write are today's, however long the history. How many sources and operations a day names is bounded
//! (`day_names`), and what pages show of them is added up by the database. An undone usage is taken off the day it was on, so
//! that totals are always the sum of the usages that stand.

use crate::args;
use crate::domain::{Credits, Instant};
use crate::store::daily_usage_names::{OTHER_OPERATION, OTHER_SOURCE};
pub use crate::store::day_totals::{DAY_MS, DayKey, Totals, day_number};
use crate::store::db::{Connection, DbError, Row, Value};
use crate::store::statement_batch::{StatementBatch, placeholders};
use std::collections::BTreeMap;

/// How many days one statement asks for: a fixed number, so that it stays prepared.
pub const DAYS_AT_ONCE: usize = 64;
/// Names that a page suggests.
pub const NAMES_MAX: usize = 50;
/// The same, with room for the empty name and the others'.
const NAMES_READ: usize = NAMES_MAX + 2;

/// The columns that are added up, in the order of [`day_values`].
const SUMS: &str = "usages, plan, courtesy, top_up";

/// The same, added up.
fn sum_columns() -> String {
    let sum = |column: &str| format!("cast(sum({column}) as bigint) as {column}");
    SUMS.split(", ").map(sum).collect::<Vec<_>>().join(", ")
}

const INSERT: &str =
    "insert into usage_days (day, customer_no, operation, source, cycle_start, usages, plan, courtesy, top_up)";
const ADD: &str = "on conflict (day, customer_no, operation, source, cycle_start) do update set
           usages = usage_days.usages + excluded.usages, plan = usage_days.plan + excluded.plan,
           courtesy = usage_days.courtesy + excluded.courtesy, top_up = usage_days.top_up + excluded.top_up";

/// Adds to the days, each row once, when the script is written.
pub(super) fn add_days(batch: &mut StatementBatch, days: BTreeMap<DayKey, Totals>) {
    batch.insert(INSERT, ADD, days.into_iter().map(day_values).collect());
}

fn day_values((key, sum): (DayKey, Totals)) -> Vec<Value> {
    args![
        key.day,
        key.customer_no,
        key.operation,
        key.source,
        key.cycle_start,
        sum.usages,
        sum.plan,
        sum.courtesy,
        sum.top_up
    ]
}

/// The rows of a customer from day `first` to day `last`, both in it, by day: for `topup check`, which compares each.
pub async fn fetch_daily_usage(
    db: &mut Connection,
    customer_no: i64,
    first: i64,
    last: i64,
) -> Result<Vec<(DayKey, Totals)>, DbError> {
    let sql = format!(
        "select day, operation, source, cycle_start, {SUMS} from usage_days where customer_no = $1 and day in ({})",
        placeholders(2, DAYS_AT_ONCE)
    );
    let mut out = Vec::new();
    for values in day_arguments(customer_no, first, last) {
        for row in db.fetch_all(sql.as_str(), values).await? {
            out.push(day_row(&row, customer_no)?);
        }
    }
    out.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    Ok(out)
}

/// A customer's usage on each day from `first` to `last`, both included, by the start of the billing cycle. Days without
/// usage may be missing.
///
/// # Errors
/// Whatever the database says.
pub async fn totals_by_day(
    db: &mut Connection,
    customer_no: i64,
    first: i64,
    last: i64,
) -> Result<Vec<(i64, i64, Totals)>, DbError> {
    let sql = format!(
        "select day, cycle_start, {} from usage_days where customer_no = $1 and day in ({}) group by day, cycle_start",
        sum_columns(),
        placeholders(2, DAYS_AT_ONCE)
    );
    let mut out = Vec::new();
    for values in day_arguments(customer_no, first, last) {
        for row in db.fetch_all(sql.as_str(), values).await? {
            out.push((row.int("day")?, row.int("cycle_start")?, totals_of(&row)?));
        }
    }
    Ok(out)
}

/// A customer's usage from day `first` to day `last`, both included, by operation and source; of billing cycles that
/// began in `[from, until)` only, where they are given.
///
/// # Errors
/// Whatever the database says.
pub async fn totals_by_name(
    db: &mut Connection,
    customer_no: i64,
    (first, last): (i64, i64),
    cycles: Option<(Instant, Instant)>,
) -> Result<Vec<(String, String, Totals)>, DbError> {
    let sql = format!(
        "select operation, source, {} from usage_days
         where cycle_start >= $1 and cycle_start < $2 and customer_no = $3 and day in ({}) group by operation, source",
        sum_columns(),
        placeholders(4, DAYS_AT_ONCE)
    );
    let (from, until) = cycles.map_or((i64::MIN, i64::MAX), |(a, b)| (a.timestamp_millis(), b.timestamp_millis()));
    let mut out = Vec::new();
    for mut values in day_arguments(customer_no, first, last) {
        values.splice(0..0, args![from, until]);
        for row in db.fetch_all(sql.as_str(), values).await? {
            let totals = totals_of(&row)?;
            if totals != Totals::default() {
                out.push((row.text("operation")?, row.text("source")?, totals));
            }
        }
    }
    Ok(out)
}

/// Operations of the last [`DAYS_AT_ONCE`] days up to `last`, at most [`NAMES_MAX`]: the latest first.
///
/// # Errors
/// Whatever the database says.
pub async fn recent_operations(db: &mut Connection, customer_no: i64, last: i64) -> Result<Vec<String>, DbError> {
    let sql = format!(
        "select operation as name from usage_days where customer_no = $1 and usages <> 0 and day in ({})
         group by operation order by max(day) desc, sum(usages) desc limit {NAMES_READ}",
        placeholders(2, DAYS_AT_ONCE)
    );
    recent_names(db, sql, customer_no, last, OTHER_OPERATION).await
}

/// Sources, likewise.
///
/// # Errors
/// Whatever the database says.
pub async fn recent_sources(db: &mut Connection, customer_no: i64, last: i64) -> Result<Vec<String>, DbError> {
    let sql = format!(
        "select source as name from usage_days where customer_no = $1 and usages <> 0 and day in ({})
         group by source order by max(day) desc, sum(usages) desc limit {NAMES_READ}",
        placeholders(2, DAYS_AT_ONCE)
    );
    recent_names(db, sql, customer_no, last, OTHER_SOURCE).await
}

async fn recent_names(
    db: &mut Connection,
    sql: String,
    customer_no: i64,
    last: i64,
    other: &str,
) -> Result<Vec<String>, DbError> {
    let first = last - i64::try_from(DAYS_AT_ONCE).unwrap_or(0) + 1;
    let values = day_arguments(customer_no, first, last).pop().unwrap_or_default();
    let rows = db.fetch_all(sql, values).await?;
    let mut names = rows.iter().map(|row| row.text("name")).collect::<Result<Vec<_>, _>>()?;
    names.retain(|name| !name.is_empty() && name != other);
    names.truncate(NAMES_MAX);
    Ok(names)
}

/// Usage of one billing cycle on days from `first` to `last`, both included.
pub async fn used_in_cycle(
    db: &mut Connection,
    customer_no: i64,
    cycle_start: Instant,
    (first, last): (i64, i64),
) -> Result<Credits, DbError> {
    let sql = format!(
        "select coalesce(cast(sum(plan + courtesy + top_up) as bigint), 0) as used from usage_days
         where cycle_start = $1 and customer_no = $2 and day in ({})",
        placeholders(3, DAYS_AT_ONCE)
    );
    let mut used = Credits::ZERO;
    for mut values in day_arguments(customer_no, first, last) {
        values.insert(0, Value::from(cycle_start));
        used += db.fetch_optional(sql.as_str(), values).await?.map_or(Ok(Credits::ZERO), |row| row.credits("used"))?;
    }
    Ok(used)
}

/// Usage of a customer on each day from `first` to `last`, both included, by the cycle's start.
pub async fn used_by_day(
    db: &mut Connection,
    customer_no: i64,
    first: i64,
    last: i64,
) -> Result<Vec<(i64, i64, Credits)>, DbError> {
    let sql = format!(
        "select day, cycle_start, cast(sum(plan + courtesy + top_up) as bigint) as used from usage_days
         where customer_no = $1 and day in ({}) group by day, cycle_start",
        placeholders(2, DAYS_AT_ONCE)
    );
    let mut out = Vec::new();
    for values in day_arguments(customer_no, first, last) {
        for row in db.fetch_all(sql.as_str(), values).await? {
            out.push((row.int("day")?, row.int("cycle_start")?, row.credits("used")?));
        }
    }
    Ok(out)
}

/// The days from `first` to `last`, at most [`DAYS_AT_ONCE`], on which a customer's usage may have been of this operation
/// and by this source, so far as they are asked for; undone usage too. Newest first.
pub async fn matching_days(
    db: &mut Connection,
    customer_no: i64,
    (first, last): (i64, i64),
    operation: Option<&str>,
    source: Option<&str>,
) -> Result<Vec<i64>, DbError> {
    let sql = format!(
        "select day from usage_days where ($1 = '' or operation in ($1, $2)) and ($3 = '' or source in ($3, $4))
           and customer_no = $5 and day in ({}) group by day order by day desc",
        placeholders(6, DAYS_AT_ONCE)
    );
    let (operation, source) = (operation.unwrap_or_default(), source.unwrap_or_default());
    let mut values = args![operation, OTHER_OPERATION, source, OTHER_SOURCE];
    values.extend(day_arguments(customer_no, first, last).pop().unwrap_or_default());
    db.fetch_all(sql, values).await?.iter().map(|row| row.int("day")).collect()
}

/// The values of statements that each ask for [`DAYS_AT_ONCE`] days; the last day fills the places that are left.
pub(super) fn day_arguments(customer_no: i64, first: i64, last: i64) -> Vec<Vec<Value>> {
    let days: Vec<i64> = (first..=last).collect();
    let values = |days: &[i64]| {
        let filled = days.iter().copied().chain(std::iter::repeat(last)).take(DAYS_AT_ONCE);
        std::iter::once(customer_no).chain(filled).map(Value::from).collect()
    };
    days.chunks(DAYS_AT_ONCE).map(values).collect()
}

fn day_row(row: &Row, customer_no: i64) -> Result<(DayKey, Totals), DbError> {
    let key = DayKey {
        day: row.int("day")?,
        customer_no,
        operation: row.text("operation")?,
        source: row.text("source")?,
        cycle_start: row.int("cycle_start")?,
    };
    Ok((key, totals_of(row)?))
}

fn totals_of(row: &Row) -> Result<Totals, DbError> {
    Ok(Totals {
        usages: row.int("usages")?,
        plan: row.credits("plan")?,
        courtesy: row.credits("courtesy")?,
        top_up: row.credits("top_up")?,
    })
}

/// The row that counts a usage: `key` says its day, customer, operation and source; `at` is when it was booked. Where the
/// day does not name the one or the other, it is among the others.
pub async fn find_counting_row(db: &mut Connection, key: &DayKey, at: Instant) -> Result<Option<DayKey>, DbError> {
    // A name that the day has is on all of its rows, so that the row with the most names of its own is the one.
    let sql = "select operation, source, max(cycle_start) as cycle_start from usage_days
         where day = $1 and customer_no = $2 and operation in ($3, $4) and source in ($5, $6) and cycle_start <= $7
         group by operation, source";
    let args = args![key.day, key.customer_no, &key.operation, OTHER_OPERATION, &key.source, OTHER_SOURCE, at];
    let mut found = Vec::new();
    for row in db.fetch_all(sql, args).await? {
        let (operation, source, cycle_start) = (row.text("operation")?, row.text("source")?, row.int("cycle_start")?);
        found.push(DayKey { operation, source, cycle_start, ..key.clone() });
    }
    Ok(found.into_iter().max_by_key(|row| (row.source == key.source, row.operation == key.operation)))
}

/// Forgets who did it, for the days from `first` to `last`: what names a source, or others, is added to what names none.
pub async fn blank_sources(db: &mut Connection, customer_no: i64, first: i64, last: i64) -> Result<(), DbError> {
    let days = placeholders(2, DAYS_AT_ONCE);
    let add = format!(
        "{INSERT} select day, customer_no, operation, '', cycle_start, {} from usage_days
         where customer_no = $1 and source <> '' and day in ({days}) group by day, customer_no, operation, cycle_start
         {ADD}",
        sum_columns()
    );
    let delete = format!("delete from usage_days where customer_no = $1 and source <> '' and day in ({days})");
    for values in day_arguments(customer_no, first, last) {
        db.execute(add.as_str(), values.clone()).await?;
        db.execute(delete.as_str(), values).await?;
    }
    Ok(())
}
