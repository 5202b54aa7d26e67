//! Tidying: one-time links, the mails that brought them, sessions that nobody can use any more, and messages
//! that were taken.
//!
//! Invariant: a mail of sign-in is counted for an hour and tried for an hour (`sign_in`, `outbox`), so that a day later
//! nothing asks for it; its address and its link's words are then kept for nothing. All other mails stay.
//!
//! *Not here:* whether one works, which its own dates say (`portal`, `sessions`): nothing waits for this.

use super::{Fault, Services, flat};
use crate::args;
use crate::domain::Instant;
use chrono::TimeDelta;

/// How long an expired link is known, so that its page can offer a new one; and the mail that brought it.
const LINK_KEPT_HOURS: i64 = 24;
/// How long a session that is over is known, so that a person comes in where they were last.
const SESSION_KEPT_DAYS: i64 = 30;
/// How long a message that the SaaS's backend took can be sent once more.
const MESSAGE_KEPT_DAYS: i64 = 30;
/// How many rows of a table one sweep deletes.
const SWEEP_MAX: i64 = 500;

/// What goes: a table, its key, which of its rows, by which instant of theirs, before which limit.
struct Rest {
    table: &'static str,
    key: &'static str,
    which: &'static str,
    by: &'static str,
    before: Instant,
}

fn rests(services: &Services) -> [Rest; 4] {
    let now = services.clock.now();
    let day_ago = now - TimeDelta::hours(LINK_KEPT_HOURS);
    let month_ago = now - TimeDelta::days(MESSAGE_KEPT_DAYS);
    let of_tokens = |table, before| Rest { table, key: "token_hash", which: "1 = 1", by: "expires_at", before };
    [
        of_tokens("links", day_ago),
        of_tokens("sessions", now - TimeDelta::days(SESSION_KEPT_DAYS)),
        Rest { table: "outbox", key: "no", which: "kind = 'sign_in'", by: "created_at", before: day_ago },
        // The key goes with it: what causes a message again is years away, or never comes.
        Rest { table: "hooks", key: "no", which: "state = 'accepted'", by: "done_at", before: month_ago },
    ]
}

/// How many rows could go.
///
/// # Errors
/// [`Fault`].
pub async fn backlog(services: &Services) -> Result<i64, Fault> {
    let [links, sessions, mails, messages] = rests(services);
    let sql = "select (select count(*) from links where expires_at <= $1)
        + (select count(*) from sessions where expires_at <= $2)
        + (select count(*) from outbox where kind = 'sign_in' and created_at <= $3)
        + (select count(*) from hooks where state = 'accepted' and done_at <= $4) as n";
    let row = services
        .store
        .read()
        .await?
        .one(sql, args![links.before, sessions.before, mails.before, messages.before])
        .await?;
    Ok(row.map_or(Ok(0), |row| row.int("n"))?)
}

/// Deletes some of what is over, and says how many; the next sweep goes on. Most sweeps find
/// nothing, and take no turn for it.
///
/// # Errors
/// [`Fault`].
pub async fn sweep_expired(services: &Services) -> Result<u64, Fault> {
    if backlog(services).await? == 0 {
        return Ok(0);
    }
    let rests = rests(services);
    let job = services.ledger.job(move |turn| {
        Box::pin(async move {
            let mut deleted = 0;
            for Rest { table, key, which, by, before } in rests {
                let sql = format!(
                    "delete from {table} where {key} in
                       (select {key} from {table} where {which} and {by} <= $1 order by {by} limit $2)"
                );
                deleted += turn.link.run(sql, args![before, SWEEP_MAX]).await?;
            }
            Ok(deleted)
        })
    });
    flat(job.await)
}
