//! Collecting the changes of a batch for the store.

use crate::domain::{Changes, Credits, EntryKind, Grant, GrantId, Instant, Summary, balance_alert, reminder};
use crate::ledger::account_cache::CachedAccount;
use crate::ledger::write_transaction::{NewUsage, WriteTransaction};
use crate::store::accounts::StoredAccount;
use crate::store::db::{DbError, corrupt};
use crate::store::row_numbers;
use crate::store::write_set::WriteSet;
use std::collections::HashMap;

/// Collects the changes of a batch.
struct Collector {
    set: WriteSet,
    /// Days before expiry on which reminders are due.
    reminder_days: Vec<i64>,
    /// For new grants, ascending.
    grant_numbers: std::vec::IntoIter<i64>,
    /// Row numbers of entries, by customer and seq.
    rows_by_seq: HashMap<(i64, i64), i64>,
}

impl WriteTransaction {
    /// Writes all that is pending. Afterwards memory and transaction agree.
    ///
    /// # Errors
    /// The database fails; then the transaction is lost.
    pub async fn flush(&mut self) -> Result<(), DbError> {
        self.flush_as(false).await
    }

    /// The same as the last statement of the write transaction, which may be committed with it.
    ///
    /// # Errors
    /// The database fails; then the transaction is lost.
    pub(super) async fn flush_last(&mut self) -> Result<(), DbError> {
        self.flush_as(true).await
    }

    async fn flush_as(&mut self, is_last: bool) -> Result<(), DbError> {
        let mut dirty = std::mem::take(&mut self.cache.dirty);
        dirty.sort_unstable();
        let sums = (std::mem::take(&mut self.days), std::mem::take(&mut self.metrics));
        let set = WriteSet::new(std::mem::take(&mut self.bindings), sums);
        let reminder_days = self.catalog.rules.reminder_days.clone();
        let grant_numbers = self.number_rows(&dirty).await?;
        let mut collector = Collector { set, reminder_days, grant_numbers, rows_by_seq: HashMap::new() };
        for no in &dirty {
            let open = self.cache.accounts.get_mut(no).ok_or_else(|| corrupt("an account was lost"))?;
            collector.add(open, &mut self.cache.rows.last)?;
        }
        collector.add_usages(std::mem::take(&mut self.usages))?;
        let may_commit = is_last && !self.cache.keys.is_due(self.cache.rows.last);
        collector.set.write(&mut self.db, &mut self.cache.keys, may_commit).await?;
        self.note_written(&dirty);
        for no in dirty {
            if let Some(open) = self.cache.accounts.get_mut(&no) {
                drop_closed_grants(open);
            }
        }
        Ok(())
    }

    /// Sees to numbers for the new entries of these accounts, and returns those of their new grants.
    async fn number_rows(&mut self, dirty: &[i64]) -> Result<std::vec::IntoIter<i64>, DbError> {
        let changes = || dirty.iter().filter_map(|no| self.cache.accounts.get(no)).map(|open| &open.changes);
        let entries: usize = changes().map(|changes| changes.entries.len()).sum();
        let grants: usize = changes().map(|changes| changes.new_grants.len()).sum();
        self.cache.rows.reserve(&mut self.db, i64::try_from(entries).unwrap_or(i64::MAX)).await?;
        let numbers = row_numbers::grant_numbers(&mut self.db, self.cache.last_grant, grants).await?;
        self.cache.last_grant = numbers.last().copied().unwrap_or(self.cache.last_grant);
        Ok(numbers.into_iter())
    }
}

impl Collector {
    fn add(&mut self, open: &mut CachedAccount, last_row: &mut i64) -> Result<(), DbError> {
        let (loaded, changes) = (&mut open.loaded, &open.changes);
        for id in &changes.new_grants {
            let number = self.grant_numbers.next().ok_or_else(|| corrupt("a new grant without a number"))?;
            loaded.grant_nos.insert(*id, number);
        }
        self.add_grants(loaded, changes)?;
        self.add_alerts(loaded, changes)?;
        self.add_due_rule(loaded, open.refused.take());
        self.add_entries(loaded, changes, last_row)?;
        for change in &changes.plan_changes {
            self.set.add_plan_change(loaded.no, change);
        }
        if changes.controlled_by {
            self.set.add_controlling_subscription(loaded);
        }
        let created_at = changes.entries.last().map_or(loaded.account.last_at, |entry| entry.created_at);
        for hold in &changes.new_holds {
            self.set.add_hold(loaded.no, hold, &loaded.grant_nos, created_at);
        }
        for (id, state, at) in &changes.closed_holds {
            self.set.add_closed_hold(id.bytes(), *state, *at);
        }
        self.set.add_account(loaded);
        Ok(())
    }

