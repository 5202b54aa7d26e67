//! Reading usages.

use crate::args;
use crate::domain::{Cause, Credits, Draw, Entry as Line, EntryKind, GrantId, Instant, Kind, UsageId};
use crate::store::db::{Connection, DbError, Row, Value, corrupt};
use crate::store::statement_batch::placeholders;
use crate::store::{entries, statement_batch};
use crate::usecases::{App, InternalError};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Entries that one step back reads.
const STEP: i64 = 512;

/// A usage as it is stored, with its draws.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    pub id: UsageId,
    /// The store's number of the customer.
    pub customer_no: i64,
    /// The SaaS's id of the customer.
    pub customer: String,
    pub credits: Credits,
    /// The operation.
    pub operation: Option<String>,
    /// JSON of counts.
    pub quantities: Option<String>,
    /// The SaaS's own name of who did it.
    pub source: Option<String>,
    /// The draws from its grants.
    pub draws: Vec<Draw>,
    pub created_at: Instant,
    /// When it was undone.
    pub voided_at: Option<Instant>,
}

const USAGE: &str =
    "select u.id, u.customer_no, u.credits, u.operation, u.quantities, u.source, u.created_at, u.voided_at, u.first_row,
    u.lines, c.id as customer from usages u join customers c on c.no = u.customer_no";

fn usage_of_row(row: &Row, draws: Vec<Draw>) -> Result<Usage, DbError> {
    Ok(Usage {
        id: UsageId(row.uuid("id")?),
        customer_no: row.int("customer_no")?,
        customer: row.text("customer")?,
        credits: row.credits("credits")?,
        operation: row.opt_text("operation")?,
        quantities: row.opt_text("quantities")?,
        source: row.opt_text("source")?,
        draws,
        created_at: row.at("created_at")?,
        voided_at: row.opt_at("voided_at")?,
    })
}

/// A usage by its id.
pub async fn find_usage(app: &App, id: UsageId) -> Result<Option<Usage>, InternalError> {
    Ok(find_usages(app, &[id]).await?.remove(&id))
}

/// Usages by their ids, read together; one that is not there is left out.
pub async fn find_usages(app: &App, ids: &[UsageId]) -> Result<HashMap<UsageId, Usage>, InternalError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut db = app.store.snapshot().await?;
    Ok(load_usages(&mut db, ids).await?)
}

/// A usage by its id, on a connection at hand.
pub async fn load_usage(db: &mut Connection, id: UsageId) -> Result<Option<Usage>, DbError> {
    Ok(load_usages(db, &[id]).await?.remove(&id))
}

/// The columns of a usage and one of its lines.
const LINE: &str = "u.id, u.customer_no, u.credits, u.operation, u.quantities, u.source, u.created_at, u.voided_at,
    c.id as customer, e.row_no, e.amount, g.id as grant_id, g.kind as grant_kind";

/// A row for each line of each usage.
async fn load_usages(db: &mut Connection, ids: &[UsageId]) -> Result<HashMap<UsageId, Usage>, DbError> {
    let (used, ids) =
        (args![i64::from(EntryKind::Used.code())], ids.iter().map(|id| Value::from(id.bytes())).collect());
    // Each usage by its key, then its lines by their numbers: a planner that knows nothing of the tables yet must not
    // read them whole.
    let rows = if db.is_sqlite() {
        let sql = |used: &str, any: &str| {
            format!(
                "select {LINE} from usages u cross join customers c on c.no = u.customer_no
                 cross join entries e on e.row_no >= u.first_row and e.row_no < u.first_row + u.lines and e.kind = {used}
                 cross join grants g on g.no = e.grant_no where u.id {any}"
            )
        };
        statement_batch::fetch_all_in(db, sql, used, ids).await?
    } else {
        let sql = |used: &str, array: &str| {
            format!(
                "select {LINE} from unnest({array}) as asked (id)
                 cross join lateral (select * from usages where id = asked.id limit 1) u
                 cross join lateral (select row_no, amount, grant_no from entries
                   where row_no >= u.first_row and row_no < u.first_row + u.lines and kind = {used} offset 0) e
                 cross join lateral (select id, kind from grants where no = e.grant_no limit 1) g
                 cross join lateral (select id from customers where no = u.customer_no limit 1) c"
            )
        };
        statement_batch::fetch_all_by_array(db, sql, used, ids).await?
    };
    let mut lines = rows.iter().map(|row| Ok((row.int("row_no")?, row))).collect::<Result<Vec<_>, DbError>>()?;
    lines.sort_unstable_by_key(|(row_no, _)| *row_no);
    // An id that is asked for twice comes twice.
    lines.dedup_by_key(|(row_no, _)| *row_no);
    let mut found: HashMap<UsageId, Usage> = HashMap::new();
    for (_, row) in lines {
        let kind = Kind::from_code(row.int("grant_kind")?).ok_or_else(|| corrupt("unknown kind of grant"))?;
        let draw = Draw { grant: GrantId(row.uuid("grant_id")?), kind, credits: -row.credits("amount")? };
        match found.entry(UsageId(row.uuid("id")?)) {
            Entry::Occupied(mut usage) => usage.get_mut().draws.push(draw),
            Entry::Vacant(place) => drop(place.insert(usage_of_row(row, vec![draw])?)),
        }
    }
    Ok(found)
}

