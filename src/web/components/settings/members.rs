//! "Members": who may sign in, and as what.

use crate::domain::Role;
use crate::web::actions::{ChangeRole, InviteMember, RemoveMember};
use crate::web::components::Form;
use crate::web::components::settings::About;
use crate::web::components::text::When;
use crate::web::view::settings::{MemberChange, MemberRow, MembersView, role_name};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The region "Members".
#[component]
pub fn Members(members: MembersView) -> impl IntoView {
    let about = format!("Who may sign in for {}.", members.customer);
    let rows = members.rows.into_iter().map(|row| view! { <Row row /> }).collect_view();
    let invite = (!members.gives.is_empty()).then(|| view! { <Invite gives=members.gives /> });
    view! {
        <section aria-labelledby="members">
            <div class="heading">
                <h2 id="members">"Members"</h2>
                <p class="note">{about}</p>
            </div>
            <ul class="card rows">{rows}</ul>
            {invite}
            <p class="after">
                "Owners and admins buy and manage; only owners manage owners. Viewers see everything, invoices too, and cannot buy."
            </p>
        </section>
    }
}

#[component]
fn Row(row: MemberRow) -> impl IntoView {
    let email = row.email.clone();
    let change = match row.change {
        MemberChange::Nothing => ().into_any(),
        MemberChange::LastOwner => view! {
            <details>
                <summary class="link">"Change" <About what=email /></summary>
                <p class="note">"The last owner stays. Make somebody else an owner first."</p>
            </details>
        }
        .into_any(),
        MemberChange::Roles(roles) => view! {
            <details>
                <summary class="link">"Change" <About what=email.clone() /></summary>
                <Change email roles now=row.role is_you=row.is_you />
            </details>
        }
        .into_any(),
    };
    view! {
        <li>
            <p>
                <strong>{row.email}</strong>
                {row.is_you.then(|| view! { <span class="badge quiet">"You"</span> })}
            </p>
            <p class="note">{format!("{} since ", role_name(row.role))} <When moment=row.since /></p>
            {change}
        </li>
    }
}

#[component]
fn Change(email: String, roles: Vec<Role>, now: Role, is_you: bool) -> impl IntoView {
    let (label, loses) =
        if is_you { ("Leave", "You lose access at once.") } else { ("Remove", "They lose access at once.") };
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
fn Invite(gives: Vec<Role>) -> impl IntoView {
    view! {
        <Form class="panel" action=InviteMember::PATH label="Invite a member">
            <label class="grow">
                "E-mail" <input type="email" name="email" required maxlength="254" autocomplete="off" />
            </label>
            <RoleField roles=gives now=Role::Viewer />
            <button class="button">"Invite"</button>
        </Form>
    }
}
