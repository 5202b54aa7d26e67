//! A customer's plan, balance and usage in the present billing cycle.

use crate::domain::{Balance, Changes, Credits, Instant};
use crate::store::daily_usage::day_number;
use crate::store::{accounts, daily_usage};
use crate::usecases::{App, InternalError};

#[derive(Clone, Debug)]
pub struct InCycle {
    pub plan: String,
    /// The balance at this instant.
    pub balance: Balance,
    /// When the cycle began.
    pub cycle_start: Instant,
    /// Used in it, undone usages not counted.
    pub used: Credits,
}

pub async fn in_cycle(app: &App, customer_no: i64) -> Result<Option<InCycle>, InternalError> {
    let mut db = app.store.snapshot().await?;
    let Some(mut loaded) = accounts::load_by_no(&mut db, customer_no).await? else { return Ok(None) };
    let at = loaded.account.catch_up(app.clock.now(), &app.catalog, &mut Changes::default());
    let account = loaded.account;
    let start = account.cycle.start;
    let used = daily_usage::used_in_cycle(&mut db, customer_no, start, (day_number(start), day_number(at))).await?;
    Ok(Some(InCycle { plan: account.plan.clone(), balance: Balance::of(&account, at), cycle_start: start, used }))
}
