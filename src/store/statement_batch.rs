//! Many rows by few statements, and few round trips.
//!
//! SQLite answers from a thread of its own, and a hop there and back costs more than many rows: what a batch writes is
//! one text of several statements, in blocks of a few fixed sizes, so that texts recur and stay prepared, filled up with
//! rows of nothing. To PostgreSQL thousands of parameters are dear: `insert … select … from unnest(…)`, an array a column,
//! one text for every number of rows.

use crate::store::db::{Column, Connection, DbError, Row, Value, corrupt};

/// The sizes of blocks, largest first. 256 rows of 19 columns stay under SQLite's 32,766 parameters.
const BLOCKS: [usize; 5] = [256, 64, 16, 4, 1];
const LARGEST: usize = BLOCKS[0];

/// The inserts of a batch, table by table, in this order.
#[derive(Default)]
pub struct StatementBatch {
    parts: Vec<InsertPart>,
}

struct InsertPart {
    head: &'static str,
    tail: &'static str,
    rows: Vec<Vec<Value>>,
}

impl StatementBatch {
    /// Adds rows; `head` is `insert into t (a, b)`, `tail` what stands behind the values. The first column is never
    /// null.
    pub fn insert(&mut self, head: &'static str, tail: &'static str, rows: Vec<Vec<Value>>) {
        if !rows.is_empty() {
            self.parts.push(InsertPart { head, tail, rows });
        }
    }

    /// Writes it.
    pub async fn write(self, db: &mut Connection) -> Result<(), DbError> {
        if db.is_sqlite() { self.write_filled(db, false).await } else { self.write_columns(db).await }
    }

    /// Writes it as the last of a transaction, which may be committed in one with it; otherwise that is still to be done.
    pub async fn write_last(self, db: &mut Connection) -> Result<(), DbError> {
        if db.is_sqlite() { self.write_filled(db, true).await } else { self.write_columns(db).await }
    }

    /// Full blocks one by one, so that few texts recur; what is left of all tables in one.
    async fn write_filled(self, db: &mut Connection, is_last: bool) -> Result<(), DbError> {
        let (mut sql, mut values) = (String::new(), Vec::new());
        for InsertPart { head, tail, mut rows } in self.parts {
            while rows.len() > LARGEST {
                if !sql.is_empty() {
                    db.execute(std::mem::take(&mut sql), std::mem::take(&mut values)).await?;
                }
                let rest = rows.split_off(LARGEST);
                let width = rows.first().map_or(0, Vec::len);
                db.execute(filled(head, tail, LARGEST, width), rows.into_iter().flatten().collect()).await?;
                rows = rest;
            }
            let width = rows.first().map_or(0, Vec::len);
            let size = block_size(rows.len());
            let nothing = (size - rows.len()) * width;
            if !sql.is_empty() {
                sql.push(';');
            }
            sql.push_str(&filled(head, tail, size, width));
            values.extend(rows.into_iter().flatten());
            values.extend(std::iter::repeat_n(Value::Int(None), nothing));
        }
        match (sql.is_empty(), is_last) {
            (true, _) => Ok(()),
            (false, false) => db.execute(sql, values).await.map(drop),
            (false, true) => db.execute_last(sql + "; commit", values).await,
        }
    }

    /// Full blocks one by one, each after what stands before it; the others together in one statement and one round trip.
    async fn write_columns(self, db: &mut Connection) -> Result<(), DbError> {
        let mut together = Together::default();
        for InsertPart { head, tail, mut rows } in self.parts {
            while rows.len() > COLUMNS_MAX {
                let rest = rows.split_off(COLUMNS_MAX);
                together.add(head, tail, rows)?;
                std::mem::take(&mut together).write(db).await?;
                rows = rest;
            }
            together.add(head, tail, rows)?;
        }
        together.write(db).await
    }
}

/// Inserts into several tables as one statement. They do not see one another, and need not: each is of a table of its
/// own, and references are looked at when all are done.
#[derive(Default)]
struct Together {
    inserts: Vec<String>,
    columns: Vec<Column>,
}

impl Together {
    fn add(&mut self, head: &str, tail: &str, rows: Vec<Vec<Value>>) -> Result<(), DbError> {
        let columns = columns_of_rows(rows)?;
        self.inserts.push(from_arrays(head, tail, self.columns.len() + 1, &columns));
        self.columns.extend(columns);
        Ok(())
    }

