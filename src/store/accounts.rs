//! Accounts: loading a customer's working set, and writing it back whole.

use crate::args;
use crate::domain::account::ControllingSubscription;
use crate::domain::auto_top_up::Watch;
use crate::domain::balance_alert::AlertState;
use crate::domain::{Account, Claimed, Credits, Cycle, Draw, Grant, GrantId, Hold, HoldId, Instant, Kind, PurchaseId};
use crate::store::db::{Connection, DbError, Row, Value, corrupt};
use crate::store::statement_batch;
use crate::store::statement_batch::StatementBatch;
use std::collections::HashMap;

/// An account with the numbers by which the store knows its parts.
#[derive(Clone, Debug)]
pub struct StoredAccount {
    /// The customer's number.
    pub no: i64,
    /// True if the customer is closed.
    pub closed: bool,
    /// The last entry's row.
    pub head_row: i64,
    /// From how much on its people are told that little is left, where they have set it.
    pub low_balance: Option<Credits>,
    /// Of what they were told since credits were added.
    pub told: AlertState,
    /// Since when requests draw from top-ups alone, as of the last line.
    pub top_ups_since: Option<Instant>,
    /// Its rule of automatic top-ups, if one is on.
    pub watch: Option<Watch>,
    /// The ledger.
    pub account: Account,
    /// Row numbers of the working set's grants.
    pub grant_nos: HashMap<GrantId, i64>,
}

const ACCOUNT: &str =
    "select c.no, c.id, c.closed_at, a.plan, a.next_plan, a.top_ups_paused, a.anchor, a.cycle_start, a.cycle_end,
    a.last_at, a.seq, a.hash, a.balance, a.head_row, a.alert_state, a.top_ups_since, c.low_balance,
    m.subscription, m.grace_until, m.ends_at, t.threshold as watched, t.due_at as look_at, t.needed
  from customers c join accounts a on a.customer_no = c.no left join controlling_subscriptions m on m.customer_no = c.no
    left join auto_top_ups t on t.customer_no = c.no and t.state = 'on'";

/// The columns of a grant.
pub const GRANT_COLUMNS: &str =
    "g.no, g.id, g.customer_no, g.kind, g.amount, g.used, g.held, g.frozen, g.expired, g.refunded,
    g.disputed, g.voided, g.effective_at, g.expires_at, g.purchase, g.is_voided, k.to_refund,
    k.to_dispute, k.to_freeze, k.frozen_since, g.awaits_notice";

/// Where they stand. Few grants are claimed, so what claims them stands beside the rows that every charge writes.
pub const GRANT_TABLES: &str = "grants g left join grant_clawbacks k on k.grant_no = g.no";

/// Loads the working sets of customers by the SaaS's ids; unknown ones are left out.
///
/// # Errors
/// The database fails, or a row is corrupt.
pub async fn load_by_ids(db: &mut Connection, ids: &[String]) -> Result<Vec<StoredAccount>, DbError> {
    let sql = |_: &str, any: &str| format!("{ACCOUNT} where c.id {any}");
    let rows = statement_batch::fetch_all_in(db, sql, Vec::new(), ids.iter().map(Value::from).collect()).await?;
    let out = rows.iter().map(account_of_row).collect::<Result<Vec<_>, _>>()?;
    load_parts(db, out).await
}

/// Loads the working sets of customers by their numbers.
///
/// # Errors
/// The database fails, or a row is corrupt.
pub async fn load_by_nos(db: &mut Connection, nos: &[i64]) -> Result<Vec<StoredAccount>, DbError> {
    let sql = |_: &str, any: &str| format!("{ACCOUNT} where c.no {any}");
    let rows = statement_batch::fetch_all_in(db, sql, Vec::new(), nos.iter().map(|no| Value::from(*no)).collect());
    let loaded = rows.await?.iter().map(account_of_row).collect::<Result<Vec<_>, _>>()?;
    load_parts(db, loaded).await
}

