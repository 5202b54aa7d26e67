//! Entries and usages: appended by row number, read through a customer's own chain of rows.
//!
//! An index by customer would be written all over by every batch. Instead each entry names the row of
//! the one before it, and one in [`MARK_EVERY`] has a mark; a page is walked back from the next mark.

use super::bulk::Script;
use super::db::{DbError, Link, Row, Value, corrupt};
use crate::args;
use crate::domain::{Cause, Credits, Entry, EntryKind, GrantId, Instant};

/// How far apart marks are.
pub const MARK_EVERY: i64 = 64;

/// The last row of all.
///
/// # Errors
/// Whatever the database says.
pub async fn last_row(link: &mut Link) -> Result<i64, DbError> {
    number(link, "select coalesce(max(row_no), 0) as n from entries").await
}

/// The last grant's number.
///
/// # Errors
/// Whatever the database says.
pub async fn last_grant(link: &mut Link) -> Result<i64, DbError> {
    number(link, "select coalesce(max(no), 0) as n from grants").await
}

async fn number(link: &mut Link, sql: &str) -> Result<i64, DbError> {
    link.one(sql, Vec::new()).await?.map_or(Ok(0), |row| row.int("n"))
}

/// The row of an entry.
#[must_use]
pub fn entry_row(row_no: i64, prev_row: i64, customer_no: i64, grant_no: i64, entry: &Entry) -> Vec<Value> {
    args![
        row_no,
        customer_no,
        entry.seq,
        prev_row,
        i64::from(entry.kind.code()),
        grant_no,
        entry.amount,
        entry.balance_after,
        entry.held_change,
        entry.frozen_change,
        entry.expires_at,
        entry.event_at,
        entry.created_at,
        i64::from(entry.cause.code()),
        entry.cause.bytes(),
        entry.note,
        entry.hash
    ]
}

/// Appends entries, when the script is written.
pub fn append(script: &mut Script, rows: Vec<Vec<Value>>) {
    script.insert(
        "insert into entries (row_no, customer_no, seq, prev_row, kind, grant_no, amount, balance_after, held_change,
           frozen_change, expires_at, event_at, created_at, cause_kind, cause, note, hash)",
        "",
        rows,
    );
}

/// Sets marks: customer, seq, row, when the script is written.
pub fn mark(script: &mut Script, rows: Vec<Vec<Value>>) {
    script.insert("insert into entry_marks (customer_no, seq, row_no)", "", rows);
}

/// Appends usages, when the script is written.
pub fn append_usages(script: &mut Script, rows: Vec<Vec<Value>>) {
    script.insert(
        "insert into usages (id, customer_no, credits, operation, quantities, source, metadata, salt, created_at, hold,
           first_row, lines)",
        "",
        rows,
    );
}

/// The columns of an entry with its grant's id; `e` and `g` are the tables' names.
pub const ENTRY: &str = "e.row_no, e.seq, e.kind, g.id as grant_id, g.kind as grant_kind, e.amount, e.balance_after,
    e.held_change, e.frozen_change, e.expires_at, e.event_at, e.created_at, e.cause_kind, e.cause, e.note, e.hash";

/// An entry from its row.
///
/// # Errors
/// A row that no code of ours has written.
pub fn entry_of(row: &Row) -> Result<Entry, DbError> {
    let cause = row.blob("cause")?;
    let note =
        row.opt_blob("note")?.map(|note| <[u8; 32]>::try_from(note).map_err(|_| corrupt("note of another length")));
    Ok(Entry {
        seq: row.int("seq")?,
        kind: EntryKind::from_code(row.int("kind")?).ok_or_else(|| corrupt("unknown kind of entry"))?,
        grant: GrantId(row.uuid("grant_id")?),
        amount: row.credits("amount")?,
        balance_after: row.credits("balance_after")?,
        held_change: row.credits("held_change")?,
        frozen_change: row.credits("frozen_change")?,
        expires_at: row.opt_at("expires_at")?,
        event_at: row.at("event_at")?,
        created_at: row.at("created_at")?,
        cause: Cause::from_parts(row.int("cause_kind")?, &cause).ok_or_else(|| corrupt("unknown kind of cause"))?,
        note: note.transpose()?,
        hash: row.bytes("hash")?,
    })
}

/// Up to `limit` entries of a customer after `after_seq`, ascending.
///
/// # Errors
/// Whatever the database says.
pub async fn page(link: &mut Link, customer_no: i64, after_seq: i64, limit: i64) -> Result<Vec<Entry>, DbError> {
    let last = after_seq.saturating_add(limit);
    let from = start_row(link, customer_no, last).await?;
    let sql = format!(
        "with recursive walk (row_no, prev_row, seq) as (
           select row_no, prev_row, seq from entries where row_no = $1
           union all
           select e.row_no, e.prev_row, e.seq from walk w join entries e on e.row_no = w.prev_row where w.seq > $2 + 1)
         select {ENTRY} from walk w join entries e on e.row_no = w.row_no join grants g on g.no = e.grant_no
         where w.seq > $2 and w.seq <= $3 order by w.seq"
    );
    link.all(sql, args![from, after_seq, last]).await?.iter().map(entry_of).collect()
}

