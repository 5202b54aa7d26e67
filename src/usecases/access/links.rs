//! One-time links: how a person comes to a customer's pages, by the SaaS or by email.
//!
//! Invariants: tokens are 32 random bytes, kept as SHA-256 only; a link is spent by a POST, once, for the person and
//! the customer that its page showed; it never gives more than the member's own role; it ends with the person's rights.

pub use crate::usecases::access::sessions::{Role, Viewer, find_idle_viewer, find_viewer, sign_out_session};

use crate::args;
use crate::domain::Instant;
use crate::ledger::WriteTransaction;
use crate::store::db::{Connection, DbError, Row};
use crate::usecases::access::sessions;
use crate::usecases::access::sessions::role_of;
use crate::usecases::access::tokens::{new_token, token_hash};
use crate::usecases::{App, InternalError};
use chrono::TimeDelta;

/// How long a portal link works.
const LINK_MINUTES: i64 = 5;
/// How long an emailed link works, counted from the sending.
pub const SIGN_IN_MINUTES: i64 = 15;

/// A link to be made.
#[derive(Clone, Debug)]
pub struct NewLink {
    pub customer_no: i64,
    /// The person, where known.
    pub email: Option<String>,
    /// The role: at most the member's, if the address is a member's. `None` is the member's own
    /// role, or admin for somebody who is no member.
    pub role: Option<Role>,
    /// The page it leads to: a path of ours.
    pub path: String,
    /// The address of "back to the app".
    pub return_url: Option<String>,
}

/// A link that was made: shown once.
#[derive(Clone, Debug)]
pub struct Link {
    /// The address.
    pub url: String,
    /// The end of its validity.
    pub expires_at: Instant,
}

/// The result of a link that was pressed.
#[derive(Clone, Debug)]
pub enum Spent {
    /// A session, and the page to go to.
    Session {
        /// The cookie's value.
        token: String,
        /// A path of ours.
        path: String,
    },
    /// It would open something else than its page showed; it is as it was.
    Other,
    /// Unknown, spent or expired.
    Gone,
}

/// Makes a portal link.
pub async fn create_portal_link(app: &App, new: NewLink) -> Result<Link, InternalError> {
    let token = new_token()?;
    let url = format!("{}/sign-in/{token}", app.settings.public_url);
    let hash = token_hash(&token);
    let expires_at = app.write(move |tx| Box::pin(async move { insert_link(tx, new, hash).await })).await?;
    Ok(Link { url, expires_at })
}

/// Writes the link of a token with this hash; the end of its validity.
pub(crate) async fn insert_link(
    tx: &mut WriteTransaction,
    new: NewLink,
    hash: [u8; 32],
) -> Result<Instant, InternalError> {
    let now = tx.now();
    let expires_at = now + TimeDelta::minutes(LINK_MINUTES);
    let member = sessions::member_role(&mut tx.db, new.customer_no, new.email.as_deref()).await?;
    let role = new.role.or(member).unwrap_or(Role::Admin);
    let role = member.map_or(role, |member| role.at_most(member));
    let sql =
        "insert into links (token_hash, purpose, customer_no, email, role, path, return_url, created_at, expires_at)
        values ($1, 'portal', $2, $3, $4, $5, $6, $7, $8)";
    let values = args![hash, new.customer_no, new.email, role.name(), new.path, new.return_url, now, expires_at];
    tx.db.execute(sql, values).await?;
    Ok(expires_at)
}

/// A portal link that works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusedLink {
    pub customer_no: i64,
    pub role: Role,
    pub expires_at: Instant,
}

/// The portal link of a token, while it works.
pub async fn unused(app: &App, token: &str) -> Result<Option<UnusedLink>, InternalError> {
    let sql = "select customer_no, role, expires_at from links
        where token_hash = $1 and purpose = 'portal' and used_at is null and expires_at > $2";
    let row = app.store.read().await?.fetch_optional(sql, args![token_hash(token), app.clock.now()]).await?;
    let Some(row) = row else { return Ok(None) };
    let role = row.opt_text("role")?.and_then(|role| Role::from_name(&role)).unwrap_or(Role::Viewer);
    let Some(customer_no) = row.opt_int("customer_no")? else { return Ok(None) };
    Ok(Some(UnusedLink { customer_no, role, expires_at: row.at("expires_at")? }))
}

