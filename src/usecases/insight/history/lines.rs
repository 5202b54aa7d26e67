//! The lines of History, newest first, those of one cause together.

use crate::args;
use crate::domain::{Cause, Credits, Entry, EntryKind, GrantId, Instant, Kind, PurchaseId, UsageId};
use crate::store::db::{Connection, DbError, Row, Value, corrupt};
use crate::store::{entries, statement_batch};
use crate::usecases::InternalError;
use crate::usecases::insight::history::filter::{Filter, Sort};
use crate::usecases::insight::history::walk::Walk;
use std::collections::HashMap;

/// A grant, as far as a line speaks of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantFact {
    pub id: GrantId,
    /// Plan, courtesy or top-up.
    pub kind: Kind,
    /// When it began.
    pub since: Instant,
    /// The purchase that paid for it.
    pub purchase: Option<PurchaseId>,
}

/// The change of one grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryPart {
    pub grant: GrantFact,
    /// The change of the balance.
    pub amount: Credits,
    /// The change of held credits.
    pub held: Credits,
    /// The change of frozen credits.
    pub frozen: Credits,
    /// The date that the line names.
    pub expires_at: Option<Instant>,
}

/// Lines of one cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryLine {
    /// The first of them.
    pub seq: i64,
    /// When it came about.
    pub at: Instant,
    pub kind: EntryKind,
    pub cause: Cause,
    /// Grant by grant, in the order in which they were touched.
    pub parts: Vec<HistoryPart>,
    /// The operation of a usage, if named.
    pub operation: Option<String>,
    /// The source of a usage, if named.
    pub source: Option<String>,
    /// The balance after them, held credits included.
    pub balance: Credits,
}

impl HistoryLine {
    /// The whole change of the balance.
    #[must_use]
    pub fn change(&self) -> Credits {
        self.parts.iter().map(|part| part.amount).sum()
    }
}

/// A page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slice {
    pub lines: Vec<HistoryLine>,
    /// Where the next page begins: lines below this `seq`.
    pub next: Option<i64>,
    /// How far back was looked, where that ended before the page was full.
    pub looked_to: Option<Instant>,
}

/// How much a page may take.
#[derive(Clone, Copy, Debug)]
pub struct Most {
    /// Lines shown.
    pub lines: usize,
    /// Lines looked at.
    pub looked: i64,
}

/// Lines below `before`, or from the newest on.
pub async fn history_slice(
    db: &mut Connection,
    customer_no: i64,
    filter: &Filter,
    before: Option<i64>,
    most: Most,
) -> Result<Slice, InternalError> {
    lines_above(db, customer_no, filter, before, 0, most).await
}

/// The number of lines above entry `seen`, at most `most.lines`.
pub async fn count_lines_since(
    db: &mut Connection,
    customer_no: i64,
    filter: &Filter,
    seen: i64,
    most: Most,
) -> Result<usize, InternalError> {
    Ok(lines_above(db, customer_no, filter, None, seen, most).await?.lines.len())
}

async fn lines_above(
    db: &mut Connection,
    customer_no: i64,
    filter: &Filter,
    before: Option<i64>,
    above: i64,
    most: Most,
) -> Result<Slice, InternalError> {
    let mut reader = LineReader { customer_no, grants: HashMap::new(), usages: HashMap::new() };
    let mut walk = Walk::begin(db, customer_no, filter, before).await?;
    let (mut slice, mut open) = (Slice::default(), None::<HistoryLine>);
    while let Some(found) = walk.step(db, filter).await? {
        reader.learn(db, &found).await?;
        for entry in found {
            if entry.seq <= above || filter.from.is_some_and(|from| entry.event_at < from) {
                slice.take(open.take(), filter);
                return Ok(slice);
            }
            if let Some(line) = open.as_mut().filter(|line| line.kind == entry.kind && line.cause == entry.cause) {
                reader.join(line, &entry)?;
                continue;
            }
            slice.take(open.replace(reader.line(&entry)?), filter);
            if slice.lines.len() == most.lines {
                // The line that was just begun is the next page's.
                slice.next = Some(entry.seq + 1);
                return Ok(slice);
            }
        }
        if walk.looked >= most.looked && walk.top > 1 {
            // A cause whose lines may go on below is the next page's.
            let top = open.take().map_or(walk.top, |line| line.last() + 1);
            slice.next = Some(top);
            let here = entries::fetch_page(db, customer_no, top - 1, 1).await?;
            slice.looked_to = here.first().map(|entry| entry.event_at);
            return Ok(slice);
        }
    }
    slice.take(open.take(), filter);
    Ok(slice)
}

