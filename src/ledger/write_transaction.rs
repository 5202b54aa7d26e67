//! A turn: one writing transaction with the accounts it touches.
//!
//! The cache survives from turn to turn. It is trusted only if the database says that nobody else
//! wrote in between: on SQLite `pragma data_version`, on PostgreSQL the row of `last_writer`.

use crate::args;
use crate::clock::Clock;
use crate::domain::news::Told;
use crate::domain::time::from_millis;
use crate::domain::{Account, Catalog, Changes, Credits, Draw, Grant, GrantId, Instant, Refusal};
use crate::store::accounts::Loaded;
use crate::store::daily_usage::{DayKey, Totals, day_number};
use crate::store::daily_usage_names::DayNames;
use crate::store::db::{Connection, DbError, Value, corrupt};
use crate::store::idempotency_keys::{Binding, KeyHash};
use crate::store::key_segments::Segments;
use crate::store::metrics::{MetricDays, Metrics};
use crate::store::{Store, accounts, daily_usage_names, entries};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use uuid::Uuid;

/// Accounts that the engine remembers between turns.
const REMEMBERED_MAX: usize = 50_000;

/// An account of the working set and what is not written yet.
#[derive(Clone, Debug)]
pub(super) struct CachedAccount {
    pub loaded: Loaded,
    pub changes: Changes,
    pub dirty: bool,
    /// The sources and operations that its newest day names, once a usage has asked.
    pub names: Option<DayNames>,
}

impl CachedAccount {
    fn new(loaded: Loaded, changes: Changes, dirty: bool) -> Self {
        Self { loaded, changes, dirty, names: None }
    }
}

/// What the engine keeps from turn to turn.
pub(super) struct AccountCache {
    pub accounts: HashMap<i64, CachedAccount>,
    pub by_id: HashMap<String, i64>,
    /// Accounts that the next flush writes.
    pub dirty: Vec<i64>,
    pub last_row: i64,
    pub last_grant: i64,
    pub keys: Segments,
    /// What the database's own counter of foreign writes said.
    seen: Option<i64>,
    writer: Uuid,
}

impl AccountCache {
    pub fn new(writer: Uuid, segment_rows: i64) -> Self {
        Self {
            accounts: HashMap::new(),
            by_id: HashMap::new(),
            dirty: Vec::new(),
            last_row: 0,
            last_grant: 0,
            keys: Segments::of_rows(segment_rows),
            seen: None,
            writer,
        }
    }

    pub fn forget(&mut self) {
        self.accounts.clear();
        self.by_id.clear();
        self.dirty.clear();
        self.keys.forget();
        self.seen = None;
    }
}

/// A usage that is not written yet: the places of its entries are known at the flush only.
pub(super) struct NewUsage {
    pub customer_no: i64,
    pub id: [u8; 16],
    pub first_seq: i64,
    pub lines: i64,
    pub columns: NewUsageColumns,
}

/// What a usage says beside its draws.
#[derive(Clone, Debug, Default)]
pub struct NewUsageColumns {
    /// Thousandths.
    pub credits: i64,
    /// What was done.
    pub operation: Option<String>,
    /// JSON of counts.
    pub quantities: Option<String>,
    /// The SaaS's own name of who did it.
    pub source: Option<String>,
    /// JSON of the SaaS's own.
    pub metadata: Option<String>,
    /// Salt of what enters the chain as a hash.
    pub salt: Option<[u8; 16]>,
    /// When.
    pub created_at: i64,
    /// The hold that it settled.
    pub hold: Option<[u8; 16]>,
}

