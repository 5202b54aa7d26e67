//! The changes of one batch as rows by table, and the statements that write them: a constant number of statements, each
//! account and grant row once.

use crate::args;
use crate::domain::account::PlanChange;
use crate::domain::balance_alert::BalanceAlert;
use crate::domain::{Credits, Entry, Grant, GrantId, Hold, HoldState, Instant};
use crate::store::accounts::StoredAccount;
use crate::store::daily_usage::{DayKey, Totals};
use crate::store::db::{Connection, DbError, Value};
use crate::store::entries::NewUsageColumns;
use crate::store::idempotency_keys::{KeyBinding, KeyHash};
use crate::store::key_segments::Segments;
use crate::store::metrics::MetricDays;
use crate::store::statement_batch::StatementBatch;
use crate::store::{accounts, daily_usage, entries, metrics};
use std::collections::{BTreeMap, HashMap};

type Rows = Vec<Vec<Value>>;

/// The changes of one batch.
#[derive(Default)]
pub struct WriteSet {
    accounts: Rows,
    grants: Rows,
    clawbacks: Rows,
    controlling_subscriptions: Rows,
    entries: Rows,
    marks: Rows,
    usages: Rows,
    plan_changes: Rows,
    new_holds: Rows,
    balance_alerts: Rows,
    /// Customers whose plan follows no subscription any more.
    detached: Rows,
    reminder_dates: Rows,
    closed_holds: Rows,
    /// Rules of automatic top-ups that are due.
    due_rules: Rows,
    bindings: HashMap<KeyHash, KeyBinding>,
    days: BTreeMap<DayKey, Totals>,
    metrics: MetricDays,
}

impl WriteSet {
    /// A set with bindings of idempotency keys, and sums to add to the daily totals and metrics.
    #[must_use]
    pub fn new(
        bindings: HashMap<KeyHash, KeyBinding>,
        (days, metrics): (BTreeMap<DayKey, Totals>, MetricDays),
    ) -> Self {
        Self { bindings, days, metrics, ..Self::default() }
    }

    pub fn add_account(&mut self, account: &StoredAccount) {
        self.accounts.push(accounts::account_row(account));
    }

    /// Adds a new or changed grant; `remind_at` counts for a new one only, `last_seq` is the newest entry that touched it.
    pub fn add_grant(
        &mut self,
        (no, customer_no): (i64, i64),
        grant: &Grant,
        is_open: bool,
        remind_at: Option<Instant>,
        last_seq: Option<i64>,
    ) {
        self.grants.push(accounts::grant_row(no, customer_no, grant, is_open, remind_at, last_seq));
    }

    /// Adds the amounts that refunds and disputes claim of a grant.
    pub fn add_clawback(&mut self, grant_no: i64, grant: &Grant) {
        let claim = grant.claim;
        self.clawbacks.push(args![grant_no, claim.refund, claim.dispute, claim.freeze, grant.frozen_since]);
    }

    /// Adds the subscription that a customer's plan follows, or that it follows none.
    pub fn add_controlling_subscription(&mut self, account: &StoredAccount) {
        match &account.account.controlled_by {
            Some(it) => {
                self.controlling_subscriptions.push(args![account.no, &it.subscription, it.grace_until, it.ends_at])
            }
            None => self.detached.push(args![account.no]),
        }
    }

    /// Adds an entry; every [`entries::MARK_EVERY`]th of a customer has a mark.
    pub fn add_entry(&mut self, row_no: i64, prev_row: i64, customer_no: i64, grant_no: i64, entry: &Entry) {
        self.entries.push(entries::entry_row(row_no, prev_row, customer_no, grant_no, entry));
        if entry.seq % entries::MARK_EVERY == 0 {
            self.marks.push(args![customer_no, entry.seq, row_no]);
        }
    }

