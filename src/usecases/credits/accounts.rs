//! Reading ledgers: balances computed at this instant, grants, entries.

use crate::args;
use crate::domain::{Account, Balance, Changes, Entry, Grant, GrantState, Instant, Kind};
use crate::store::accounts::{GRANT_COLUMNS, GRANT_TABLES};
use crate::store::db::{Connection, DbError};
use crate::store::{accounts, entries};
use crate::usecases::{App, InternalError};

/// The account of a customer brought up to now in memory (R3), and the instant that was used.
pub async fn account_now(
    db: &mut Connection,
    customer: &str,
    app: &App,
) -> Result<Option<(Account, Instant)>, DbError> {
    Ok(load_account(db, customer, app).await?.map(|(loaded, at)| (loaded.account, at)))
}

/// The same, with what the store keeps beside it.
pub async fn load_account(
    db: &mut Connection,
    customer: &str,
    app: &App,
) -> Result<Option<(accounts::StoredAccount, Instant)>, DbError> {
    let Some(mut loaded) = accounts::load_by_id(db, customer).await? else { return Ok(None) };
    let at = loaded.account.catch_up(app.clock.now(), &app.catalog, &mut Changes::default());
    Ok(Some((loaded, at)))
}

/// The balance of a customer at this instant.
pub async fn customer_balance(app: &App, customer: &str) -> Result<Option<Balance>, InternalError> {
    let mut db = app.store.snapshot().await?;
    let account = account_now(&mut db, customer, app).await?;
    Ok(account.map(|(account, at)| Balance::of(&account, at)))
}

/// A grant of a list, ended ones included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRow {
    /// The store's number: the list's order.
    pub no: i64,
    /// The grant as it stands now.
    pub grant: Grant,
    /// Its state now.
    pub state: GrantState,
}

/// Grants of a customer, newest first, below number `before`.
pub async fn list_grants(
    app: &App,
    customer_no: i64,
    kind: Option<Kind>,
    before: i64,
    limit: i64,
) -> Result<Vec<GrantRow>, InternalError> {
    catch_up_account(app, customer_no).await?;
    let db = &mut app.store.snapshot().await?;
    Ok(load_grants(db, customer_no, kind, (before, limit), app.clock.now()).await?)
}

/// The same on a connection at hand, as they stand at an instant.
pub async fn load_grants(
    db: &mut Connection,
    customer_no: i64,
    kind: Option<Kind>,
    (before, limit): (i64, i64),
    at: Instant,
) -> Result<Vec<GrantRow>, DbError> {
    let loaded = accounts::load_by_no(db, customer_no).await?;
    let paused = loaded.is_some_and(|l| l.account.top_ups_paused);
    let sql = format!(
        "select {GRANT_COLUMNS} from {GRANT_TABLES} where g.customer_no = $1 and g.no < $2 and ($3 = 0 or g.kind = $3)
         order by g.no desc limit $4"
    );
    let kind = kind.map_or(0, |kind| i64::from(kind.code()));
    let row = |row: &crate::store::db::Row| {
        let grant = accounts::grant_of_row(row)?;
        let state = grant.state(at, paused);
        Ok(GrantRow { no: row.int("no")?, grant, state })
    };
    let rows = db.fetch_all(sql, args![customer_no, before, kind, limit]).await?;
    rows.iter().map(row).collect()
}

/// Books what is due for a customer, so that what is read next has it.
pub async fn catch_up_account(app: &App, customer_no: i64) -> Result<(), InternalError> {
    let due = app
        .store
        .read()
        .await?
        .fetch_optional("select due_at from accounts where customer_no = $1", args![customer_no])
        .await?;
    let Some(due) = due else { return Ok(()) };
    if due.at("due_at")? > app.clock.now() {
        return Ok(());
    }
    catch_up_if_due(app, customer_no).await
}

/// Books what is due for a customer, in a transaction in any case.
pub async fn catch_up_if_due(app: &App, customer_no: i64) -> Result<(), InternalError> {
    app.write_ledger(customer_no, move |tx| {
        Box::pin(async move {
            tx.account(customer_no).await?;
            Ok(())
        })
    })
    .await
}

/// Entries of a customer after `after_seq`, ascending, all that is due being booked first.
pub async fn list_entries(
    app: &App,
    customer_no: i64,
    after_seq: i64,
    limit: i64,
) -> Result<Vec<Entry>, InternalError> {
    catch_up_account(app, customer_no).await?;
    let mut db = app.store.snapshot().await?;
    Ok(entries::fetch_page(&mut db, customer_no, after_seq, limit).await?)
}
