//! One-time links: how a person comes to a customer's pages, by the SaaS or by mail.
//!
//! Invariants: tokens are 32 random bytes, kept as SHA-256 only; a link is spent by a POST, once.

pub use super::sessions::{Role, Viewer, idle_viewer, sign_out, viewer};

use super::{Fault, Services, flat, sign_in};
use crate::args;
use crate::domain::Instant;
use crate::ledger::Turn;
use chrono::TimeDelta;
use sha2::{Digest, Sha256};

/// How long a portal link works.
const LINK_MINUTES: i64 = 5;
/// How long a mailed link works, from when it left.
pub const SIGN_IN_MINUTES: i64 = 15;

/// What a link is made for.
#[derive(Clone, Debug)]
pub struct NewLink {
    /// The customer's number.
    pub customer_no: i64,
    /// The person, where known.
    pub email: Option<String>,
    /// What the person may do.
    pub role: Role,
    /// The page it leads to: a path of ours.
    pub path: String,
    /// Where "back to the app" leads.
    pub return_url: Option<String>,
}

/// A link that was made: shown once.
#[derive(Clone, Debug)]
pub struct Link {
    /// The address.
    pub url: String,
    /// Until when it works.
    pub expires_at: Instant,
}

/// What became of a link that was pressed.
#[derive(Clone, Debug)]
pub enum Spent {
    /// A session, and the page to go to.
    Session {
        /// The cookie's value.
        token: String,
        /// A path of ours.
        path: String,
    },
    /// Unknown, spent or expired.
    Gone,
}

/// SHA-256 of a token: what the store keeps.
#[must_use]
pub fn token_hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// 32 random bytes as text.
pub(super) fn new_token() -> Result<String, Fault> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|e| Fault::Broken(format!("no random bytes: {e}")))?;
    Ok(hex::encode(bytes))
}

/// Makes a portal link.
///
/// # Errors
/// [`Fault`].
pub async fn make_link(services: &Services, new: NewLink) -> Result<Link, Fault> {
    let token = new_token()?;
    let url = format!("{}/sign-in/{token}", services.settings.public_url);
    let hash = token_hash(&token);
    let expires_at = flat(
        services
            .ledger
            .job(move |turn| {
                Box::pin(async move {
                    let now = turn.now();
                    let expires_at = now + TimeDelta::minutes(LINK_MINUTES);
                    turn.link
                        .run(
                            "insert into links (token_hash, purpose, customer_no, email, role, path, return_url,
                               created_at, expires_at)
                             values ($1, 'portal', $2, $3, $4, $5, $6, $7, $8)",
                            args![
                                hash,
                                new.customer_no,
                                new.email,
                                new.role.name(),
                                new.path,
                                new.return_url,
                                now,
                                expires_at
                            ],
                        )
                        .await?;
                    Ok(expires_at)
                })
            })
            .await,
    )?;
    Ok(Link { url, expires_at })
}

/// What a link would do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// It opens the pages.
    Works,
    /// It came by mail, and is used or too old: its address may have a new one.
    OldMail,
    /// It came from the SaaS, and is used or too old.
    OldPortal,
    /// It is none of ours, or so old that it was forgotten.
    Unknown,
}

/// Looks at a link. Looking spends nothing: mail scanners follow links.
///
/// # Errors
/// [`Fault`].
pub async fn look(services: &Services, token: &str) -> Result<Look, Fault> {
    let sql = "select purpose, expires_at, spent_at from links where token_hash = $1";
    let row = services.store.read().await?.one(sql, args![token_hash(token)]).await?;
    let Some(row) = row else { return Ok(Look::Unknown) };
    let works = row.opt_int("spent_at")?.is_none() && row.at("expires_at")? > services.clock.now();
    Ok(match (works, row.text("purpose")?.as_str()) {
        (true, _) => Look::Works,
        (false, "sign_in") => Look::OldMail,
        (false, _) => Look::OldPortal,
    })
}

/// The address that a mailed link went to.
pub(super) async fn mailed_to(services: &Services, token: &str) -> Result<Option<String>, Fault> {
    let sql = "select email from links where token_hash = $1 and purpose = 'sign_in'";
    let row = services.store.read().await?.one(sql, args![token_hash(token)]).await?;
    Ok(row.map(|row| row.opt_text("email")).transpose()?.flatten())
}

/// Makes a link for whoever reads the mails of `email`: the token, which is for the mail alone.
pub(super) async fn mint_sign_in(turn: &mut Turn, email: &str) -> Result<String, Fault> {
    let token = new_token()?;
    let now = turn.now();
    let sql = "insert into links (token_hash, purpose, email, path, created_at, expires_at)
        values ($1, 'sign_in', $2, '/billing', $3, $4)";
    let until = now + TimeDelta::minutes(SIGN_IN_MINUTES);
    turn.link.run(sql, args![token_hash(&token), email, now, until]).await?;
    Ok(token)
}

/// Spends a link, once; `device` is what the session will be listed as.
///
/// # Errors
/// [`Fault`].
pub async fn spend_link(services: &Services, token: &str, device: &str) -> Result<Spent, Fault> {
    let (hash, session) = (token_hash(token), new_token()?);
    let new =
        NewSession { hash: token_hash(&session), device: device.to_owned(), lasts: services.settings.session_max };
    let path = flat(services.ledger.job(move |turn| Box::pin(spend(turn, hash, new))).await)?;
    Ok(path.map_or(Spent::Gone, |path| Spent::Session { token: session, path }))
}

/// A session to be opened.
struct NewSession {
    hash: [u8; 32],
    device: String,
    lasts: TimeDelta,
}

/// Spends a link and opens a session; where to, if the link was good.
async fn spend(turn: &mut Turn, link: [u8; 32], session: NewSession) -> Result<Option<String>, Fault> {
    let now = turn.now();
    let sql = "update links set spent_at = $1 where token_hash = $2 and spent_at is null and expires_at > $1
        returning purpose, customer_no, email, role, path, return_url";
    let Some(row) = turn.link.one(sql, args![now, link]).await? else { return Ok(None) };
    let (email, path) = (row.opt_text("email")?, row.text("path")?);
    let proven = row.text("purpose")? == "sign_in";
    let (customer_no, role) = if proven {
        let home = sign_in::home(turn, email.as_deref().unwrap_or_default()).await?;
        let Some((customer_no, role)) = home else { return Ok(None) };
        (Some(customer_no), Some(role.name().to_owned()))
    } else {
        (row.opt_int("customer_no")?, row.opt_text("role")?)
    };
    let sql = "insert into sessions (token_hash, customer_no, email, role, proven, device, return_url, created_at,
          seen_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9)";
    let (back, until) = (row.opt_text("return_url")?, now + session.lasts);
    let values = args![session.hash, customer_no, email, role, proven, session.device, back, now, until];
    turn.link.run(sql, values).await?;
    Ok(Some(path))
}
