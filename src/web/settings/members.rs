//! "Members": the people who may sign in, and their roles.

use crate::domain::{Role, role};
use crate::usecases::access::links::Viewer;
use crate::usecases::customers::members;
use crate::usecases::customers::members::{Member, MemberChange};
use crate::web::settings::form::{About, change_settings};
use crate::web::settings::outcome::{Card, Feedback, SettingsField, SettingsOutcome as Outcome};
use crate::web::ui::dates::{When, Zone};
use crate::web::ui::field::Field;
use crate::web::ui::form::Form;
use crate::web::ui::role::role_name;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The changes that a reader is offered for one member.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Change {
    None,
    /// None, with the reason: a customer keeps an owner.
    LastOwner,
    /// Give one of these roles, or remove the member.
    Roles(Vec<Role>),
}

pub fn section(viewer: &Viewer, members: Vec<Member>, feedback: &Feedback, zone: Zone) -> impl IntoView + use<> {
    let grantable = grantable(viewer.role);
    let changes = changes(viewer.role, &members);
    let about = format!("People who can sign in to {}.", viewer.name);
    let row = |(member, change): (Member, Change)| {
        let is_you = viewer.email.as_ref() == Some(&member.email);
        row(member, change, is_you, zone)
    };
    let rows = members.into_iter().zip(changes).map(row).collect_view();
    let invite = (!grantable.is_empty()).then(|| view! { <Invite roles=grantable feedback=feedback.clone() /> });
    view! {
        <section aria-labelledby="members">
            <div class="heading">
                <h2 id="members">"Members"</h2>
                <p class="note">{about}</p>
            </div>
            <div class="card list">
                {feedback.in_card(Card::Members)}
                <ul class="rows">{rows}</ul>
                {invite}
            </div>
            <p class="after">
                "Admins can buy and manage members. Only owners can manage owners. Viewers can see everything, including invoices."
            </p>
        </section>
    }
}

/// The roles that a reader may give.
fn grantable(reader: Role) -> Vec<Role> {
    Role::ALL.into_iter().filter(|role| reader.may_manage_role(*role)).collect()
}

fn changes(reader: Role, members: &[Member]) -> Vec<Change> {
    let owners = members.iter().filter(|member| member.role == Role::Owner).count();
    let owners = i64::try_from(owners).unwrap_or(i64::MAX);
    let change = |member: &Member| {
        if !reader.may_manage_role(member.role) {
            Change::None
        } else if role::leaves_no_owner(owners, member.role, None) {
            Change::LastOwner
        } else {
            Change::Roles(grantable(reader))
        }
    };
    members.iter().map(change).collect()
}

fn row(member: Member, change: Change, is_you: bool, zone: Zone) -> impl IntoView {
    let email = member.email.clone();
    let since = match member.invited {
        None => {
            view! { {format!("{} since ", role_name(member.role))} <When moment=zone.day(member.since) /> }.into_any()
        }
        Some(at) => {
            let again = (change != Change::None).then(|| view! { " · " <Again email=email.clone() /> });
            view! { {role_name(member.role)} " · Invited " <When moment=zone.short_day(at) /> {again} }.into_any()
        }
    };
    let change = match change {
        Change::None => ().into_any(),
        Change::LastOwner => view! {
            <details>
                <summary class="link">"Change" <About what=email /></summary>
                <p class="note">"There must be at least one owner. Make someone else an owner first."</p>
            </details>
        }
        .into_any(),
        Change::Roles(roles) => view! {
            <details>
                <summary class="link">"Change" <About what=email.clone() /></summary>
                <ChangeForms email roles now=member.role is_you />
            </details>
        }
        .into_any(),
    };
    view! {
        <li>
            <p>
                <strong>{member.email}</strong>
                {is_you.then(|| view! { <span class="badge quiet">"You"</span> })}
            </p>
            <div class="note">{since}</div>
            {change}
        </li>
    }
}

/// Sends the invitation once more.
#[component]
fn Again(email: String) -> impl IntoView {
    view! {
        <Form class="inline" action=InviteAgain::PATH>
            <input type="hidden" name="email" value=email.clone() />
            <button class="textual">"Resend" <About what=format!("the invitation to {email}") /></button>
        </Form>
    }
}

#[component]
fn ChangeForms(email: String, roles: Vec<Role>, now: Role, is_you: bool) -> impl IntoView {
    let (label, loses) =
        if is_you { ("Leave", "You lose access right away.") } else { ("Remove", "They lose access right away.") };
    let (changed, removed) = (email.clone(), email.clone());
    let (role, whom) = (format!("the role of {email}"), if is_you { String::new() } else { email });
    view! {
        <div class="panel">
            <Form class="panel" action=ChangeRole::PATH>
                <input type="hidden" name="email" value=changed />
                <RoleField roles now />
                <button class="button">"Save" <About what=role /></button>
            </Form>
            <Form class="panel" action=RemoveMember::PATH>
                <input type="hidden" name="email" value=removed />
                <button class="button danger">{label} <About what=whom /></button>
                <span class="note">{loses}</span>
            </Form>
        </div>
    }
}

