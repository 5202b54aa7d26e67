//! Items of job lists that fail: each is retried by itself, longer after every attempt, and an alarm names it until it
//! succeeds. Its neighbours are served in the same run.
//!
//! A failing item is a row of `failed_items`. The list's own query leaves it out ([`FailedItemList::without_failed`]), and each
//! run retries by their keys those that are due. The row and its alarm end with the first attempt that succeeds.
//!
//! Invariant: a fault that every item would meet (a database that is away) is no item's: it ends the run and is
//! counted for none of them.
//!
//! *Not here:* lists with attempts in their own rows (`inbox`, `outbox`, `hooks`); they share the waits and the alarm.

use crate::args;
use crate::ledger::WriteTransaction;
use crate::store::Store;
use crate::store::db::{DbError, Row};
use crate::usecases::delivery::backoff::{Backoff, plain_reason};
use crate::usecases::{App, InternalError, alarms};
use chrono::TimeDelta;
use std::collections::{BTreeSet, HashSet};

/// The longest wait, in seconds.
pub(crate) const WAIT_SECONDS_MAX: i64 = 6 * 60 * 60;
/// A minute after the first failure, twice as long after each, six hours at most.
pub(crate) const RETRIES: Backoff = Backoff { first: 60, factor: 2, max: WAIT_SECONDS_MAX, limit: WAIT_SECONDS_MAX };
/// From which attempt on a fault that may pass raises an alarm; a lasting one does at once.
const ALARM_IF_PASSING: i64 = 3;
/// The same where Stripe does not answer: two hours and more. The events that wait have said so by then.
pub(crate) const ALARM_IF_UNANSWERED: i64 = 12;

/// A list that a job works through.
#[derive(Clone, Copy, Debug)]
pub struct FailedItemList {
    /// Its name, in `failed_items` and in alarms.
    pub name: &'static str,
    /// True if its items are customers, by the store's number.
    pub of_customers: bool,
    /// The longest wait between two attempts, in seconds.
    pub wait_max: i64,
    /// How many failed items one run retries.
    pub retries_max: i64,
}

pub(crate) const LEDGER: FailedItemList = FailedItemList::of_customers("ledger");
pub(crate) const REMINDERS: FailedItemList = FailedItemList::of_customers("reminders");
pub(crate) const BALANCE_ALERTS: FailedItemList = FailedItemList::of_customers("news");
pub(crate) const ERASURE: FailedItemList = FailedItemList::of_customers("erasure");
pub(crate) const CUSTOMERS: FailedItemList = FailedItemList::of_customers("customers");
/// A buyer waits for it, so it rests for a short time. While Stripe is away each retry takes seconds: only some in a run.
pub(crate) const PURCHASES: FailedItemList =
    FailedItemList { wait_max: 15 * 60, retries_max: 24, ..FailedItemList::named("purchases") };
pub(crate) const RULES: FailedItemList = FailedItemList::of_customers("auto_top_ups");
/// A payment waits for it, so it rests for a short time.
pub(crate) const AUTO_PAYMENTS: FailedItemList =
    FailedItemList { wait_max: 15 * 60, retries_max: 24, ..FailedItemList::named("auto_payments") };
/// Reminders that were accepted, by the outbox's number, whose top-ups could not be told so.
pub(crate) const NOTICES: FailedItemList = FailedItemList::named("notices");
pub(crate) const TIDY: FailedItemList = FailedItemList::named("tidy");

impl FailedItemList {
    const fn named(name: &'static str) -> Self {
        Self { name, of_customers: false, wait_max: WAIT_SECONDS_MAX, retries_max: 200 }
    }

    const fn of_customers(name: &'static str) -> Self {
        Self { of_customers: true, ..Self::named(name) }
    }

    /// The condition of the list's query that leaves failed items out; `number` is the column with the item's number.
    #[must_use]
    pub fn without_failed(&self, number: &str) -> String {
        let name = self.name;
        format!("not exists (select 1 from failed_items f where f.list = '{name}' and f.item = cast({number} as text))")
    }

