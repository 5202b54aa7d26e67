//! Sessions: who looks at a page, for which customer, and until when.
//!
//! Invariants: tokens are kept as SHA-256 only; a session ends when idle, at its limit, or when it is ended. A
//! session opened by an emailed link proves its address: it has the member's role of now, and may switch to another
//! customer of the same person. One opened by the SaaS has the role that the SaaS chose, at most the member's. Whoever
//! loses rights loses sessions and links in one commit.

pub use crate::domain::Role;

use crate::args;
use crate::domain::Instant;
use crate::ledger::WriteTransaction;
use crate::store::db::{Connection, DbError, Row, Value};
use crate::store::statement_batch;
use crate::usecases::access::tokens::token_hash;
use crate::usecases::{App, InternalError};
use chrono::TimeDelta;

/// How often the use of a session is written down.
const SEEN_EVERY_MINUTES: i64 = 5;
/// How many sessions a list shows.
const LIST_MAX: i64 = 100;

/// The viewer of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    pub customer_no: i64,
    /// The SaaS's id of the customer.
    pub customer: String,
    /// The name of the customer.
    pub name: String,
    /// The customer's zone.
    pub timezone: String,
    /// The person, where known.
    pub email: Option<String>,
    /// The role of the person.
    pub role: Role,
    /// True if the session came by an email to that address.
    pub proven: bool,
    /// The address of "back to the app".
    pub return_url: Option<String>,
    /// Hash of the session's token: what forms are bound to.
    pub session: [u8; 32],
}

/// Sessions that are good: `$1` is now, `$2` the last use before which they have gone idle.
const LIVE: &str = "from sessions s join customers c on c.no = s.customer_no
    left join members m on m.customer_no = s.customer_no and m.email = s.email and m.removed_at is null
  where s.ended_at is null and s.expires_at > $1 and s.seen_at > $2 and c.closed_at is null
    and (s.proven = 0 or m.no is not null)";
const ROLE: &str = "case when s.proven = 1 then m.role
    when m.role = 'viewer' then 'viewer' when m.role = 'admin' and s.role = 'owner' then 'admin'
    else s.role end as role";

/// The last use before which a session has gone idle.
pub(crate) fn idle_since(app: &App) -> Instant {
    app.clock.now() - app.settings.session_idle
}

/// Which of these sessions are good, at which customer, and the number of the customer's last entry.
pub(crate) async fn fetch_positions(db: &mut Connection, app: &App, hashes: Vec<Value>) -> Result<Vec<Row>, DbError> {
    let live =
        LIVE.replacen("join customers c", "join accounts a on a.customer_no = s.customer_no join customers c", 1);
    let sql = |first: &str, any: &str| {
        let (now, idle) = first.split_once(',').unwrap_or(("$1", "$2"));
        let live = live.replace("$1", now).replace("$2", idle);
        format!("select c.no, s.token_hash, a.seq {live} and s.token_hash {any}")
    };
    statement_batch::fetch_all_in(db, sql, args![app.clock.now(), idle_since(app)], hashes).await
}

/// The owner of a session, who uses it.
pub async fn find_viewer(app: &App, token: &str) -> Result<Option<Viewer>, InternalError> {
    let Some((viewer, seen_at)) = find_session(app, token).await? else { return Ok(None) };
    if seen_at + TimeDelta::minutes(SEEN_EVERY_MINUTES) <= app.clock.now() {
        touch_session(app, viewer.session).await;
    }
    Ok(Some(viewer))
}

/// The same for what a page asks by itself: a session goes idle although its page is open.
pub async fn find_idle_viewer(app: &App, token: &str) -> Result<Option<Viewer>, InternalError> {
    Ok(find_session(app, token).await?.map(|(viewer, _)| viewer))
}

async fn find_session(app: &App, token: &str) -> Result<Option<(Viewer, Instant)>, InternalError> {
    let (now, hash) = (app.clock.now(), token_hash(token));
    let sql = format!(
        "select s.email, {ROLE}, s.proven, s.return_url, s.seen_at, c.no, c.id, c.name, c.timezone {LIVE}
           and s.token_hash = $3"
    );
    let row = app.store.read().await?.fetch_optional(sql, args![now, idle_since(app), hash]).await?;
    app.settings.limits.looked_up(&hash, row.is_some());
    let Some(row) = row else { return Ok(None) };
    let viewer = Viewer {
        customer_no: row.int("no")?,
        customer: row.text("id")?,
        name: row.text("name")?,
        timezone: row.text("timezone")?,
        email: row.opt_text("email")?,
        role: role_of(&row)?,
        proven: row.flag("proven")?,
        return_url: row.opt_text("return_url")?,
        session: hash,
    };
    Ok(Some((viewer, row.at("seen_at")?)))
}

