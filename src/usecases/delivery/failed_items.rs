//! Items of job lists that fail: each is retried by itself, longer after every attempt, and an alarm names it until it
//! succeeds. Its neighbours are served in the same run.
//!
//! A failing item is a row of `failed_items`. The list's own query leaves it out ([`List::without_failed`]), and each
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
use crate::usecases::{App, InternalError, alarms};
use chrono::TimeDelta;
use futures::{FutureExt, StreamExt};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::panic::AssertUnwindSafe;

/// The first wait after a failure; it doubles with each attempt.
const WAIT_SECONDS_MIN: i64 = 60;
/// The longest wait.
pub(crate) const WAIT_SECONDS_MAX: i64 = 6 * 60 * 60;
/// How many items of a round that may have met a passing fault are tried alone.
const ALONE_MAX: usize = 3;
/// An item that is due again in so many rounds one after the other is not really served.
const STREAK_MAX: u32 = 5;
/// From which attempt on a fault that may pass raises an alarm; a lasting one does at once.
const ALARM_IF_PASSING: i64 = 3;
/// The same where Stripe does not answer: two hours and more. The events that wait have said so by then.
const ALARM_IF_UNANSWERED: i64 = 12;

/// A list that a job works through.
#[derive(Clone, Copy, Debug)]
pub struct List {
    /// Its name, in `failed_items` and in alarms.
    pub name: &'static str,
    /// Whether its items are customers, by the store's number.
    pub of_customers: bool,
    /// The longest wait between two attempts, in seconds.
    pub wait_max: i64,
    /// How many failed items one run retries.
    pub retries_max: i64,
}

pub(crate) const LEDGER: List = List::of_customers("ledger");
pub(crate) const REMINDERS: List = List::of_customers("reminders");
pub(crate) const NEWS: List = List::of_customers("news");
pub(crate) const ERASURE: List = List::of_customers("erasure");
pub(crate) const CUSTOMERS: List = List::of_customers("customers");
/// Whoever has paid waits for it: never long. While Stripe is away each retry takes seconds: only some in a run.
pub(crate) const PURCHASES: List = List { wait_max: 15 * 60, retries_max: 24, ..List::named("purchases") };
/// Reminders that were accepted, by the outbox's number, whose top-ups could not be told so.
pub(crate) const NOTICES: List = List::named("notices");
pub(crate) const TIDY: List = List::named("tidy");

impl List {
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

    /// How an alarm calls an item: a customer by the SaaS's id.
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
pub(crate) fn customer_no(item: &str) -> Result<i64, InternalError> {
    item.parse().map_err(|_| InternalError::Broken(format!("{item:?} is no customer's number")))
}

/// The kind of the alarm that names a failed item.
pub const ALARM: &str = "failed_item";

/// Why an item was not served.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// The fault in words.
    pub reason: String,
    /// From which attempt on there is an alarm.
    pub alarm_at: i64,
    /// Whether the item itself is to blame. Where all of a round met the same, one alarm names the list.
    pub is_its_own: bool,
}

impl Failure {
    /// Of an item, for this reason, with an alarm at once.
    pub fn lasting(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), alarm_at: 1, is_its_own: true }
    }
}

impl From<&InternalError> for Failure {
    fn from(fault: &InternalError) -> Self {
        let alarm_at = match fault {
            InternalError::Stripe(_) => ALARM_IF_UNANSWERED,
            fault if may_pass(fault) => ALARM_IF_PASSING,
            _ => 1,
        };
        Self { alarm_at, ..Self::lasting(fault.to_string()) }
    }
}

/// Whether a fault is the database's state rather than the item's: away, overloaded, read-only, or undone by another.
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

/// What a round came to.
pub(crate) struct Round<K> {
    /// Pieces of work.
    pub done: u64,
    /// Items that were served.
    pub served: Vec<K>,
    /// Items that were not.
    pub failed: Vec<(K, Failure)>,
    /// A fault that is no item's.
    pub stopped: Option<InternalError>,
}