/// One writing transaction.
pub struct WriteTransaction {
    /// The transaction itself, for SQL that is not the ledger's.
    pub db: Connection,
    /// The clock; [`Turn::now`] is what rules use.
    pub clock: Clock,
    /// What is for sale, and the shop's rules.
    pub catalog: Arc<Catalog>,
    pub(super) cache: AccountCache,
    pub(super) usages: Vec<NewUsage>,
    pub(super) bindings: HashMap<KeyHash, Binding>,
    /// What the usages of this batch add to their days.
    pub(super) days: BTreeMap<DayKey, Totals>,
    /// What they count of the shop's own metrics.
    pub(super) metrics: MetricDays,
}

impl WriteTransaction {
    /// Takes the turn: begins, and checks whether what is remembered still holds.
    pub(super) async fn begin(
        store: &Store,
        clock: Clock,
        catalog: Arc<Catalog>,
        cache: AccountCache,
    ) -> Result<Self, (DbError, AccountCache)> {
        let db = match store.begin_write().await {
            Ok(db) => db,
            Err(e) => return Err((e, cache)),
        };
        let (usages, bindings, days, metrics) = (Vec::new(), HashMap::new(), BTreeMap::new(), MetricDays::new());
        let mut tx = Self { db, clock, catalog, cache, usages, bindings, days, metrics };
        match tx.validate_cache().await {
            Ok(()) => Ok(tx),
            Err(e) => Err((e, tx.cache)),
        }
    }

    async fn validate_cache(&mut self) -> Result<(), DbError> {
        let seen = match self.db.data_version() {
            Some(version) => version,
            None => self.own_number().await?,
        };
        if self.cache.seen != Some(seen) || self.cache.accounts.len() > REMEMBERED_MAX {
            self.cache.forget();
            self.cache.last_row = entries::last_row(&mut self.db).await?;
            self.cache.last_grant = entries::last_grant_no(&mut self.db).await?;
            self.cache.keys.load(&mut self.db).await?;
            self.cache.seen = Some(seen);
        } else {
            self.cache.keys.trust();
        }
        Ok(())
    }

    /// Counts this turn; the number that a next turn finds if nobody wrote in between is one more. One statement: the
    /// advisory lock keeps all others away between the look and the write.
    async fn own_number(&mut self) -> Result<i64, DbError> {
        let sql = "with before as (select writer, number from last_writer where id = 1)
            insert into last_writer (id, writer, number) values (1, $1, coalesce((select number from before), 0) + 1)
            on conflict (id) do update set writer = excluded.writer, number = excluded.number
            returning number, (select writer from before) as writer";
        let row = self.db.fetch_optional(sql, args![*self.cache.writer.as_bytes()]).await?;
        let row = row.ok_or_else(|| corrupt("no number of the last writer"))?;
        let next = row.int("number")?;
        let before = row.opt_blob("writer")?;
        let mine = before.as_deref() == Some(self.cache.writer.as_bytes()) && self.cache.seen == Some(next - 1);
        if mine {
            self.cache.seen = Some(next);
        }
        Ok(next)
    }