    /// The name of an item in alarms: a customer by the SaaS's id.
    async fn subject(&self, tx: &mut WriteTransaction, item: &str) -> Result<String, DbError> {
        let mut named = None;
        if let Some(no) = item.parse::<i64>().ok().filter(|_| self.of_customers) {
            let row = tx.db.fetch_optional("select id from customers where no = $1", args![no]).await?;
            named = row.map(|row| row.text("id")).transpose()?;
        }
        Ok(format!("{} {}", self.name, named.as_deref().unwrap_or(item)))
    }
}

/// The customers of a list's rows, each once, in the rows' order.
pub(crate) fn customer_items(rows: &[Row]) -> Result<Vec<String>, DbError> {
    let mut nos = Vec::with_capacity(rows.len());
    let mut met = HashSet::new();
    for row in rows {
        let no = row.int("customer_no")?;
        if met.insert(no) {
            nos.push(no.to_string());
        }
    }
    Ok(nos)
}

/// The number of a customer that an item is.
pub(crate) fn customer_of_item(item: &str) -> Result<i64, InternalError> {
    item.parse().map_err(|_| InternalError::Broken(format!("{item:?} is no customer's number")))
}

/// The kind of the alarm that names a failed item.
pub const ALARM: &str = "failed_item";

/// The reason why an item was not served.
#[derive(Clone, Debug)]
pub(crate) struct ItemFailure {
    /// The fault in words.
    pub reason: String,
    /// From which attempt on there is an alarm.
    pub alarm_at: i64,
    /// True if the item itself is to blame. Where all of a round met the same, one alarm names the list.
    pub is_its_own: bool,
}

impl ItemFailure {
    /// Of an item, for this reason, with an alarm at once.
    pub fn lasting(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), alarm_at: 1, is_its_own: true }
    }
}

impl From<&InternalError> for ItemFailure {
    fn from(fault: &InternalError) -> Self {
        let alarm_at = match fault {
            InternalError::Stripe(_) => ALARM_IF_UNANSWERED,
            fault if may_pass(fault) => ALARM_IF_PASSING,
            _ => 1,
        };
        Self { alarm_at, ..Self::lasting(fault.to_string()) }
    }
}

/// True if a fault is the database's state rather than the item's: away, overloaded, read-only, or undone by another.
pub(crate) fn may_pass(fault: &InternalError) -> bool {
    match fault {
        InternalError::Unavailable(_) => true,
        InternalError::Db(error) => match error {
            DbError::Database(said) => said.code().is_some_and(|code| is_passing_code(&code)),
            DbError::Io(_) | DbError::Tls(_) | DbError::PoolTimedOut | DbError::PoolClosed | DbError::WorkerCrashed => {
                true
            }
            _ => false,
        },
        InternalError::Stripe(_) | InternalError::Broken(_) => false,
    }
}

/// PostgreSQL's classes of five characters: connection, transaction rolled back, read-only, resources, operator,
/// system. SQLite's numbers, whose low byte counts: busy, locked, read-only, I/O, full, cannot open.
fn is_passing_code(code: &str) -> bool {
    if code.len() == 5 {
        return ["08", "40", "25006", "53", "57", "58"].iter().any(|class| code.starts_with(class));
    }
    code.parse::<i64>().is_ok_and(|code| [5, 6, 8, 10, 13, 14].contains(&(code & 255)))
}

/// Notes which items failed, and ends the failures of those that were served.
pub(crate) async fn record_failures(
    app: &App,
    list: FailedItemList,
    served: Vec<String>,
    failed: Vec<(String, ItemFailure)>,
) -> Result<(), InternalError> {
    let known = self::failed_now(app, list).await?;
    let cured: Vec<String> = served.into_iter().filter(|item| known.contains(item)).collect();
    if cured.is_empty() && failed.is_empty() {
        return Ok(());
    }
    app.write(move |tx| {
        Box::pin(async move {
            for item in cured {
                remove_item(tx, list, &item).await?;
            }
            for (item, failure) in failed {
                fail_item(tx, list, &item, &failure).await?;
            }
            Ok(())
        })
    })
    .await
}

