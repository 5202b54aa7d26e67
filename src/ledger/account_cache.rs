//! The accounts that the engine keeps in memory between transactions.
//!
//! They are trusted only if the database says that nobody else wrote in between: on SQLite `pragma data_version`, on
//! PostgreSQL the row of `last_writer`.

use crate::domain::Changes;
use crate::store::accounts::StoredAccount;
use crate::store::daily_usage_names::DayNames;
use crate::store::db::{Connection, DbError};
use crate::store::key_segments::Segments;
use crate::store::{entries, last_writer};
use std::collections::HashMap;
use uuid::Uuid;

/// Accounts that are kept at most.
const ACCOUNTS_MAX: usize = 50_000;

/// An account of the working set and what is not written yet.
#[derive(Clone, Debug)]
pub(super) struct CachedAccount {
    pub loaded: StoredAccount,
    pub changes: Changes,
    pub dirty: bool,
    /// The sources and operations that its newest day names, once a usage has asked.
    pub names: Option<DayNames>,
}

impl CachedAccount {
    pub fn new(loaded: StoredAccount, changes: Changes, dirty: bool) -> Self {
        Self { loaded, changes, dirty, names: None }
    }
}

/// Accounts, keys and counters that the engine keeps between transactions.
pub(super) struct AccountCache {
    pub accounts: HashMap<i64, CachedAccount>,
    pub by_id: HashMap<String, i64>,
    /// Accounts that the next flush writes.
    pub dirty: Vec<i64>,
    pub last_row: i64,
    pub last_grant: i64,
    pub keys: Segments,
    /// The database's counter of foreign writes, as last read.
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

    /// Begins a transaction: drops all accounts if anybody else has written since the last one.
    pub async fn validate(&mut self, db: &mut Connection) -> Result<(), DbError> {
        let seen = match db.data_version() {
            Some(version) => version,
            None => {
                let (number, is_mine) = last_writer::note_write(db, self.writer).await?;
                if is_mine && self.seen == Some(number - 1) {
                    self.seen = Some(number);
                }
                number
            }
        };
        if self.seen == Some(seen) && self.accounts.len() <= ACCOUNTS_MAX {
            self.keys.trust();
            return Ok(());
        }
        self.forget();
        self.last_row = entries::last_row(db).await?;
        self.last_grant = entries::last_grant_no(db).await?;
        self.keys.load(db).await?;
        self.seen = Some(seen);
        Ok(())
    }

    pub fn insert(&mut self, loaded: StoredAccount) {
        self.by_id.insert(loaded.account.customer.clone(), loaded.no);
        self.accounts.insert(loaded.no, CachedAccount::new(loaded, Changes::default(), false));
    }

    pub fn forget(&mut self) {
        self.accounts.clear();
        self.by_id.clear();
        self.dirty.clear();
        self.keys.forget();
        self.seen = None;
    }
}
