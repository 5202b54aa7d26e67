//! Tidying: one-time links and sessions that nobody can use any more.
//!
//! *Not here:* whether one works, which its own dates say (`portal`, `sessions`): nothing waits for this.

use super::{Fault, Services, flat};
use crate::args;
use crate::domain::Instant;
use chrono::TimeDelta;

/// How long an expired link is known, so that its page can offer a new one.
const LINK_KEPT_HOURS: i64 = 24;
/// How long a session that is over is known, so that a person comes in where they were last.
const SESSION_KEPT_DAYS: i64 = 30;
/// How many rows of a table one sweep deletes.
const SWEEP_MAX: i64 = 500;

/// Tables, and the limit before which a row of each goes.
fn limits(services: &Services) -> [(&'static str, Instant); 2] {
    let now = services.clock.now();
    [("links", now - TimeDelta::hours(LINK_KEPT_HOURS)), ("sessions", now - TimeDelta::days(SESSION_KEPT_DAYS))]
}

/// How many rows could go.
///
/// # Errors
/// [`Fault`].
pub async fn backlog(services: &Services) -> Result<i64, Fault> {
    let [(_, links), (_, sessions)] = limits(services);
    let sql = "select (select count(*) from links where expires_at <= $1)
        + (select count(*) from sessions where expires_at <= $2) as n";
    let row = services.store.read().await?.one(sql, args![links, sessions]).await?;
    Ok(row.map_or(Ok(0), |row| row.int("n"))?)
}

/// Deletes some of the links and sessions that are over, and says how many; the next sweep goes on. Most sweeps find
/// nothing, and take no turn for it.
///
/// # Errors
/// [`Fault`].
pub async fn sweep_expired(services: &Services) -> Result<u64, Fault> {
    if backlog(services).await? == 0 {
        return Ok(0);
    }
    let limits = limits(services);
    let job = services.ledger.job(move |turn| {
        Box::pin(async move {
            let mut deleted = 0;
            for (table, before) in limits {
                let sql = format!(
                    "delete from {table} where token_hash in
                       (select token_hash from {table} where expires_at <= $1 order by expires_at limit $2)"
                );
                deleted += turn.link.run(sql, args![before, SWEEP_MAX]).await?;
            }
            Ok(deleted)
        })
    });
    flat(job.await)
}
