//! The list of what customers' people should hear of their balance, which the engine writes with the lines that
//! brought it about; here each becomes its mails and its message to the SaaS, in the turn that takes it off the list.

use super::mails::{self, balance};
use super::{Fault, Services, Shop, attempts, flat, hooks, jobs};
use crate::args;
use crate::domain::news::{What, low_mark};
use crate::domain::{Credits, Instant};
use crate::ledger::Turn;
use crate::store::db::{DbError, Row, corrupt};

/// How many rows of the list one round reads, and how many customers are served side by side.
const ROUND_MAX: i64 = 200;
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

/// Makes mails of what is on the list; how many. A customer that cannot be served is retried later, by itself.
///
/// # Errors
/// [`Fault`] of a database that is away.
pub async fn run(services: &Services) -> Result<u64, Fault> {
    let act = |item: String| async move { one(services, jobs::customer_no(&item)?).await };
    let mut run = attempts::Run::new(services, attempts::NEWS, AT_ONCE_MAX);
    let mut written = run.retry(act).await?;
    let sql = format!(
        "select customer_no from news where mailed_at is null and {} order by at limit $1",
        attempts::NEWS.without_failed("news.customer_no")
    );
    loop {
        let rows = services.store.read().await?.all(sql.as_str(), args![ROUND_MAX]).await?;
        let waiting = jobs::customers(&rows)?;
        if waiting.is_empty() {
            return Ok(written);
        }
        let served = run.serve(waiting, act).await;
        services.hook.iter().for_each(crate::hook::Hook::nudge);
        services.mailer.nudge();
        written += served?;
    }
}

async fn one(services: &Services, no: i64) -> Result<u64, Fault> {
    let shop = mails::shop(services);
    let (written, unreadable) =
        flat(services.ledger.job(move |turn| Box::pin(async move { tell(turn, no, &shop).await })).await)?;
    // What can be read has been told by then.
    unreadable.map_or(Ok(written), |fault| Err(Fault::Db(fault)))
}

/// Tells what can be read; and why something could not be.
async fn tell(turn: &mut Turn, no: i64, shop: &Shop) -> Result<(u64, Option<DbError>), Fault> {
    let account = turn.account(no).await?.0.clone();
    turn.flush().await?;
    let (list, unreadable) = waiting(turn, no).await?;
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
    Ok((u64::try_from(written).unwrap_or(0), unreadable))
}

/// What is to be told; what expired on one day of the customer's calendar is one thing.
async fn waiting(turn: &mut Turn, no: i64) -> Result<(Vec<balance::Told>, Option<DbError>), DbError> {
    let sql = "select what, seq, at, credits from news where customer_no = $1 and mailed_at is null order by seq";
    let (mut list, mut unreadable) = (Vec::new(), None);
    for row in turn.link.all(sql, args![no]).await? {
        match told_of(&row) {
            Ok(told) => list.push(told),
            Err(fault) => unreadable = Some(fault),
        }
    }
    list.sort_by_key(|told| (told.seq, told.what.name()));
    Ok((list, unreadable))
}

fn told_of(row: &Row) -> Result<balance::Told, DbError> {
    let what = row.text("what")?;
    let what = What::from_name(&what).ok_or_else(|| corrupt(format!("{what:?} in news")))?;
    let (seq, at, credits): (i64, Instant, Credits) = (row.int("seq")?, row.at("at")?, row.credits("credits")?);
    Ok(balance::Told { what, at, credits, seq })
}
