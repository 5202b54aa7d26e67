//! One transaction of the engine, with the accounts it works on and the changes that are not written yet.

use crate::clock::Clock;
use crate::domain::balance_alert::AlertState;
use crate::domain::{Account, Catalog, Changes, Credits, GrantId, Instant, Refusal};
use crate::ledger::account_cache::{AccountCache, CachedAccount};
use crate::ledger::row_locks::RowLocks;
use crate::store::account_locks::Busy;
use crate::store::accounts::StoredAccount;
use crate::store::daily_usage::{DayKey, Totals};
use crate::store::db::{Connection, DbError, corrupt};
use crate::store::entries::NewUsageColumns;
use crate::store::idempotency_keys::{KeyBinding, KeyHash};
use crate::store::metrics::MetricDays;
use crate::store::row_numbers::RowNumbers;
use crate::store::{Scope, Store, account_locks, accounts};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// A usage that is not written yet: the places of its entries are known at the flush only.
pub(super) struct NewUsage {
    pub customer_no: i64,
    pub id: [u8; 16],
    pub first_seq: i64,
    pub lines: i64,
    pub columns: NewUsageColumns,
}

/// Where the alarms of a job are announced, beside the operators' pages.
#[derive(Clone, Debug, Default)]
pub struct AlarmChannels {
    /// The origin of those pages, for the links in emails.
    pub site: Arc<str>,
    /// Whether webhooks are sent to the SaaS's backend.
    pub webhooks: bool,
}

/// One writing transaction.
pub struct WriteTransaction {
    /// The transaction itself, for SQL that is not the ledger's.
    pub db: Connection,
    /// The clock; rules use [`WriteTransaction::now`].
    pub clock: Clock,
    /// The catalogue: plans, packages and the shop's rules.
    pub catalog: Arc<Catalog>,
    /// Set for each job that may raise alarms.
    pub alarm_channels: AlarmChannels,
    /// The trace of the request that each job works for, for the webhooks that it writes.
    pub traceparent: Option<String>,
    pub(super) cache: AccountCache,
    /// On PostgreSQL the accounts that it has.
    pub(super) locks: Option<RowLocks>,
    pub(super) usages: Vec<NewUsage>,
    pub(super) bindings: HashMap<KeyHash, KeyBinding>,
    /// Daily totals that the usages of this batch add.
    pub(super) days: BTreeMap<DayKey, Totals>,
    /// Counts of the shop's own metrics in this batch.
    pub(super) metrics: MetricDays,
    /// Credits that its usages drew, in thousandths by kind of grant, for `/metrics`.
    pub(super) used: [i64; 3],
}

impl WriteTransaction {
    /// Begins, and checks whether the cache is still valid.
    pub(super) async fn begin(
        (store, scope): (&Store, Scope),
        clock: Clock,
        catalog: Arc<Catalog>,
        cache: AccountCache,
    ) -> Result<Self, (DbError, AccountCache)> {
        let db = match store.begin_write_of(scope).await {
            Ok(db) => db,
            Err(e) => return Err((e, cache)),
        };
        let (usages, bindings, days, metrics) = (Vec::new(), HashMap::new(), BTreeMap::new(), MetricDays::new());
        let (alarm_channels, traceparent) = (AlarmChannels::default(), None);
        let locks = db.begun().map(RowLocks::new);
        let mut tx = Self {
            db,
            clock,
            catalog,
            alarm_channels,
            traceparent,
            cache,
            locks,
            usages,
            bindings,
            days,
            metrics,
            used: [0; 3],
        };
        match tx.cache.validate(&mut tx.db).await {
            Ok(()) => Ok(tx),
            Err(e) => Err((e, tx.cache)),
        }
    }

    /// Now, by the product's clock.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// The number of a customer, if there is one.
    pub async fn customer_no(&mut self, id: &str) -> Result<Option<i64>, DbError> {
        if self.locks.is_some() {
            self.find_numbers(std::iter::once(id)).await?;
        } else {
            self.load_accounts(std::iter::once(id)).await?;
        }
        Ok(self.cache.by_id.get(id).copied())
    }