    fn add_grants(&mut self, loaded: &StoredAccount, changes: &Changes) -> Result<(), DbError> {
        let last: HashMap<GrantId, i64> = changes.entries.iter().map(|entry| (entry.grant, entry.seq)).collect();
        for id in &changes.touched {
            let grant = loaded.account.grant(*id).ok_or_else(|| corrupt("a touched grant was lost"))?;
            let (is_open, remind_at) = (loaded.account.is_in_working_set(grant), self.remind_at(grant));
            self.set.add_grant(
                (grant_number(loaded, *id)?, loaded.no),
                grant,
                is_open,
                remind_at,
                last.get(id).copied(),
            );
        }
        for id in &changes.claimed {
            let grant = loaded.account.grant(*id).ok_or_else(|| corrupt("a claimed grant was lost"))?;
            self.set.add_clawback(grant_number(loaded, *id)?, grant);
        }
        // A plan grant that was used up before its cycle ended has no entry at the reset, and leaves the working set.
        for grant in &loaded.account.grants {
            if !loaded.account.is_in_working_set(grant) && !changes.touched.contains(&grant.id) {
                self.set.add_grant((grant_number(loaded, grant.id)?, loaded.no), grant, false, None, None);
            }
        }
        Ok(())
    }

    /// Notices once that a rule of automatic top-ups is due (R20). Asleep or not, the job decides.
    fn add_due_rule(&mut self, loaded: &mut StoredAccount, refused: Option<Credits>) {
        let (account, no) = (&loaded.account, loaded.no);
        let Some(watch) = &mut loaded.watch else { return };
        if watch.notices(Summary::of(account, account.last_at).available, refused) {
            self.set.add_due_rule(no, account.last_at, watch.needed);
        }
    }

    fn add_entries(
        &mut self,
        loaded: &mut StoredAccount,
        changes: &Changes,
        last_row: &mut i64,
    ) -> Result<(), DbError> {
        for entry in &changes.entries {
            let prev = loaded.head_row;
            *last_row += 1;
            loaded.head_row = *last_row;
            self.set.add_entry(*last_row, prev, loaded.no, grant_number(loaded, entry.grant)?, entry);
            self.rows_by_seq.insert((loaded.no, entry.seq), *last_row);
        }
        Ok(())
    }

    fn add_usages(&mut self, usages: Vec<NewUsage>) -> Result<(), DbError> {
        for usage in usages {
            let first = self.rows_by_seq.get(&(usage.customer_no, usage.first_seq)).copied();
            let first = first.ok_or_else(|| corrupt("a usage without its lines"))?;
            self.set.add_usage(usage.id, usage.customer_no, usage.columns, first, usage.lines);
        }
        Ok(())
    }

    fn remind_at(&self, grant: &Grant) -> Option<Instant> {
        reminder::first_reminder_at(grant, &self.reminder_days)
    }

    /// Adds alerts that are due, and puts grants whose date moved, or that got credits back, on the list of reminders.
    fn add_alerts(&mut self, loaded: &mut StoredAccount, changes: &Changes) -> Result<(), DbError> {
        let (told, alerts) = balance_alert::due_alerts(&loaded.account, changes, loaded.told, loaded.low_balance);
        loaded.told = told;
        for entry in &changes.entries {
            if let Some(grant) = loaded.account.grant(entry.grant) {
                loaded.top_ups_since = balance_alert::top_ups_since(loaded.top_ups_since, entry, grant.kind);
            }
        }
        for alert in &alerts {
            self.set.add_balance_alert(loaded.no, alert);
        }
        let mut back: Vec<GrantId> = changes.entries.iter().filter(|e| comes_back(e.kind)).map(|e| e.grant).collect();
        back.dedup();
        for id in back {
            if let Some(at) = loaded.account.grant(id).and_then(|grant| self.remind_at(grant)) {
                self.set.add_reminder_date(grant_number(loaded, id)?, at);
            }
        }
        Ok(())
    }
}

/// True if a line may move a grant's date or give it something back.
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

fn grant_number(loaded: &StoredAccount, id: GrantId) -> Result<i64, DbError> {
    loaded.grant_nos.get(&id).copied().ok_or_else(|| corrupt("a grant without a number"))
}

/// Closed grants leave the working set after they are written.
fn drop_closed_grants(open: &mut CachedAccount) {
    open.changes = Changes::default();
    open.dirty = false;
    let account = &mut open.loaded.account;
    let grants = std::mem::take(&mut account.grants);
    account.grants = grants.into_iter().filter(|grant| account.is_in_working_set(grant)).collect();
    let account = &open.loaded.account;
    open.loaded.grant_nos.retain(|id, _| account.grant(*id).is_some());
}
