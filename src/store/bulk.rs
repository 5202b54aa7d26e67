//! Many rows by few statements: `insert … values (…), (…), …`.
//!
//! Rows go out in blocks of a few fixed sizes, so that each statement's text recurs and stays prepared.

use super::db::{DbError, Link, Value};

/// The sizes of blocks, largest first. 256 rows of 19 columns stay under SQLite's 32,766 parameters.
const BLOCKS: [usize; 5] = [256, 64, 16, 4, 1];

/// Inserts `rows`; `head` is `insert into t (a, b)`, `tail` what stands behind the values.
///
/// # Errors
/// Whatever the database says.
pub async fn insert(link: &mut Link, head: &str, tail: &str, mut rows: Vec<Vec<Value>>) -> Result<(), DbError> {
    while !rows.is_empty() {
        let size = BLOCKS.into_iter().find(|size| *size <= rows.len()).unwrap_or(1);
        let rest = rows.split_off(size);
        let width = rows.first().map_or(0, Vec::len);
        link.run(statement(head, tail, size, width), rows.into_iter().flatten().collect()).await?;
        rows = rest;
    }
    Ok(())
}

fn statement(head: &str, tail: &str, rows: usize, width: usize) -> String {
    let mut sql = String::with_capacity(head.len() + tail.len() + rows * width * 6);
    sql.push_str(head);
    sql.push_str(" values ");
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..width {
            let number = row * width + column + 1;
            sql.push_str(if column == 0 { "$" } else { ", $" });
            sql.push_str(&number.to_string());
        }
        sql.push(')');
    }
    sql.push(' ');
    sql.push_str(tail);
    sql
}

/// `$1, $2, …`: places for `count` values, the first being `$from`.
#[must_use]
pub fn places(from: usize, count: usize) -> String {
    (from..from + count).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ")
}