/// Loads one working set by its number.
///
/// # Errors
/// The database fails, or a row is corrupt.
pub async fn load_by_no(db: &mut Connection, no: i64) -> Result<Option<StoredAccount>, DbError> {
    Ok(load_by_nos(db, &[no]).await?.pop())
}

/// Loads one working set by the SaaS's id.
///
/// # Errors
/// The database fails, or a row is corrupt.
pub async fn load_by_id(db: &mut Connection, id: &str) -> Result<Option<StoredAccount>, DbError> {
    Ok(load_by_ids(db, &[id.to_owned()]).await?.pop())
}

async fn load_parts(db: &mut Connection, mut loaded: Vec<StoredAccount>) -> Result<Vec<StoredAccount>, DbError> {
    let nos: Vec<Value> = loaded.iter().map(|l| Value::from(l.no)).collect();
    let by_no: HashMap<i64, usize> = loaded.iter().enumerate().map(|(i, l)| (l.no, i)).collect();
    let sql = |_: &str, any: &str| {
        format!("select {GRANT_COLUMNS} from {GRANT_TABLES} where g.is_open = 1 and g.customer_no {any}")
    };
    for row in statement_batch::fetch_all_in(db, sql, Vec::new(), nos.clone()).await? {
        let place = by_no.get(&row.int("customer_no")?).ok_or_else(|| corrupt("grant of nobody"))?;
        let grant = grant_of_row(&row)?;
        loaded[*place].grant_nos.insert(grant.id, row.int("no")?);
        loaded[*place].account.grants.push(grant);
    }
    let sql = |_: &str, any: &str| {
        format!("select id, customer_no, draws, expires_at from holds where state = 0 and customer_no {any}")
    };
    for row in statement_batch::fetch_all_in(db, sql, Vec::new(), nos).await? {
        let place = by_no.get(&row.int("customer_no")?).ok_or_else(|| corrupt("hold of nobody"))?;
        let draws = draws_of(&row.text("draws")?, &loaded[*place])?;
        loaded[*place].account.holds.push(Hold {
            id: HoldId(row.uuid("id")?),
            draws,
            expires_at: row.at("expires_at")?,
        });
    }
    Ok(loaded)
}

fn account_of_row(row: &Row) -> Result<StoredAccount, DbError> {
    Ok(StoredAccount {
        no: row.int("no")?,
        closed: row.opt_int("closed_at")?.is_some(),
        head_row: row.int("head_row")?,
        low_balance: row.opt_int("low_balance")?.map(Credits),
        told: AlertState(row.int("alert_state")?),
        top_ups_since: row.opt_at("top_ups_since")?,
        watch: watch_of(row)?,
        account: Account {
            customer: row.text("id")?,
            plan: row.text("plan")?,
            next_plan: row.opt_text("next_plan")?,
            controlled_by: controlling_subscription_of(row)?,
            top_ups_paused: row.flag("top_ups_paused")?,
            anchor: row.at("anchor")?,
            cycle: Cycle { start: row.at("cycle_start")?, end: row.at("cycle_end")? },
            last_at: row.at("last_at")?,
            seq: row.int("seq")?,
            hash: row.bytes("hash")?,
            balance: row.credits("balance")?,
            grants: Vec::new(),
            holds: Vec::new(),
        },
        grant_nos: HashMap::new(),
    })
}

fn watch_of(row: &Row) -> Result<Option<Watch>, DbError> {
    let Some(threshold) = row.opt_int("watched")?.map(Credits) else { return Ok(None) };
    let needed = Credits(row.opt_int("needed")?.unwrap_or(0));
    Ok(Some(Watch { threshold, is_due: row.opt_int("look_at")?.is_some(), needed }))
}

fn controlling_subscription_of(row: &Row) -> Result<Option<ControllingSubscription>, DbError> {
    let Some(subscription) = row.opt_text("subscription")? else { return Ok(None) };
    Ok(Some(ControllingSubscription {
        subscription,
        grace_until: row.opt_at("grace_until")?,
        ends_at: row.opt_at("ends_at")?,
    }))
}