/// The last place in a customer's chain; 0 before the first.
///
/// # Errors
/// Whatever the database says.
pub async fn last_seq(link: &mut Link, customer_no: i64) -> Result<i64, DbError> {
    let row = link.one("select seq from accounts where customer_no = $1", args![customer_no]).await?;
    row.map_or(Ok(0), |row| row.int("seq"))
}

/// The first place in a customer's chain whose line came about at `at` or later; one behind the last where none did.
///
/// # Errors
/// Whatever the database says.
pub async fn seq_from(link: &mut Link, customer_no: i64, at: Instant) -> Result<i64, DbError> {
    let (mut low, mut high) = (1, last_seq(link, customer_no).await? + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        match page(link, customer_no, middle - 1, 1).await?.first() {
            Some(entry) if entry.event_at < at => low = middle + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}

/// The row from which to walk back to `seq`: the first mark at or after it, or the customer's last entry.
async fn start_row(link: &mut Link, customer_no: i64, seq: i64) -> Result<i64, DbError> {
    let mark = link
        .one(
            "select row_no from entry_marks where customer_no = $1 and seq >= $2 order by seq limit 1",
            args![customer_no, seq],
        )
        .await?;
    if let Some(mark) = mark {
        return mark.int("row_no");
    }
    let head = link.one("select head_row from accounts where customer_no = $1", args![customer_no]).await?;
    head.map_or(Ok(0), |row| row.int("head_row"))
}

/// The draws of a usage: its entries' grants and amounts.
///
/// # Errors
/// Whatever the database says.
pub async fn lines(link: &mut Link, first_row: i64, lines: i64) -> Result<Vec<Entry>, DbError> {
    let sql = format!(
        "select {ENTRY} from entries e join grants g on g.no = e.grant_no
         where e.row_no >= $1 and e.row_no < $2 order by e.row_no"
    );
    link.all(sql, args![first_row, first_row + lines]).await?.iter().map(entry_of).collect()
}

/// What a customer used of late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsedSince {
    /// Used, voids taken off.
    pub used: Credits,
    /// From when on: the instant asked for, or a later one where there are too many lines to walk over.
    pub from: Instant,
}

/// What a customer used since an instant, found by walking back over at most `lines_max` lines.
///
/// # Errors
/// Whatever the database says.
pub async fn used_since(
    link: &mut Link,
    customer_no: i64,
    since: Instant,
    lines_max: i64,
) -> Result<UsedSince, DbError> {
    let sql = "with recursive walk (prev_row, at, used, n) as (
           select e.prev_row, e.event_at, case when e.kind in (2, 7) and e.cause_kind = 2 then -e.amount else 0 end,
             cast(1 as bigint)
           from accounts a join entries e on e.row_no = a.head_row where a.customer_no = $1
           union all
           select e.prev_row, e.event_at, case when e.kind in (2, 7) and e.cause_kind = 2 then -e.amount else 0 end,
             w.n + 1
           from walk w join entries e on e.row_no = w.prev_row where w.at >= $2 and w.n < $3)
         select cast(coalesce(sum(case when at >= $2 then used else 0 end), 0) as bigint) as used,
           coalesce(min(at), 0) as at, coalesce(max(n), 0) as n from walk";
    let row = link.one(sql, args![customer_no, since, lines_max]).await?.ok_or_else(|| corrupt("no sum"))?;
    let cut = row.int("n")? >= lines_max;
    Ok(UsedSince { used: row.credits("used")?, from: if cut { row.at("at")?.max(since) } else { since } })
}

/// Since when a customer's requests draw from top-ups alone: the first such draw after the last one from anything
/// else, looking back to `since` over at most `lines_max` lines. None where that cannot be told.
///
/// # Errors
/// Whatever the database says.
pub async fn top_ups_since(
    link: &mut Link,
    customer_no: i64,
    since: Instant,
    lines_max: i64,
) -> Result<Option<Instant>, DbError> {
    let sql = "with recursive walk (prev_row, seq, at, kind, grant_no, n) as (
           select e.prev_row, e.seq, e.event_at, e.kind, e.grant_no, cast(1 as bigint)
           from accounts a join entries e on e.row_no = a.head_row where a.customer_no = $1 and e.event_at >= $2
           union all
           select e.prev_row, e.seq, e.event_at, e.kind, e.grant_no, w.n + 1
           from walk w join entries e on e.row_no = w.prev_row where e.event_at >= $2 and w.n < $3),
         draws (seq, at, n, kind) as (
           select w.seq, w.at, w.n, g.kind from walk w join grants g on g.no = w.grant_no where w.kind in (2, 8)),
         others (seq) as (select coalesce(max(seq), 0) from draws where kind <> 3)
         select min(d.at) as at, (select max(seq) from others) as other, (select coalesce(max(n), 0) from walk) as n
         from draws d where d.kind = 3 and d.seq > (select max(seq) from others)";
    let row = link.one(sql, args![customer_no, since, lines_max]).await?.ok_or_else(|| corrupt("no instant"))?;
    let cut = row.int("n")? >= lines_max && row.int("other")? == 0;
    Ok(if cut { None } else { row.opt_at("at")? })
}