/// The account that a link opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkTarget {
    pub customer_no: i64,
    /// The name of the customer.
    pub name: String,
    /// The person, where known.
    pub email: Option<String>,
    /// Whether the link came by email, and not from the SaaS.
    pub by_email: bool,
}

impl LinkTarget {
    /// True if a session is somebody else's, or at another customer.
    #[must_use]
    pub fn is_elsewhere(&self, viewer: &Viewer) -> bool {
        viewer.customer_no != self.customer_no || viewer.email != self.email
    }

    /// Whether a session is another person's, as far as is known.
    #[must_use]
    pub fn is_another_person(&self, viewer: &Viewer) -> bool {
        let is_same_person = self.email.is_some() && viewer.email == self.email;
        self.is_elsewhere(viewer) && !is_same_person
    }
}

/// The effect that a link would have now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// It opens this account's pages.
    Works(LinkTarget),
    /// It came by email, and is used or too old: its address may have a new one.
    OldMail,
    /// It came from the SaaS, and is used or too old.
    OldPortal,
    /// It is none of ours, or so old that it was forgotten.
    Unknown,
}

/// Looks at a link. Looking spends nothing: email scanners follow links.
pub async fn read_link(app: &App, token: &str) -> Result<LinkState, InternalError> {
    let sql = "select purpose, customer_no, email, role, expires_at, used_at from links where token_hash = $1";
    let mut db = app.store.read().await?;
    let Some(row) = db.fetch_optional(sql, args![token_hash(token)]).await? else { return Ok(LinkState::Unknown) };
    let works = row.opt_int("used_at")?.is_none() && row.at("expires_at")? > app.clock.now();
    let target = if works { link_target(&mut db, &row).await? } else { None };
    Ok(match (target, row.text("purpose")?.as_str()) {
        (Some((target, _)), _) => LinkState::Works(target),
        (None, "sign_in") => LinkState::OldMail,
        (None, _) => LinkState::OldPortal,
    })
}

/// The account that a link's row opens, and the role there; nothing where the person has none any more.
async fn link_target(db: &mut Connection, row: &Row) -> Result<Option<(LinkTarget, Role)>, DbError> {
    let (email, by_email) = (row.opt_text("email")?, row.text("purpose")? == "sign_in");
    let (customer_no, role) = if by_email {
        let home = home_customer(db, email.as_deref().unwrap_or_default()).await?;
        let Some(home) = home else { return Ok(None) };
        home
    } else {
        let Some(customer_no) = row.opt_int("customer_no")? else { return Ok(None) };
        let given = row.opt_text("role")?.and_then(|role| Role::from_name(&role)).unwrap_or(Role::Viewer);
        // Its role may have been lowered since the link was made.
        let member = sessions::member_role(db, customer_no, email.as_deref()).await?;
        (customer_no, member.map_or(given, |member| given.at_most(member)))
    };
    let sql = "select name from customers where no = $1 and closed_at is null";
    let Some(customer) = db.fetch_optional(sql, args![customer_no]).await? else { return Ok(None) };
    Ok(Some((LinkTarget { customer_no, name: customer.text("name")?, email, by_email }, role)))
}

/// The page that a link leads to, if the viewer is signed in already to the account that it opens or opened.
pub async fn leads_on(app: &App, token: &str, viewer: &Viewer) -> Result<Option<String>, InternalError> {
    let sql = "select path from links where token_hash = $1 and coalesce(email, '') = $2
        and (purpose = 'sign_in' or customer_no = $3)";
    let values = args![token_hash(token), viewer.email.clone().unwrap_or_default(), viewer.customer_no];
    let row = app.store.read().await?.fetch_optional(sql, values).await?;
    Ok(row.map(|row| row.text("path")).transpose()?)
}

/// The address that a link by email went to.
pub(crate) async fn mailed_to(app: &App, token: &str) -> Result<Option<String>, InternalError> {
    let sql = "select email from links where token_hash = $1 and purpose = 'sign_in'";
    let row = app.store.read().await?.fetch_optional(sql, args![token_hash(token)]).await?;
    Ok(row.map(|row| row.opt_text("email")).transpose()?.flatten())
}

