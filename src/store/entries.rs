//! Entries and usages: appended by row number, read through a customer's own chain of rows.
//!
//! An index by customer would be written all over by every batch. Instead each entry names the row of
//! the one before it, and one in [`MARK_EVERY`] has a mark; a page is walked back from the next mark.

use crate::args;
use crate::domain::{Cause, Entry, EntryKind, GrantId, Instant};
use crate::store::db::{Connection, DbError, Row, Value, corrupt};
use crate::store::statement_batch::StatementBatch;

/// How far apart marks are.
pub const MARK_EVERY: i64 = 64;

/// The row of an entry.
pub(super) fn entry_row(row_no: i64, prev_row: i64, customer_no: i64, grant_no: i64, entry: &Entry) -> Vec<Value> {
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

/// The columns of a new usage, beside its entries.
#[derive(Clone, Debug, Default)]
pub struct NewUsageColumns {
    /// Thousandths.
    pub credits: i64,
    /// The operation.
    pub operation: Option<String>,
    /// JSON of counts.
    pub quantities: Option<String>,
    /// The shop's name of its user or key.
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

/// The row of a usage.
pub(super) fn usage_row(id: [u8; 16], customer_no: i64, c: NewUsageColumns, first_row: i64, lines: i64) -> Vec<Value> {
    args![
        id,
        customer_no,
        c.credits,
        c.operation,
        c.quantities,
        c.source,
        c.metadata,
        c.salt,
        c.created_at,
        c.hold,
        first_row,
        lines
    ]
}

/// Appends entries, when the script is written.
pub(super) fn append_entries(batch: &mut StatementBatch, rows: Vec<Vec<Value>>) {
    batch.insert(
        "insert into entries (row_no, customer_no, seq, prev_row, kind, grant_no, amount, balance_after, held_change,
           frozen_change, expires_at, event_at, created_at, cause_kind, cause, note, hash)",
        "",
        rows,
    );
}

/// Sets marks: customer, seq, row, when the script is written.
pub(super) fn add_marks(batch: &mut StatementBatch, rows: Vec<Vec<Value>>) {
    batch.insert("insert into entry_marks (customer_no, seq, row_no)", "", rows);
}

/// Appends usages, when the script is written.
pub(super) fn append_usages(batch: &mut StatementBatch, rows: Vec<Vec<Value>>) {
    batch.insert(
        "insert into usages (id, customer_no, credits, operation, quantities, source, metadata, salt, created_at, hold,
           first_row, lines)",
        "",
        rows,
    );
}

/// The columns of an entry with its grant's id; `e` and `g` are the tables' names.
pub const ENTRY_COLUMNS: &str =
    "e.row_no, e.seq, e.kind, g.id as grant_id, g.kind as grant_kind, e.amount, e.balance_after,
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

/// Up to `limit` entries of a customer after `after_seq`, ascending: walked back to from the first mark at or after
/// the last of them, or from the customer's last entry.
pub async fn fetch_page(
    db: &mut Connection,
    customer_no: i64,
    after_seq: i64,
    limit: i64,
) -> Result<Vec<Entry>, DbError> {
    let last = after_seq.saturating_add(limit);
    let rows = db.fetch_all(page_sql(), args![customer_no, after_seq, last]).await?;
    rows.iter().map(entry_of).collect()
}

/// The statement of [`fetch_page`]: customer, after which place, up to which.
#[must_use]
pub fn page_sql() -> String {
    format!(
        "with recursive walk (row_no, prev_row, seq) as (
           select row_no, prev_row, seq from entries where row_no = coalesce(
             (select row_no from entry_marks where customer_no = $1 and seq >= $3 order by seq limit 1),
             (select head_row from accounts where customer_no = $1))
           union all
           select e.row_no, e.prev_row, e.seq from walk w join entries e on e.row_no = w.prev_row where w.seq > $2 + 1)
         select {ENTRY_COLUMNS} from walk w join entries e on e.row_no = w.row_no join grants g on g.no = e.grant_no
         where w.seq > $2 and w.seq <= $3 order by w.seq"
    )
}