#[component]
fn RoleField(roles: Vec<Role>, now: Role) -> impl IntoView {
    let option = |role: Role| {
        view! {
            <option value=role.name() selected=role == now>
                {role_name(role)}
            </option>
        }
    };
    view! {
        <label>
            "Role"
            <select name="role">{roles.into_iter().map(option).collect_view()}</select>
        </label>
    }
}

#[component]
fn Invite(roles: Vec<Role>, feedback: Feedback) -> impl IntoView {
    let (error, value) =
        (feedback.error(SettingsField::MemberEmail), feedback.value(SettingsField::MemberEmail, String::new()));
    view! {
        <Form class="panel" action=InviteMember::PATH label="Invite a member">
            <Field label="Email" name="email" id="invite-email" value error kind="email" maxlength=254 />
            <RoleField roles now=Role::Viewer />
            <button class="button">"Invite"</button>
        </Form>
    }
}

/// Invites a member; `role` is `owner`, `admin` or `viewer`.
#[server(name = InviteMember, prefix = "/_fn", endpoint = "invite-member")]
pub async fn invite_member(email: String, role: String) -> Result<String, ServerFnError> {
    change_settings(Card::Members, "invite member", &email.clone(), |request, viewer| async move {
        let Some(role) = Role::from_name(&role) else { return Ok(Outcome::FormStale) };
        let changed = members::invite(&request.app, &viewer, &email, role).await?;
        let done = if request.app.mailer.is_off() { Outcome::Added } else { Outcome::Invited };
        Ok(outcome(changed, done))
    })
    .await
}

/// Sends a member the invitation once more.
#[server(name = InviteAgain, prefix = "/_fn", endpoint = "invite-again")]
pub async fn invite_again(email: String) -> Result<String, ServerFnError> {
    change_settings(Card::Members, "invite again", "", |request, viewer| async move {
        Ok(outcome(members::invite_again(&request.app, &viewer, &email).await?, Outcome::InvitedAgain))
    })
    .await
}

/// Changes a member's role.
#[server(name = ChangeRole, prefix = "/_fn", endpoint = "change-role")]
pub async fn change_role(email: String, role: String) -> Result<String, ServerFnError> {
    change_settings(Card::Members, "change role", "", |request, viewer| async move {
        let Some(role) = Role::from_name(&role) else { return Ok(Outcome::FormStale) };
        Ok(outcome(members::change_member_role(&request.app, &viewer, &email, role).await?, Outcome::RoleChanged))
    })
    .await
}

/// Removes a member.
#[server(name = RemoveMember, prefix = "/_fn", endpoint = "remove-member")]
pub async fn remove_member(email: String) -> Result<String, ServerFnError> {
    change_settings(Card::Members, "remove member", "", |request, viewer| async move {
        Ok(outcome(members::remove(&request.app, &viewer, &email).await?, Outcome::MemberRemoved))
    })
    .await
}

fn outcome(changed: MemberChange, done: Outcome) -> Outcome {
    match changed {
        MemberChange::Done => done,
        MemberChange::NotAllowed => Outcome::NotAllowed,
        MemberChange::BadAddress => Outcome::BadAddress,
        MemberChange::Already => Outcome::AlreadyMember,
        MemberChange::Unknown => Outcome::UnknownMember,
        MemberChange::LastOwner => Outcome::LastOwner,
        MemberChange::TooMany => Outcome::TooManyMembers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_is_offered_only_the_changes_that_would_be_made() {
        use Change::{LastOwner, None, Roles};
        let changes = |reader: Role, roles: &[Role]| {
            let member = |(n, role): (usize, &Role)| Member {
                email: format!("{n}@acme.example"),
                role: *role,
                since: "2026-11-22T14:03:00Z".parse().expect("an instant"),
                invited: Option::None,
            };
            super::changes(reader, &roles.iter().enumerate().map(member).collect::<Vec<_>>())
        };
        let (all, lower) = (Role::ALL.to_vec(), vec![Role::Admin, Role::Viewer]);
        let everybody = [Role::Owner, Role::Admin, Role::Viewer];
        assert_eq!(changes(Role::Owner, &everybody), [LastOwner, Roles(all.clone()), Roles(all.clone())]);
        assert_eq!(changes(Role::Owner, &[Role::Owner; 2]), [Roles(all.clone()), Roles(all)]);
        assert_eq!(changes(Role::Admin, &everybody), [None, Roles(lower.clone()), Roles(lower)]);
        assert_eq!(changes(Role::Viewer, &everybody), [None, None, None]);
    }
}
