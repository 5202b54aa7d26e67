//! Operators' sessions: signing in with a bounded number of tries, and who asks for a page.
//!
//! Invariants: tries are counted by account and place together, so that a stranger elsewhere locks nobody out: the
//! place is the browser, where the account was signed in with it before, else the network. A try is counted before the
//! password is looked at, so that many at once are many tries; what is counted, compared and answered is the same for a
//! wrong password, a wrong code, a disabled account and an address that is nobody's. Tokens are kept as SHA-256 only. A
//! session ends when it is idle, at its limit, with the account, or when it is signed out.

use crate::domain::Instant;
use crate::ledger::WriteTransaction;
use crate::metrics::process::SignInResult;
use crate::store::db::{Connection, DbError};
use crate::usecases::access::client::Client;
use crate::usecases::access::tokens::token_hash;
use crate::usecases::operators::password;
use crate::usecases::operators::password::{PasswordFit, StoredPassword};
use crate::usecases::operators::second_factor::{Encrypted, Proof, Secret};
use crate::usecases::{App, InternalError};
use crate::{args, email};
use chrono::TimeDelta;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// How long a session lasts without a click, and at most.
pub const IDLE_MINUTES: i64 = 60;
pub const LIMIT_HOURS: i64 = 12;
/// How often the use of a session is written down.
const SEEN_EVERY_MINUTES: i64 = 5;
/// Failures in a row that cost nothing; each further one doubles the wait.
const FREE_TRIES: i64 = 5;
const WAIT_SECONDS_MIN: i64 = 30;
const WAIT_SECONDS_MAX: i64 = 15 * 60;
/// How long after its wait a row of failures is forgotten, and how many such rows one try deletes.
const FORGOTTEN_HOURS: i64 = 1;
const FORGOTTEN_AT_ONCE: i64 = 8;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// The account.
    pub no: i64,
    pub email: String,
    /// Hash of the session's token.
    pub session: [u8; 32],
}

/// The result of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignedIn {
    /// A session: the cookie's value.
    Session(String),
    /// No.
    Wrong,
    /// Not now: too many tries for this account from this place, or of all.
    Wait,
}

/// The fields of the sign-in form.
#[derive(Clone, Debug, Default)]
pub struct Typed<'a> {
    /// The account.
    pub email: &'a str,
    pub password: String,
    /// A code of the app, or a recovery code; empty where the account has no second factor.
    pub code: &'a str,
}

/// The first half of a row of tries: an account.
#[must_use]
pub fn half_slot(email: &str) -> [u8; 16] {
    slot_half(Sha256::digest(email.as_bytes()).as_slice())
}

fn slot_half(hash: &[u8]) -> [u8; 16] {
    let mut half = [0; 16];
    half.iter_mut().zip(hash).for_each(|(to, from)| *to = *from);
    half
}

/// The row of an account's tries from a place. There is one for nobody's address as well.
pub(crate) fn password_slot(app: &App, email: &str, from: &Client) -> Result<[u8; 32], InternalError> {
    let place = match (&from.device, from.network) {
        (Some(device), _) => format!("device\n{device}"),
        (None, network) => format!("network\n{}", network.map(|it| it.to_string()).unwrap_or_default()),
    };
    let mut slot = [0; 32];
    slot[..16].copy_from_slice(&half_slot(email));
    slot[16..].copy_from_slice(&keyed_hash(app, &format!("operator try\n{email}\n{place}"))?);
    Ok(slot)
}

fn keyed_hash(app: &App, text: &str) -> Result<[u8; 16], InternalError> {
    let mac = Hmac::<Sha256>::new_from_slice(&app.settings.form_secret);
    let mut mac = mac.map_err(|e| InternalError::Broken(format!("no key: {e}")))?;
    mac.update(text.as_bytes());
    Ok(slot_half(mac.finalize().into_bytes().as_slice()))
}

/// The cookie of a browser that an account has signed in with: a random number, signed for this account.
pub fn new_device(app: &App, email: &str) -> Result<String, InternalError> {
    let mut number = [0; 16];
    getrandom::fill(&mut number).map_err(|e| InternalError::Broken(format!("no random bytes: {e}")))?;
    device_of(app, email, &hex::encode(number))
}

fn device_of(app: &App, email: &str, number: &str) -> Result<String, InternalError> {
    let email = email::address(email).unwrap_or_default();
    let seal = keyed_hash(app, &format!("operator device\n{email}\n{number}"))?;
    Ok(format!("{number}-{}", hex::encode(seal)))
}

/// True if a browser was given this when this account signed in with it.
pub fn is_device(app: &App, email: &str, given: &str) -> Result<bool, InternalError> {
    let Some((number, _)) = given.split_once('-') else { return Ok(false) };
    let right = device_of(app, email, number)?;
    Ok(subtle::ConstantTimeEq::ct_eq(right.as_bytes(), given.as_bytes()).into())
}

