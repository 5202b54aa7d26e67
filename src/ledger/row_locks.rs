//! The accounts whose rows a transaction has locked, on PostgreSQL: several processes write at the same time, and a
//! customer's ledger is written by whoever has its row.
//!
//! Invariants:
//! - An account is read and written only under its lock; on SQLite, where one writes at a time, all are held.
//! - A remembered account is used only if its row has the version that it was remembered at. What this transaction wrote has
//!   its own number as version, but for rows written in a savepoint: their version is read at the end.
//! - Nobody waits for a row who has another one, but for jobs, of which one transaction runs at a time. So no two wait for
//!   each other.

use crate::ledger::batch::{Charges, Item};
use crate::ledger::write_transaction::WriteTransaction;
use crate::store::account_locks;
use crate::store::account_locks::Busy;
use crate::store::db::DbError;
use crate::store::postgres::Begun;
use std::collections::{BTreeSet, HashMap, VecDeque};

/// The locks of one transaction.
pub(super) struct RowLocks {
    /// The version of what the transaction writes: its number's lower half, as `xmin` has it.
    own: i64,
    /// The version of each row, by the customer's number; none where it has to be asked for.
    held: HashMap<i64, Option<i64>>,
    /// Those that came in the savepoint that is open.
    savepoint: Option<Vec<i64>>,
}

impl RowLocks {
    pub fn new(begun: Begun) -> Self {
        Self { own: begun.xid & 0xffff_ffff, held: HashMap::new(), savepoint: None }
    }

    fn take(&mut self, no: i64, version: Option<i64>) {
        self.held.insert(no, version);
        if let Some(savepoint) = &mut self.savepoint {
            savepoint.push(no);
        }
    }
}

impl WriteTransaction {
    /// True if the account may be worked on.
    pub(super) fn holds(&self, no: i64) -> bool {
        self.locks.as_ref().is_none_or(|locks| locks.held.contains_key(&no))
    }

    /// True if the customer may be charged, which is to be refused where it is unknown.
    pub(super) fn holds_customer(&self, id: &str) -> bool {
        self.locks.is_none() || self.cache.by_id.get(id).is_none_or(|no| self.holds(*no))
    }

    /// Locks the accounts that a batch is about, so far as nobody else has them. A patient lane that gets none waits for that
    /// of the first item, and then takes what is free.
    pub(super) async fn lock_batch(&mut self, todo: &mut VecDeque<Item>, is_patient: bool) -> Result<(), DbError> {
        if self.locks.is_none() {
            return Ok(());
        }
        let charges = todo.iter().filter_map(Item::charges).flat_map(Charges::open);
        let unknown = charges.map(|(_, charge)| &charge.customer).filter(|id| !self.cache.by_id.contains_key(*id));
        let unknown: BTreeSet<String> = unknown.cloned().collect();
        self.find_numbers(unknown.iter().map(String::as_str)).await?;
        let nos: Vec<i64> = todo.iter().flat_map(|item| item.customers(&self.cache.by_id)).collect();
        let all: Vec<i64> = nos.iter().copied().collect::<BTreeSet<i64>>().into_iter().collect();
        self.lock(&all, Busy::Skip).await?;
        if let Some(first) = nos.first().filter(|_| is_patient && !all.iter().any(|no| self.holds(*no))) {
            self.lock(&[*first], Busy::Wait).await?;
            // One that has no account is found out by whoever works on it.
            if let Some(locks) = self.locks.as_mut().filter(|locks| !locks.held.contains_key(first)) {
                locks.take(*first, None);
            }
            self.lock(&all, Busy::Skip).await?;
        }
        Ok(())
    }

    /// Locks accounts that are not held yet, and drops what is remembered of them at another version.
    pub(super) async fn lock(&mut self, nos: &[i64], busy: Busy) -> Result<(), DbError> {
        let Some(locks) = &mut self.locks else { return Ok(()) };
        let nos: Vec<i64> = nos.iter().copied().filter(|no| !locks.held.contains_key(no)).collect();
        for row in account_locks::lock_accounts(&mut self.db, &nos, busy).await? {
            let is_known = self
                .cache
                .accounts
                .get(&row.customer_no)
                .is_some_and(|known| known.version == Some(row.version) && known.loaded.account.seq == row.seq);
            if !is_known {
                self.cache.accounts.remove(&row.customer_no);
            }
            locks.take(row.customer_no, Some(row.version));
        }
        Ok(())
    }

    /// Learns the numbers of customers; unknown ones have none.
    pub(super) async fn find_numbers<'a>(&mut self, ids: impl Iterator<Item = &'a str>) -> Result<(), DbError> {
        let unknown: BTreeSet<&str> = ids.filter(|id| !self.cache.by_id.contains_key(*id)).collect();
        let unknown: Vec<String> = unknown.into_iter().map(str::to_owned).collect();
        self.cache.by_id.extend(account_locks::customer_numbers(&mut self.db, &unknown).await?);
        Ok(())
    }

    /// The version of an account that is loaded now.
    pub(super) fn version(&self, no: i64) -> Option<i64> {
        self.locks.as_ref().and_then(|locks| locks.held.get(&no).copied().flatten())
    }

    /// Notes the account of a new customer, whom nobody else sees yet.
    pub(super) fn hold_new(&mut self, no: i64) {
        if let Some(locks) = &mut self.locks {
            locks.take(no, None);
        }
    }

    /// Notes that these rows were written.
    pub(super) fn note_written(&mut self, nos: &[i64]) {
        let Some(locks) = &mut self.locks else { return };
        let version = locks.savepoint.is_none().then_some(locks.own);
        for no in nos {
            locks.held.insert(*no, version);
            if let Some(account) = self.cache.accounts.get_mut(no) {
                account.version = version;
            }
        }
    }

    pub(super) async fn begin_savepoint(&mut self) -> Result<(), DbError> {
        if let Some(locks) = &mut self.locks {
            locks.savepoint = Some(Vec::new());
        }
        self.db.begin_savepoint().await
    }

    /// Ends the savepoint; locks that came in it are lost if it is undone.
    pub(super) async fn end_savepoint(&mut self, undo: bool) -> Result<(), DbError> {
        self.db.end_savepoint(undo).await?;
        let Some(locks) = &mut self.locks else { return Ok(()) };
        let came = locks.savepoint.take().unwrap_or_default();
        if undo {
            self.cache.accounts.retain(|no, _| !locks.held.contains_key(no));
            self.cache.by_id.retain(|_, no| !came.contains(no));
            locks.held.retain(|no, _| !came.contains(no));
        }
        Ok(())
    }

    /// Asks for the versions of what jobs have written, so that it need not be loaded again.
    pub(super) async fn read_versions(&mut self) -> Result<(), DbError> {
        let Some(locks) = &self.locks else { return Ok(()) };
        let unknown =
            locks.held.iter().filter(|(no, version)| version.is_none() && self.cache.accounts.contains_key(no));
        let unknown: Vec<i64> = unknown.map(|(no, _)| *no).collect();
        for row in account_locks::fetch_versions(&mut self.db, &unknown).await? {
            if let Some(account) = self.cache.accounts.get_mut(&row.customer_no) {
                account.version = Some(row.version);
            }
        }
        Ok(())
    }
}
