//! `topup check`: proves a database against the rules, beside a running `serve` if need be.
//!
//! Each customer's rows are read in one short snapshot; the entries up to it, which never change, after
//! it, a page at a time. The replay itself is the domain's. Questions across customers are one statement each, or a
//! page of rows in a snapshot of its own: no snapshot lasts longer than a step, so that SQLite's log can be copied into
//! the file and shrink meanwhile. What is compared over several steps is what never changes once it is written.

mod claims;
mod days;
mod keys;
mod queries;
mod runs;

use self::days::DayCheck;
use crate::args;
use crate::domain::account::PlanChange;
use crate::domain::replay::{Replay, Report};
use crate::domain::{Grant, GrantId, Kind, balance_alert};
use crate::store::accounts::{GRANT_COLUMNS, GRANT_TABLES, StoredAccount};
use crate::store::daily_usage::{DayKey, Totals, day_number, fetch_daily_usage as read_days};
use crate::store::db::DbError;
use crate::store::metrics::DayMetrics;
use crate::store::{Store, accounts, entries, metrics};
use crate::usecases::InternalError;
use runs::RunCheck;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// Entries that one step reads.
const STEP: i64 = 2_000;
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
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ok: {} customers, {} grants, {} entries, {} open holds, {} credited purchases",
            self.customers, self.grants, self.entries, self.open_holds, self.purchases
        )
    }
}

/// The rows of one customer at one instant.
struct CustomerRows {
    loaded: StoredAccount,
    due_at: i64,
    grants: Vec<(Grant, bool)>,
    /// The grants' ids by the store's numbers.
    grant_nos: HashMap<i64, GrantId>,
    plans: Vec<PlanChange>,
    days: Vec<(DayKey, Totals)>,
    metrics: BTreeMap<i64, DayMetrics>,
}

