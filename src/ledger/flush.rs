//! Writing a batch: a constant number of statements, each customer and grant row once.

use crate::args;
use crate::domain::{Changes, EntryKind, Grant, GrantId, Instant, news, reminder};
use crate::ledger::write_transaction::{CachedAccount, NewUsage, WriteTransaction};
use crate::store::accounts::{Loaded, draws_json};
use crate::store::db::{DbError, Value, corrupt};
use crate::store::statement_batch::StatementBatch;
use crate::store::{accounts, daily_usage, entries, metrics};
use std::collections::HashMap;
use std::sync::Arc;

/// The rows of a batch, by table.
#[derive(Default)]
struct Rows {
    grants: Vec<Vec<Value>>,
    claims: Vec<Vec<Value>>,
    entries: Vec<Vec<Value>>,
    marks: Vec<Vec<Value>>,
    plan_changes: Vec<Vec<Value>>,
    masters: Vec<Vec<Value>>,
    /// Customers whose plan follows no subscription any more.
    free: Vec<Vec<Value>>,
    new_holds: Vec<Vec<Value>>,
    closed_holds: Vec<Vec<Value>>,
    news: Vec<Vec<Value>>,
    /// Grants whose reminders must be looked at again.
    looks: Vec<Vec<Value>>,
    /// How many days before expiry reminders are due.
    reminder_days: Vec<i64>,
    /// Row numbers of the first lines of usages, by customer and seq.
    rows_by_seq: HashMap<(i64, i64), i64>,
}

impl WriteTransaction {
    /// Writes all that is pending. Afterwards memory and transaction agree.
    ///
    /// # Errors
    /// Whatever the database says: then the transaction is lost.
    pub async fn flush(&mut self) -> Result<(), DbError> {
        self.flush_as(false).await
    }

    /// The same as the last of a turn, which may be committed with it.
    ///
    /// # Errors
    /// Whatever the database says: then the transaction is lost.
    pub(super) async fn flush_last(&mut self) -> Result<(), DbError> {
        self.flush_as(true).await
    }

    async fn flush_as(&mut self, is_last: bool) -> Result<(), DbError> {
        let mut dirty = std::mem::take(&mut self.cache.dirty);
        dirty.sort_unstable();
        let catalog = Arc::clone(&self.catalog);
        let mut rows = Rows { reminder_days: catalog.rules.reminder_days.clone(), ..Rows::default() };
        for no in &dirty {
            let open = self.cache.accounts.get_mut(no).ok_or_else(|| corrupt("an account was lost"))?;
            rows.collect(open, &mut self.cache.last_row, &mut self.cache.last_grant)?;
        }
        let accounts: Vec<&Loaded> =
            dirty.iter().filter_map(|no| self.cache.accounts.get(no)).map(|o| &o.loaded).collect();
        let mut script = StatementBatch::default();
        accounts::write_accounts(&mut script, &accounts);
        let usages = usage_rows(std::mem::take(&mut self.usages), &rows.rows_by_seq)?;
        self.write(script, rows, usages, is_last).await?;
        for no in dirty {
            if let Some(open) = self.cache.accounts.get_mut(&no) {
                drop_closed_grants(open);
            }
        }
        Ok(())
    }

    async fn write(
        &mut self,
        mut script: StatementBatch,
        rows: Rows,
        usages: Vec<Vec<Value>>,
        is_last: bool,
    ) -> Result<(), DbError> {
        accounts::write_grants(&mut script, rows.grants);
        accounts::write_claims(&mut script, rows.claims);
        accounts::write_controlling_subscriptions(&mut script, rows.masters);
        entries::append_entries(&mut script, rows.entries);
        entries::add_marks(&mut script, rows.marks);
        entries::append_usages(&mut script, usages);
        self.cache.keys.bind(&mut script, std::mem::take(&mut self.bindings));
        daily_usage::add_days(&mut script, std::mem::take(&mut self.days));
        metrics::add_metrics(&mut script, std::mem::take(&mut self.metrics));
        script.insert(
            "insert into plan_changes (customer_no, after_seq, at, plan, pauses_top_ups)",
            "",
            rows.plan_changes,
        );
        let head = "insert into holds (id, customer_no, credits, draws, state, created_at, expires_at)";
        script.insert(head, "", rows.new_holds);
        script.insert("insert into balance_alerts (customer_no, kind, seq, at, credits)", "", rows.news);
        let is_whole = rows.free.is_empty() && rows.looks.is_empty() && rows.closed_holds.is_empty();
        let db = &mut self.db;
        if is_last && is_whole && !self.cache.keys.is_due(self.cache.last_row) {
            return script.write_last(db).await;
        }
        script.write(db).await?;
        for row in rows.free {
            db.execute("delete from controlling_subscriptions where customer_no = $1", row).await?;
        }
        for row in rows.looks {
            db.execute("update grants set remind_at = $1 where no = $2", row).await?;
        }
        for row in rows.closed_holds {
            db.execute("update holds set state = $1, closed_at = $2 where id = $3", row).await?;
        }
        Ok(())
    }
}