/// An account whose password was right.
#[derive(Clone, Debug)]
pub(crate) struct TriedAccount {
    pub(crate) no: i64,
    /// The password's hash, as it was compared.
    pub(crate) hash: String,
    /// The row of its tries.
    pub(crate) slot: [u8; 32],
}

/// The result of comparing a password.
pub(crate) enum PasswordTry {
    /// It is right; the second factor is still to be shown, where there is one.
    Fits { account: TriedAccount, secret: Option<Secret> },
    /// It is not; the account, if there is one.
    Wrong(Option<i64>),
    /// It was not looked at.
    Wait,
}

/// Compares a password, as a counted try.
pub(crate) async fn try_password(
    app: &App,
    email: &str,
    password: String,
    from: &Client,
) -> Result<PasswordTry, InternalError> {
    let slot = password_slot(app, email, from)?;
    let sql = "select no, password, totp_salt, totp_secret from operators where email = $1 and disabled_at is null";
    let row = app.store.read().await?.fetch_optional(sql, args![email]).await?;
    let found = row.map(|row| {
        let stored = StoredPassword { hash: row.text("password")?, factor: Encrypted::of(&row)? };
        Ok::<_, DbError>((row.int("no")?, stored))
    });
    let (no, stored) = found.transpose()?.unzip();
    let real = app.clock.real();
    let Some(wait) = app.write_anonymous(move |tx| Box::pin(async move { count_try(tx, slot, real).await })).await?
    else {
        return Ok(PasswordTry::Wait);
    };
    if wait > TimeDelta::zero() {
        app.settings.metrics.count_lock();
        let seconds = wait.num_seconds();
        tracing::warn!(seconds, "an operator's account is locked for one place");
    }
    let hash = stored.as_ref().map(|stored| stored.hash.clone());
    let fits = password::password_fits(&app.settings.password_gates, password, stored, from.device.is_some()).await?;
    Ok(match (fits, no.zip(hash)) {
        (PasswordFit::Busy, _) => PasswordTry::Wait,
        (PasswordFit::Yes(secret), Some((no, hash))) => {
            PasswordTry::Fits { account: TriedAccount { no, hash, slot }, secret }
        }
        _ => PasswordTry::Wrong(no),
    })
}

/// Opens a session for who knows the password, and has the second factor where there is one.
pub async fn check_sign_in(app: &App, typed: Typed<'_>, from: &Client) -> Result<SignedIn, InternalError> {
    let (signed, no) = match email::address(typed.email) {
        Some(email) => sign_in_with_proof(app, &email, typed, from).await?,
        None => (SignedIn::Wrong, None),
    };
    let metrics = &app.settings.metrics;
    match signed {
        SignedIn::Session(_) => {
            metrics.count_sign_in(SignInResult::SignedIn);
            tracing::info!(operator = no, "an operator signed in");
        }
        SignedIn::Wrong => {
            metrics.count_sign_in(SignInResult::Wrong);
            tracing::warn!(operator = no, "an operator's sign-in was refused: wrong email, password or code");
        }
        SignedIn::Wait => metrics.count_sign_in(SignInResult::Locked),
    }
    Ok(signed)
}

/// The same; and which account it was about, if there is one.
async fn sign_in_with_proof(
    app: &App,
    email: &str,
    typed: Typed<'_>,
    from: &Client,
) -> Result<(SignedIn, Option<i64>), InternalError> {
    let (account, secret) = match try_password(app, email, typed.password, from).await? {
        PasswordTry::Fits { account, secret } => (account, secret),
        PasswordTry::Wrong(no) => return Ok((SignedIn::Wrong, no)),
        PasswordTry::Wait => return Ok((SignedIn::Wait, None)),
    };
    let no = Some(account.no);
    let Some(proof) = Proof::of(typed.code, secret, app.clock.now())? else { return Ok((SignedIn::Wrong, no)) };
    Ok((open_operator_session(app, account, proof).await?, no))
}

/// Counts a try. None: it may not be made now; else how long the next one waits. Tries and their waits go by the
/// machine's clock.
async fn count_try(
    tx: &mut WriteTransaction,
    slot: [u8; 32],
    now: Instant,
) -> Result<Option<TimeDelta>, InternalError> {
    let old = now - TimeDelta::hours(FORGOTTEN_HOURS);
    let sql = "delete from operator_sign_in_failures where slot in
        (select slot from operator_sign_in_failures where until < $1 and slot <> $2 order by until limit $3)";
    tx.db.execute(sql, args![old, slot, FORGOTTEN_AT_ONCE]).await?;
    let row = tx
        .db
        .fetch_optional("select failures, until from operator_sign_in_failures where slot = $1", args![slot])
        .await?;
    let (failures, until) =
        row.map_or(Ok((0, now)), |row| Ok::<_, DbError>((row.int("failures")?, row.at("until")?)))?;
    if until > now {
        return Ok(None);
    }
    let failures = failures.saturating_add(1);
    let sql = "insert into operator_sign_in_failures (slot, failures, until) values ($1, $2, $3)
        on conflict (slot) do update set failures = excluded.failures, until = excluded.until";
    let wait = wait_after(failures);
    tx.db.execute(sql, args![slot, failures, now + wait]).await?;
    Ok(Some(wait))
}

