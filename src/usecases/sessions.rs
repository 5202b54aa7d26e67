//! Sessions: who looks at a page, for which customer, and until when.
//!
//! Invariants: tokens are kept as SHA-256 only; a session ends when idle, at its limit, or when it is ended. A
//! session that came by a mailed link has proven its address: what it may do is what the member may do now,
//! and it may go over to another customer of the same person. One that the SaaS opened may what the SaaS said.

use super::{Fault, Services, flat};
use crate::args;
use crate::domain::Instant;
use crate::ledger::Turn;
use crate::store::db::{DbError, Link, Row};
use chrono::TimeDelta;

/// How long a session lasts at most.
pub const SESSION_DAYS: i64 = 14;
/// How often the use of a session is written down.
const SEEN_EVERY_MINUTES: i64 = 5;
/// How many sessions a list shows.
const LIST_MAX: i64 = 100;

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

/// Sessions that are good: `$1` is now, `$2` the last use before which they have gone idle.
const LIVE: &str = "from sessions s join customers c on c.no = s.customer_no
    left join members m on m.customer_no = s.customer_no and m.email = s.email and m.removed_at is null
  where s.ended_at is null and s.expires_at > $1 and s.seen_at > $2 and c.closed_at is null
    and (s.proven = 0 or m.no is not null)";
const ROLE: &str = "case when s.proven = 1 then m.role else s.role end as role";

fn idle_since(services: &Services) -> Instant {
    services.clock.now() - services.settings.session_idle
}

/// Who a session's cookie belongs to.
///
/// # Errors
/// [`Fault`].
pub async fn viewer(services: &Services, token: &str) -> Result<Option<Viewer>, Fault> {
    let (now, hash) = (services.clock.now(), super::portal::token_hash(token));
    let sql = format!(
        "select s.email, {ROLE}, s.return_url, s.seen_at, c.no, c.id, c.name, c.timezone {LIVE} and s.token_hash = $3"
    );
    let row = services.store.read().await?.one(sql, args![now, idle_since(services), hash]).await?;
    let Some(row) = row else { return Ok(None) };
    let viewer = Viewer {
        customer_no: row.int("no")?,
        customer: row.text("id")?,
        name: row.text("name")?,
        timezone: row.text("timezone")?,
        email: row.opt_text("email")?,
        role: role_of(&row)?,
        return_url: row.opt_text("return_url")?,
        session: hash,
    };
    if row.at("seen_at")? + TimeDelta::minutes(SEEN_EVERY_MINUTES) <= now {
        touch(services, hash).await;
    }
    Ok(Some(viewer))
}

fn role_of(row: &Row) -> Result<Role, DbError> {
    Ok(Role::from_name(&row.text("role")?).unwrap_or(Role::Viewer))
}

/// What a session may do for a customer now, read in the turn that acts on it.
pub(super) async fn role_now(
    link: &mut Link,
    viewer: &Viewer,
    now: Instant,
    idle: Instant,
) -> Result<Option<Role>, DbError> {
    let sql = format!("select {ROLE} {LIVE} and s.token_hash = $3 and s.customer_no = $4");
    let row = link.one(sql, args![now, idle, viewer.session, viewer.customer_no]).await?;
    row.as_ref().map(role_of).transpose()
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
    let job = services.ledger.job(move |turn| {
        Box::pin(async move {
            let now = turn.now();
            let sql = "update sessions set ended_at = $1 where token_hash = $2 and ended_at is null";
            turn.link.run(sql, args![now, session]).await?;
            Ok(())
        })
    });
    flat(job.await)
}

/// Ends all sessions of a person for a customer.
pub(super) async fn end_all(turn: &mut Turn, customer_no: i64, email: &str) -> Result<(), DbError> {
    let now = turn.now();
    let sql = "update sessions set ended_at = $1 where customer_no = $2 and email = $3 and ended_at is null";
    turn.link.run(sql, args![now, customer_no, email]).await?;
    Ok(())
}

/// A session as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// What it is revoked by: the first half of its hash, which opens nothing.
    pub id: String,
    /// The person, where known.
    pub email: Option<String>,
    /// What it may do.
    pub role: Role,
    /// Since when.
    pub created_at: Instant,
    /// When it was last used, to five minutes.
    pub seen_at: Instant,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// The live sessions that a viewer may end, last used first: an owner sees all of the customer, others their own.
///
/// # Errors
/// [`Fault`].
pub async fn list(services: &Services, viewer: &Viewer) -> Result<Vec<Listed>, Fault> {
    let sql = format!(
        "select s.token_hash, s.email, {ROLE}, s.created_at, s.seen_at {LIVE} and s.customer_no = $3
           and ($4 = 1 or s.token_hash = $5 or s.email = $6) order by s.seen_at desc, s.created_at desc limit $7"
    );
    let values = args![
        services.clock.now(),
        idle_since(services),
        viewer.customer_no,
        viewer.role == Role::Owner,
        viewer.session,
        viewer.email.clone(),
        LIST_MAX
    ];
    let rows = services.store.read().await?.all(sql, values).await?;
    let listed = |row: &Row| {
        let hash: [u8; 32] = row.bytes("token_hash")?;
        Ok(Listed {
            id: hex::encode(&hash[..16]),
            email: row.opt_text("email")?,
            role: role_of(row)?,
            created_at: row.at("created_at")?,
            seen_at: row.at("seen_at")?,
            current: hash == viewer.session,
        })
    };
    rows.iter().map(listed).collect::<Result<_, DbError>>().map_err(Fault::from)
}

/// Ends one of the sessions that [`list`] shows; says whether there was such a one.
///
/// # Errors
/// [`Fault`].
pub async fn revoke(services: &Services, viewer: &Viewer, id: &str) -> Result<bool, Fault> {
    if !list(services, viewer).await?.iter().any(|listed| listed.id == id) {
        return Ok(false);
    }
    let (id, no) = (id.to_owned(), viewer.customer_no);
    let job = services.ledger.job(move |turn| {
        Box::pin(async move {
            let now = turn.now();
            let sql = "select token_hash from sessions where customer_no = $1 and ended_at is null and expires_at > $2";
            for row in turn.link.all(sql, args![no, now]).await? {
                let hash: [u8; 32] = row.bytes("token_hash")?;
                if hex::encode(&hash[..16]) == id {
                    let sql = "update sessions set ended_at = $1 where token_hash = $2 and ended_at is null";
                    return Ok(turn.link.run(sql, args![now, hash]).await? > 0);
                }
            }
            Ok(false)
        })
    });
    flat(job.await)
}
