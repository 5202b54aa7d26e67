//! The accounts that a lane of the engine keeps in memory between transactions.
//!
//! They are trusted only if the database says that nobody else wrote in between: SQLite by `pragma data_version`, for all of
//! them; PostgreSQL by the version of each account's row when it is locked (`row_locks`).

use crate::domain::{Changes, Credits};
use crate::store::accounts::StoredAccount;
use crate::store::daily_usage_names::DayNames;
use crate::store::db::{Connection, DbError};
use crate::store::key_segments::Segments;
use crate::store::postgres_sessions::Generation;
use crate::store::row_numbers;
use crate::store::row_numbers::RowNumbers;
use std::collections::HashMap;

/// Accounts that are kept at most from one transaction to the next.
const ACCOUNTS_MAX: usize = 50_000;
/// Numbers of customers that are kept at most.
const IDS_MAX: usize = 200_000;
/// The part of the accounts that goes when they are too many: those used longest ago.
const EVICTED_PART: usize = 4;

/// An account of the working set and what is not written yet.
#[derive(Clone, Debug)]
pub(super) struct CachedAccount {
    pub loaded: StoredAccount,
    pub changes: Changes,
    pub dirty: bool,
    /// The version of its row on PostgreSQL; none where it is not known.
    pub version: Option<i64>,
    /// The largest amount refused since the last flush, where a rule of automatic top-ups asks for it.
    pub refused: Option<Credits>,
    /// The sources and operations that its newest day names, once a usage has asked.
    pub names: Option<DayNames>,
    /// The transaction that used it last.
    pub used_in: u64,
}

/// Accounts, keys and counters that the engine keeps between transactions.
pub(super) struct AccountCache {
    pub accounts: HashMap<i64, CachedAccount>,
    /// Numbers of customers, which never change.
    pub by_id: HashMap<String, i64>,
    /// Accounts that the next flush writes.
    pub dirty: Vec<i64>,
    pub rows: RowNumbers,
    /// SQLite's last number of a grant.
    pub last_grant: i64,
    pub keys: Segments,
    /// Transactions so far.
    transactions: u64,
    /// SQLite's counter of foreign writes, as last read.
    seen: Option<i64>,
    /// PostgreSQL's sessions that it is of.
    generation: Generation,
}

impl AccountCache {
    pub fn new(keys: Segments) -> Self {
        Self {
            accounts: HashMap::new(),
            by_id: HashMap::new(),
            dirty: Vec::new(),
            rows: RowNumbers::default(),
            last_grant: 0,
            keys,
            transactions: 0,
            seen: None,
            generation: Generation::default(),
        }
    }

    /// Begins a transaction. On SQLite drops all accounts if anybody else has written since the last one.
    pub async fn validate(&mut self, db: &mut Connection) -> Result<(), DbError> {
        self.transactions += 1;
        self.evict(ACCOUNTS_MAX, IDS_MAX);
        let Some(seen) = db.data_version() else {
            let generation = db.begun().map_or(self.generation, |begun| begun.generation);
            if generation != self.generation {
                self.forget();
            }
            if generation.timelines != self.generation.timelines {
                self.keys.forget_sealed();
            }
            self.generation = generation;
            return self.keys.follow(db).await;
        };
        if self.seen == Some(seen) {
            return self.keys.trust(db).await;
        }
        self.forget();
        self.last_grant = row_numbers::last_grant_no(db).await?;
        self.rows.reserve(db, 1).await?;
        self.keys.load(db).await?;
        self.seen = Some(seen);
        Ok(())
    }

    /// Remembers an account as it is stored.
    pub fn insert(&mut self, loaded: StoredAccount, version: Option<i64>) {
        let (changes, used_in) = (Changes::default(), self.transactions);
        self.by_id.insert(loaded.account.customer.clone(), loaded.no);
        let no = loaded.no;
        let account = CachedAccount { loaded, changes, dirty: false, version, refused: None, names: None, used_in };
        self.accounts.insert(no, account);
    }

    /// An account that is about to be used.
    pub fn use_account(&mut self, no: i64) -> Option<&mut CachedAccount> {
        let account = self.accounts.get_mut(&no)?;
        account.used_in = self.transactions;
        Some(account)
    }

    /// Makes room between two transactions, when all is written. Most accounts stay, so that a shop with more of them than
    /// memory takes reads some again, and never all.
    fn evict(&mut self, accounts_max: usize, ids_max: usize) {
        if self.accounts.len() > accounts_max {
            let mut used: Vec<u64> = self.accounts.values().map(|account| account.used_in).collect();
            let (_, last, _) = used.select_nth_unstable(self.accounts.len() / EVICTED_PART);
            for (_, old) in self.accounts.extract_if(|_, account| account.used_in <= *last) {
                self.by_id.remove(&old.loaded.account.customer);
            }
        }
        if self.by_id.len() > ids_max {
            self.by_id.retain(|_, no| self.accounts.contains_key(no));
        }
    }

    /// After a transaction that failed, or whose end is unknown.
    pub fn forget(&mut self) {
        self.accounts.clear();
        self.by_id.clear();
        self.dirty.clear();
        self.rows = RowNumbers::default();
        self.keys.forget();
        self.seen = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::balance_alert::AlertState;
    use crate::domain::{Account, Catalog, Instant};
    use crate::store::segment_sizes::SegmentSizes;

    fn stored(no: i64) -> StoredAccount {
        let catalog = Catalog::parse(include_str!("../../catalog.toml")).expect("a catalogue");
        let at = Instant::default();
        let (account, _) = Account::open(&format!("c{no}"), "free", at, at, &catalog).expect("an account");
        StoredAccount {
            no,
            closed: false,
            head_row: 0,
            low_balance: None,
            told: AlertState::default(),
            top_ups_since: None,
            watch: None,
            account,
            grant_nos: HashMap::new(),
        }
    }

    #[test]
    fn a_full_cache_drops_what_was_used_longest_ago_and_nothing_else() {
        let mut cache = AccountCache::new(Segments::of_sizes(SegmentSizes::default()));
        for no in 0..8 {
            cache.transactions += 1;
            cache.insert(stored(no), None);
        }
        cache.by_id.insert("nobody".to_owned(), 99);
        cache.transactions += 1;
        assert!(cache.use_account(0).is_some() && cache.use_account(99).is_none());
        cache.evict(8, 9);
        assert_eq!((cache.accounts.len(), cache.by_id.len()), (8, 9));
        cache.evict(7, 5);
        let mut stay: Vec<i64> = cache.accounts.keys().copied().collect();
        let mut known: Vec<i64> = cache.by_id.values().copied().collect();
        stay.sort_unstable();
        known.sort_unstable();
        assert_eq!((stay, known), (vec![0, 4, 5, 6, 7], vec![0, 4, 5, 6, 7]));
    }
}