/// Verifies everything; says what was verified, or names the first broken row.
///
/// # Errors
/// [`InternalError`] where the database cannot be read.
pub async fn check_all(store: &Store) -> Result<Result<CheckReport, String>, InternalError> {
    let mut sum = CheckReport::default();
    let mut after = 0;
    loop {
        let sql = "select no, id from customers where no > $1 order by no limit $2";
        let rows = store.read().await?.fetch_all(sql, args![after, CUSTOMERS_STEP]).await?;
        for row in &rows {
            (after, sum.customers) = (row.int("no")?, sum.customers + 1);
            let id = row.text("id")?;
            match check_customer(store, after).await? {
                Ok(report) => sum.add(&report),
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
    if let Err(reason) = check_database(store).await? {
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
    for (what, sql) in queries::WHOLE {
        let row = store.read().await?.without_timeout().fetch_optional(sql, Vec::new()).await?;
        let broken = row.map_or(Ok(0), |row| row.int("n"))?;
        if broken > 0 {
            return Ok(Err(format!("{broken} {what}")));
        }
    }
    for verdict in
        [keys::check_filters(store).await?, keys::check_answers(store).await?, claims::check_claims(store).await?]
    {
        if verdict.is_err() {
            return Ok(verdict);
        }
    }
    Ok(Ok(()))
}

impl CheckReport {
    fn add(&mut self, report: &Report) {
        self.grants += report.grants;
        self.entries += report.entries;
        self.open_holds += report.open_holds;
    }
}

async fn check_customer(store: &Store, no: i64) -> Result<Result<Report, String>, InternalError> {
    let Some(rows) = fetch_customer_rows(store, no).await? else { return Ok(Err("has no account".to_owned())) };
    if let Err(reason) = check_working_set(&rows) {
        return Ok(Err(reason));
    }
    let account = &rows.loaded.account;
    let grants: Vec<Grant> = rows.grants.iter().map(|(grant, _)| grant.clone()).collect();
    let mut replay = Replay::new(&account.customer).with_terms(&grants, &rows.plans);
    let mut runs = RunCheck::new(no, &rows.grant_nos);
    let kinds: HashMap<GrantId, Kind> = grants.iter().map(|grant| (grant.id, grant.kind)).collect();
    let mut days = DayCheck::new(no, account.cycle.start, kinds.clone());
    let (mut after, mut top_ups_since) = (0, None);
    while after < account.seq {
        let mut db = store.read().await?;
        let page = entries::fetch_page(&mut db, no, after, STEP.min(account.seq - after)).await?;
        if page.is_empty() {
            return Ok(Err(format!("entry {} is missing", after + 1)));
        }
        for entry in &page {
            after = entry.seq;
            if let Err(broken) = replay.push(entry) {
                return Ok(Err(broken.to_string()));
            }
            runs.push(entry);
            if let Some(kind) = kinds.get(&entry.grant) {
                top_ups_since = balance_alert::top_ups_since(top_ups_since, entry, *kind);
            }
        }
        if after == account.seq {
            runs.end();
        }
        if let Err(reason) = runs.compare(&mut db).await? {
            return Ok(Err(reason));
        }
        days.push(&mut db, &page).await?;
    }
    if top_ups_since != rows.loaded.top_ups_since {
        return Ok(Err("since when top-ups are drawn from is not what the entries say".to_owned()));
    }
    // The sources of a closed customer are blanked, perhaps while this ran.
    let sql = "select count(*) as n from customers where no = $1 and closed_at is null";
    let is_open = store.read().await?.fetch_optional(sql, args![no]).await?.map_or(Ok(0), |row| row.int("n"))? == 1;
    if let Err(reason) = days.finish(&rows.days, &rows.metrics, is_open) {
        return Ok(Err(reason));
    }
    Ok(replay.finish(&grants, &account.holds, account).map_err(|broken| broken.to_string()))
}

async fn fetch_customer_rows(store: &Store, no: i64) -> Result<Option<CustomerRows>, DbError> {
    let mut db = store.snapshot().await?.without_timeout();
    let Some(loaded) = accounts::load_by_no(&mut db, no).await? else { return Ok(None) };
    let sql = "select due_at from accounts where customer_no = $1";
    let due_at = db.fetch_optional(sql, args![no]).await?.map_or(Ok(0), |row| row.int("due_at"))?;
    let (mut grants, mut grant_nos) = (Vec::new(), HashMap::new());
    let sql = format!("select {GRANT_COLUMNS}, g.is_open from {GRANT_TABLES} where g.customer_no = $1 order by g.no");
    for row in db.fetch_all(sql, args![no]).await? {
        let grant = accounts::grant_of_row(&row)?;
        grant_nos.insert(row.int("no")?, grant.id);
        grants.push((grant, row.flag("is_open")?));
    }
    let mut plans = Vec::new();
    let sql = "select after_seq, at, plan, pauses_top_ups from plan_changes where customer_no = $1 order by no";
    for row in db.fetch_all(sql, args![no]).await? {
        plans.push(PlanChange {
            at: row.at("at")?,
            after_seq: row.int("after_seq")?,
            plan: row.text("plan")?,
            pauses_top_ups: row.flag("pauses_top_ups")?,
        });
    }
    let sql = "select created_at from customers where no = $1";
    let created_at =
        db.fetch_optional(sql, args![no]).await?.map_or(Ok(0), |row| row.at("created_at").map(day_number))?;
    let days = read_days(&mut db, no, created_at, day_number(loaded.account.last_at)).await?;
    let metrics = metrics::fetch_metrics(&mut db, no, created_at, day_number(loaded.account.last_at)).await?;
    Ok(Some(CustomerRows { loaded, due_at, grants, grant_nos, plans, days, metrics }))
}

/// The engine loads exactly the rows that it needs.
fn check_working_set(rows: &CustomerRows) -> Result<(), String> {
    let account = &rows.loaded.account;
    for (grant, is_open) in &rows.grants {
        if account.is_in_working_set(grant) != *is_open {
            return Err(format!("grant {}: is {}in the working set", grant.id, if *is_open { "" } else { "not " }));
        }
        let current = grant.kind == Kind::Plan && grant.expires_at > account.last_at;
        if current && grant.expires_at != account.cycle.end {
            return Err(format!("grant {}: its plan's cycle ends at {}, not with it", grant.id, account.cycle.end));
        }
    }
    // Without plans there is no saying what could be drawn when.
    if rows.plans.first().is_none_or(|plan| plan.after_seq != 0) {
        return Err("its first plan is unknown".to_owned());
    }
    let due = account.next_due().timestamp_millis();
    if due != rows.due_at {
        return Err(format!("due_at is {}, but the next due entry is at {due}", rows.due_at));
    }
    Ok(())
}