/// Where a person comes in: the customer whose pages they used last, or joined first.
async fn home_customer(db: &mut Connection, email: &str) -> Result<Option<(i64, Role)>, DbError> {
    let sql = "select m.customer_no, m.role, coalesce((select max(s.seen_at) from sessions s
            where s.customer_no = m.customer_no and s.email = m.email), 0) as used
        from members m join customers c on c.no = m.customer_no
        where m.email = $1 and m.removed_at is null and c.closed_at is null
        order by used desc, m.no limit 1";
    let row = db.fetch_optional(sql, args![email]).await?;
    row.map(|row| Ok((row.int("customer_no")?, role_of(&row)?))).transpose()
}

/// Makes a link for whoever reads the emails of `email`: the token, which is for the email alone. It ends the older
/// ones.
pub(crate) async fn create_sign_in_link(tx: &mut WriteTransaction, email: &str) -> Result<String, InternalError> {
    let token = new_token()?;
    let now = tx.now();
    let older = "update links set used_at = $1 where email = $2 and purpose = 'sign_in' and used_at is null";
    tx.db.execute(older, args![now, email]).await?;
    let sql = "insert into links (token_hash, purpose, email, path, created_at, expires_at)
        values ($1, 'sign_in', $2, '/billing', $3, $4)";
    let until = now + TimeDelta::minutes(SIGN_IN_MINUTES);
    tx.db.execute(sql, args![token_hash(&token), email, now, until]).await?;
    Ok(token)
}

/// Spends a link, once, for whomever it opens; `device` is what the session will be listed as.
pub async fn spend_link(app: &App, token: &str, device: &str) -> Result<Spent, InternalError> {
    spend_shown(app, token, None, device).await
}

/// Spends a link, once, for the account that was shown, if one was.
pub async fn spend_shown(
    app: &App,
    token: &str,
    shown: Option<LinkTarget>,
    device: &str,
) -> Result<Spent, InternalError> {
    let (hash, session) = (token_hash(token), new_token()?);
    let new = NewSession { hash: token_hash(&session), device: device.to_owned(), lasts: app.settings.session_max };
    let opened = new.hash;
    Ok(match app.write_anonymous(move |tx| Box::pin(spend_in_transaction(tx, hash, shown, new))).await? {
        LinkOutcome::At(path) => {
            app.settings.limits.looked_up(&opened, true);
            Spent::Session { token: session, path }
        }
        LinkOutcome::Other => Spent::Other,
        LinkOutcome::Gone => Spent::Gone,
    })
}

/// The result of a link inside the write transaction.
enum LinkOutcome {
    At(String),
    Other,
    Gone,
}

/// A session to be opened.
struct NewSession {
    hash: [u8; 32],
    device: String,
    lasts: TimeDelta,
}

/// Spends a link and opens a session; where to, if the link was good.
async fn spend_in_transaction(
    tx: &mut WriteTransaction,
    link: [u8; 32],
    shown: Option<LinkTarget>,
    session: NewSession,
) -> Result<LinkOutcome, InternalError> {
    let now = tx.now();
    let sql = "select purpose, customer_no, email, role, path, return_url from links
        where token_hash = $1 and used_at is null and expires_at > $2";
    let Some(row) = tx.db.fetch_optional(sql, args![link, now]).await? else { return Ok(LinkOutcome::Gone) };
    let Some((target, role)) = link_target(&mut tx.db, &row).await? else { return Ok(LinkOutcome::Gone) };
    if shown.is_some_and(|shown| (shown.customer_no, &shown.email) != (target.customer_no, &target.email)) {
        return Ok(LinkOutcome::Other);
    }
    let sql = "update links set used_at = $1 where token_hash = $2 and used_at is null";
    if tx.db.execute(sql, args![now, link]).await? == 0 {
        return Ok(LinkOutcome::Gone);
    }
    let proven = row.text("purpose")? == "sign_in";
    let sql = "insert into sessions (token_hash, customer_no, email, role, proven, device, return_url, created_at,
          seen_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9)";
    let (back, until) = (row.opt_text("return_url")?, now + session.lasts);
    let (hash, device) = (session.hash, session.device);
    let values = args![hash, target.customer_no, target.email, role.name(), proven, device, back, now, until];
    tx.db.execute(sql, values).await?;
    Ok(LinkOutcome::At(row.text("path")?))
}