    /// Now, by the product's clock.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// The number of a customer, if there is one.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn customer_no(&mut self, id: &str) -> Result<Option<i64>, DbError> {
        self.load_accounts(std::iter::once(id)).await?;
        Ok(self.cache.by_id.get(id).copied())
    }

    /// Loads the working sets of all customers that are not remembered yet.
    pub(super) async fn load_accounts<'a>(&mut self, ids: impl Iterator<Item = &'a str>) -> Result<(), DbError> {
        let missing: HashSet<&str> = ids.filter(|id| !self.cache.by_id.contains_key(*id)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let missing: Vec<String> = missing.into_iter().map(str::to_owned).collect();
        for loaded in accounts::load_by_ids(&mut self.db, &missing).await? {
            self.insert_account(loaded);
        }
        Ok(())
    }

    fn insert_account(&mut self, loaded: Loaded) {
        self.cache.by_id.insert(loaded.account.customer.clone(), loaded.no);
        self.cache.accounts.insert(loaded.no, CachedAccount::new(loaded, Changes::default(), false));
    }

    pub(super) async fn cached_account(&mut self, no: i64) -> Result<&mut CachedAccount, DbError> {
        if !self.cache.accounts.contains_key(&no) {
            let loaded = accounts::load_by_no(&mut self.db, no).await?.ok_or_else(|| corrupt("no such customer"))?;
            self.insert_account(loaded);
        }
        self.cache.accounts.get_mut(&no).ok_or_else(|| corrupt("an account was lost"))
    }

    /// The account of a customer, brought up to now, and the instant that was used.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn account(&mut self, no: i64) -> Result<(&Account, Instant), DbError> {
        let ((), at) = self.with_account(no, |_, _, _, _| ()).await?;
        Ok((&self.cached_account(no).await?.loaded.account, at))
    }

    /// Lets the domain act on an account that is brought up to now first (R3).
    ///
    /// # Errors
    /// Whatever the database says. What the domain refuses is a value.
    pub async fn with_account<T>(
        &mut self,
        no: i64,
        command: impl FnOnce(&mut Account, Instant, &Catalog, &mut Changes) -> T,
    ) -> Result<(T, Instant), DbError> {
        let (now, catalog) = (self.now(), Arc::clone(&self.catalog));
        let open = self.cached_account(no).await?;
        let at = open.loaded.account.begin(now, &catalog, &mut open.changes);
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
    /// Whatever the database says. What the domain refuses is a value.
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
        let loaded = Loaded {
            no,
            closed: false,
            head_row: 0,
            low_balance: None,
            told: Told::default(),
            top_ups_since: None,
            account,
            grant_nos: HashMap::new(),
        };
        self.cache.by_id.insert(id.to_owned(), no);
        self.cache.accounts.insert(no, CachedAccount::new(loaded, changes, true));
        self.cache.dirty.push(no);
        Ok(Ok(()))
    }

    /// Puts grants that the store had put away back into a working set, so that a void can return to them.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn reload_closed_grants(&mut self, no: i64, ids: &[GrantId]) -> Result<(), DbError> {
        for id in ids {
            if self.cached_account(no).await?.loaded.account.grant(*id).is_some() {
                continue;
            }
            let sql = format!(
                "select {} from {} where g.id = $1 and g.customer_no = $2",
                accounts::GRANT_COLUMNS,
                accounts::GRANT_TABLES
            );
            if let Some(row) = self.db.fetch_optional(sql, args![id.bytes(), no]).await? {
                let (grant, grant_no): (Grant, i64) = (accounts::grant_of(&row)?, row.int("no")?);
                let open = self.cached_account(no).await?;
                open.loaded.grant_nos.insert(grant.id, grant_no);
                open.loaded.account.adopt(grant);
            }
        }
        Ok(())
    }

    /// From how much on a customer's people are told that little is left, where they have set it.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn low_balance(&mut self, no: i64) -> Result<Option<Credits>, DbError> {
        Ok(self.cached_account(no).await?.loaded.low_balance)
    }

    /// Whether a customer is closed.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn is_closed(&mut self, no: i64) -> Result<bool, DbError> {
        Ok(self.cached_account(no).await?.loaded.closed)
    }

    /// Forgets a customer, whose rows were changed by other SQL of this turn.
    ///
    /// # Errors
    /// Whatever the database says: what was pending is written first.
    pub async fn evict_account(&mut self, no: i64) -> Result<(), DbError> {
        self.flush().await?;
        if let Some(open) = self.cache.accounts.remove(&no) {
            self.cache.by_id.remove(&open.loaded.account.customer);
        }
        Ok(())
    }

    /// What a key of a customer is bound to, in this turn or before it.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn find_key(&mut self, key: KeyHash) -> Result<Option<Binding>, DbError> {
        if let Some(binding) = self.bindings.get(&key) {
            return Ok(Some(binding.clone()));
        }
        Ok(self.cache.keys.find(&mut self.db, &[key]).await?.remove(&key))
    }

    /// Binds a key to an answer.
    pub fn bind_key(&mut self, key: KeyHash, binding: Binding) {
        self.bindings.insert(key, binding);
    }

    /// Writes a usage whose draws were just booked as the account's last lines.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn add_usage(
        &mut self,
        no: i64,
        id: [u8; 16],
        draws: &[Draw],
        first_seq: i64,
        columns: NewUsageColumns,
    ) -> Result<(), DbError> {
        let lines = i64::try_from(draws.len()).unwrap_or(i64::MAX);
        let mut key = DayKey {
            day: day_number(from_millis(columns.created_at)),
            customer_no: no,
            operation: columns.operation.clone().unwrap_or_default(),
            source: columns.source.clone().unwrap_or_default(),
            cycle_start: self.cached_account(no).await?.loaded.account.cycle.start.timestamp_millis(),
        };
        self.place_in_day(&mut key).await?;
        self.add_metrics(key.day, no, &Metrics::of(columns.quantities.as_deref()));
        self.add_to_day(key, &Totals::of(draws));
        self.usages.push(NewUsage { customer_no: no, id, first_seq, lines, columns });
        Ok(())
    }

    /// Counts a usage under its own names, or with the others of its day where that names enough.
    async fn place_in_day(&mut self, key: &mut DayKey) -> Result<(), DbError> {
        if key.source.is_empty() && key.operation.is_empty() {
            return Ok(());
        }
        let no = key.customer_no;
        if self.cached_account(no).await?.names.as_ref().is_none_or(|names| names.day != key.day) {
            self.count_names(key.day, &[no]).await?;
        }
        let open = self.cache.accounts.get_mut(&no).ok_or_else(|| corrupt("an account was lost"))?;
        let names = open.names.as_mut().ok_or_else(|| corrupt("a day without its names"))?;
        if names.place(key) {
            return Ok(());
        }
        names.read(&mut self.db, no).await?;
        if names.place(key) { Ok(()) } else { Err(corrupt("the names of a day could not be read")) }
    }

    /// Begins the names of a day for customers of the working set, in one question for all.
    pub(super) async fn count_names(&mut self, day: i64, customers: &[i64]) -> Result<(), DbError> {
        // A day that nothing was booked on yet has no rows.
        let (old, new): (Vec<i64>, Vec<i64>) = customers.iter().copied().partition(|no| {
            self.cache.accounts.get(no).is_some_and(|open| day_number(open.loaded.account.last_at) >= day)
        });
        let rows = daily_usage_names::count_rows(&mut self.db, day, &old).await?;
        for no in old.into_iter().chain(new) {
            if let Some(open) = self.cache.accounts.get_mut(&no) {
                open.names = Some(DayNames::of_rows(day, rows.get(&no).copied().unwrap_or(0)));
            }
        }
        Ok(())
    }

    /// Adds to a day; what takes off is negative.
    pub fn add_to_day(&mut self, key: DayKey, totals: &Totals) {
        self.days.entry(key).or_default().add(totals);
    }

    /// Adds to what a customer counted on a day; what takes off is negative.
    pub fn add_metrics(&mut self, day: i64, no: i64, metrics: &Metrics) {
        if !metrics.is_empty() {
            self.metrics.entry((day, no)).or_default().add(metrics);
        }
    }

    /// Rolls back to a savepoint, and forgets the accounts that were touched since.
    pub(super) async fn roll_back(&mut self, rows: (i64, i64)) -> Result<(), DbError> {
        self.db.execute("rollback to savepoint job", Vec::<Value>::new()).await?;
        // What a job has flushed is in cache as if it stood: nothing that it may have touched is kept.
        self.cache.accounts.clear();
        self.cache.by_id.clear();
        self.cache.dirty.clear();
        (self.cache.last_row, self.cache.last_grant) = rows;
        self.usages.clear();
        self.bindings.clear();
        self.days.clear();
        self.metrics.clear();
        Ok(())
    }
}
