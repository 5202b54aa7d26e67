//! Values that rows of an earlier version lack and SQL cannot compute: folded names, and domains in ASCII.
//!
//! Runs after the migrations at every start, and finds nothing to do but the first time. Every step may be done again,
//! beside other processes too.

use crate::domain::text::folded;
use crate::store::Store;
use crate::store::db::{DbError, Value};
use crate::usecases::InternalError;
use crate::{args, email};

/// Customers of one transaction.
const STEP: i64 = 500;

/// Where addresses are, and when a row must stay as it is: another one has its address already.
const ADDRESSES: [(&str, &str, &str); 6] = [
    ("customers", "email", ""),
    (
        "members",
        "email",
        "and not exists (select 1 from members o where o.customer_no = members.customer_no and o.email = $1)",
    ),
    ("sessions", "email", ""),
    ("links", "email", ""),
    ("purchases", "member_email", ""),
    ("operators", "email", "and not exists (select 1 from operators o where o.email = $1)"),
];

/// Does what is left to do.
pub async fn run_backfill(store: &Store) -> Result<(), InternalError> {
    if customers_without_folded_name(store).await?.is_empty() {
        return Ok(());
    }
    fold_addresses(store).await?;
    loop {
        let rows = customers_without_folded_name(store).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let places: Vec<String> = (0..rows.len()).map(|n| format!("(${}, ${})", 2 * n + 1, 2 * n + 2)).collect();
        let sql = format!(
            "update customers set folded_name = v.folded
             from (select column1 as no, column2 as folded from (values {}) as pairs) as v
             where customers.no = v.no and folded_name is null",
            places.join(", ")
        );
        let values = rows.into_iter().flat_map(|(no, name)| args![no, folded(&name)]).collect();
        write_backfill(store, sql, values).await?;
    }
}

async fn customers_without_folded_name(store: &Store) -> Result<Vec<(i64, String)>, DbError> {
    let sql = "select no, name from customers where folded_name is null limit $1";
    let rows = store.read().await?.fetch_all(sql, args![STEP]).await?;
    rows.iter().map(|row| Ok((row.int("no")?, row.text("name")?))).collect()
}

/// Addresses whose domain was stored beyond ASCII. One whose name is beyond ASCII stays: no email reaches it.
async fn fold_addresses(store: &Store) -> Result<(), DbError> {
    for (table, column, unless) in ADDRESSES {
        let sql =
            format!("select distinct {column} as email from {table} where octet_length({column}) <> length({column})");
        for row in store.read().await?.fetch_all(sql, Vec::new()).await? {
            let old = row.text("email")?;
            let Some(new) = email::spelled(&old) else { continue };
            let sql = format!("update {table} set {column} = $1 where {column} = $2 {unless}");
            write_backfill(store, sql, args![new, old]).await?;
        }
    }
    Ok(())
}

async fn write_backfill(store: &Store, sql: String, values: Vec<Value>) -> Result<(), DbError> {
    let mut db = store.begin_write().await?;
    db.execute(sql, values).await?;
    db.commit().await
}
