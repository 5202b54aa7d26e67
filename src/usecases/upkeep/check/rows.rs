//! The rows of one customer, and whether the engine would load the right ones.

use super::heads::{CustomerState, VerifiedHead, newest_head};
use crate::args;
use crate::domain::account::PlanChange;
use crate::domain::{Grant, GrantId, Kind};
use crate::store::accounts::{GRANT_COLUMNS, GRANT_TABLES, StoredAccount};
use crate::store::daily_usage::{DayKey, Totals, day_number, fetch_daily_usage as read_days};
use crate::store::db::{Connection, DbError};
use crate::store::metrics::DayMetrics;
use crate::store::{Store, accounts, metrics};
use std::collections::{BTreeMap, HashMap};

/// The rows of one customer at one instant.
pub(super) struct CustomerRows {
    pub loaded: StoredAccount,
    pub due_at: i64,
    pub grants: Vec<CheckedGrant>,
    /// The grants' ids by the store's numbers.
    pub grant_nos: HashMap<i64, GrantId>,
    pub plans: Vec<PlanChange>,
    pub days: Vec<(DayKey, Totals)>,
    pub metrics: BTreeMap<i64, DayMetrics>,
    /// What a good check saw before.
    pub head: Option<VerifiedHead>,
    /// What it knew, if this check goes on from there.
    pub known: Option<CustomerState>,
}

pub(super) struct CheckedGrant {
    pub grant: Grant,
    pub is_open: bool,
    pub last_seq: i64,
}

pub(super) async fn fetch_customer_rows(
    store: &Store,
    no: i64,
    is_since: bool,
) -> Result<Option<CustomerRows>, DbError> {
    let mut db = store.snapshot().await?.without_timeout();
    let Some(loaded) = accounts::load_by_no(&mut db, no).await? else { return Ok(None) };
    let sql = "select due_at from accounts where customer_no = $1";
    let due_at = db.fetch_optional(sql, args![no]).await?.map_or(Ok(0), |row| row.int("due_at"))?;
    let (mut grants, mut grant_nos) = (Vec::new(), HashMap::new());
    let sql = format!(
        "select {GRANT_COLUMNS}, g.is_open, coalesce(g.last_seq, 0) as last_seq
        from {GRANT_TABLES} where g.customer_no = $1 order by g.no"
    );
    for row in db.fetch_all(sql, args![no]).await? {
        let grant = accounts::grant_of_row(&row)?;
        grant_nos.insert(row.int("no")?, grant.id);
        grants.push(CheckedGrant { grant, is_open: row.flag("is_open")?, last_seq: row.int("last_seq")? });
    }
    let plans = fetch_plans(&mut db, no).await?;
    let head = newest_head(&mut db, no, &loaded.account.customer).await?;
    let known = head.as_ref().filter(|head| is_since && head.is_intact).and_then(VerifiedHead::known);
    let sql = "select created_at from customers where no = $1";
    let created_at =
        db.fetch_optional(sql, args![no]).await?.map_or(Ok(0), |row| row.at("created_at").map(day_number))?;
    let (first, last) =
        (known.as_ref().map_or(created_at, |known| known.days.day()), day_number(loaded.account.last_at));
    let days = read_days(&mut db, no, first, last).await?;
    let metrics = metrics::fetch_metrics(&mut db, no, first, last).await?;
    Ok(Some(CustomerRows { loaded, due_at, grants, grant_nos, plans, days, metrics, head, known }))
}

async fn fetch_plans(db: &mut Connection, no: i64) -> Result<Vec<PlanChange>, DbError> {
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
    Ok(plans)
}

/// The engine loads exactly the rows that it needs.
pub(super) fn check_working_set(rows: &CustomerRows) -> Result<(), String> {
    let account = &rows.loaded.account;
    for CheckedGrant { grant, is_open, .. } in &rows.grants {
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
