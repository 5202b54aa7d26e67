//! The ledger's part of Billing beside the balance: living and ended top-ups, since when they are drawn from.
//! Everything is bounded, however much a customer has.

use crate::args;
use crate::domain::{Account, Balance, Grant, Instant, Kind, PurchaseId};
use crate::store::accounts::{GRANT_COLUMNS, GRANT_TABLES, grant_of_row};
use crate::store::db::{Connection, DbError};
use crate::usecases::credits::accounts;
use crate::usecases::{App, InternalError};

/// A customer's ledger at an instant.
#[derive(Clone, Debug)]
pub struct Overview {
    /// The ledger, brought up to the instant.
    pub account: Account,
    pub balance: Balance,
    /// Top-ups with something left, held or frozen, in burn order.
    pub live: Vec<Grant>,
    /// How many others there were.
    pub ended: i64,
    /// Since when requests draw from top-ups, where they do.
    pub in_use_since: Option<Instant>,
}

/// A customer's ledger now. What is due should be booked before ([`accounts::catch_up_account`]), so that the lists are what they
/// say.
pub async fn load_overview(
    db: &mut Connection,
    app: &App,
    no: i64,
    customer: &str,
) -> Result<Option<Overview>, DbError> {
    let Some((loaded, at)) = accounts::load_account(db, customer, app).await? else { return Ok(None) };
    let account = loaded.account;
    let balance = Balance::of(&account, at);
    let of_use = |grant: &&Grant| grant.kind == Kind::TopUp && grant.has_something();
    let mut live: Vec<Grant> = account.grants.iter().filter(of_use).cloned().collect();
    live.sort_by_key(Grant::burn_key);
    let sql = "select count(*) as n from grants where customer_no = $1 and kind = $2 and is_open = 0";
    let row = db.fetch_optional(sql, args![no, i64::from(Kind::TopUp.code())]).await?;
    let ended = row.map_or(Ok(0), |row| row.int("n"))?;
    let in_use = account.drawable(at).first().is_some_and(|grant| grant.kind == Kind::TopUp);
    let in_use_since = loaded.top_ups_since.filter(|_| in_use);
    Ok(Some(Overview { account, balance, live, ended, in_use_since }))
}

/// Ended top-ups, the latest to expire first.
pub async fn ended_top_ups(db: &mut Connection, no: i64, skip: usize, take: usize) -> Result<Vec<Grant>, DbError> {
    if take == 0 {
        return Ok(Vec::new());
    }
    let sql = format!(
        "select {GRANT_COLUMNS} from {GRANT_TABLES} where g.customer_no = $1 and g.kind = $2 and g.is_open = 0
         order by g.expires_at desc, g.no desc limit $3 offset $4"
    );
    let (take, skip) = (i64::try_from(take).unwrap_or(0), i64::try_from(skip).unwrap_or(i64::MAX));
    let rows = db.fetch_all(sql, args![no, i64::from(Kind::TopUp.code()), take, skip]).await?;
    rows.iter().map(grant_of_row).collect()
}

/// The grant that a purchase brought, as it stands now.
pub async fn bought_grant(app: &App, no: i64, purchase: PurchaseId) -> Result<Option<Grant>, InternalError> {
    accounts::catch_up_account(app, no).await?;
    let sql = format!("select {GRANT_COLUMNS} from {GRANT_TABLES} where g.purchase = $1 and g.customer_no = $2");
    let row = app.store.read().await?.fetch_optional(sql, args![purchase.bytes(), no]).await?;
    Ok(row.as_ref().map(grant_of_row).transpose()?)
}
