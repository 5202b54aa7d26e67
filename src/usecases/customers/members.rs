//! Members: who may sign in for a customer, and as what.
//!
//! Invariants: owners manage everybody, admins everybody but owners; the last owner stays; whoever is removed or loses
//! rights has no session and no link left when that is committed. The right to act is read in the transaction that
//! acts.
//!
//! *Not here:* signing in (`sign_in`), the owner whom the SaaS names (`customers`).

use crate::domain::{Instant, role};
use crate::email::Draft;
use crate::ledger::WriteTransaction;
use crate::store::db::{DbError, Row};
use crate::usecases::access::sessions;
use crate::usecases::access::sessions::{Role, Viewer, role_of};
use crate::usecases::delivery::outbox;
use crate::usecases::{App, InternalError};
use crate::{args, email};
use chrono::TimeDelta;

/// The kind of an invitation's email.
pub(crate) const KIND: &str = "invite";

/// How many members a customer has at most.
pub const MEMBERS_MAX: i64 = 100;
/// How many invitations a customer sends in an hour.
pub const HOURLY_MAX: i64 = 20;

/// A member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub email: String,
    /// The role of the person.
    pub role: Role,
    pub since: Instant,
    /// When the last invitation was sent, if the person has not signed in yet.
    pub invited: Option<Instant>,
}

/// The result of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberChange {
    /// It is as was asked.
    Done,
    /// Only owners and admins manage members, and only owners manage owners.
    NotAllowed,
    /// No email could be sent to this address.
    BadAddress,
    /// A member already: the role is changed, not invited.
    Already,
    /// No such member.
    Unknown,
    /// A customer keeps at least one owner.
    LastOwner,
    /// Too many members, or too many invitations in an hour.
    TooMany,
}

/// The members of a customer, longest first.
pub async fn list_members(app: &App, customer_no: i64) -> Result<Vec<Member>, InternalError> {
    let sql = "select m.email, m.role, m.created_at,
          (select max(o.created_at) from outbox o where o.recipient = m.email and o.kind = 'invite'
             and o.customer_no = m.customer_no and not exists (select 1 from sessions s
               where s.customer_no = m.customer_no and s.email = m.email)) as invited
        from members m where m.customer_no = $1 and m.removed_at is null order by m.no limit $2";
    let rows = app.store.read().await?.fetch_all(sql, args![customer_no, MEMBERS_MAX]).await?;
    let member = |row: &Row| {
        let (email, since, invited) = (row.text("email")?, row.at("created_at")?, row.opt_at("invited")?);
        Ok(Member { email, role: role_of(row)?, since, invited })
    };
    rows.iter().map(member).collect::<Result<_, DbError>>().map_err(InternalError::from)
}

/// A requested change, with the data that the transaction needs to allow it.
struct Wish {
    viewer: Viewer,
    idle: Instant,
    email: String,
}

impl Wish {
    fn new(app: &App, viewer: &Viewer, email: &str) -> Option<Self> {
        let idle = sessions::idle_since(app);
        email::address(email).map(|email| Self { viewer: viewer.clone(), idle, email })
    }

    /// True if it may be about people of these roles. An owner may have lost the role since the page was drawn.
    async fn is_allowed(&self, tx: &mut WriteTransaction, about: &[Role]) -> Result<bool, DbError> {
        let now = tx.now();
        let role = sessions::role_now(&mut tx.db, &self.viewer, now, self.idle).await?;
        Ok(role.is_some_and(|role| about.iter().all(|about| role.may_manage_role(*about))))
    }

    /// The present role of the changed person.
    async fn target(&self, tx: &mut WriteTransaction) -> Result<Option<Role>, DbError> {
        sessions::member_role(&mut tx.db, self.viewer.customer_no, Some(&self.email)).await
    }

    /// True if the customer would be left without an owner.
    async fn leaves_no_owner(&self, tx: &mut WriteTransaction, was: Role, next: Option<Role>) -> Result<bool, DbError> {
        let sql = "select count(*) as n from members where customer_no = $1 and role = 'owner' and removed_at is null";
        let row = tx.db.fetch_optional(sql, args![self.viewer.customer_no]).await?;
        Ok(role::leaves_no_owner(row.map_or(Ok(0), |row| row.int("n"))?, was, next))
    }
}

/// Makes somebody a member, and says so by email.
pub async fn invite(app: &App, viewer: &Viewer, email: &str, role: Role) -> Result<MemberChange, InternalError> {
    let Some(wish) = Wish::new(app, viewer, email) else { return Ok(MemberChange::BadAddress) };
    let invitation = invitation(app, &wish, role);
    let job = app.write(move |tx| {
        Box::pin(async move {
            if !wish.is_allowed(tx, &[role]).await? {
                return Ok(MemberChange::NotAllowed);
            }
            if wish.target(tx).await?.is_some() {
                return Ok(MemberChange::Already);
            }
            if is_full(tx, wish.viewer.customer_no).await? {
                return Ok(MemberChange::TooMany);
            }
            let now = tx.now();
            let sql = "insert into members (customer_no, email, role, created_at) values ($1, $2, $3, $4)
                on conflict (customer_no, email) do update
                set role = excluded.role, created_at = excluded.created_at, removed_at = null, role_before_put = null";
            tx.db.execute(sql, args![wish.viewer.customer_no, &wish.email, role.name(), now]).await?;
            outbox::enqueue_email(tx, invitation).await?;
            Ok(MemberChange::Done)
        })
    });
    let changed = job.await?;
    app.mailer.nudge();
    Ok(changed)
}

