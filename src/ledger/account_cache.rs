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

/// Accounts that are kept at most.
const ACCOUNTS_MAX: usize = 50_000;
/// Numbers of customers that are kept at most.
const IDS_MAX: usize = 200_000;

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
}

impl CachedAccount {
    pub fn new(loaded: StoredAccount, changes: Changes, dirty: bool) -> Self {
        Self { loaded, changes, dirty, version: None, refused: None, names: None }
    }
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
            seen: None,
            generation: Generation::default(),
        }
    }

    /// Begins a transaction. On SQLite drops all accounts if anybody else has written since the last one.
    pub async fn validate(&mut self, db: &mut Connection) -> Result<(), DbError> {
        let is_full = self.accounts.len() > ACCOUNTS_MAX || self.by_id.len() > IDS_MAX;
        let Some(seen) = db.data_version() else {
            if is_full {
                self.accounts.clear();
                self.by_id.clear();
            }
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
        if self.seen == Some(seen) && !is_full {
            self.keys.trust();
            return Ok(());
        }
        self.forget();
        self.last_grant = row_numbers::last_grant_no(db).await?;
        self.rows.reserve(db, 1).await?;
        self.keys.load(db).await?;
        self.seen = Some(seen);
        Ok(())
    }

    pub fn insert(&mut self, loaded: StoredAccount, version: Option<i64>) {
        self.by_id.insert(loaded.account.customer.clone(), loaded.no);
        let account = CachedAccount { version, ..CachedAccount::new(loaded, Changes::default(), false) };
        self.accounts.insert(account.loaded.no, account);
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