impl<K> Round<K> {
    fn take(&mut self, item: K, result: Result<u64, InternalError>) {
        match result {
            Ok(done) => {
                self.done += done;
                self.served.push(item);
            }
            Err(fault) => self.failed.push((item, Failure::from(&fault))),
        }
    }
}

/// Serves items, some side by side. A fault that may pass is tried once more alone: writes that were decided together
/// are undone together, and only the one that fails alone is to blame.
pub(crate) async fn round<K, F>(items: Vec<K>, at_once: usize, act: impl Fn(K) -> F) -> Round<K>
where
    K: Clone,
    F: Future<Output = Result<u64, InternalError>>,
{
    let guarded = |item: K| {
        let doing = AssertUnwindSafe(act(item.clone())).catch_unwind();
        async move { (item, doing.await.unwrap_or_else(|_| Err(InternalError::Broken("it panicked".to_owned())))) }
    };
    let mut round = Round { done: 0, served: Vec::new(), failed: Vec::new(), stopped: None };
    let doing: Vec<_> = items.into_iter().map(&guarded).collect();
    let mut doing = futures::stream::iter(doing).buffer_unordered(at_once);
    let mut unsure = Vec::new();
    while let Some((item, result)) = doing.next().await {
        match result {
            Err(fault) if may_pass(&fault) => unsure.push(item),
            result => round.take(item, result),
        }
    }
    drop(doing);
    let mut blamed = Vec::new();
    for item in unsure {
        match guarded(item).await {
            (item, Err(fault)) if may_pass(&fault) => blamed.push((item, fault)),
            (item, result) => round.take(item, result),
        }
        if blamed.len() >= ALONE_MAX {
            break;
        }
    }
    // Where nothing at all was served, it is nobody's fault but the database's.
    let nobodys = round.served.is_empty() || blamed.len() >= ALONE_MAX;
    for (item, fault) in blamed {
        if !round.served.is_empty() {
            round.failed.push((item, Failure::from(&fault)));
        }
        if nobodys {
            round.stopped = Some(fault);
        }
    }
    round
}

/// A run through one list.
pub(crate) struct Run<'a> {
    app: &'a App,
    list: List,
    at_once: usize,
    /// In how many rounds up to the last an item was served.
    streaks: HashMap<String, u32>,
}

impl<'a> Run<'a> {
    /// Of this list, with so many items side by side.
    pub fn new(app: &'a App, list: List, at_once: usize) -> Self {
        Self { app, list, at_once, streaks: HashMap::new() }
    }

    /// Retries the failed items that are due.
    ///
    /// # Errors
    /// A fault that is no item's.
    pub async fn retry<F>(&mut self, act: impl Fn(String) -> F) -> Result<u64, InternalError>
    where
        F: Future<Output = Result<u64, InternalError>>,
    {
        let sql = "select item from failed_items where list = $1 and due_at <= $2 order by due_at limit $3";
        let now = self.app.clock.now();
        let limit = self.list.retries_max;
        let rows = self.app.store.read().await?.fetch_all(sql, args![self.list.name, now, limit]).await?;
        let due = rows.iter().map(|row| row.text("item")).collect::<Result<_, _>>()?;
        self.serve(due, act).await
    }

