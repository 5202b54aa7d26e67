//! Rows of accounts as locks of their ledgers, on PostgreSQL.
//!
//! A row's version is its `xmin`: the transaction that wrote it. Whoever has locked the row, and remembers the account at
//! this version, knows the account.

use crate::args;
use crate::store::db::{Connection, DbError, Row, Value};
use crate::store::statement_batch::fetch_all_by_array;
use std::collections::HashMap;

/// A row of an account, and which state of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountVersion {
    pub customer_no: i64,
    /// `xmin`.
    pub version: i64,
    pub seq: i64,
}

/// Whether a row that another transaction has is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Busy {
    /// It is left out.
    Skip,
    /// It is waited for, within `lock_timeout`.
    Wait,
}

const VERSION: &str = "select customer_no, cast(cast(xmin as text) as bigint) as version, seq from accounts";

/// Locks these customers' accounts in the order of their numbers.
///
/// # Errors
/// The database fails, or a row was not free in time.
pub async fn lock_accounts(db: &mut Connection, nos: &[i64], busy: Busy) -> Result<Vec<AccountVersion>, DbError> {
    if nos.is_empty() {
        return Ok(Vec::new());
    }
    let end = if busy == Busy::Skip { "skip locked" } else { "" };
    let sql = |_: &str, array: &str| {
        format!("{VERSION} where customer_no = any ({array}) order by customer_no for update {end}")
    };
    let rows = fetch_all_by_array(db, sql, Vec::new(), nos.iter().map(|no| Value::from(*no)).collect()).await?;
    rows.iter().map(version_of).collect()
}

/// The versions of rows that this transaction has written.
///
/// # Errors
/// The database fails.
pub async fn fetch_versions(db: &mut Connection, nos: &[i64]) -> Result<Vec<AccountVersion>, DbError> {
    if nos.is_empty() {
        return Ok(Vec::new());
    }
    let sql = |_: &str, array: &str| format!("{VERSION} where customer_no = any ({array})");
    let rows = fetch_all_by_array(db, sql, Vec::new(), nos.iter().map(|no| Value::from(*no)).collect()).await?;
    rows.iter().map(version_of).collect()
}

fn version_of(row: &Row) -> Result<AccountVersion, DbError> {
    Ok(AccountVersion { customer_no: row.int("customer_no")?, version: row.int("version")?, seq: row.int("seq")? })
}

/// The numbers of these customers; unknown ones are left out.
///
/// # Errors
/// The database fails.
pub async fn customer_numbers(db: &mut Connection, ids: &[String]) -> Result<HashMap<String, i64>, DbError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    // With its account: both are made in one transaction.
    let sql = |_: &str, array: &str| format!("select no, id from customers where id = any ({array})");
    let rows = fetch_all_by_array(db, sql, Vec::new(), ids.iter().map(Value::from).collect()).await?;
    rows.iter().map(|row| Ok((row.text("id")?, row.int("no")?))).collect()
}

/// Gives a row another version, so that others load anew what they remember of the customer.
///
/// # Errors
/// The database fails.
pub async fn touch_account(db: &mut Connection, no: i64) -> Result<(), DbError> {
    db.execute("update accounts set seq = seq where customer_no = $1", args![no]).await.map(drop)
}