/// Forgets the failures of an account, from every place.
pub(crate) async fn forget_tries(db: &mut Connection, email: &str) -> Result<(), DbError> {
    let (mut first, mut last) = ([0; 32], [0xff; 32]);
    first[..16].copy_from_slice(&half_slot(email));
    last[..16].copy_from_slice(&half_slot(email));
    db.execute("delete from operator_sign_in_failures where slot >= $1 and slot <= $2", args![first, last]).await?;
    Ok(())
}

/// How long the next try waits after this many in a row.
fn wait_after(failures: i64) -> TimeDelta {
    if failures < FREE_TRIES {
        return TimeDelta::zero();
    }
    let doubled = u32::try_from((failures - FREE_TRIES).min(10)).unwrap_or(10);
    TimeDelta::seconds((WAIT_SECONDS_MIN << doubled).min(WAIT_SECONDS_MAX))
}

pub(crate) async fn open_operator_session(
    app: &App,
    account: TriedAccount,
    proof: Proof,
) -> Result<SignedIn, InternalError> {
    let token = crate::usecases::access::tokens::new_token()?;
    let session = token_hash(&token);
    let job = app.write_anonymous(move |tx| {
        Box::pin(async move {
            let TriedAccount { no, hash, slot } = account;
            let now = tx.now();
            let old = now - TimeDelta::days(30);
            tx.db.execute("delete from operator_sessions where expires_at < $1", args![old]).await?;
            if !proof.take(&mut tx.db, no, now).await? {
                return Ok(false);
            }
            // The account may have been shut, or its password changed, while this one was compared.
            let sql = "insert into operator_sessions (token_hash, operator_no, created_at, seen_at, expires_at)
                select $1, no, $2, $2, $3 from operators where no = $4 and password = $5 and disabled_at is null";
            let limit = now + TimeDelta::hours(LIMIT_HOURS);
            let opened = tx.db.execute(sql, args![session, now, limit, no, hash]).await? > 0;
            if opened {
                tx.db.execute("delete from operator_sign_in_failures where slot = $1", args![slot]).await?;
            }
            Ok(opened)
        })
    });
    let opened = job.await?;
    app.settings.limits.looked_up(&session, opened);
    Ok(if opened { SignedIn::Session(token) } else { SignedIn::Wrong })
}

/// The owner of a session.
pub async fn find_operator(app: &App, token: &str) -> Result<Option<Operator>, InternalError> {
    let (now, session) = (app.clock.now(), token_hash(token));
    let sql = "select o.no, o.email, s.seen_at from operator_sessions s join operators o on o.no = s.operator_no
        where s.token_hash = $1 and s.ended_at is null and s.expires_at > $2 and s.seen_at > $3
          and o.disabled_at is null";
    let idle = now - TimeDelta::minutes(IDLE_MINUTES);
    let row = app.store.read().await?.fetch_optional(sql, args![session, now, idle]).await?;
    app.settings.limits.looked_up(&session, row.is_some());
    let Some(row) = row else { return Ok(None) };
    if row.at("seen_at")? + TimeDelta::minutes(SEEN_EVERY_MINUTES) <= now {
        touch_operator_session(app, session).await;
    }
    Ok(Some(Operator { no: row.int("no")?, email: row.text("email")?, session }))
}

/// Writes down that a session was used; a page does not fail for it.
async fn touch_operator_session(app: &App, session: [u8; 32]) {
    let done = app.ledger.job::<(), DbError, _>(move |tx| {
        Box::pin(async move {
            let now = tx.now();
            let sql = "update operator_sessions set seen_at = $1 where token_hash = $2 and seen_at < $1";
            tx.db.execute(sql, args![now, session]).await?;
            Ok(())
        })
    });
    if !matches!(done.await, Ok(Ok(()))) {
        tracing::warn!("the use of an operator's session could not be recorded");
    }
}

/// Ends a session.
pub async fn end_operator_session(app: &App, session: [u8; 32]) -> Result<(), InternalError> {
    app.write(move |tx| {
        Box::pin(async move {
            let now = tx.now();
            let sql = "update operator_sessions set ended_at = $1 where token_hash = $2 and ended_at is null";
            tx.db.execute(sql, args![now, session]).await?;
            Ok(())
        })
    })
    .await
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
}