    /// Adds a usage whose entries are `lines` rows from `first_row`.
    pub fn add_usage(&mut self, id: [u8; 16], customer_no: i64, columns: NewUsageColumns, first_row: i64, lines: i64) {
        self.usages.push(entries::usage_row(id, customer_no, columns, first_row, lines));
    }

    pub fn add_plan_change(&mut self, customer_no: i64, change: &PlanChange) {
        let pauses = change.pauses_top_ups;
        self.plan_changes.push(args![customer_no, change.after_seq, change.at, &change.plan, pauses]);
    }

    pub fn add_hold(&mut self, customer_no: i64, hold: &Hold, grant_nos: &HashMap<GrantId, i64>, created_at: Instant) {
        let draws = accounts::draws_json(&hold.draws, grant_nos);
        let (id, state) = (hold.id.bytes(), HoldState::Open.code());
        self.new_holds.push(args![id, customer_no, hold.credits(), draws, state, created_at, hold.expires_at]);
    }

    pub fn add_closed_hold(&mut self, id: [u8; 16], state: HoldState, at: Instant) {
        self.closed_holds.push(args![state.code(), at, id]);
    }

    pub fn add_balance_alert(&mut self, customer_no: i64, alert: &BalanceAlert) {
        self.balance_alerts.push(args![customer_no, alert.kind.name(), alert.seq, alert.at, alert.credits]);
    }

    /// Puts a grant on the list of reminders from this instant.
    pub fn add_reminder_date(&mut self, grant_no: i64, at: Instant) {
        self.reminder_dates.push(args![at, grant_no]);
    }

    /// Makes a look at a customer's rule of automatic top-ups due; `needed` is the largest refused amount.
    pub fn add_due_rule(&mut self, customer_no: i64, at: Instant, needed: Credits) {
        self.due_rules.push(args![at, needed, customer_no]);
    }

    /// Writes all rows. With `may_commit`, the transaction is committed with the last statement where that saves a round
    /// trip; the caller commits in any case.
    ///
    /// # Errors
    /// The transaction is lost.
    pub async fn write(self, db: &mut Connection, keys: &mut Segments, may_commit: bool) -> Result<(), DbError> {
        let mut batch = StatementBatch::default();
        accounts::write_accounts(&mut batch, self.accounts);
        accounts::write_grants(&mut batch, self.grants);
        accounts::write_clawbacks(&mut batch, self.clawbacks);
        accounts::write_controlling_subscriptions(&mut batch, self.controlling_subscriptions);
        entries::append_entries(&mut batch, self.entries);
        entries::add_marks(&mut batch, self.marks);
        entries::append_usages(&mut batch, self.usages);
        keys.bind(&mut batch, self.bindings);
        daily_usage::add_days(&mut batch, self.days);
        metrics::add_metrics(&mut batch, self.metrics);
        accounts::write_plan_changes(&mut batch, self.plan_changes);
        accounts::write_holds(&mut batch, self.new_holds);
        accounts::write_balance_alerts(&mut batch, self.balance_alerts);
        let rest = [&self.detached, &self.reminder_dates, &self.closed_holds, &self.due_rules];
        let is_whole = rest.iter().all(|rows| rows.is_empty());
        if may_commit && is_whole {
            return batch.write_last(db).await;
        }
        batch.write(db).await?;
        for row in self.detached {
            db.execute("delete from controlling_subscriptions where customer_no = $1", row).await?;
        }
        for row in self.reminder_dates {
            db.execute("update grants set remind_at = $1 where no = $2", row).await?;
        }
        for row in self.due_rules {
            let sql = "update auto_top_ups set due_at = coalesce(due_at, $1),
                  needed = case when coalesce(needed, 0) < $2 then $2 else needed end
                where customer_no = $3 and state = 'on'";
            db.execute(sql, row).await?;
        }
        for row in self.closed_holds {
            db.execute("update holds set state = $1, closed_at = $2 where id = $3", row).await?;
        }
        Ok(())
    }
}
