//! Links and sessions: how a person comes to a customer's pages.
//!
//! Invariants: tokens are 32 random bytes, kept as SHA-256 only; a link is spent by a POST, once; a session
//! ends when idle, at its limit, or when it is ended.

use super::{Fault, Services, flat};
use crate::args;
use crate::domain::Instant;
use crate::store::db::DbError;
use chrono::TimeDelta;
use sha2::{Digest, Sha256};

/// How long a portal link works.
const LINK_MINUTES: i64 = 5;
/// How long a session lasts without being used, and at most.
const SESSION_IDLE_HOURS: i64 = 12;
const SESSION_DAYS: i64 = 14;
/// How often the use of a session is written down.
const SEEN_EVERY_MINUTES: i64 = 5;

/// What a member may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Buys, and manages members.
    Owner,
    /// Buys.
    Admin,
    /// Sees everything, and cannot buy.
    Viewer,
}

impl Role {
    /// Its name in the API and the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Viewer => "viewer",
        }
    }

    /// From its name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Owner, Self::Admin, Self::Viewer].into_iter().find(|role| role.name() == name)
    }

    /// Whether it may buy.
    #[must_use]
    pub const fn may_buy(self) -> bool {
        !matches!(self, Self::Viewer)
    }
}

/// Who looks at a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// The customer's number.
    pub customer_no: i64,
    /// The SaaS's id of the customer.
    pub customer: String,
    /// What the customer is called.
    pub name: String,
    /// The customer's zone.
    pub timezone: String,
    /// The person, where known.
    pub email: Option<String>,
    /// What the person may do.
    pub role: Role,
    /// Where "back to the app" leads.
    pub return_url: Option<String>,
    /// Hash of the session's token: what forms are bound to.
    pub session: [u8; 32],
}

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
fn new_token() -> Result<String, Fault> {
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

/// Whether a link would work now. Looking spends nothing: mail scanners follow links.
///
/// # Errors
/// [`Fault`].
pub async fn link_works(services: &Services, token: &str) -> Result<bool, Fault> {
    let sql = "select 1 as n from links where token_hash = $1 and spent_at is null and expires_at > $2";
    let row = services.store.read().await?.one(sql, args![token_hash(token), services.clock.now()]).await?;
    Ok(row.is_some())
}

/// Spends a link: once.
///
/// # Errors
/// [`Fault`].
pub async fn spend_link(services: &Services, token: &str) -> Result<Spent, Fault> {
    let (hash, session) = (token_hash(token), new_token()?);
    let session_hash = token_hash(&session);
    let path = flat(
        services
            .ledger
            .job(move |turn| {
                Box::pin(async move {
                    let now = turn.now();
                    let row = turn
                        .link
                        .one(
                            "update links set spent_at = $1 where token_hash = $2 and spent_at is null
                             and expires_at > $1 returning customer_no, email, role, path, return_url",
                            args![now, hash],
                        )
                        .await?;
                    let Some(row) = row else { return Ok(None) };
                    turn.link
                        .run(
                            "insert into sessions (token_hash, customer_no, email, role, return_url, created_at,
                               seen_at, expires_at)
                             values ($1, $2, $3, $4, $5, $6, $6, $7)",
                            args![
                                session_hash,
                                row.opt_int("customer_no")?,
                                row.opt_text("email")?,
                                row.opt_text("role")?,
                                row.opt_text("return_url")?,
                                now,
                                now + TimeDelta::days(SESSION_DAYS)
                            ],
                        )
                        .await?;
                    Ok(Some(row.text("path")?))
                })
            })
            .await,
    )?;
    Ok(path.map_or(Spent::Gone, |path| Spent::Session { token: session, path }))
}

/// Who a session's cookie belongs to.
///
/// # Errors
/// [`Fault`].
pub async fn viewer(services: &Services, token: &str) -> Result<Option<Viewer>, Fault> {
    let (now, hash) = (services.clock.now(), token_hash(token));
    let sql = "select s.email, s.role, s.return_url, s.seen_at, c.no, c.id, c.name, c.timezone
        from sessions s join customers c on c.no = s.customer_no
        where s.token_hash = $1 and s.ended_at is null and s.expires_at > $2 and s.seen_at > $3 and c.closed_at is null";
    let idle = now - TimeDelta::hours(SESSION_IDLE_HOURS);
    let Some(row) = services.store.read().await?.one(sql, args![hash, now, idle]).await? else { return Ok(None) };
    let viewer = Viewer {
        customer_no: row.int("no")?,
        customer: row.text("id")?,
        name: row.text("name")?,
        timezone: row.text("timezone")?,
        email: row.opt_text("email")?,
        role: Role::from_name(&row.text("role")?).unwrap_or(Role::Viewer),
        return_url: row.opt_text("return_url")?,
        session: hash,
    };
    if row.at("seen_at")? + TimeDelta::minutes(SEEN_EVERY_MINUTES) <= now {
        touch(services, hash).await;
    }
    Ok(Some(viewer))
}

/// Writes down that a session was used; a page does not fail for it.
async fn touch(services: &Services, hash: [u8; 32]) {
    let done = services
        .ledger
        .job::<(), DbError, _>(move |turn| {
            Box::pin(async move {
                let now = turn.now();
                turn.link.run("update sessions set seen_at = $1 where token_hash = $2", args![now, hash]).await?;
                Ok(())
            })
        })
        .await;
    if !matches!(done, Ok(Ok(()))) {
        tracing::warn!("the use of a session could not be written down");
    }
}

/// Ends a session.
///
/// # Errors
/// [`Fault`].
pub async fn sign_out(services: &Services, session: [u8; 32]) -> Result<(), Fault> {
    flat(
        services
            .ledger
            .job(move |turn| {
                Box::pin(async move {
                    let now = turn.now();
                    turn.link
                        .run("update sessions set ended_at = $1 where token_hash = $2", args![now, session])
                        .await?;
                    Ok(())
                })
            })
            .await,
    )
}