    async fn write(mut self, db: &mut Connection) -> Result<(), DbError> {
        let Some(last) = self.inserts.pop() else { return Ok(()) };
        let parts: Vec<String> = (1..).zip(self.inserts).map(|(n, sql)| format!("part{n} as ({sql})")).collect();
        let with = if parts.is_empty() { String::new() } else { format!("with {} ", parts.join(", ")) };
        db.fetch_all_with_arrays(format!("{with}{last}"), Vec::new(), self.columns).await.map(drop)
    }
}

/// An insert of what stands in arrays, the first of which is `$first`.
fn from_arrays(head: &str, tail: &str, first: usize, columns: &[Column]) -> String {
    let arrays: Vec<String> =
        (first..).zip(columns).map(|(n, column)| format!("${n}::{}[]", column.type_name())).collect();
    format!("{head} select * from unnest({}) {tail}", arrays.join(", "))
}

/// Rows of one statement on PostgreSQL: megabytes of arrays gain nothing.
const COLUMNS_MAX: usize = 4_096;

/// The columns of rows, to be bound as arrays.
pub(super) fn columns_of_rows(rows: Vec<Vec<Value>>) -> Result<Vec<Column>, DbError> {
    let mut columns: Vec<Column> = rows.first().into_iter().flatten().map(|value| value.column(rows.len())).collect();
    for row in rows {
        for (column, value) in columns.iter_mut().zip(row) {
            column.push(value).map_err(|_| corrupt("a column of two types"))?;
        }
    }
    Ok(columns)
}

/// All rows where a column is any of these values. `sql` is given the places of `first`, and what stands behind the
/// column. Rows come in no order.
pub async fn fetch_all_in(
    db: &mut Connection,
    sql: impl Fn(&str, &str) -> String,
    first: Vec<Value>,
    values: Vec<Value>,
) -> Result<Vec<Row>, DbError> {
    let (n, mut out) = (first.len(), Vec::new());
    if values.is_empty() {
        return Ok(out);
    }
    if db.is_sqlite() {
        for values in values.chunks(LARGEST) {
            // A fixed number of places, so that the statement stays prepared; the last value fills the rest.
            let size = block_size(values.len());
            let last = values.last().into_iter().cycle();
            let all = first.iter().chain(values).chain(last).take(n + size).cloned().collect();
            let any = format!("in ({})", fast_placeholders(db, n + 1, size));
            out.extend(db.fetch_all(sql(&fast_placeholders(db, 1, n), &any), all).await?);
        }
        return Ok(out);
    }
    let sql = |first: &str, array: &str| sql(first, &format!("= any ({array})"));
    fetch_all_by_array(db, sql, first, values).await
}

/// All rows for an array of values, on PostgreSQL alone. `sql` is given the places of `first`, and the array.
pub async fn fetch_all_by_array(
    db: &mut Connection,
    sql: impl Fn(&str, &str) -> String,
    first: Vec<Value>,
    values: Vec<Value>,
) -> Result<Vec<Row>, DbError> {
    let n = first.len();
    let columns = columns_of_rows(values.into_iter().map(|value| vec![value]).collect())?;
    let type_name = columns.first().map_or("bytea", Column::type_name);
    let array = format!("${}::{type_name}[]", n + 1);
    db.fetch_all_with_arrays(sql(&placeholders(1, n), &array), first, columns).await
}

/// The smallest block that takes so many, or the largest.
#[must_use]
pub fn block_size(count: usize) -> usize {
    BLOCKS.into_iter().rev().find(|size| *size >= count).unwrap_or(LARGEST)
}

/// Inserts `rows` by themselves; see [`StatementBatch::insert`].
pub async fn insert_rows(
    db: &mut Connection,
    head: &'static str,
    tail: &'static str,
    rows: Vec<Vec<Value>>,
) -> Result<(), DbError> {
    let mut batch = StatementBatch::default();
    batch.insert(head, tail, rows);
    batch.write(db).await
}

/// Rows of nothing are left out. Places without names: SQLite looks names up one by one.
fn filled(head: &str, tail: &str, rows: usize, width: usize) -> String {
    let row = format!("({})", vec!["?"; width].join(","));
    let rows = vec![row; rows].join(",");
    format!("{head} select * from (values {rows}) where column1 is not null {tail}")
}

/// `$1, $2, …`: places for `count` values, the first being `$from`.
#[must_use]
pub fn placeholders(from: usize, count: usize) -> String {
    (from..from + count).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ")
}

/// The same where it must be quick: without names for SQLite. All places of the statement have to be made so.
#[must_use]
pub fn fast_placeholders(db: &Connection, from: usize, count: usize) -> String {
    if db.is_sqlite() { vec!["?"; count].join(",") } else { placeholders(from, count) }
}