    /// Serves the items of one round.
    ///
    /// # Errors
    /// A fault that is no item's; what could be served was.
    pub async fn serve<F>(&mut self, items: Vec<String>, act: impl Fn(String) -> F) -> Result<u64, InternalError>
    where
        F: Future<Output = Result<u64, InternalError>>,
    {
        if items.is_empty() {
            return Ok(0);
        }
        let streak = |item: &String| self.streaks.get(item).copied().unwrap_or(0);
        let (stuck, items): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| streak(item) >= STREAK_MAX);
        let mut round = round(items, self.at_once, act).await;
        self.streaks = round.served.iter().map(|item| (item.clone(), streak(item) + 1)).collect();
        let reason = "it is due again as soon as it was served";
        round.failed.extend(stuck.into_iter().map(|item| (item, Failure::lasting(reason))));
        // Stripe answers about nothing: that is no news of each purchase.
        if round.served.is_empty() && round.failed.len() > 1 {
            for (_, failure) in round.failed.iter_mut().filter(|(_, failure)| failure.alarm_at == ALARM_IF_UNANSWERED) {
                failure.is_its_own = false;
            }
        }
        record(self.app, self.list, round.served, round.failed).await?;
        round.stopped.map_or(Ok(round.done), Err)
    }
}

/// Notes which items failed, and ends the failures of those that were served.
///
/// # Errors
/// [`Fault`] of the database.
pub(crate) async fn record(
    app: &App,
    list: List,
    served: Vec<String>,
    failed: Vec<(String, Failure)>,
) -> Result<(), InternalError> {
    let known = self::failed(app, list).await?;
    let cured: Vec<String> = served.into_iter().filter(|item| known.contains(item)).collect();
    if cured.is_empty() && failed.is_empty() {
        return Ok(());
    }
    app.write(move |tx| {
        Box::pin(async move {
            for item in cured {
                end(tx, list, &item).await?;
            }
            for (item, failure) in failed {
                fail(tx, list, &item, &failure).await?;
            }
            Ok(())
        })
    })
    .await
}

/// The failed items of a list: those that are retried by themselves.
pub(crate) async fn failed(app: &App, list: List) -> Result<BTreeSet<String>, InternalError> {
    let sql = "select item from failed_items where list = $1";
    let rows = app.store.read().await?.fetch_all(sql, args![list.name]).await?;
    Ok(rows.iter().map(|row| row.text("item")).collect::<Result<_, _>>()?)
}

/// The failed items of a list that are not due yet.
pub(crate) async fn resting(app: &App, list: List) -> Result<BTreeSet<String>, InternalError> {
    let sql = "select item from failed_items where list = $1 and due_at > $2";
    let rows = app.store.read().await?.fetch_all(sql, args![list.name, app.clock.now()]).await?;
    Ok(rows.iter().map(|row| row.text("item")).collect::<Result<_, _>>()?)
}

/// An item was served: nothing is to be retried, and nobody has to look at it.
async fn end(tx: &mut WriteTransaction, list: List, item: &str) -> Result<(), InternalError> {
    tx.db.execute("delete from failed_items where list = $1 and item = $2", args![list.name, item]).await?;
    let subject = list.subject(tx, item).await?;
    for subject in [subject.as_str(), list.name] {
        alarms::end(tx, ALARM, subject).await?;
    }
    tracing::info!(list = list.name, item, "a failed item succeeded");
    Ok(())
}

/// An item failed: it is retried later, and a person hears of it.
pub(crate) async fn fail(
    tx: &mut WriteTransaction,
    list: List,
    item: &str,
    failure: &Failure,
) -> Result<(), InternalError> {
    let now = tx.now();
    let sql = "select attempts, due_at from failed_items where list = $1 and item = $2";
    let attempts = match tx.db.fetch_optional(sql, args![list.name, item]).await? {
        // Another process had the same item in hand, and has counted this attempt.
        Some(row) if row.at("due_at")? > now => return Ok(()),
        Some(row) => row.int("attempts")?.saturating_add(1),
        None => 1,
    };
    let reason = plain(&failure.reason);
    let wait = wait_seconds(attempts, dice()?).min(list.wait_max);
    let sql = "insert into failed_items (list, item, attempts, failed_at, due_at, last_error)
        values ($1, $2, $3, $4, $5, $6)
        on conflict (list, item) do update set attempts = excluded.attempts, failed_at = excluded.failed_at,
          due_at = excluded.due_at, last_error = excluded.last_error";
    let due = now + TimeDelta::seconds(wait);
    tx.db.execute(sql, args![list.name, item, attempts, now, due, &reason]).await?;
    tracing::error!(list = list.name, item, attempts, error = reason, "an item failed; it is retried later");
    if attempts >= failure.alarm_at {
        let subject = if failure.is_its_own { list.subject(tx, item).await? } else { list.name.to_owned() };
        alarms::raise(tx, ALARM, &subject, &format!("failed, and is retried: {reason}")).await?;
    }
    Ok(())
}