/// The role in a row, as its column `role` has it.
pub(crate) fn role_of(row: &Row) -> Result<Role, DbError> {
    Ok(Role::from_name(&row.text("role")?).unwrap_or(Role::Viewer))
}

/// The role of a session for a customer now, read in the transaction that acts on it.
pub(crate) async fn role_now(
    db: &mut Connection,
    viewer: &Viewer,
    now: Instant,
    idle: Instant,
) -> Result<Option<Role>, DbError> {
    let sql = format!("select {ROLE} {LIVE} and s.token_hash = $3 and s.customer_no = $4");
    let row = db.fetch_optional(sql, args![now, idle, viewer.session, viewer.customer_no]).await?;
    row.as_ref().map(role_of).transpose()
}

/// True if a session may change what belongs to the whole customer, read in the transaction that does so.
pub(crate) async fn may_manage(tx: &mut WriteTransaction, viewer: &Viewer, idle: Instant) -> Result<bool, DbError> {
    let now = tx.now();
    Ok(role_now(&mut tx.db, viewer, now, idle).await?.is_some_and(Role::may_manage))
}

/// Writes down that a session was used; a page does not fail for it.
async fn touch_session(app: &App, hash: [u8; 32]) {
    let done = app
        .ledger
        .job::<(), DbError, _>(move |tx| {
            Box::pin(async move {
                let now = tx.now();
                tx.db.execute("update sessions set seen_at = $1 where token_hash = $2", args![now, hash]).await?;
                Ok(())
            })
        })
        .await;
    if !matches!(done, Ok(Ok(()))) {
        tracing::warn!("the use of a session could not be recorded");
    }
}

/// Ends a session.
pub async fn sign_out_session(app: &App, session: [u8; 32]) -> Result<(), InternalError> {
    app.write(move |tx| {
        Box::pin(async move {
            let now = tx.now();
            let sql = "update sessions set ended_at = $1 where token_hash = $2 and ended_at is null";
            tx.db.execute(sql, args![now, session]).await?;
            Ok(())
        })
    })
    .await
}

/// The role of the member of this address, if there is one.
pub(crate) async fn member_role(
    db: &mut Connection,
    customer_no: i64,
    email: Option<&str>,
) -> Result<Option<Role>, DbError> {
    let Some(email) = email else { return Ok(None) };
    let sql = "select role from members where customer_no = $1 and email = $2 and removed_at is null";
    let row = db.fetch_optional(sql, args![customer_no, email]).await?;
    row.as_ref().map(role_of).transpose()
}

/// Ends all sessions and pending links of a person for a customer, in the transaction that takes their rights: all but
/// the session `but`, where somebody gives up rights of their own. A link by email is the person's for every customer;
/// it opens what the person is a member of when it is spent, so that it ends with the last of these.
pub(crate) async fn end_all_sessions(
    tx: &mut WriteTransaction,
    customer_no: i64,
    email: &str,
    but: Option<[u8; 32]>,
) -> Result<(), DbError> {
    let now = tx.now();
    let sql = "update sessions set ended_at = $1
        where customer_no = $2 and email = $3 and ended_at is null and token_hash <> $4";
    tx.db.execute(sql, args![now, customer_no, email, but.unwrap_or_default()]).await?;
    let sql = "update links set used_at = $1 where email = $2 and customer_no = $3 and used_at is null";
    tx.db.execute(sql, args![now, email, customer_no]).await?;
    let sql = "update links set used_at = $1 where email = $2 and purpose = 'sign_in' and used_at is null
        and not exists (select 1 from members m join customers c on c.no = m.customer_no
          where m.email = $2 and m.removed_at is null and c.closed_at is null)";
    tx.db.execute(sql, args![now, email]).await?;
    Ok(())
}

