//! `topup check`: proves a database against the rules, beside a running `serve` if need be.
//!
//! Each customer's rows are read in one short snapshot; the entries up to it, which never change, after
//! it, a page at a time. The replay itself is the domain's. Questions across customers are one statement each, or a
//! page of rows in a snapshot of its own: no snapshot lasts longer than a step, so that SQLite's log can be copied into
//! the file and shrink meanwhile. What is compared over several steps is what never changes once it is written.
//!
//! A good check stores what it knows of each customer. One since the last goes on from there: it reads the lines since and
//! the rows that they name, and compares the figures of all accounts, grants and open holds; it does not see what was
//! changed in older lines and in the rows beside them.

mod claims;
mod customer;
mod days;
mod heads;
mod keys;
mod queries;
mod rows;
mod runs;

use self::customer::{Verified, check_customer};
use self::heads::HeadKeeper;
pub use self::heads::LastCheck;
use crate::args;
use crate::clock::Clock;
use crate::store::Store;
use crate::store::db::{DbError, Value};
use crate::time_zone::rfc3339;
use crate::usecases::InternalError;
use std::fmt;

/// Customers whose numbers one step reads.
const CUSTOMERS_STEP: i64 = 500;

/// The counts of verified rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    pub customers: i64,
    pub grants: usize,
    /// Entries, chained.
    pub entries: i64,
    /// Open holds.
    pub open_holds: usize,
    /// Credited purchases.
    pub purchases: i64,
    /// The check that it went on from: then entries are those since.
    pub since: Option<LastCheck>,
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let new = if self.since.is_some() { "new " } else { "" };
        write!(
            f,
            "ok: {} customers, {} grants, {} {new}entries, {} open holds, {} credited purchases",
            self.customers, self.grants, self.entries, self.open_holds, self.purchases
        )?;
        let Some(LastCheck { began_at, whole_at, .. }) = self.since else { return Ok(()) };
        let (began_at, whole_at) = (rfc3339(began_at), rfc3339(whole_at));
        write!(
            f,
            ", since the good check of {began_at}\nnot seen: what was changed in older entries, usages, closed holds, keys and \
             daily totals; `topup check` sees it, last on {whole_at}"
        )
    }
}

impl CheckReport {
    fn add(&mut self, found: &Verified) {
        self.customers += 1;
        self.grants += found.report.grants;
        self.entries += found.lines;
        self.open_holds += found.report.open_holds;
    }
}

/// Which part of the ledger a check reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    Whole,
    /// What is new since the last good check; everything, if there was none.
    SinceLast,
}

/// Verifies everything and stores nothing; says what was verified, or names the first broken row.
///
/// # Errors
/// [`InternalError`] where the database cannot be read.
pub async fn check_all(store: &Store) -> Result<Result<CheckReport, String>, InternalError> {
    check_with(store, None, &mut Keeping::default()).await
}

/// Verifies what is in `store`. If it is good, that is stored through `heads`, the same database, for the next check to go
/// on from; beside the report stands why it was not.
///
/// # Errors
/// [`InternalError`] where the database cannot be read.
pub async fn check_and_keep(
    store: &Store,
    heads: &Store,
    clock: &Clock,
    extent: Extent,
) -> Result<Result<(CheckReport, Option<DbError>), String>, InternalError> {
    let since = match extent {
        Extent::Whole => None,
        Extent::SinceLast => heads::last_check(store).await?,
    };
    let segment = keys::newest_segment(store).await?;
    let (mut keeper, mut fault) = match HeadKeeper::begin(heads, clock, since, segment).await {
        Ok(keeper) => (Some(keeper), None),
        Err(e) => (None, Some(e)),
    };
    let mut keeping = Keeping { keeper: keeper.as_mut(), fault: None };
    let report = check_with(store, since, &mut keeping).await;
    fault = fault.or(keeping.fault.take());
    if let Some(keeper) = keeper {
        let kept = match &report {
            Ok(Ok(_)) if fault.is_none() => keeper.finish().await,
            _ => keeper.drop_heads().await,
        };
        fault = fault.or(kept.err());
    }
    Ok(report?.map(|report| (report, fault)))
}

/// Where heads go; what cannot be stored ends that, and not the check.
#[derive(Default)]
struct Keeping<'a, 'b> {
    keeper: Option<&'a mut HeadKeeper<'b>>,
    fault: Option<DbError>,
}

impl Keeping<'_, '_> {
    async fn put(&mut self, no: i64, found: &Verified) {
        let (Some(keeper), Some(head), None) = (&mut self.keeper, &found.head, &self.fault) else { return };
        self.fault = keeper.put(no, &found.customer, head).await.err();
    }
}

async fn check_with(
    store: &Store,
    since: Option<LastCheck>,
    keeping: &mut Keeping<'_, '_>,
) -> Result<Result<CheckReport, String>, InternalError> {
    let mut sum = CheckReport { since, ..CheckReport::default() };
    let mut after = 0;
    loop {
        let sql = "select no, id from customers where no > $1 order by no limit $2";
        let rows = store.read().await?.fetch_all(sql, args![after, CUSTOMERS_STEP]).await?;
        for row in &rows {
            after = row.int("no")?;
            let id = row.text("id")?;
            match check_customer(store, after, since.is_some()).await? {
                Ok(found) => {
                    sum.add(&found);
                    keeping.put(after, &found).await;
                }
                Err(reason) => return Ok(Err(format!("customer {id}: {reason}"))),
            }
        }
        if rows.is_empty() {
            break;
        }
    }
    if let Err(reason) = crate::usecases::operators::audit::check_audit(store).await? {
        return Ok(Err(reason));
    }
    if let Err(reason) = check_across(store, since).await? {
        return Ok(Err(reason));
    }
    let sql = "select count(*) as n from purchases where state = 'credited'";
    let row = store.read().await?.without_timeout().fetch_optional(sql, Vec::new()).await?;
    sum.purchases = row.map_or(Ok(0), |row| row.int("n"))?;
    Ok(Ok(sum))
}

/// The questions across all customers. Each statement sees one state of the database; the next may see a later one.
///
/// # Errors
/// [`InternalError`] where the database cannot be read.
pub async fn check_database(store: &Store) -> Result<Result<(), String>, InternalError> {
    check_across(store, None).await
}

async fn check_across(store: &Store, since: Option<LastCheck>) -> Result<Result<(), String>, InternalError> {
    let of_lines: &[_] = if since.is_some() { &[] } else { &queries::OF_LINES };
    for (what, sql) in of_lines.iter().chain(&queries::OF_ROWS) {
        let broken = count_broken(store, sql, Vec::new()).await?;
        if broken > 0 {
            return Ok(Err(format!("{broken} {what}")));
        }
    }
    let verdict = match since {
        None => keys::check_filters(store).await?,
        Some(last) => {
            // A key may have come into the segment before, from a transaction that began in it.
            let broken = count_broken(store, queries::NEW_KEYS, args![last.segment - 1]).await?;
            if broken > 0 { Err(format!("{broken} idempotency keys of missing usages")) } else { Ok(()) }
        }
    };
    let from = since.map_or(0, |last| last.segment - 1);
    for verdict in [verdict, keys::check_answers(store, from).await?, claims::check_claims(store).await?] {
        if verdict.is_err() {
            return Ok(verdict);
        }
    }
    Ok(Ok(()))
}

async fn count_broken(store: &Store, sql: &str, args: Vec<Value>) -> Result<i64, DbError> {
    let row = store.read().await?.without_timeout().fetch_optional(sql, args).await?;
    row.map_or(Ok(0), |row| row.int("n"))
}