/// Sends a member the invitation once more.
pub async fn invite_again(app: &App, viewer: &Viewer, email: &str) -> Result<MemberChange, InternalError> {
    let Some(wish) = Wish::new(app, viewer, email) else { return Ok(MemberChange::Unknown) };
    let emails = Role::ALL.map(|role| (role, invitation(app, &wish, role)));
    let job = app.write(move |tx| {
        Box::pin(async move {
            let Some(role) = wish.target(tx).await? else { return Ok(MemberChange::Unknown) };
            if !wish.is_allowed(tx, &[role]).await? {
                return Ok(MemberChange::NotAllowed);
            }
            if is_full(tx, wish.viewer.customer_no).await? {
                return Ok(MemberChange::TooMany);
            }
            if let Some((_, email)) = emails.into_iter().find(|(of, _)| *of == role) {
                outbox::enqueue_email(tx, email).await?;
            }
            Ok(MemberChange::Done)
        })
    });
    let changed = job.await?;
    app.mailer.nudge();
    Ok(changed)
}

async fn is_full(tx: &mut WriteTransaction, customer_no: i64) -> Result<bool, DbError> {
    let hour_ago = tx.now() - TimeDelta::hours(1);
    let sql = "select (select count(*) from members where customer_no = $1 and removed_at is null) as members,
        (select count(*) from outbox where kind = 'invite' and customer_no = $1 and created_at > $2) as invited";
    let Some(row) = tx.db.fetch_optional(sql, args![customer_no, hour_ago]).await? else { return Ok(true) };
    Ok(row.int("members")? >= MEMBERS_MAX || row.int("invited")? >= HOURLY_MAX)
}

fn invitation(app: &App, wish: &Wish, role: Role) -> outbox::NewEmail {
    let (shop, viewer) = (&app.catalog.shop, &wish.viewer);
    let may = match role {
        Role::Owner => "see everything, buy top-ups and manage members",
        Role::Admin => "see everything and buy top-ups",
        Role::Viewer => "see everything",
    };
    let body = Draft {
        lines: vec![
            format!("{} as {}: you can {may}.", invited_by(viewer), role_words(role)),
            format!("Sign in with this address, {}. We'll email you a link. No password.", wish.email),
        ],
        button: Some(("Sign in".to_owned(), format!("{}/sign-in", app.settings.public_url))),
        reason: "Didn't expect this? You can ignore this email.".to_owned(),
        ..Draft::new(shop, format!("You now have access to {} at {}", viewer.name, shop.name))
    };
    outbox::NewEmail {
        key: format!("invite:{}", app.clock.mint().simple()),
        customer_no: Some(viewer.customer_no),
        recipient: wish.email.clone(),
        kind: KIND,
        subject: format!("You were added to {} at {}", viewer.name, shop.name),
        body: body.render(),
        cause: None,
        stop_url: None,
        urgent: true,
    }
}

fn invited_by(viewer: &Viewer) -> String {
    viewer.email.as_ref().map_or_else(|| "You were added".to_owned(), |email| format!("{email} added you"))
}

const fn role_words(role: Role) -> &'static str {
    match role {
        Role::Owner => "an owner",
        Role::Admin => "an admin",
        Role::Viewer => "a viewer",
    }
}

/// Changes what a member may do. Open sessions gain with it; a lesser role ends them, and pending links.
pub async fn change_member_role(
    app: &App,
    viewer: &Viewer,
    email: &str,
    role: Role,
) -> Result<MemberChange, InternalError> {
    let Some(wish) = Wish::new(app, viewer, email) else { return Ok(MemberChange::Unknown) };
    app.write(move |tx| {
        Box::pin(async move {
            let was = wish.target(tx).await?;
            if !wish.is_allowed(tx, &[was.unwrap_or(role), role]).await? {
                return Ok(MemberChange::NotAllowed);
            }
            let Some(was) = was else { return Ok(MemberChange::Unknown) };
            if wish.leaves_no_owner(tx, was, Some(role)).await? {
                return Ok(MemberChange::LastOwner);
            }
            let no = wish.viewer.customer_no;
            // Given by people from now on: no `PUT` takes it back.
            let sql = "update members set role = $1, role_before_put = null where customer_no = $2 and email = $3";
            tx.db.execute(sql, args![role.name(), no, &wish.email]).await?;
            if role != was && role.at_most(was) == role {
                // A person who lowers their own role stays signed in here.
                sessions::end_all_sessions(tx, no, &wish.email, Some(wish.viewer.session)).await?;
            }
            let sql = "update sessions set role = $1 where customer_no = $2 and email = $3";
            tx.db.execute(sql, args![role.name(), no, &wish.email]).await?;
            Ok(MemberChange::Done)
        })
    })
    .await
}

/// Removes a member and ends their sessions and links, in one commit.
pub async fn remove(app: &App, viewer: &Viewer, email: &str) -> Result<MemberChange, InternalError> {
    let Some(wish) = Wish::new(app, viewer, email) else { return Ok(MemberChange::Unknown) };
    app.write(move |tx| {
        Box::pin(async move {
            let was = wish.target(tx).await?;
            if !wish.is_allowed(tx, &[was.unwrap_or(Role::Viewer)]).await? {
                return Ok(MemberChange::NotAllowed);
            }
            let Some(was) = was else { return Ok(MemberChange::Unknown) };
            if wish.leaves_no_owner(tx, was, None).await? {
                return Ok(MemberChange::LastOwner);
            }
            let (now, no) = (tx.now(), wish.viewer.customer_no);
            let sql = "update members set removed_at = $1 where customer_no = $2 and email = $3";
            tx.db.execute(sql, args![now, no, &wish.email]).await?;
            sessions::end_all_sessions(tx, no, &wish.email, None).await?;
            Ok(MemberChange::Done)
        })
    })
    .await
}
