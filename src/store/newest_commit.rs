//! When the database last took something: what a clock is compared with before it is believed.
//!
//! Two sources are always there: the newest entry, and the worker's note of its jobs, which it makes once a minute
//! even where nobody buys or charges. A shop that was shut down for long looks like a clock that is ahead; nothing in
//! the database tells the two apart, so a person does, once (`topup clock accept`).

use crate::args;
use crate::domain::Instant;
use crate::domain::time::from_millis;
use crate::store::Store;
use crate::store::db::{Connection, DbError};
use chrono::{SecondsFormat, TimeDelta};

/// How far ahead of the newest commit a clock is followed.
pub const AHEAD_MAX: TimeDelta = TimeDelta::hours(48);

/// The instant of the newest commit; none in a database where nothing has happened.
pub async fn newest_commit(db: &mut Connection) -> Result<Option<Instant>, DbError> {
    let sql = format!(
        "with recursive {RUNS} select max(at) as at from (
           select created_at as at from runs join entries on row_no = last
           union all select max(started_at) from job_runs) commits"
    );
    db.fetch_optional(sql, Vec::new()).await?.map_or(Ok(None), |row| row.opt_at("at"))
}

/// How far the server's clock is ahead of one that says `now`; none on SQLite, which has no clock of its own.
pub async fn server_clock_offset(store: &Store, now: Instant) -> Result<Option<TimeDelta>, DbError> {
    let mut db = store.read().await?;
    if db.is_sqlite() {
        return Ok(None);
    }
    let sql = "select cast(extract(epoch from clock_timestamp()) * 1000 as bigint) as n";
    let server = db.fetch_optional(sql, Vec::new()).await?.map_or(Ok(0), |row| row.int("n"))?;
    Ok(Some(from_millis(server) - now))
}

/// When the newest entry came about; none before the first.
pub async fn newest_entry(db: &mut Connection) -> Result<Option<Instant>, DbError> {
    let sql = format!("with recursive {RUNS} select max(created_at) as at from runs join entries on row_no = last");
    db.fetch_optional(sql, Vec::new()).await?.map_or(Ok(None), |row| row.opt_at("at"))
}

/// The last rows of the newest runs: each writer has one (`row_numbers`), and a run is in the order of its commits.
const RUNS: &str = "numbers (n, so_far) as (
           select max(row_no) / 1048576, cast(1 as bigint) from entries
           union all select n - 1, so_far + 1 from numbers where n > 0 and so_far < 64),
         runs (last) as (
           select (select max(row_no) from entries where row_no >= n * 1048576 and row_no < (n + 1) * 1048576)
           from numbers)";

/// Until when an operator has accepted the clock.
pub async fn accepted_until(db: &mut Connection) -> Result<Option<Instant>, DbError> {
    let row = db.fetch_optional("select accepted_until from clock_acceptance where id = 1", Vec::new()).await?;
    row.map(|row| row.at("accepted_until")).transpose()
}

/// Notes that a clock that says `now` is right, in a transaction that is still to be committed.
pub async fn accept_clock(db: &mut Connection, now: Instant) -> Result<(), DbError> {
    let sql = "insert into clock_acceptance (id, accepted_until) values (1, $1)
        on conflict (id) do update set accepted_until = excluded.accepted_until";
    db.execute(sql, args![now]).await.map(drop)
}

/// Why a clock that says `now` is not followed, in words; none where it is.
pub async fn clock_refusal(store: &Store, now: Instant) -> Result<Option<String>, DbError> {
    let mut db = store.read().await?;
    let (newest, accepted) = (newest_commit(&mut db).await?, accepted_until(&mut db).await?);
    Ok(newest.filter(|newest| is_far_ahead(now, *newest, accepted)).map(|newest| clock_refusal_text(now, newest)))
}

fn is_far_ahead(now: Instant, newest: Instant, accepted: Option<Instant>) -> bool {
    now > accepted.map_or(newest, |accepted| accepted.max(newest)) + AHEAD_MAX
}

fn clock_refusal_text(now: Instant, newest: Instant) -> String {
    let text = |at: Instant| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    format!(
        "the clock says {}, {} days after the newest commit ({}). Followed, a wrong clock lets credits expire that \
         nobody can bring back. If it is wrong, set it; if it is right, because nothing ran since then, say so with \
         `topup clock accept`",
        text(now),
        (now - newest).num_days(),
        text(newest)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_refused_beyond_the_bound_until_it_is_accepted() {
        let at = |text: &str| text.parse::<Instant>().expect("an instant");
        let newest = at("2026-11-01T00:00:00Z");
        let check = |now: Instant, accepted, want| assert_eq!(is_far_ahead(now, newest, accepted), want, "{now}");
        check(newest + AHEAD_MAX, None, false);
        let ahead = newest + AHEAD_MAX + TimeDelta::milliseconds(1);
        check(ahead, None, true);
        check(ahead, Some(ahead), false);
        check(ahead, Some(at("2020-01-01T00:00:00Z")), true);
        check(ahead + AHEAD_MAX + TimeDelta::milliseconds(1), Some(ahead), true);
        check(at("2020-01-01T00:00:00Z"), None, false);
    }
}