/// A reason that a database and a line of a terminal take.
pub(crate) fn plain(reason: &str) -> String {
    reason.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}

/// How long the next attempt waits: a minute after the first failure, twice as long after each, six hours at most; up
/// to a quarter more, so that items which failed together do not come back together.
pub(crate) fn wait_seconds(attempt: i64, dice: u8) -> i64 {
    let doublings = u32::try_from(attempt.clamp(1, 20) - 1).unwrap_or(0);
    let wait = WAIT_SECONDS_MIN << doublings;
    (wait + wait * i64::from(dice) / 1_024).min(WAIT_SECONDS_MAX)
}

/// A random byte.
pub(crate) fn dice() -> Result<u8, InternalError> {
    let mut byte = [0_u8];
    getrandom::fill(&mut byte).map_err(|e| InternalError::Broken(format!("no random bytes: {e}")))?;
    Ok(byte[0])
}

/// How many items of each list fail; lists without any are left out.
///
/// # Errors
/// [`Fault`] of the database.
pub async fn counts(store: &Store) -> Result<Vec<(String, i64)>, InternalError> {
    let sql = "select list, count(*) as n from failed_items group by list";
    let rows = store.read().await?.fetch_all(sql, Vec::new()).await?;
    let count = |row: &Row| Ok((row.text("list")?, row.int("n")?));
    rows.iter().map(count).collect::<Result<_, DbError>>().map_err(InternalError::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Unavailable;

    #[test]
    fn waits_double_from_a_minute_to_six_hours() {
        let check = |attempt, dice, want| assert_eq!(wait_seconds(attempt, dice), want, "{attempt} {dice}");
        check(1, 0, 60);
        check(1, 255, 74);
        check(2, 0, 120);
        check(9, 0, 15_360);
        check(10, 0, 21_600);
        check(9, 255, 19_185);
        check(100, 255, 21_600);
    }

    /// Items below 10 are served, 10 and above are broken, 20 undoes whatever is decided with it, 30 panics.
    async fn act(item: i64) -> Result<u64, InternalError> {
        match item {
            0..10 => Ok(1),
            20.. if item < 30 => Err(InternalError::Unavailable(Unavailable::Database)),
            30.. => panic!("planted"),
            _ => Err(InternalError::Broken("planted".to_owned())),
        }
    }

    #[tokio::test]
    async fn one_item_that_fails_in_whatever_way_keeps_no_neighbour_from_being_served() {
        let round = round(vec![10, 20, 1, 30, 2, 3], 4, act).await;
        assert_eq!(round.done, 3);
        let mut failed: Vec<i64> = round.failed.iter().map(|(item, _)| *item).collect();
        failed.sort_unstable();
        assert_eq!(failed, [10, 20, 30]);
        assert!(round.stopped.is_none());
    }

    #[tokio::test]
    async fn a_database_that_is_away_is_no_items_fault() {
        let round = round(vec![20, 21, 22, 23, 24], 4, act).await;
        assert!(round.failed.is_empty() && round.stopped.is_some());
    }

    #[tokio::test]
    async fn several_items_that_undo_what_is_decided_with_them_are_found_out_some_in_a_round() {
        let round = round(vec![1, 20, 21, 22, 23, 24], 4, act).await;
        assert_eq!((round.failed.len(), round.stopped.is_some()), (ALONE_MAX, true));
    }
}
