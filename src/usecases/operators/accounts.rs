//! Operators' accounts.

use crate::args;
use crate::domain::Instant;
use crate::store::Store;
use crate::store::db::{Connection, DbError, Row};
use crate::usecases::operators::enrolment::Enrolment;
use crate::usecases::operators::{enrolment, sign_in};
use crate::usecases::{App, InternalError};

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorAccount {
    pub email: String,
    pub created_at: Instant,
    /// When the password was set.
    pub changed_at: Instant,
    /// Since when it opens nothing.
    pub disabled_at: Option<Instant>,
    /// Since when it has a second factor.
    pub factor_since: Option<Instant>,
    /// When a page was last asked for, to five minutes.
    pub seen_at: Option<Instant>,
}

/// Makes an account; false where there is one of this address.
pub async fn add_operator(store: &Store, email: &str, hash: &str, now: Instant) -> Result<bool, InternalError> {
    add_operator_with(store, email, hash, None, now).await
}

/// The same, with a second factor.
pub async fn add_operator_with(
    store: &Store,
    email: &str,
    hash: &str,
    factor: Option<&Enrolment>,
    now: Instant,
) -> Result<bool, InternalError> {
    let mut db = store.begin_write().await?;
    let sql = "insert into operators (email, password, created_at, changed_at) values ($1, $2, $3, $3)
        on conflict (email) do nothing returning no";
    let made = db.fetch_optional(sql, args![email, hash, now]).await?.map(|row| row.int("no")).transpose()?;
    if let Some((no, factor)) = made.zip(factor) {
        factor.write(&mut db, no, now).await?;
    }
    sign_in::forget_tries(&mut db, email).await?;
    db.commit().await?;
    Ok(made.is_some())
}

/// True if an account has a second factor; false where there is none of this address.
pub async fn has_factor(store: &Store, email: &str) -> Result<bool, InternalError> {
    let sql = "select 1 as n from operators where email = $1 and totp_secret is not null";
    Ok(store.read().await?.fetch_optional(sql, args![email]).await?.is_some())
}

/// All accounts, oldest first.
pub async fn list_operators(store: &Store) -> Result<Vec<OperatorAccount>, InternalError> {
    let sql = "select o.email, o.created_at, o.changed_at, o.disabled_at, o.totp_since,
          (select max(s.seen_at) from operator_sessions s where s.operator_no = o.no) as seen_at
        from operators o order by o.no";
    let rows = store.read().await?.fetch_all(sql, Vec::new()).await?;
    let account = |row: &Row| {
        Ok(OperatorAccount {
            email: row.text("email")?,
            created_at: row.at("created_at")?,
            changed_at: row.at("changed_at")?,
            disabled_at: row.opt_at("disabled_at")?,
            factor_since: row.opt_at("totp_since")?,
            seen_at: row.opt_at("seen_at")?,
        })
    };
    rows.iter().map(account).collect::<Result<_, DbError>>().map_err(InternalError::from)
}

/// Shuts an account, and ends its sessions; false where there is none of this address.
pub async fn disable_operator(store: &Store, email: &str, now: Instant) -> Result<bool, InternalError> {
    let mut db = store.begin_write().await?;
    let sql = "update operators set disabled_at = coalesce(disabled_at, $1) where email = $2";
    let found = db.execute(sql, args![now, email]).await? > 0;
    end_sessions(&mut db, email, now).await?;
    db.commit().await?;
    Ok(found)
}

/// Sets another password, opens the account again, ends its sessions and forgets wrong tries. A second factor ends too:
/// the password before was its key.
pub async fn reset_operator(store: &Store, email: &str, hash: &str, now: Instant) -> Result<bool, InternalError> {
    reset_operator_with(store, email, hash, None, now).await
}

/// The same, with a new second factor.
pub async fn reset_operator_with(
    store: &Store,
    email: &str,
    hash: &str,
    factor: Option<&Enrolment>,
    now: Instant,
) -> Result<bool, InternalError> {
    let mut db = store.begin_write().await?;
    let sql = "update operators set password = $1, changed_at = $2, disabled_at = null where email = $3 returning no";
    let found = db.fetch_optional(sql, args![hash, now, email]).await?.map(|row| row.int("no")).transpose()?;
    if let Some(no) = found {
        enrolment::clear_factor(&mut db, no).await?;
        if let Some(factor) = factor {
            factor.write(&mut db, no, now).await?;
        }
    }
    end_sessions(&mut db, email, now).await?;
    sign_in::forget_tries(&mut db, email).await?;
    db.commit().await?;
    Ok(found.is_some())
}

async fn end_sessions(db: &mut Connection, email: &str, now: Instant) -> Result<(), DbError> {
    let sql = "update operator_sessions set ended_at = $1 where ended_at is null
        and operator_no in (select no from operators where email = $2)";
    db.execute(sql, args![now, email]).await?;
    Ok(())
}

/// Whether an operator gets an email for each alarm that opens.
pub async fn wants_alarm_emails(app: &App, no: i64) -> Result<bool, InternalError> {
    let sql = "select alarm_emails from operators where no = $1";
    let row = app.store.read().await?.fetch_optional(sql, args![no]).await?;
    Ok(row.map_or(Ok(false), |row| row.flag("alarm_emails"))?)
}

/// Switches these emails.
pub async fn set_alarm_emails(app: &App, no: i64, wants: bool) -> Result<(), InternalError> {
    app.write(move |tx| {
        Box::pin(async move {
            tx.db.execute("update operators set alarm_emails = $1 where no = $2", args![wants, no]).await?;
            Ok(())
        })
    })
    .await
}
