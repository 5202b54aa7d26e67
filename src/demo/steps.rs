//! The steps of the demo, ticked by the customer's own ledger, so that a charge over the API counts, too.

use crate::args;
use crate::demo::customers;
use crate::domain::{EntryKind, Instant};
use crate::store::entries;
use crate::usecases::credits::accounts;
use crate::usecases::customers::Customer;
use crate::usecases::{App, InternalError};
use chrono::TimeDelta;

/// Lines of the ledger that are searched for a usage.
const LINES_MAX: i64 = 64;

/// Which steps a customer has done. Each of the first three counts after the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    pub bought: bool,
    pub used: bool,
    pub reset: bool,
    /// A top-up was bought automatically. It counts without the others.
    pub automatic: bool,
}

impl Steps {
    /// The steps of a customer since its story ended.
    ///
    /// # Errors
    /// [`InternalError`].
    pub async fn of_customer(app: &App, customer: &Customer) -> Result<Self, InternalError> {
        let story = customers::by_id(&customer.id).map_or(0, |customer| customer.age_days);
        let since = customer.created_at + TimeDelta::days(story);
        let Some(bought_at) = last_purchase(app, customer.no, since).await? else { return Ok(Self::default()) };
        let used = is_used_since(app, customer.no, bought_at).await?;
        let balance = accounts::customer_balance(app, &customer.id).await?;
        let reset = used && balance.is_some_and(|balance| balance.cycle.start > bought_at);
        let automatic = is_automatic_since(app, customer.no, since).await?;
        Ok(Self { bought: true, used, reset, automatic })
    }
}

/// When the credits of the newest purchase came, of those begun after `since`.
async fn last_purchase(app: &App, customer_no: i64, since: Instant) -> Result<Option<Instant>, InternalError> {
    let sql = "select max(credited_at) as at from purchases where customer_no = $1 and created_at > $2";
    let row = app.store.read().await?.fetch_optional(sql, args![customer_no, since]).await?;
    Ok(row.map_or(Ok(None), |row| row.opt_at("at"))?)
}

/// Whether an automatic purchase was credited, of those begun after `since`.
async fn is_automatic_since(app: &App, customer_no: i64, since: Instant) -> Result<bool, InternalError> {
    let sql = "select 1 from purchases where customer_no = $1 and created_at > $2 and origin = 'automatic'
        and credited_at is not null limit 1";
    Ok(app.store.read().await?.fetch_optional(sql, args![customer_no, since]).await?.is_some())
}

async fn is_used_since(app: &App, customer_no: i64, at: Instant) -> Result<bool, InternalError> {
    let mut db = app.store.read().await?;
    let first = entries::seq_from(&mut db, customer_no, at).await?;
    let lines = entries::fetch_page(&mut db, customer_no, first - 1, LINES_MAX).await?;
    Ok(lines.iter().any(|entry| entry.kind == EntryKind::Used))
}
