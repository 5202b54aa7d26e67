//! Many rows by few statements, and few round trips.
//!
//! Rows go out in blocks of a few fixed sizes, so that each statement's text recurs and stays prepared. SQLite answers
//! from a thread of its own, and a hop there and back costs more than many rows: what a batch writes is one text of
//! several statements, whose blocks are filled up with rows of nothing. PostgreSQL takes one statement at a time and
//! has to know each value's type: its blocks are exact.

use super::db::{DbError, Link, Value};

/// The sizes of blocks, largest first. 256 rows of 19 columns stay under SQLite's 32,766 parameters.
const BLOCKS: [usize; 5] = [256, 64, 16, 4, 1];
const LARGEST: usize = BLOCKS[0];

/// What a batch inserts, table by table, in this order.
#[derive(Default)]
pub struct Script {
    parts: Vec<Part>,
}

struct Part {
    head: &'static str,
    tail: &'static str,
    rows: Vec<Vec<Value>>,
}

impl Script {
    /// Adds rows; `head` is `insert into t (a, b)`, `tail` what stands behind the values. The first column is never
    /// null.
    pub fn insert(&mut self, head: &'static str, tail: &'static str, rows: Vec<Vec<Value>>) {
        if !rows.is_empty() {
            self.parts.push(Part { head, tail, rows });
        }
    }

    /// Writes it.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn write(self, link: &mut Link) -> Result<(), DbError> {
        if link.is_sqlite() { self.write_filled(link).await } else { self.write_exact(link).await }
    }

    /// Full blocks one by one, so that few texts recur; what is left of all tables in one.
    async fn write_filled(self, link: &mut Link) -> Result<(), DbError> {
        let (mut sql, mut values) = (String::new(), Vec::new());
        for Part { head, tail, mut rows } in self.parts {
            while rows.len() > LARGEST {
                if !sql.is_empty() {
                    link.run(std::mem::take(&mut sql), std::mem::take(&mut values)).await?;
                }
                let rest = rows.split_off(LARGEST);
                let width = rows.first().map_or(0, Vec::len);
                link.run(filled(head, tail, LARGEST, width), rows.into_iter().flatten().collect()).await?;
                rows = rest;
            }
            let width = rows.first().map_or(0, Vec::len);
            let size = block_for(rows.len());
            let nothing = (size - rows.len()) * width;
            if !sql.is_empty() {
                sql.push(';');
            }
            sql.push_str(&filled(head, tail, size, width));
            values.extend(rows.into_iter().flatten());
            values.extend(std::iter::repeat_n(Value::Int(None), nothing));
        }
        if !sql.is_empty() {
            link.run(sql, values).await?;
        }
        Ok(())
    }

    async fn write_exact(self, link: &mut Link) -> Result<(), DbError> {
        for Part { head, tail, mut rows } in self.parts {
            while !rows.is_empty() {
                let size = BLOCKS.into_iter().find(|size| *size <= rows.len()).unwrap_or(1);
                let rest = rows.split_off(size);
                let width = rows.first().map_or(0, Vec::len);
                link.run(exact(head, tail, size, width), rows.into_iter().flatten().collect()).await?;
                rows = rest;
            }
        }
        Ok(())
    }
}

/// The smallest block that takes so many, or the largest.
#[must_use]
pub fn block_for(count: usize) -> usize {
    BLOCKS.into_iter().rev().find(|size| *size >= count).unwrap_or(LARGEST)
}

/// Inserts `rows` by themselves; see [`Script::insert`].
///
/// # Errors
/// Whatever the database says.
pub async fn insert(
    link: &mut Link,
    head: &'static str,
    tail: &'static str,
    rows: Vec<Vec<Value>>,
) -> Result<(), DbError> {
    let mut script = Script::default();
    script.insert(head, tail, rows);
    script.write(link).await
}

/// Rows of nothing are left out. Places without names: SQLite looks names up one by one.
fn filled(head: &str, tail: &str, rows: usize, width: usize) -> String {
    let row = format!("({})", vec!["?"; width].join(","));
    let rows = vec![row; rows].join(",");
    format!("{head} select * from (values {rows}) where column1 is not null {tail}")
}

fn exact(head: &str, tail: &str, rows: usize, width: usize) -> String {
    let rows: Vec<String> = (0..rows).map(|row| format!("({})", places(row * width + 1, width))).collect();
    format!("{head} values {} {tail}", rows.join(", "))
}

/// `$1, $2, …`: places for `count` values, the first being `$from`.
#[must_use]
pub fn places(from: usize, count: usize) -> String {
    (from..from + count).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ")
}

/// The same where it must be quick: without names for SQLite. All places of the statement have to be made so.
#[must_use]
pub fn quick_places(link: &Link, from: usize, count: usize) -> String {
    if link.is_sqlite() { vec!["?"; count].join(",") } else { places(from, count) }
}