    /// Loads the working sets of all customers that are not remembered, so far as the transaction has their accounts.
    pub(super) async fn load_accounts<'a>(&mut self, ids: impl Iterator<Item = &'a str>) -> Result<(), DbError> {
        let loaded = if self.locks.is_some() {
            let nos: HashSet<i64> = ids.filter_map(|id| self.cache.by_id.get(id).copied()).collect();
            let missing = |no: &i64| self.holds(*no) && !self.cache.accounts.contains_key(no);
            let missing: Vec<i64> = nos.into_iter().filter(missing).collect();
            if missing.is_empty() {
                return Ok(());
            }
            accounts::load_by_nos(&mut self.db, &missing).await?
        } else {
            let missing: HashSet<&str> = ids.filter(|id| !self.cache.by_id.contains_key(*id)).collect();
            if missing.is_empty() {
                return Ok(());
            }
            let missing: Vec<String> = missing.into_iter().map(str::to_owned).collect();
            accounts::load_by_ids(&mut self.db, &missing).await?
        };
        for loaded in loaded {
            let version = self.version(loaded.no);
            self.cache.insert(loaded, version);
        }
        Ok(())
    }

    /// The account of a customer. On PostgreSQL, where another transaction has it, that is waited for.
    pub(super) async fn cached_account(&mut self, no: i64) -> Result<&mut CachedAccount, DbError> {
        if !self.holds(no) {
            self.lock(&[no], Busy::Wait).await?;
        }
        if !self.cache.accounts.contains_key(&no) {
            let loaded = accounts::load_by_no(&mut self.db, no).await?.ok_or_else(|| corrupt("no such customer"))?;
            let version = self.version(no);
            self.cache.insert(loaded, version);
        }
        self.cache.use_account(no).ok_or_else(|| corrupt("an account was lost"))
    }

    /// The account of a customer, brought up to now, and the instant that was used.
    pub async fn account(&mut self, no: i64) -> Result<(&Account, Instant), DbError> {
        let ((), at) = self.with_account(no, |_, _, _, _| ()).await?;
        Ok((&self.cached_account(no).await?.loaded.account, at))
    }

    /// Lets the domain act on an account that is brought up to now first (R3).
    ///
    /// # Errors
    /// The database fails. A refusal of the domain is a value.
    pub async fn with_account<T>(
        &mut self,
        no: i64,
        command: impl FnOnce(&mut Account, Instant, &Catalog, &mut Changes) -> T,
    ) -> Result<(T, Instant), DbError> {
        let (now, catalog) = (self.now(), Arc::clone(&self.catalog));
        let open = self.cached_account(no).await?;
        let at = open.loaded.account.catch_up(now, &catalog, &mut open.changes);
        let was_dirty = std::mem::replace(&mut open.dirty, true);
        if !was_dirty {
            self.cache.dirty.push(no);
        }
        let open = self.cached_account(no).await?;
        Ok((command(&mut open.loaded.account, at, &catalog, &mut open.changes), at))
    }

    /// Begins the ledger of a customer whose row was just written.
    ///
    /// # Errors
    /// The database fails. A refusal of the domain is a value.
    pub async fn open_account(
        &mut self,
        no: i64,
        id: &str,
        plan: &str,
        anchor: Instant,
    ) -> Result<Result<(), Refusal>, DbError> {
        let (account, changes) = match Account::open(id, plan, anchor, self.now(), &self.catalog) {
            Ok(opened) => opened,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let loaded = StoredAccount {
            no,
            closed: false,
            head_row: 0,
            low_balance: None,
            told: AlertState::default(),
            top_ups_since: None,
            watch: None,
            account,
            grant_nos: HashMap::new(),
        };
        self.hold_new(no);
        self.cache.insert(loaded, None);
        let open = self.cached_account(no).await?;
        (open.changes, open.dirty) = (changes, true);
        self.cache.dirty.push(no);
        Ok(Ok(()))
    }

    /// Puts grants that the store had put away back into a working set, so that a void can return to them.
    pub async fn reload_closed_grants(&mut self, no: i64, ids: &[GrantId]) -> Result<(), DbError> {
        for id in ids {
            if self.cached_account(no).await?.loaded.account.grant(*id).is_some() {
                continue;
            }
            if let Some((grant_no, grant)) = accounts::load_grant(&mut self.db, no, *id).await? {
                let open = self.cached_account(no).await?;
                open.loaded.grant_nos.insert(grant.id, grant_no);
                open.loaded.account.restore_closed_grant(grant);
            }
        }
        Ok(())
    }

    /// From how much on a customer's people are told that little is left, where they have set it.
    pub async fn low_balance(&mut self, no: i64) -> Result<Option<Credits>, DbError> {
        Ok(self.cached_account(no).await?.loaded.low_balance)
    }

    /// Remembers a charge or hold that was refused for want of credits, for a rule of automatic top-ups (R20).
    pub async fn note_refused(&mut self, no: i64, credits: Credits) -> Result<(), DbError> {
        let open = self.cached_account(no).await?;
        if open.loaded.watch.is_some() {
            open.refused = open.refused.max(Some(credits));
        }
        Ok(())
    }

    /// True if a customer is closed.
    pub async fn is_closed(&mut self, no: i64) -> Result<bool, DbError> {
        Ok(self.cached_account(no).await?.loaded.closed)
    }

    /// Takes a customer's account before other rows of the customer that its writers refer to are changed.
    ///
    /// # Errors
    /// The database fails, or somebody else kept it for too long.
    pub async fn lock_account(&mut self, no: i64) -> Result<(), DbError> {
        self.lock(&[no], Busy::Wait).await
    }

    /// Forgets a customer, whose rows are changed by other SQL of this transaction; others forget it too.
    ///
    /// # Errors
    /// The database fails; pending changes are written first.
    pub async fn evict_account(&mut self, no: i64) -> Result<(), DbError> {
        self.flush().await?;
        if self.locks.is_some() {
            self.lock_account(no).await?;
            account_locks::touch_account(&mut self.db, no).await?;
            self.note_written(&[no]);
        }
        if let Some(open) = self.cache.accounts.remove(&no) {
            self.cache.by_id.remove(&open.loaded.account.customer);
        }
        Ok(())
    }

    /// The binding of a customer's key, in this transaction or before it.
    pub async fn find_key(&mut self, key: KeyHash) -> Result<Option<KeyBinding>, DbError> {
        if let Some(binding) = self.bindings.get(&key) {
            return Ok(Some(binding.clone()));
        }
        Ok(self.cache.keys.find(&mut self.db, &[key]).await?.remove(&key))
    }

    /// Binds a key to an answer.
    pub fn bind_key(&mut self, key: KeyHash, binding: KeyBinding) {
        self.bindings.insert(key, binding);
    }

    /// Drops the changes of a job that is undone, with all accounts that it may have touched.
    pub(super) fn drop_changes(&mut self, rows: (RowNumbers, i64)) {
        // The cache has the flushed changes of the undone job. On PostgreSQL those accounts are gone with the savepoint.
        if self.locks.is_none() {
            self.cache.accounts.clear();
            self.cache.by_id.clear();
        }
        self.cache.dirty.clear();
        (self.cache.rows, self.cache.last_grant) = rows;
        self.usages.clear();
        self.bindings.clear();
        self.days.clear();
        self.metrics.clear();
    }
}