/// A session as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSummary {
    /// The first half of its hash, which names it and opens nothing.
    pub id: String,
    /// The person, where known.
    pub email: Option<String>,
    /// Browser and system in plain words.
    pub device: String,
    /// The customer whose pages it is at.
    pub at: String,
    pub created_at: Instant,
    /// When it was last used, to five minutes.
    pub seen_at: Instant,
    /// True if it is the one that asks.
    pub current: bool,
    /// True if it is the same person's.
    pub own: bool,
    pub(crate) hash: [u8; 32],
}

/// The viewer's own live sessions: this one, and those of the same address for this customer. One that has proven
/// its address could go over to any customer of the person, so that all of these are its own, wherever they are.
/// `$3` is this one, `$4` the customer, `$5` the address, `$6` whether it is proven.
const OWN: &str = "(s.token_hash = $3 or (s.email = $5 and (s.customer_no = $4 or ($6 = 1 and s.proven = 1))))";

/// The live sessions that a viewer may end, last used first: everybody their own, an owner all of the customer.
pub async fn list_sessions(app: &App, viewer: &Viewer) -> Result<Vec<SessionSummary>, InternalError> {
    let sql = format!(
        "select s.token_hash, s.email, s.device, s.created_at, s.seen_at, c.name,
           cast(case when {OWN} then 1 else 0 end as bigint) as own {LIVE} and ({OWN} or ($7 = 1 and s.customer_no = $4))
         order by s.seen_at desc, s.created_at desc limit $8"
    );
    let values = args![
        app.clock.now(),
        idle_since(app),
        viewer.session,
        viewer.customer_no,
        viewer.email.clone(),
        viewer.proven,
        viewer.role == Role::Owner,
        LIST_MAX
    ];
    let rows = app.store.read().await?.fetch_all(sql, values).await?;
    let listed = |row: &Row| {
        let hash: [u8; 32] = row.bytes("token_hash")?;
        Ok(SessionSummary {
            id: hex::encode(&hash[..16]),
            email: row.opt_text("email")?,
            device: row.text("device")?,
            at: row.text("name")?,
            created_at: row.at("created_at")?,
            seen_at: row.at("seen_at")?,
            current: hash == viewer.session,
            own: row.int("own")? == 1,
            hash,
        })
    };
    rows.iter().map(listed).collect::<Result<_, DbError>>().map_err(InternalError::from)
}

/// Ends one of the sessions that [`list_sessions`] shows; whether there was one.
pub async fn revoke_session(app: &App, viewer: &Viewer, id: &str) -> Result<bool, InternalError> {
    let listed = list_sessions(app, viewer).await?.into_iter().find(|listed| listed.id == id);
    let Some(listed) = listed else { return Ok(false) };
    let (viewer, idle) = (viewer.clone(), idle_since(app));
    app.write(move |tx| {
        Box::pin(async move {
            let now = tx.now();
            let role = role_now(&mut tx.db, &viewer, now, idle).await?;
            // An owner of the page's time may be none now.
            if role.is_none() || !(listed.own || role == Some(Role::Owner)) {
                return Ok(false);
            }
            let sql = "update sessions set ended_at = $1 where token_hash = $2 and ended_at is null";
            Ok(tx.db.execute(sql, args![now, listed.hash]).await? > 0)
        })
    })
    .await
}

/// Ends all sessions of the same person but this one, and every link that would open another; says how many sessions
/// there were.
pub async fn revoke_other_sessions(app: &App, viewer: &Viewer) -> Result<u64, InternalError> {
    let (viewer, idle) = (viewer.clone(), idle_since(app));
    app.write(move |tx| {
        Box::pin(async move {
            let now = tx.now();
            if role_now(&mut tx.db, &viewer, now, idle).await?.is_none() {
                return Ok(0);
            }
            // Also what has gone idle: it would wake up if the setting grew.
            let sql = format!(
                "update sessions as s set ended_at = $1
                 where s.ended_at is null and s.expires_at > $2 and s.token_hash <> $3 and {OWN}"
            );
            let values = args![now, now, viewer.session, viewer.customer_no, viewer.email.clone(), viewer.proven];
            let ended = tx.db.execute(sql, values).await?;
            let sql = "update links set used_at = $1 where email = $2 and used_at is null
                and (customer_no = $3 or purpose = 'sign_in')";
            tx.db.execute(sql, args![now, viewer.email, viewer.customer_no]).await?;
            Ok(ended)
        })
    })
    .await
}