/// Up to `limit` entries of these kinds below a place, newest first. Not for usages: the others have an index.
pub async fn fetch_by_kind(
    db: &mut Connection,
    customer_no: i64,
    kinds: &[EntryKind],
    below: i64,
    limit: i64,
) -> Result<Vec<Entry>, DbError> {
    let rows = db.fetch_all(by_kind_sql(kinds), args![customer_no, below, limit]).await?;
    rows.iter().map(entry_of).collect()
}

/// The statement of [`fetch_by_kind`]: customer, below which place, how many.
#[must_use]
pub fn by_kind_sql(kinds: &[EntryKind]) -> String {
    let of = |kind: &EntryKind| {
        format!(
            "select * from (select row_no, seq from entries where customer_no = $1 and kind <> 2 and kind = {}
               and seq < $2 order by seq desc limit $3) k{0}",
            kind.code()
        )
    };
    let found: Vec<String> = kinds.iter().map(of).collect();
    format!(
        "with found (row_no, seq) as (select * from ({}) f order by seq desc limit $3)
         select {ENTRY_COLUMNS} from found f join entries e on e.row_no = f.row_no join grants g on g.no = e.grant_no
         order by f.seq desc",
        found.join(" union all ")
    )
}

/// The last place in a customer's chain; 0 before the first.
pub async fn last_seq_of(db: &mut Connection, customer_no: i64) -> Result<i64, DbError> {
    let row = db.fetch_optional("select seq from accounts where customer_no = $1", args![customer_no]).await?;
    row.map_or(Ok(0), |row| row.int("seq"))
}

/// The first place in a customer's chain whose line came about at `at` or later; one behind the last where none did.
pub async fn seq_from(db: &mut Connection, customer_no: i64, at: Instant) -> Result<i64, DbError> {
    let last = last_seq_of(db, customer_no).await?;
    let mark = db.fetch_optional(MARK_SQL, args![customer_no, last / MARK_EVERY + 1, at]).await?;
    let before = (mark.map_or(Ok(1), |row| row.int("mark"))? - 1) * MARK_EVERY;
    let page = fetch_page(db, customer_no, before, MARK_EVERY).await?;
    let found = page.iter().find(|entry| entry.event_at >= at).map(|entry| entry.seq);
    Ok(found.unwrap_or_else(|| page.last().map_or(before, |entry| entry.seq) + 1))
}

/// Which mark is the first whose line came about at an instant or later, by halving: customer, how many marks and one,
/// the instant. The lookups stand by themselves, so that no planner begins with all marks.
pub const MARK_SQL: &str = "with recursive half (low, high) as (
       select cast(1 as bigint), cast($2 as bigint)
       union all
       select case when (select e.event_at from entry_marks m join entries e on e.row_no = m.row_no
                         where m.customer_no = $1 and m.seq = 64 * ((h.low + h.high) / 2)) < $3
                then (h.low + h.high) / 2 + 1 else h.low end,
              case when (select e.event_at from entry_marks m join entries e on e.row_no = m.row_no
                         where m.customer_no = $1 and m.seq = 64 * ((h.low + h.high) / 2)) < $3
                then h.high else (h.low + h.high) / 2 end
       from half h where h.low < h.high)
     select low as mark from half where low >= high limit 1";

/// The draws of a usage: its entries' grants and amounts.
pub async fn fetch_usage_entries(db: &mut Connection, first_row: i64, lines: i64) -> Result<Vec<Entry>, DbError> {
    let sql = format!(
        "select {ENTRY_COLUMNS} from entries e join grants g on g.no = e.grant_no
         where e.row_no >= $1 and e.row_no < $2 order by e.row_no"
    );
    db.fetch_all(sql, args![first_row, first_row + lines]).await?.iter().map(entry_of).collect()
}
