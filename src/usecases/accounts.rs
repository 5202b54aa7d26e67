//! Reading ledgers: balances computed at this instant, grants, entries.

use super::{Fault, Services, flat};
use crate::args;
use crate::domain::{Account, Balance, Changes, Entry, Grant, GrantState, Instant, Kind};
use crate::store::accounts::{self, GRANT, GRANTS};
use crate::store::db::{DbError, Link};
use crate::store::entries;

/// The account of a customer brought up to now in memory (R3), and the instant that was used.
///
/// # Errors
/// Whatever the database says.
pub async fn now(link: &mut Link, customer: &str, services: &Services) -> Result<Option<(Account, Instant)>, DbError> {
    Ok(loaded(link, customer, services).await?.map(|(loaded, at)| (loaded.account, at)))
}

/// The same, with what the store keeps beside it.
///
/// # Errors
/// Whatever the database says.
pub async fn loaded(
    link: &mut Link,
    customer: &str,
    services: &Services,
) -> Result<Option<(accounts::Loaded, Instant)>, DbError> {
    let Some(mut loaded) = accounts::load_by_id(link, customer).await? else { return Ok(None) };
    let at = loaded.account.begin(services.clock.now(), &services.catalog, &mut Changes::default());
    Ok(Some((loaded, at)))
}

/// The balance of a customer at this instant.
///
/// # Errors
/// [`Fault`].
pub async fn balance(services: &Services, customer: &str) -> Result<Option<Balance>, Fault> {
    let mut link = services.store.snapshot().await?;
    let account = now(&mut link, customer, services).await?;
    Ok(account.map(|(account, at)| Balance::of(&account, at)))
}

/// A grant of a list, ended ones included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRow {
    /// The store's number: the list's order.
    pub no: i64,
    /// The grant as it stands now.
    pub grant: Grant,
    /// How it looks now.
    pub state: GrantState,
}

/// Grants of a customer, newest first, below number `before`.
///
/// # Errors
/// [`Fault`].
pub async fn grants(
    services: &Services,
    customer_no: i64,
    kind: Option<Kind>,
    before: i64,
    limit: i64,
) -> Result<Vec<GrantRow>, Fault> {
    book(services, customer_no).await?;
    let mut link = services.store.snapshot().await?;
    let loaded = accounts::load(&mut link, customer_no).await?;
    let paused = loaded.is_some_and(|l| l.account.top_ups_paused);
    let sql = format!(
        "select {GRANT} from {GRANTS} where g.customer_no = $1 and g.no < $2 and ($3 = 0 or g.kind = $3)
         order by g.no desc limit $4"
    );
    let kind = kind.map_or(0, |kind| i64::from(kind.code()));
    let at = services.clock.now();
    let row = |row: &crate::store::db::Row| {
        let grant = accounts::grant_of(row)?;
        let state = grant.state(at, paused);
        Ok(GrantRow { no: row.int("no")?, grant, state })
    };
    let rows = link.all(sql, args![customer_no, before, kind, limit]).await?;
    rows.iter().map(row).collect::<Result<_, DbError>>().map_err(Fault::from)
}

/// Books what is due for a customer, so that what is read next has it.
///
/// # Errors
/// [`Fault`].
pub async fn book(services: &Services, customer_no: i64) -> Result<(), Fault> {
    let due = services
        .store
        .read()
        .await?
        .one("select due_at from accounts where customer_no = $1", args![customer_no])
        .await?;
    let Some(due) = due else { return Ok(()) };
    if due.at("due_at")? > services.clock.now() {
        return Ok(());
    }
    bring_up(services, customer_no).await
}

/// Books what is due for a customer, in a turn in any case.
///
/// # Errors
/// [`Fault`].
pub async fn bring_up(services: &Services, customer_no: i64) -> Result<(), Fault> {
    flat(
        services
            .ledger
            .job(move |turn| {
                Box::pin(async move {
                    turn.account(customer_no).await?;
                    Ok(())
                })
            })
            .await,
    )
}

/// Entries of a customer after `after_seq`, ascending, all that is due being booked first.
///
/// # Errors
/// [`Fault`].
pub async fn entries(services: &Services, customer_no: i64, after_seq: i64, limit: i64) -> Result<Vec<Entry>, Fault> {
    book(services, customer_no).await?;
    let mut link = services.store.snapshot().await?;
    Ok(entries::page(&mut link, customer_no, after_seq, limit).await?)
}
