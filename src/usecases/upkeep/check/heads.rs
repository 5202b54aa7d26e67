//! What earlier checks have verified of each customer: `topup check --since LAST` goes on from there.
//!
//! A check writes its heads beside those of earlier ones. They all count from the commit on which says that the check was
//! good: one that fails, or is ended, moves none.

use super::days::DayState;
use crate::args;
use crate::clock::Clock;
use crate::domain::Instant;
use crate::domain::entry::Hash;
use crate::domain::replay::ReplayState;
use crate::store::db::{Connection, DbError, Value, corrupt};
use crate::store::statement_batch::insert_rows;
use crate::store::{Scope, Store};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Heads that one transaction writes or deletes.
const STEP: usize = 500;
/// A check that is not good after so long was ended.
const RUN_MAX: TimeDelta = TimeDelta::hours(24);
/// Checks that may begin at the same moment.
const TRIES: usize = 16;

/// What a check knows of a customer after a line.
#[derive(Serialize, Deserialize)]
pub(super) struct CustomerState {
    pub replay: ReplayState,
    pub days: DayState,
    pub top_ups_since: Option<Instant>,
}

/// The last line of a customer that a good check saw.
pub(super) struct VerifiedHead {
    pub seq: i64,
    pub hash: Hash,
    /// A [`CustomerState`] as JSON.
    pub state: String,
    /// It is what a check wrote.
    pub is_intact: bool,
}

impl VerifiedHead {
    /// Nothing where another version of this program knew other things.
    pub fn known(&self) -> Option<CustomerState> {
        serde_json::from_str(&self.state).ok().filter(|state: &CustomerState| {
            let head = state.replay.head();
            (head.seq, head.hash) == (self.seq, self.hash)
        })
    }
}

/// The newest head of a customer that counts.
pub(super) async fn newest_head(
    db: &mut Connection,
    customer_no: i64,
    customer: &str,
) -> Result<Option<VerifiedHead>, DbError> {
    let sql = "select h.seq, h.hash, h.state, h.digest from check_heads h join checks c on c.no = h.run
        where h.customer_no = $1 and c.good_at is not null order by h.run desc limit 1";
    let Some(row) = db.fetch_optional(sql, args![customer_no]).await? else { return Ok(None) };
    let (seq, hash, state) = (row.int("seq")?, row.bytes("hash")?, row.text("state")?);
    let is_intact = row.blob("digest")? == digest_of(customer, seq, &hash, &state);
    Ok(Some(VerifiedHead { seq, hash, state, is_intact }))
}

fn digest_of(customer: &str, seq: i64, hash: &Hash, state: &str) -> [u8; 32] {
    let mut sha = Sha256::new();
    sha.update(b"topup-h1");
    sha.update(customer.len().to_be_bytes());
    sha.update(customer.as_bytes());
    sha.update(seq.to_be_bytes());
    sha.update(hash);
    sha.update(state.as_bytes());
    sha.finalize().into()
}

/// A good check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastCheck {
    pub began_at: Instant,
    /// When the last check of everything began that it goes on from, or is.
    pub whole_at: Instant,
    /// The newest segment of idempotency keys then.
    pub(super) segment: i64,
}

/// The last good check.
pub(super) async fn last_check(store: &Store) -> Result<Option<LastCheck>, DbError> {
    let sql = "select began_at, whole_at, segment from checks where good_at is not null order by no desc limit 1";
    let row = store.read().await?.fetch_optional(sql, Vec::new()).await?;
    row.map(|row| {
        Ok(LastCheck { began_at: row.at("began_at")?, whole_at: row.at("whole_at")?, segment: row.int("segment")? })
    })
    .transpose()
}

/// Writes the heads of one check.
pub(super) struct HeadKeeper<'a> {
    store: &'a Store,
    clock: &'a Clock,
    run: i64,
    whole_at: Instant,
    waiting: Vec<Vec<Value>>,
    /// First and last customer of each transaction.
    written: Vec<(i64, i64)>,
}