/// The failed items of a list: those that are retried by themselves.
pub(crate) async fn failed_now(app: &App, list: FailedItemList) -> Result<BTreeSet<String>, InternalError> {
    let sql = "select item from failed_items where list = $1";
    let rows = app.store.read().await?.fetch_all(sql, args![list.name]).await?;
    Ok(rows.iter().map(|row| row.text("item")).collect::<Result<_, _>>()?)
}

/// The failed items of a list that are not due yet.
pub(crate) async fn waiting_for_retry(app: &App, list: FailedItemList) -> Result<BTreeSet<String>, InternalError> {
    let sql = "select item from failed_items where list = $1 and due_at > $2";
    let rows = app.store.read().await?.fetch_all(sql, args![list.name, app.clock.now()]).await?;
    Ok(rows.iter().map(|row| row.text("item")).collect::<Result<_, _>>()?)
}

/// An item was served: nothing is to be retried, and nobody has to look at it.
async fn remove_item(tx: &mut WriteTransaction, list: FailedItemList, item: &str) -> Result<(), InternalError> {
    tx.db.execute("delete from failed_items where list = $1 and item = $2", args![list.name, item]).await?;
    let subject = list.subject(tx, item).await?;
    for subject in [subject.as_str(), list.name] {
        alarms::end_alarm(tx, ALARM, subject).await?;
    }
    tracing::info!(list = list.name, item, "a failed item succeeded");
    Ok(())
}

/// An item failed: it is retried later, and an alarm is raised.
pub(crate) async fn fail_item(
    tx: &mut WriteTransaction,
    list: FailedItemList,
    item: &str,
    failure: &ItemFailure,
) -> Result<(), InternalError> {
    let now = tx.now();
    let sql = "select attempts, due_at from failed_items where list = $1 and item = $2";
    let attempts = match tx.db.fetch_optional(sql, args![list.name, item]).await? {
        // Another process had the same item in hand, and has counted this attempt.
        Some(row) if row.at("due_at")? > now => return Ok(()),
        Some(row) => row.int("attempts")?.saturating_add(1),
        None => 1,
    };
    let reason = plain_reason(&failure.reason);
    let wait = RETRIES.random_seconds(attempts)?.min(list.wait_max);
    let sql = "insert into failed_items (list, item, attempts, failed_at, due_at, last_error)
        values ($1, $2, $3, $4, $5, $6)
        on conflict (list, item) do update set attempts = excluded.attempts, failed_at = excluded.failed_at,
          due_at = excluded.due_at, last_error = excluded.last_error";
    let due = now + TimeDelta::seconds(wait);
    tx.db.execute(sql, args![list.name, item, attempts, now, due, &reason]).await?;
    tracing::error!(list = list.name, item, attempts, error = reason, "an item failed and will be retried");
    if attempts >= failure.alarm_at {
        let subject = if failure.is_its_own { list.subject(tx, item).await? } else { list.name.to_owned() };
        alarms::raise_alarm(tx, ALARM, &subject, &format!("failed and will be retried: {reason}")).await?;
    }
    Ok(())
}

/// How many items of each list fail; lists without any are left out.
pub async fn failed_item_counts(store: &Store) -> Result<Vec<(String, i64)>, InternalError> {
    let sql = "select list, count(*) as n from failed_items group by list";
    let rows = store.read().await?.fetch_all(sql, Vec::new()).await?;
    let count = |row: &Row| Ok((row.text("list")?, row.int("n")?));
    rows.iter().map(count).collect::<Result<_, DbError>>().map_err(InternalError::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_a_minute_to_six_hours() {
        let check = |attempt, random, want| assert_eq!(RETRIES.seconds(attempt, random), want, "{attempt} {random}");
        check(1, 0, 60);
        check(1, 255, 74);
        check(2, 0, 120);
        check(9, 0, 15_360);
        check(10, 0, 21_600);
        check(9, 255, 19_185);
        check(100, 255, 21_600);
    }
}
