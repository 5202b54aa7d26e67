//! How an account comes to have a second factor, and to have none: on the command line, or in the console.
//!
//! In the console secret and recovery codes are made of a seed that the form brings, of this database's secret and of
//! the session: what a page has shown is what the form switches on, and nobody has to keep it in between.
//!
//! *Not here:* codes and their forms (`second_factor`), signing in with one (`sign_in`).

use crate::args;
use crate::domain::Instant;
use crate::store::db::{Connection, DbError};
use crate::usecases::access::client::Client;
use crate::usecases::operators::second_factor::{Encrypted, Proof, RecoveryCodes, SECRET_BYTES, Secret, factor_error};
use crate::usecases::operators::sign_in::{Operator, PasswordTry, try_password};
use crate::usecases::{App, InternalError};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// A second factor that an account is to have: what the operator takes along, and what the database keeps.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// For the app.
    pub secret: Secret,
    /// For when the app is gone.
    pub codes: RecoveryCodes,
    kept: Encrypted,
    /// The step of the code that confirmed it.
    step: Option<i64>,
}

impl Enrolment {
    /// A new one, for an account with this password.
    pub async fn new(password: String) -> Result<Self, InternalError> {
        let secret = Secret::new()?;
        let codes = RecoveryCodes::new(|_, bytes| getrandom::fill(bytes).map_err(factor_error))?;
        Ok(Self { secret, codes, kept: encrypted(secret, password).await?, step: None })
    }

    /// True if this is a code of now; it is then used up.
    pub fn confirm(&mut self, code: &str, now: Instant) -> Result<bool, InternalError> {
        self.step = self.secret.step_of(code.trim(), now)?;
        Ok(self.step.is_some())
    }

    /// Gives it to an account, in place of one that it had.
    pub(crate) async fn write(&self, db: &mut Connection, no: i64, now: Instant) -> Result<(), DbError> {
        let sql =
            "update operators set totp_salt = $1, totp_secret = $2, totp_since = $3, totp_step = $4 where no = $5";
        db.execute(sql, args![self.kept.salt, self.kept.secret.to_vec(), now, self.step, no]).await?;
        db.execute("delete from operator_recovery_codes where operator_no = $1", args![no]).await?;
        for hash in self.codes.hashes() {
            let sql = "insert into operator_recovery_codes (operator_no, code_hash) values ($1, $2)";
            db.execute(sql, args![no, hash]).await?;
        }
        Ok(())
    }
}

async fn encrypted(secret: Secret, password: String) -> Result<Encrypted, InternalError> {
    tokio::task::spawn_blocking(move || secret.encrypt(&password)).await.map_err(factor_error)?
}

/// Takes the second factor from an account.
pub(crate) async fn clear_factor(db: &mut Connection, no: i64) -> Result<(), DbError> {
    let sql = "update operators set totp_salt = null, totp_secret = null, totp_since = null, totp_step = null
        where no = $1";
    db.execute(sql, args![no]).await?;
    db.execute("delete from operator_recovery_codes where operator_no = $1", args![no]).await?;
    Ok(())
}

/// How an account's second factor stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorState {
    /// The account has no password, as the demo's: there is nothing to stand beside.
    NoPassword,
    /// There is none.
    Off,
    /// There is one.
    On {
        since: Instant,
        /// Recovery codes that were not used.
        codes_left: i64,
    },
}

/// How an operator's second factor stands.
pub async fn factor_state(app: &App, operator: &Operator) -> Result<FactorState, InternalError> {
    let sql = "select o.password, o.totp_since, (select count(*) from operator_recovery_codes c
            where c.operator_no = o.no and c.used_at is null) as codes
        from operators o where o.no = $1";
    let row = app.store.read().await?.fetch_optional(sql, args![operator.no]).await?;
    let Some(row) = row else { return Ok(FactorState::NoPassword) };
    Ok(match row.opt_at("totp_since")? {
        _ if !row.text("password")?.starts_with('$') => FactorState::NoPassword,
        Some(since) => FactorState::On { since, codes_left: row.int("codes")? },
        None => FactorState::Off,
    })
}

/// A seed for a form that switches a second factor on.
pub fn new_factor_seed() -> Result<String, InternalError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(factor_error)?;
    Ok(hex::encode(bytes))
}

