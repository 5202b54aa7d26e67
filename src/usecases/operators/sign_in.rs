//! Operators' sessions: signing in with a bounded number of tries, and who asks for a page.
//!
//! Invariants: a try is counted before the password is looked at, so that many at once are many tries; the answer is
//! the same for a wrong password, a disabled account and nobody; tokens are kept as SHA-256 only. A session ends when
//! it is idle, at its limit, with the account, or when it is signed out.

use super::super::portal::token_hash;
use super::super::{Fault, Services, flat};
use super::password;
use crate::args;
use crate::domain::Instant;
use crate::ledger::Turn;
use crate::mail;
use crate::store::db::DbError;
use chrono::TimeDelta;
use sha2::{Digest, Sha256};

/// How long a session lasts without a click, and at most.
pub const IDLE_MINUTES: i64 = 60;
pub const LIMIT_HOURS: i64 = 12;
/// How often the use of a session is written down.
const SEEN_EVERY_MINUTES: i64 = 5;
/// So many wrong passwords in a row cost nothing; each further one doubles the wait.
const FREE_TRIES: i64 = 5;
const WAIT_SECONDS_MIN: i64 = 30;
const WAIT_SECONDS_MAX: i64 = 15 * 60;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// The account.
    pub no: i64,
    /// The person.
    pub email: String,
    /// Hash of the session's token.
    pub session: [u8; 32],
}

/// How a try came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignedIn {
    /// A session: the cookie's value.
    Session(String),
    /// No.
    Wrong,
    /// Not now: too many tries of this account, or of all.
    Wait,
}

/// The row of an account's tries.
#[must_use]
pub fn own_slot(email: &str) -> [u8; 32] {
    Sha256::digest(email.as_bytes()).into()
}

/// Addresses that are nobody's share 256 rows.
fn shared_slot(email: &str) -> [u8; 32] {
    let mut slot = [0; 32];
    slot[0] = own_slot(email)[0];
    slot
}

/// Opens a session for who knows the password.
///
/// # Errors
/// [`Fault`].
pub async fn sign_in(services: &Services, email: &str, word: String) -> Result<SignedIn, Fault> {
    let Some(email) = mail::address(email) else { return Ok(SignedIn::Wrong) };
    let sql = "select no, password from operators where email = $1 and disabled_at is null";
    let row = services.store.read().await?.one(sql, args![&email]).await?;
    let account = row.map(|row| Ok::<_, DbError>((row.int("no")?, row.text("password")?))).transpose()?;
    let slot = if account.is_some() { own_slot(&email) } else { shared_slot(&email) };
    let real = services.clock.real();
    if !flat(services.ledger.job(move |turn| Box::pin(async move { count_try(turn, slot, real).await })).await)? {
        return Ok(SignedIn::Wait);
    }
    let hash = account.as_ref().map(|(_, hash)| hash.clone());
    match (password::fits(word, hash).await?, account) {
        (None, _) => Ok(SignedIn::Wait),
        (Some(true), Some((no, hash))) => open(services, no, hash, slot).await,
        _ => Ok(SignedIn::Wrong),
    }
}

/// Counts a try, and says whether it may be made. Tries and their waits go by the machine's clock.
async fn count_try(turn: &mut Turn, slot: [u8; 32], now: Instant) -> Result<bool, Fault> {
    let row = turn.link.one("select failures, until from operator_tries where slot = $1", args![slot]).await?;
    let (failures, until) =
        row.map_or(Ok((0, now)), |row| Ok::<_, DbError>((row.int("failures")?, row.at("until")?)))?;
    if until > now {
        return Ok(false);
    }
    let failures = failures.saturating_add(1);
    let sql = "insert into operator_tries (slot, failures, until) values ($1, $2, $3)
        on conflict (slot) do update set failures = excluded.failures, until = excluded.until";
    turn.link.run(sql, args![slot, failures, now + wait_after(failures)]).await?;
    Ok(true)
}

/// How long the next try waits after so many in a row.
fn wait_after(failures: i64) -> TimeDelta {
    if failures < FREE_TRIES {
        return TimeDelta::zero();
    }
    let doubled = u32::try_from((failures - FREE_TRIES).min(10)).unwrap_or(10);
    TimeDelta::seconds((WAIT_SECONDS_MIN << doubled).min(WAIT_SECONDS_MAX))
}

