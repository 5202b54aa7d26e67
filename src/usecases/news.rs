//! The list of what customers' people should hear of their balance, which the engine writes with the lines that
//! brought it about; here each becomes its mails and its message to the SaaS, in the turn that takes it off the list.

use super::mails::{self, balance};
use super::{Fault, Services, Shop, flat, hooks};
use crate::args;
use crate::domain::news::{What, low_mark};
use crate::domain::{Credits, Instant};
use crate::ledger::Turn;
use crate::store::db::DbError;
use futures::StreamExt;

/// How many customers one round serves, and how many side by side.
const ROUND_MAX: i64 = 100;
const AT_ONCE_MAX: usize = 20;

/// How many are on the list.
///
/// # Errors
/// [`Fault`].
pub async fn backlog(services: &Services) -> Result<i64, Fault> {
    let sql = "select count(*) as n from news where mailed_at is null";
    let row = services.store.read().await?.one(sql, Vec::new()).await?;
    Ok(row.map_or(Ok(0), |row| row.int("n"))?)
}

/// Makes mails of what is on the list; how many.
///
/// # Errors
/// [`Fault`]: a customer that cannot be served does not keep the others of its round from being served.
pub async fn run(services: &Services) -> Result<u64, Fault> {
    let mut written = 0;
    loop {
        let sql = "select customer_no, min(at) as first from news where mailed_at is null
            group by customer_no order by first, customer_no limit $1";
        let rows = services.store.read().await?.all(sql, args![ROUND_MAX]).await?;
        let nos = rows.iter().map(|row| row.int("customer_no")).collect::<Result<Vec<_>, _>>()?;
        if nos.is_empty() {
            return Ok(written);
        }
        let mut served = futures::stream::iter(nos).map(|no| one(services, no)).buffer_unordered(AT_ONCE_MAX);
        let mut failed = None;
        while let Some(done) = served.next().await {
            match done {
                Ok(mails) => written += mails,
                Err(fault) => failed = Some(fault),
            }
        }
        services.hook.iter().for_each(crate::hook::Hook::nudge);
        services.mailer.nudge();
        if let Some(fault) = failed {
            return Err(fault);
        }
    }
}

async fn one(services: &Services, no: i64) -> Result<u64, Fault> {
    let shop = mails::shop(services);
    flat(services.ledger.job(move |turn| Box::pin(async move { tell(turn, no, &shop).await })).await)
}

async fn tell(turn: &mut Turn, no: i64, shop: &Shop) -> Result<u64, Fault> {
    let account = turn.account(no).await?.0.clone();
    turn.flush().await?;
    let list = waiting(turn, no).await?;
    let low = turn.low_balance(no).await?;
    let low = low_mark(&account, low);
    let (to, now) = (mails::addressed(turn, no).await?, turn.now());
    let mut written = 0;
    for told in list {
        if let Some(to) = &to
            && let Some(letter) = balance::letter(turn, shop, to, told, &account, low)
        {
            written += mails::write(turn, shop, to, letter).await?;
        }
        hooks::crossed(turn, shop, no, told, &account, low).await?;
        let sql = "update news set mailed_at = $1 where customer_no = $2 and what = $3 and seq = $4";
        turn.link.run(sql, args![now, no, told.what.name(), told.seq]).await?;
    }
    Ok(u64::try_from(written).unwrap_or(0))
}

/// What is to be told; what expired on one day of the customer's calendar is one thing.
async fn waiting(turn: &mut Turn, no: i64) -> Result<Vec<balance::Told>, DbError> {
    let sql = "select what, seq, at, credits from news where customer_no = $1 and mailed_at is null order by seq, what";
    let mut list = Vec::new();
    for row in turn.link.all(sql, args![no]).await? {
        let (seq, at, credits): (i64, Instant, Credits) = (row.int("seq")?, row.at("at")?, row.credits("credits")?);
        if let Some(what) = What::from_name(&row.text("what")?) {
            list.push(balance::Told { what, at, credits, seq });
        }
    }
    Ok(list)
}