impl Rows {
    fn collect(&mut self, open: &mut CachedAccount, last_row: &mut i64, last_grant: &mut i64) -> Result<(), DbError> {
        let (loaded, changes) = (&mut open.loaded, &open.changes);
        for id in &changes.new_grants {
            *last_grant += 1;
            loaded.grant_nos.insert(*id, *last_grant);
        }
        let last: HashMap<GrantId, i64> = changes.entries.iter().map(|entry| (entry.grant, entry.seq)).collect();
        for id in &changes.touched {
            let grant = loaded.account.grant(*id).ok_or_else(|| corrupt("a touched grant was lost"))?;
            let is_open = loaded.account.keeps(grant);
            let look = self.first_look(grant);
            let (no, last) = (number(loaded, *id)?, last.get(id).copied());
            self.grants.push(accounts::grant_row(no, loaded.no, grant, is_open, look, last));
        }
        for id in &changes.claimed {
            let grant = loaded.account.grant(*id).ok_or_else(|| corrupt("a claimed grant was lost"))?;
            let claim = grant.claim;
            self.claims.push(args![
                number(loaded, *id)?,
                claim.refund,
                claim.dispute,
                claim.freeze,
                grant.frozen_since
            ]);
        }
        self.close_past_plan_grants(loaded, changes)?;
        self.tell(loaded, changes)?;
        for entry in &changes.entries {
            let prev = loaded.head_row;
            *last_row += 1;
            loaded.head_row = *last_row;
            self.entries.push(entries::entry_row(*last_row, prev, loaded.no, number(loaded, entry.grant)?, entry));
            self.rows_by_seq.insert((loaded.no, entry.seq), *last_row);
            if entry.seq % entries::MARK_EVERY == 0 {
                self.marks.push(args![loaded.no, entry.seq, *last_row]);
            }
        }
        for change in &changes.plan_changes {
            self.plan_changes.push(args![loaded.no, change.after_seq, change.at, &change.plan, change.pauses_top_ups]);
        }
        if changes.master {
            match &loaded.account.master {
                Some(it) => self.masters.push(args![loaded.no, &it.subscription, it.grace_until, it.ends_at]),
                None => self.free.push(args![loaded.no]),
            }
        }
        for hold in &changes.new_holds {
            let draws = draws_json(&hold.draws, &loaded.grant_nos);
            let created_at = changes.entries.last().map_or(loaded.account.last_at, |entry| entry.created_at);
            self.new_holds.push(args![
                hold.id.bytes(),
                loaded.no,
                hold.credits(),
                draws,
                0_i64,
                created_at,
                hold.expires_at
            ]);
        }
        for (id, state, at) in &changes.closed_holds {
            self.closed_holds.push(args![state.code(), *at, id.bytes()]);
        }
        Ok(())
    }

    fn first_look(&self, grant: &Grant) -> Option<Instant> {
        reminder::first_look(grant, &self.reminder_days)
    }

    /// What the customer's people should hear, and whose reminders what happened puts on the list again: a date
    /// that moved, and credits that came back, are announced.
    fn tell(&mut self, loaded: &mut Loaded, changes: &Changes) -> Result<(), DbError> {
        let (told, news) = news::after(&loaded.account, changes, loaded.told, loaded.low_balance);
        loaded.told = told;
        for entry in &changes.entries {
            if let Some(grant) = loaded.account.grant(entry.grant) {
                loaded.top_ups_since = news::top_ups_since(loaded.top_ups_since, entry, grant.kind);
            }
        }
        for one in news {
            self.news.push(args![loaded.no, one.what.name(), one.seq, one.at, one.credits]);
        }
        let mut again: Vec<GrantId> = changes.entries.iter().filter(|e| comes_back(e.kind)).map(|e| e.grant).collect();
        again.dedup();
        for id in again {
            if let Some(look) = loaded.account.grant(id).and_then(|grant| self.first_look(grant)) {
                self.looks.push(args![look, number(loaded, id)?]);
            }
        }
        Ok(())
    }

    /// A plan grant that was used up before its cycle ended is touched by no line at the reset, and must be put away.
    fn close_past_plan_grants(&mut self, loaded: &Loaded, changes: &Changes) -> Result<(), DbError> {
        for grant in &loaded.account.grants {
            if !loaded.account.keeps(grant) && !changes.touched.contains(&grant.id) {
                self.grants.push(accounts::grant_row(number(loaded, grant.id)?, loaded.no, grant, false, None, None));
            }
        }
        Ok(())
    }
}

/// Whether a line may move a grant's date or give it something back.
fn comes_back(kind: EntryKind) -> bool {
    matches!(
        kind,
        EntryKind::Voided
            | EntryKind::Frozen
            | EntryKind::Thawed
            | EntryKind::Extended
            | EntryKind::Restored
            | EntryKind::Disputed
    )
}

fn number(loaded: &Loaded, id: GrantId) -> Result<i64, DbError> {
    loaded.grant_nos.get(&id).copied().ok_or_else(|| corrupt("a grant without a number"))
}

fn usage_rows(usages: Vec<NewUsage>, rows: &HashMap<(i64, i64), i64>) -> Result<Vec<Vec<Value>>, DbError> {
    let row = |usage: NewUsage| {
        let first = rows.get(&(usage.customer_no, usage.first_seq)).copied();
        let first = first.ok_or_else(|| corrupt("a usage without its lines"))?;
        let c = usage.columns;
        Ok(args![
            usage.id,
            usage.customer_no,
            c.credits,
            c.operation,
            c.quantities,
            c.source,
            c.metadata,
            c.salt,
            c.created_at,
            c.hold,
            first,
            usage.lines
        ])
    };
    usages.into_iter().map(row).collect()
}

/// What was written needs no memory; closed grants leave the working set.
fn drop_closed_grants(open: &mut CachedAccount) {
    open.changes = Changes::default();
    open.dirty = false;
    let account = &mut open.loaded.account;
    let grants = std::mem::take(&mut account.grants);
    account.grants = grants.into_iter().filter(|grant| account.keeps(grant)).collect();
    let account = &open.loaded.account;
    open.loaded.grant_nos.retain(|id, _| account.grant(*id).is_some());
}