/// A grant of a customer, open or closed, with its number.
///
/// # Errors
/// The database's, or a row that this program did not write.
pub async fn load_grant(db: &mut Connection, customer_no: i64, id: GrantId) -> Result<Option<(i64, Grant)>, DbError> {
    let sql = format!("select {GRANT_COLUMNS} from {GRANT_TABLES} where g.id = $1 and g.customer_no = $2");
    let row = db.fetch_optional(sql, args![id.bytes(), customer_no]).await?;
    row.map(|row| Ok((row.int("no")?, grant_of_row(&row)?))).transpose()
}

/// A grant from its row.
///
/// # Errors
/// A row that no code of ours has written.
pub fn grant_of_row(row: &Row) -> Result<Grant, DbError> {
    Ok(Grant {
        id: GrantId(row.uuid("id")?),
        kind: Kind::from_code(row.int("kind")?).ok_or_else(|| corrupt("unknown kind of grant"))?,
        amount: row.credits("amount")?,
        used: row.credits("used")?,
        held: row.credits("held")?,
        frozen: row.credits("frozen")?,
        expired: row.credits("expired")?,
        refunded: row.credits("refunded")?,
        disputed: row.credits("disputed")?,
        voided: row.credits("voided")?,
        effective_at: row.at("effective_at")?,
        expires_at: row.at("expires_at")?,
        purchase: row.opt_blob("purchase")?.as_deref().and_then(PurchaseId::from_bytes),
        is_voided: row.flag("is_voided")?,
        claim: Claimed {
            refund: Credits(row.opt_int("to_refund")?.unwrap_or(0)),
            dispute: Credits(row.opt_int("to_dispute")?.unwrap_or(0)),
            freeze: Credits(row.opt_int("to_freeze")?.unwrap_or(0)),
        },
        frozen_since: row.opt_at("frozen_since")?,
        awaits_notice: row.flag("awaits_notice")?,
    })
}

/// The draws of a hold, from its JSON of grant numbers. Open holds' grants are always in the working set.
fn draws_of(json: &str, loaded: &StoredAccount) -> Result<Vec<Draw>, DbError> {
    let pairs: Vec<(i64, i64)> = serde_json::from_str(json).map_err(|e| corrupt(format!("draws of a hold: {e}")))?;
    let find = |(no, thousandths): (i64, i64)| {
        let id = loaded.grant_nos.iter().find(|(_, known)| **known == no).map(|(id, _)| *id)?;
        let kind = loaded.account.grant(id)?.kind;
        Some(Draw { grant: id, kind, credits: Credits(thousandths) })
    };
    pairs.into_iter().map(|pair| find(pair).ok_or_else(|| corrupt("a hold draws on a closed grant"))).collect()
}

/// The JSON of a hold's draws.
pub(super) fn draws_json(draws: &[Draw], nos: &HashMap<GrantId, i64>) -> String {
    let pairs: Vec<String> =
        draws.iter().map(|d| format!("[{},{}]", nos.get(&d.grant).copied().unwrap_or(0), d.credits.0)).collect();
    format!("[{}]", pairs.join(","))
}

/// The row of an account.
pub(super) fn account_row(stored: &StoredAccount) -> Vec<Value> {
    let a = &stored.account;
    args![
        stored.no,
        &a.plan,
        a.next_plan.clone(),
        a.top_ups_paused,
        a.anchor,
        a.cycle.start,
        a.cycle.end,
        a.last_at,
        a.seq,
        a.hash,
        a.balance,
        stored.head_row,
        a.next_due(),
        stored.told.0,
        stored.top_ups_since
    ]
}

/// Writes accounts, each row once, when the batch is written.
pub(super) fn write_accounts(batch: &mut StatementBatch, rows: Vec<Vec<Value>>) {
    batch.insert(
        "insert into accounts (customer_no, plan, next_plan, top_ups_paused, anchor, cycle_start, cycle_end, last_at, seq, hash, balance,
           head_row, due_at, alert_state, top_ups_since)",
        "on conflict (customer_no) do update set plan = excluded.plan, next_plan = excluded.next_plan,
           top_ups_paused = excluded.top_ups_paused,
           anchor = excluded.anchor, cycle_start = excluded.cycle_start, cycle_end = excluded.cycle_end,
           last_at = excluded.last_at, seq = excluded.seq, hash = excluded.hash, balance = excluded.balance,
           head_row = excluded.head_row, due_at = excluded.due_at, alert_state = excluded.alert_state,
           top_ups_since = excluded.top_ups_since",
        rows,
    );
}