impl Slice {
    /// Takes a line in that was asked for.
    fn take(&mut self, line: Option<HistoryLine>, filter: &Filter) {
        self.lines.extend(line.filter(|line| filter.wants(line)));
    }
}

impl Filter {
    fn wants(&self, line: &HistoryLine) -> bool {
        let said = |wanted: &Option<String>, value: &Option<String>| wanted.is_none() || wanted == value;
        self.sort.is_none_or(|sort| sort == Sort::of_entry(line.kind, line.cause))
            && said(&self.operation, &line.operation)
            && said(&self.source, &line.source)
            && self.grant.is_none_or(|grant| line.parts.iter().any(|part| part.grant.id == grant))
    }
}

impl HistoryLine {
    /// The last of them.
    fn last(&self) -> i64 {
        self.seq + i64::try_from(self.parts.len()).unwrap_or(0) - 1
    }
}

/// The usages and purchases that lines name, as far as they were read.
struct LineReader {
    customer_no: i64,
    grants: HashMap<GrantId, GrantFact>,
    /// Operation and source.
    usages: HashMap<UsageId, (Option<String>, Option<String>)>,
}

impl LineReader {
    /// Reads the grants and usages of these lines that are not known yet.
    async fn learn(&mut self, db: &mut Connection, found: &[Entry]) -> Result<(), DbError> {
        let mut grants: Vec<GrantId> = found.iter().map(|entry| entry.grant).collect();
        grants.sort_unstable_by_key(|id| id.bytes());
        grants.dedup();
        grants.retain(|id| !self.grants.contains_key(id));
        let columns = "id, kind, effective_at, purchase from grants";
        for row in purchases_of_grants(db, columns, self.customer_no, grants.iter().map(|id| id.bytes())).await? {
            let fact = GrantFact {
                id: GrantId(row.uuid("id")?),
                kind: Kind::from_code(row.int("kind")?).ok_or_else(|| corrupt("unknown kind of grant"))?,
                since: row.at("effective_at")?,
                purchase: row.opt_blob("purchase")?.as_deref().and_then(PurchaseId::from_bytes),
            };
            self.grants.insert(fact.id, fact);
        }
        let usages: Vec<_> =
            found.iter().filter_map(|entry| usage_of_cause(entry.cause)).map(|id| id.bytes()).collect();
        self.usages.clear();
        let columns = "id, operation, source from usages";
        for row in purchases_of_grants(db, columns, self.customer_no, usages.into_iter()).await? {
            let said = (row.opt_text("operation")?, row.opt_text("source")?);
            self.usages.insert(UsageId(row.uuid("id")?), said);
        }
        Ok(())
    }

    /// A line that begins with this entry, which is its last one.
    fn line(&self, entry: &Entry) -> Result<HistoryLine, DbError> {
        let said = usage_of_cause(entry.cause).and_then(|id| self.usages.get(&id).cloned());
        let (operation, source) = said.unwrap_or_default();
        let mut line = HistoryLine {
            seq: entry.seq,
            at: entry.event_at,
            kind: entry.kind,
            cause: entry.cause,
            parts: Vec::new(),
            operation,
            source,
            balance: entry.balance_after,
        };
        self.join(&mut line, entry)?;
        Ok(line)
    }

    /// Adds the entry before those that the line has.
    fn join(&self, line: &mut HistoryLine, entry: &Entry) -> Result<(), DbError> {
        let grant = self.grants.get(&entry.grant).copied();
        let grant = grant.ok_or_else(|| corrupt("an entry of a grant that is not there"))?;
        line.seq = entry.seq;
        let (amount, held, frozen) = (entry.amount, entry.held_change, entry.frozen_change);
        line.parts.insert(0, HistoryPart { grant, amount, held, frozen, expires_at: entry.expires_at });
        Ok(())
    }
}

const fn usage_of_cause(cause: Cause) -> Option<UsageId> {
    match cause {
        Cause::Usage(id) => Some(id),
        _ => None,
    }
}

/// The rows of these ids of a customer.
async fn purchases_of_grants(
    db: &mut Connection,
    columns: &str,
    customer_no: i64,
    ids: impl Iterator<Item = [u8; 16]>,
) -> Result<Vec<Row>, DbError> {
    let sql = |no: &str, any: &str| format!("select {columns} where customer_no = {no} and id {any}");
    statement_batch::fetch_all_in(db, sql, args![customer_no], ids.map(Value::from).collect()).await
}