/// A usage of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRow {
    /// The number of its first entry: the list's order.
    pub seq: i64,
    pub usage: Usage,
}

/// A usage's lines, read from the last to the first.
struct Met {
    id: UsageId,
    seq: i64,
    lines: Vec<Line>,
}

/// Usages of a customer whose first entry is before `before_seq`, newest first.
pub async fn list_usages(
    app: &App,
    customer_no: i64,
    before_seq: i64,
    limit: i64,
) -> Result<Vec<UsageRow>, InternalError> {
    load_usage_rows(&mut app.store.snapshot().await?, customer_no, before_seq, limit).await
}

/// The same on a connection at hand.
pub async fn load_usage_rows(
    db: &mut Connection,
    customer_no: i64,
    before_seq: i64,
    limit: i64,
) -> Result<Vec<UsageRow>, InternalError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut met = walk_back(db, customer_no, before_seq, limit).await?;
    met.truncate(limit);
    let kinds = kinds_of_grants(db, &met).await?;
    let ids: Vec<Value> = met.iter().map(|met| Value::from(met.id.bytes())).collect();
    let mut rows = HashMap::new();
    if !ids.is_empty() {
        let sql = format!("{USAGE} where u.id in ({})", placeholders(1, ids.len()));
        for row in db.fetch_all(sql, ids).await? {
            rows.insert(row.uuid("id")?, row);
        }
    }
    let mut out = Vec::with_capacity(met.len());
    for met in met {
        let row = rows.get(&met.id.0).ok_or_else(|| corrupt("used lines without a usage"))?;
        let draw = |entry: &Line| {
            let kind = kinds.get(&entry.grant).copied().ok_or_else(|| corrupt("a line without its grant"))?;
            Ok(Draw { grant: entry.grant, kind, credits: -entry.amount })
        };
        let draws = met.lines.iter().rev().map(draw).collect::<Result<_, DbError>>()?;
        out.push(UsageRow { seq: met.seq, usage: usage_of_row(row, draws)? });
    }
    Ok(out)
}

/// Walks a customer's entries back until one usage more than `limit` was met: then all before it are whole.
async fn walk_back(db: &mut Connection, customer_no: i64, before_seq: i64, limit: usize) -> Result<Vec<Met>, DbError> {
    let head = db.fetch_optional("select seq from accounts where customer_no = $1", args![customer_no]).await?;
    let last = head.map_or(Ok(0), |row| row.int("seq"))?;
    let mut before = before_seq.min(last.saturating_add(1));
    let mut met: Vec<Met> = Vec::new();
    while before > 1 && met.len() <= limit {
        let after = (before - 1 - STEP).max(0);
        let page = entries::fetch_page(db, customer_no, after, before - 1 - after).await?;
        for entry in page.into_iter().rev() {
            let Cause::Usage(id) = entry.cause else { continue };
            if entry.kind != EntryKind::Used {
                continue;
            }
            match met.last_mut().filter(|met| met.id == id) {
                Some(met) => {
                    met.seq = entry.seq;
                    met.lines.push(entry);
                }
                None => met.push(Met { id, seq: entry.seq, lines: vec![entry] }),
            }
        }
        before = after + 1;
    }
    Ok(met)
}

async fn kinds_of_grants(db: &mut Connection, met: &[Met]) -> Result<HashMap<GrantId, Kind>, DbError> {
    let mut ids: Vec<GrantId> = met.iter().flat_map(|met| met.lines.iter().map(|line| line.grant)).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut out = HashMap::new();
    for ids in ids.chunks(500) {
        let sql = format!("select id, kind from grants where id in ({})", placeholders(1, ids.len()));
        for row in db.fetch_all(sql, ids.iter().map(|id| Value::from(id.bytes())).collect()).await? {
            let kind = Kind::from_code(row.int("kind")?).ok_or_else(|| corrupt("unknown kind of grant"))?;
            out.insert(GrantId(row.uuid("id")?), kind);
        }
    }
    Ok(out)
}
