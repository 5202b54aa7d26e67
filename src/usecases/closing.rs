//! Closing a customer: personal data blanked, sessions and keys ended; the ledger stays, without its texts.
//!
//! Every step may be done again: a repeat finishes what a crash left.

use super::{Fault, Services, alarms, flat};
use crate::args;
use crate::domain::UsageId;
use crate::ledger::Turn;
use crate::store::bulk::places;
use crate::store::days::{self, day_of};
use crate::store::db::Value;

/// Usages whose texts one step blanks.
const STEP: i64 = 200;
/// Days whose sources one step blanks.
const DAYS_STEP: i64 = 60;

/// Closes a customer, for ever.
///
/// # Errors
/// [`Fault`].
pub async fn close(services: &Services, customer_no: i64) -> Result<(), Fault> {
    flat(services.ledger.job(move |turn| Box::pin(async move { close_in(turn, customer_no).await })).await)?;
    // A closed customer gets no more usages, so the walk back meets every one. It keeps the engine only a step at a time.
    let mut before = i64::MAX;
    loop {
        let page = super::usages::list(services, customer_no, before, STEP).await?;
        let Some(last) = page.last() else { break };
        before = last.seq;
        let ids: Vec<UsageId> = page.iter().map(|row| row.usage.id).collect();
        flat(services.ledger.job(move |turn| Box::pin(async move { blank_usages(turn, &ids).await })).await)?;
    }
    blank_days(services, customer_no).await
}

/// The daily totals stay, and name no source any more.
async fn blank_days(services: &Services, customer_no: i64) -> Result<(), Fault> {
    let sql = "select c.created_at, a.last_at from customers c join accounts a on a.customer_no = c.no where c.no = $1";
    let Some(row) = services.store.read().await?.one(sql, args![customer_no]).await? else { return Ok(()) };
    let (mut first, end) = (day_of(row.at("created_at")?), day_of(row.at("last_at")?));
    while first <= end {
        let last = end.min(first + DAYS_STEP - 1);
        let job = services.ledger.job(move |turn| {
            Box::pin(async move { Ok(days::blank_sources(&mut turn.link, customer_no, first, last).await?) })
        });
        flat(job.await)?;
        first = last + 1;
    }
    Ok(())
}

/// What is blanked at once: all that holds a person's data beside usages. `$1` is the customer, `$2` now.
const BLANK: [&str; 8] = [
    "update customers set email = '', name = '', timezone = 'UTC', closed_at = coalesce(closed_at, $2) where no = $1",
    "delete from members where customer_no = $1 and $2 = $2",
    "delete from links where customer_no = $1 and $2 = $2",
    "update sessions set email = null, device = '', return_url = null, ended_at = coalesce(ended_at, $2)
       where customer_no = $1",
    "update api_keys set name = '', revoked_at = coalesce(revoked_at, $2) where customer_no = $1",
    "update holds set source = null where customer_no = $1 and $2 = $2",
    "update purchases set member_email = null where customer_no = $1 and $2 = $2",
    "update outbox set recipient = '', subject = '', body_text = '', body_html = '', done_at = coalesce(done_at, $2),
       state = case when state in ('queued', 'deferred') then 'refused' else state end where customer_no = $1",
];

async fn close_in(turn: &mut Turn, no: i64) -> Result<(), Fault> {
    let closed = turn.is_closed(no).await?;
    // What is due by now is booked before.
    let followed = turn.account(no).await?.0.master.as_ref().map(|master| master.subscription.clone());
    if let Some(subscription) = followed.filter(|_| !closed) {
        let detail = "its customer was closed; it goes on at Stripe, and is paid for, until somebody ends it there";
        alarms::raise(turn, "subscription", &subscription, detail).await?;
    }
    turn.act(no, |account, _, _, changes| account.notice_nobody(changes)).await?;
    turn.flush().await?;
    let now = turn.now();
    for sql in BLANK {
        turn.link.run(sql, args![no, now]).await?;
    }
    let sql = "delete from grant_notes where grant_no in (select no from grants where customer_no = $1)";
    turn.link.run(sql, args![no]).await?;
    turn.forget(no).await?;
    Ok(())
}

async fn blank_usages(turn: &mut Turn, ids: &[UsageId]) -> Result<(), Fault> {
    let sql = format!(
        "update usages set source = null, metadata = null, salt = null, void_reason = null, void_salt = null
         where id in ({})",
        places(1, ids.len())
    );
    turn.link.run(sql, ids.iter().map(|id| Value::from(id.bytes())).collect()).await?;
    Ok(())
}