impl<'a> HeadKeeper<'a> {
    /// Begins a check that goes on from `last`, or from nothing.
    pub async fn begin(
        store: &'a Store,
        clock: &'a Clock,
        last: Option<LastCheck>,
        segment: i64,
    ) -> Result<Self, DbError> {
        let now = clock.real();
        let whole_at = last.map_or(now, |last| last.whole_at);
        let mut db = store.begin_write_of(Scope::Row).await?;
        for _ in 0..TRIES {
            let sql = "select coalesce(max(no), 0) + 1 as n from checks";
            let run = db.fetch_optional(sql, Vec::new()).await?.map_or(Ok(1), |row| row.int("n"))?;
            let sql = "insert into checks (no, began_at, segment) values ($1, $2, $3) on conflict (no) do nothing";
            if db.execute(sql, args![run, now, segment]).await? == 1 {
                db.commit().await?;
                let keeper = Self { store, clock, run, whole_at, waiting: Vec::new(), written: Vec::new() };
                keeper.forget_ended(now - RUN_MAX).await?;
                return Ok(keeper);
            }
        }
        Err(corrupt("no number is free for a check"))
    }

    /// Keeps the head of a customer; the last one's number is the largest.
    pub async fn put(&mut self, customer_no: i64, customer: &str, head: &VerifiedHead) -> Result<(), DbError> {
        let digest = digest_of(customer, head.seq, &head.hash, &head.state);
        self.waiting.push(args![customer_no, self.run, head.seq, head.hash, head.state.as_str(), digest]);
        if self.waiting.len() > 1
            && let Some((_, last)) = self.written.last_mut()
        {
            *last = customer_no;
        } else {
            self.written.push((customer_no, customer_no));
        }
        if self.waiting.len() >= STEP { self.write().await } else { Ok(()) }
    }

    async fn write(&mut self) -> Result<(), DbError> {
        let rows = std::mem::take(&mut self.waiting);
        let mut db = self.store.begin_write_of(Scope::Row).await?;
        insert_rows(&mut db, "insert into check_heads (customer_no, run, seq, hash, state, digest)", "", rows).await?;
        db.commit().await
    }

    /// The check was good: its heads count.
    pub async fn finish(mut self) -> Result<(), DbError> {
        self.write().await?;
        let mut db = self.store.begin_write_of(Scope::Row).await?;
        let sql = "update checks set good_at = $1, whole_at = $2 where no = $3";
        let counted = db.execute(sql, args![self.clock.real(), self.whole_at, self.run]).await?;
        db.commit().await?;
        if counted == 0 {
            return Err(corrupt("a later check was good before this one"));
        }
        for (first, last) in &self.written {
            let sql = "delete from check_heads where customer_no >= $1 and customer_no <= $2 and run < $3
                and exists (select 1 from check_heads n where n.customer_no = check_heads.customer_no and n.run = $3)";
            self.change(sql, args![*first, *last, self.run]).await?;
        }
        self.forget_ended(self.clock.real()).await?;
        let sql =
            "delete from checks where no < $1 and not exists (select 1 from check_heads h where h.run = checks.no)";
        self.change(sql, args![self.run]).await.map(drop)
    }

    /// The check failed: its heads go.
    pub async fn drop_heads(self) -> Result<(), DbError> {
        self.forget(self.run).await
    }

    /// Deletes what checks have left that began before, and were not good.
    async fn forget_ended(&self, before: Instant) -> Result<(), DbError> {
        let sql = "select no from checks where no < $1 and good_at is null and began_at <= $2";
        let mut db = self.store.read().await?;
        let ended = db.fetch_all(sql, args![self.run, before]).await?;
        drop(db);
        for row in ended {
            self.forget(row.int("no")?).await?;
        }
        Ok(())
    }

    async fn forget(&self, run: i64) -> Result<(), DbError> {
        let sql = "delete from check_heads where run = $1 and customer_no in (
             select customer_no from check_heads where run = $1 limit 500)";
        while self.change(sql, args![run]).await? > 0 {}
        self.change("delete from checks where no = $1 and good_at is null", args![run]).await.map(drop)
    }

    async fn change(&self, sql: &'static str, args: Vec<Value>) -> Result<u64, DbError> {
        let mut db = self.store.begin_write_of(Scope::Row).await?;
        let changed = db.execute(sql, args).await?;
        db.commit().await?;
        Ok(changed)
    }
}