async fn open(services: &Services, no: i64, hash: String, slot: [u8; 32]) -> Result<SignedIn, Fault> {
    let token = super::super::portal::new_token()?;
    let session = token_hash(&token);
    let job = services.ledger.job(move |turn| {
        Box::pin(async move {
            let now = turn.now();
            let old = now - TimeDelta::days(30);
            turn.link.run("delete from operator_sessions where expires_at < $1", args![old]).await?;
            // The account may have been shut, or its password changed, while this one was compared.
            let sql = "insert into operator_sessions (token_hash, operator_no, created_at, seen_at, expires_at)
                select $1, no, $2, $2, $3 from operators where no = $4 and password = $5 and disabled_at is null";
            let limit = now + TimeDelta::hours(LIMIT_HOURS);
            let opened = turn.link.run(sql, args![session, now, limit, no, hash]).await? > 0;
            turn.link.run("delete from operator_tries where slot = $1", args![slot]).await?;
            Ok(opened)
        })
    });
    Ok(if flat(job.await)? { SignedIn::Session(token) } else { SignedIn::Wrong })
}

/// Opens a session for the demo's operator, who has no password that anybody knows.
///
/// # Errors
/// [`Fault`].
#[cfg(feature = "demo")]
pub async fn open_demo(services: &Services, email: &str) -> Result<Option<String>, Fault> {
    const NO_PASSWORD: &str = "!";
    if !services.settings.demo {
        return Ok(None);
    }
    super::add(&services.store, email, NO_PASSWORD, services.clock.now()).await?;
    let row = services.store.read().await?.one("select no from operators where email = $1", args![email]).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(match open(services, row.int("no")?, NO_PASSWORD.to_owned(), own_slot(email)).await? {
        SignedIn::Session(token) => Some(token),
        SignedIn::Wrong | SignedIn::Wait => None,
    })
}

/// Who a session's cookie belongs to.
///
/// # Errors
/// [`Fault`].
pub async fn operator(services: &Services, token: &str) -> Result<Option<Operator>, Fault> {
    let (now, session) = (services.clock.now(), token_hash(token));
    let sql = "select o.no, o.email, s.seen_at from operator_sessions s join operators o on o.no = s.operator_no
        where s.token_hash = $1 and s.ended_at is null and s.expires_at > $2 and s.seen_at > $3
          and o.disabled_at is null";
    let idle = now - TimeDelta::minutes(IDLE_MINUTES);
    let row = services.store.read().await?.one(sql, args![session, now, idle]).await?;
    let Some(row) = row else { return Ok(None) };
    if row.at("seen_at")? + TimeDelta::minutes(SEEN_EVERY_MINUTES) <= now {
        touch(services, session).await;
    }
    Ok(Some(Operator { no: row.int("no")?, email: row.text("email")?, session }))
}

/// Writes down that a session was used; a page does not fail for it.
async fn touch(services: &Services, session: [u8; 32]) {
    let done = services.ledger.job::<(), DbError, _>(move |turn| {
        Box::pin(async move {
            let now = turn.now();
            let sql = "update operator_sessions set seen_at = $1 where token_hash = $2 and seen_at < $1";
            turn.link.run(sql, args![now, session]).await?;
            Ok(())
        })
    });
    if !matches!(done.await, Ok(Ok(()))) {
        tracing::warn!("the use of an operator's session could not be written down");
    }
}

/// Ends a session.
///
/// # Errors
/// [`Fault`].
pub async fn sign_out(services: &Services, session: [u8; 32]) -> Result<(), Fault> {
    let job = services.ledger.job(move |turn| {
        Box::pin(async move {
            let now = turn.now();
            let sql = "update operator_sessions set ended_at = $1 where token_hash = $2 and ended_at is null";
            turn.link.run(sql, args![now, session]).await?;
            Ok(())
        })
    });
    flat(job.await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_and_ends_somewhere() {
        let check = |failures, seconds| assert_eq!(wait_after(failures), TimeDelta::seconds(seconds), "{failures}");
        check(1, 0);
        check(4, 0);
        check(5, 30);
        check(6, 60);
        check(9, 480);
        check(10, 900);
        check(i64::MAX, 900);
    }

    #[test]
    fn nobody_shares_a_row_with_no_account() {
        assert_ne!(own_slot("ada@acme.example"), shared_slot("ada@acme.example"));
        assert_eq!(shared_slot("ada@acme.example")[1..], [0; 31]);
    }
}
