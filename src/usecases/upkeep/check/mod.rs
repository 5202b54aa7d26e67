//! `topup check`: proves a database against the rules, beside a running `serve` if need be.
//!
//! Each customer's rows are read in one short snapshot; the entries up to it, which never change, after
//! it, a page at a time. The replay itself is the domain's. Questions across customers are one statement each, or a
//! page of rows in a snapshot of its own: no snapshot lasts longer than a step, so that SQLite's log can be copied into
//! the file and shrink meanwhile. What is compared over several steps is what never changes once it is written.

mod claims;
mod days;
mod keys;
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
    for (what, sql) in WHOLE {
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

/// Checks across customers: queries that must find nothing.
const WHOLE: [(&str, &str); 31] = [
    (
        "grants whose last line is another",
        "select count(*) as n from grants g left join (select grant_no, max(seq) as seq from entries group by grant_no) e
           on e.grant_no = g.no where coalesce(g.last_seq, 0) <> coalesce(e.seq, 0)",
    ),
    (
        "customers without an owner",
        "select count(*) as n from customers c where c.closed_at is null and not exists (
           select 1 from members m where m.customer_no = c.no and m.role = 'owner' and m.removed_at is null)",
    ),
    (
        "credited purchases without one grant of just what was sold",
        "select count(*) as n from purchases p left join grants g on g.purchase = p.id where p.state = 'credited'
           and (g.no is null or g.kind <> 3 or g.amount <> p.credits or g.customer_no <> p.customer_no
             or g.effective_at <> p.credited_at)",
    ),
    (
        "top-ups whose purchase is not credited",
        "select count(*) as n from grants g left join purchases p on p.id = g.purchase
         where g.kind = 3 and (p.id is null or p.state <> 'credited')",
    ),
    (
        "usages that do not begin at their first line",
        "select count(*) as n from usages u left join entries e on e.row_no = u.first_row
         where e.row_no is null or e.cause <> u.id or e.customer_no <> u.customer_no or e.cause_kind <> 2",
    ),
    (
        "marks that are not at their entry",
        "select count(*) as n from entry_marks m left join entries e on e.row_no = m.row_no
         where e.row_no is null or e.customer_no <> m.customer_no or e.seq <> m.seq",
    ),
    (
        "entries of nobody",
        "select count(*) as n from entries e left join accounts a on a.customer_no = e.customer_no
         where a.customer_no is null or e.seq > a.seq",
    ),
    (
        "idempotency keys bound to a usage that is not there",
        "select count(*) as n from idempotency_keys k left join usages u on u.id = substr(k.answer, 1, 16)
         where k.kind = 1 and u.id is null",
    ),
    (
        "accounts without a customer, or customers without an account",
        "select count(*) as n from customers c left join accounts a on a.customer_no = c.no where a.customer_no is null",
    ),
    (
        "settled holds whose usage is not theirs",
        "select count(*) as n from holds h left join usages u on u.id = h.usage
         where h.usage is not null and (h.state <> 1 or u.id is null or u.hold is null or u.hold <> h.id
           or u.customer_no <> h.customer_no)",
    ),
    (
        "usages of a hold that did not become them",
        "select count(*) as n from usages u left join holds h on h.id = u.hold
         where u.hold is not null and (h.id is null or h.usage is null or h.usage <> u.id)",
    ),
    (
        "closed holds without the instant, or open ones with one",
        "select count(*) as n from holds h where (h.state = 0 and h.closed_at is not null)
           or (h.state <> 0 and h.closed_at is null)",
    ),
    (
        "undone usages whose lines do not give them back whole",
        "select (select count(*) from usages where voided_at is not null) + count(*)
           - 2 * coalesce(sum(case when u.voided_at is not null and u.credits = v.given then 1 else 0 end), 0) as n
         from (select cause, cast(sum(amount) as bigint) as given from entries
               where kind = 7 and cause_kind = 2 and amount > 0 group by cause) v
         left join usages u on u.id = v.cause",
    ),
    (
        "daily totals of nobody",
        "select count(*) as n from usage_days d left join accounts a on a.customer_no = d.customer_no
         where a.customer_no is null or d.cycle_start > a.cycle_start or d.day > a.last_at / 86400000",
    ),
    (
        "daily totals of metrics of nobody",
        "select count(*) as n from usage_metrics d left join accounts a on a.customer_no = d.customer_no
         where a.customer_no is null or d.day > a.last_at / 86400000",
    ),
    (
        "sum of all entries that is not the sum of all balances",
        "select case when (select coalesce(sum(amount), 0) from entries) = (select coalesce(sum(balance), 0) from accounts)
           then 0 else 1 end * cast(1 as bigint) as n",
    ),
    (
        "reasons of a void or a gift that never was",
        "select count(*) as n from grant_notes n join grants g on g.no = n.grant_no
         where g.kind <> 2 or (n.kind = 'voided' and g.is_voided <> 1)",
    ),
    (
        "usages and keys that do not belong together, one to one",
        "select abs((select count(*) from usages where hold is null)
           - (select count(distinct substr(answer, 1, 16)) from idempotency_keys where kind = 1))
           + (select count(*) from idempotency_keys where kind not in (1, 2) or (kind = 1 and status <> 201)) as n",
    ),
    (
        "grants that an undone usage did not return to",
        "select count(*) as n from usages u join entries e on e.row_no >= u.first_row and e.row_no < u.first_row + u.lines
         left join (select cause, grant_no, cast(sum(amount) as bigint) as given from entries
                    where kind = 7 and cause_kind = 2 and amount > 0 group by cause, grant_no) v
           on v.cause = u.id and v.grant_no = e.grant_no
         where u.voided_at is not null and (v.given is null or v.given <> -e.amount)",
    ),
    (
        "holds that no line opened, or whose lines are another amount",
        "select count(*) as n from holds h
         left join (select cause, cast(sum(held_change) as bigint) as held from entries where kind = 8 group by cause) e
           on e.cause = h.id
         where e.held is null or e.held <> h.credits",
    ),
    (
        "credited purchases without their dates, or with others than their grant's first",
        "select count(*) as n from purchases p join grants g on g.purchase = p.id where p.state = 'credited'
           and (p.credited_at is null or p.expires_at is null
             or p.expires_at > g.expires_at)",
    ),
    (
        "top-ups that await a notice though a reminder of theirs was delivered",
        "select count(*) as n from grants g where g.awaits_notice = 1 and exists (select 1 from reminders r
           join outbox o on o.cause = r.mail where r.grant_no = g.no and o.kind = 'reminder' and o.state = 'accepted')",
    ),
    (
        "credited purchases whose timeline does not say so once",
        "select count(*) as n from purchases p where p.state = 'credited'
           and 1 <> (select count(*) from purchase_events e where e.purchase = p.id and e.kind = 'credited')",
    ),
    (
        "purchases in review without a reason",
        "select count(*) as n from purchases p where p.state = 'review' and p.review_reason is null",
    ),
    (
        "reminders without their mail",
        "select count(*) as n from reminders r
         where not exists (select 1 from outbox o where o.cause = r.mail and o.kind = 'reminder')",
    ),
    (
        "mails of a reminder that was not noted",
        "select count(*) as n from outbox o where o.kind = 'reminder' and o.cause is not null
           and not exists (select 1 from reminders r where r.mail = o.cause)",
    ),
    (
        "plans that follow a subscription which does not live, or is another customer's",
        "select count(*) as n from controlling_subscriptions m left join subscriptions s on s.id = m.subscription
         where s.id is null or s.customer_no <> m.customer_no or s.plan is null
           or s.status not in ('trialing', 'active', 'past_due')",
    ),
    (
        "living subscriptions that no plan follows",
        "select count(*) as n from subscriptions s join accounts a on a.customer_no = s.customer_no
         where s.plan is not null and s.status in ('trialing', 'active', 'past_due')
           and (s.ends_at is null or s.ends_at > a.last_at)
           and not exists (select 1 from controlling_subscriptions m where m.customer_no = s.customer_no)",
    ),
    (
        "graces of a subscription that is not past due, or past due since nobody knows when",
        "select count(*) as n from subscriptions s left join controlling_subscriptions m on m.subscription = s.id
         where (s.status = 'past_due' and s.past_due_since is null)
           or (s.status <> 'past_due' and m.grace_until is not null)",
    ),
    (
        "plans that ended unpaid, of customers who have subscribed to nothing",
        "select count(*) as n from grants g where g.kind = 1 and g.is_voided = 1
           and not exists (select 1 from subscriptions s where s.customer_no = g.customer_no)",
    ),
    (
        "grants with a rest after their expiry was booked",
        "select count(*) as n from grants g join accounts a on a.customer_no = g.customer_no
         where g.is_open = 1 and g.frozen = 0 and g.expires_at <= a.last_at
           and g.amount > g.used + g.held + g.frozen + g.expired + g.refunded + g.disputed + g.voided",
    ),
];

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
            return Ok(Err(format!("entry {} is not there", after + 1)));
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
        return Err("the plan that it began with is not known".to_owned());
    }
    let due = account.next_due().timestamp_millis();
    if due != rows.due_at {
        return Err(format!("due_at is {}, the next thing due is at {due}", rows.due_at));
    }
    Ok(())
}