/// The secret and recovery codes of a seed for this operator in this session; `None` if the text is no seed.
pub fn factor_of_seed(
    app: &App,
    operator: &Operator,
    seed: &str,
) -> Result<Option<(Secret, RecoveryCodes)>, InternalError> {
    let Some(seed) = hex::decode(seed).ok().filter(|seed| seed.len() == 16) else { return Ok(None) };
    let bytes = |about: &str, n: usize, out: &mut [u8]| {
        let mut mac = Hmac::<Sha256>::new_from_slice(&app.settings.form_secret).map_err(factor_error)?;
        mac.update(format!("topup second factor 1\n{about}\n{n}\n{}\n", operator.no).as_bytes());
        mac.update(&operator.session);
        mac.update(&seed);
        out.iter_mut().zip(mac.finalize().into_bytes()).for_each(|(out, byte)| *out = byte);
        Ok(())
    };
    let mut secret = [0; SECRET_BYTES];
    bytes("secret", 0, &mut secret)?;
    Ok(Some((Secret(secret), RecoveryCodes::new(|n, out| bytes("recovery", n, out))?)))
}

/// How a change of the second factor came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorChange {
    Done,
    /// Password or code do not fit.
    Wrong,
    /// Not now: too many tries.
    Wait,
    /// Another form did it before, or the form is none of this session's.
    Stale,
}

/// Switches on the second factor of a seed, where there is none. Ends the account's other sessions.
pub async fn switch_factor_on(
    app: &App,
    operator: &Operator,
    from: &Client,
    (seed, password, code): (&str, String, &str),
) -> Result<FactorChange, InternalError> {
    let Some((secret, codes)) = factor_of_seed(app, operator, seed)? else { return Ok(FactorChange::Stale) };
    let account = match try_password(app, &operator.email, password.clone(), from).await? {
        PasswordTry::Fits { account, secret: None } => account,
        PasswordTry::Fits { .. } => return Ok(FactorChange::Stale),
        PasswordTry::Wrong(_) => return Ok(FactorChange::Wrong),
        PasswordTry::Wait => return Ok(FactorChange::Wait),
    };
    let mut enrolment = Enrolment { secret, codes, kept: encrypted(secret, password).await?, step: None };
    if !enrolment.confirm(code, app.clock.now())? {
        return Ok(FactorChange::Wrong);
    }
    let (no, session, slot) = (operator.no, operator.session, account.slot);
    let job = app.write(move |tx| {
        Box::pin(async move {
            let now = tx.now();
            let sql = "update operators set changed_at = changed_at
                where no = $1 and password = $2 and disabled_at is null and totp_secret is null";
            if tx.db.execute(sql, args![no, account.hash]).await? == 0 {
                return Ok(FactorChange::Stale);
            }
            enrolment.write(&mut tx.db, no, now).await?;
            let sql = "update operator_sessions set ended_at = $1
                where operator_no = $2 and token_hash <> $3 and ended_at is null";
            tx.db.execute(sql, args![now, no, session]).await?;
            tx.db.execute("delete from operator_sign_in_failures where slot = $1", args![slot]).await?;
            Ok(FactorChange::Done)
        })
    });
    let changed = job.await?;
    if changed == FactorChange::Done {
        tracing::info!(operator = no, "an operator switched a second factor on");
    }
    Ok(changed)
}

/// Switches the second factor off, for who has both.
pub async fn switch_factor_off(
    app: &App,
    operator: &Operator,
    from: &Client,
    (password, code): (String, &str),
) -> Result<FactorChange, InternalError> {
    let (account, secret) = match try_password(app, &operator.email, password, from).await? {
        PasswordTry::Fits { account, secret: Some(secret) } => (account, secret),
        PasswordTry::Fits { .. } => return Ok(FactorChange::Stale),
        PasswordTry::Wrong(_) => return Ok(FactorChange::Wrong),
        PasswordTry::Wait => return Ok(FactorChange::Wait),
    };
    let Some(proof) = Proof::of(code, Some(secret), app.clock.now())? else { return Ok(FactorChange::Wrong) };
    let (no, slot) = (operator.no, account.slot);
    let job = app.write(move |tx| {
        Box::pin(async move {
            let now = tx.now();
            if !proof.take(&mut tx.db, no, now).await? {
                return Ok(FactorChange::Wrong);
            }
            clear_factor(&mut tx.db, no).await?;
            tx.db.execute("delete from operator_sign_in_failures where slot = $1", args![slot]).await?;
            Ok(FactorChange::Done)
        })
    });
    let changed = job.await?;
    if changed == FactorChange::Done {
        tracing::warn!(operator = no, "an operator switched the second factor off");
    }
    Ok(changed)
}