/// Writes grants, new or moved, each row once, when the script is written: that fails for a second grant of one
/// purchase. `remind_at` is kept of those that are there.
pub(super) fn write_grants(batch: &mut StatementBatch, rows: Vec<Vec<Value>>) {
    batch.insert(
        "insert into grants (no, id, customer_no, kind, amount, used, held, frozen, expired, refunded, disputed, voided,
           effective_at, expires_at, purchase, is_voided, is_open, remind_at, awaits_notice, last_seq)",
        "on conflict (no) do update set amount = excluded.amount, used = excluded.used, held = excluded.held,
           frozen = excluded.frozen, expired = excluded.expired, refunded = excluded.refunded,
           disputed = excluded.disputed, voided = excluded.voided, expires_at = excluded.expires_at,
           is_voided = excluded.is_voided, is_open = excluded.is_open, awaits_notice = excluded.awaits_notice,
           last_seq = coalesce(excluded.last_seq, grants.last_seq)",
        rows,
    );
}

/// The row of a grant; `last_seq` is the last line that touched it, where one did just now.
pub(super) fn grant_row(
    no: i64,
    customer_no: i64,
    grant: &Grant,
    is_open: bool,
    remind_at: Option<Instant>,
    last_seq: Option<i64>,
) -> Vec<Value> {
    args![
        no,
        grant.id.bytes(),
        customer_no,
        i64::from(grant.kind.code()),
        grant.amount,
        grant.used,
        grant.held,
        grant.frozen,
        grant.expired,
        grant.refunded,
        grant.disputed,
        grant.voided,
        grant.effective_at,
        grant.expires_at,
        grant.purchase.map(|id| id.bytes()),
        grant.is_voided,
        is_open,
        remind_at,
        grant.awaits_notice,
        last_seq
    ]
}

/// Writes whom plans follow, when the script is written.
pub(super) fn write_controlling_subscriptions(batch: &mut StatementBatch, rows: Vec<Vec<Value>>) {
    batch.insert(
        "insert into controlling_subscriptions (customer_no, subscription, grace_until, ends_at)",
        "on conflict (customer_no) do update set subscription = excluded.subscription,
           grace_until = excluded.grace_until, ends_at = excluded.ends_at",
        rows,
    );
}

/// Writes what claims grants, when the script is written.
pub(super) fn write_clawbacks(batch: &mut StatementBatch, rows: Vec<Vec<Value>>) {
    batch.insert(
        "insert into grant_clawbacks (grant_no, to_refund, to_dispute, to_freeze, frozen_since)",
        "on conflict (grant_no) do update set to_refund = excluded.to_refund, to_dispute = excluded.to_dispute,
           to_freeze = excluded.to_freeze, frozen_since = excluded.frozen_since",
        rows,
    );
}

/// Writes the plans that came into force, when the batch is written.
pub(super) fn write_plan_changes(batch: &mut StatementBatch, rows: Vec<Vec<Value>>) {
    batch.insert("insert into plan_changes (customer_no, after_seq, at, plan, pauses_top_ups)", "", rows);
}

/// Writes new holds, when the batch is written.
pub(super) fn write_holds(batch: &mut StatementBatch, rows: Vec<Vec<Value>>) {
    let head = "insert into holds (id, customer_no, credits, draws, state, created_at, expires_at)";
    batch.insert(head, "", rows);
}

/// Writes alerts that are due, when the batch is written.
pub(super) fn write_balance_alerts(batch: &mut StatementBatch, rows: Vec<Vec<Value>>) {
    batch.insert("insert into balance_alerts (customer_no, kind, seq, at, credits)", "", rows);
}
