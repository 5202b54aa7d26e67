//! The lists of a customer's page. Each is bounded and links to older rows.

use crate::domain::{Entry, GrantState, HoldState, Kind};
use crate::usecases::InternalError;
use crate::usecases::credits::usages::UsageRow;
use crate::usecases::credits::{accounts, holds as credit_holds, usages as credit_usages};
use crate::usecases::customers::members as customer_members;
use crate::usecases::operators::audit as audit_lines;
use crate::usecases::operators::search::{self, NamedCustomer};
use crate::web::operator::action_form::ActForm;
use crate::web::operator::actions::Act;
use crate::web::operator::audit_table::audit_table;
use crate::web::operator::page::{ROWS, before, key, older};
use crate::web::operator::table::{Cells, Table, amount, badge, code, kind_name, section, text, when};
use crate::web::request_context::RequestContext;
use crate::web::ui::badge::{Badge, Tone};
use leptos::prelude::*;

fn back(customer: &NamedCustomer) -> String {
    format!("/operator/customers/{}", customer.id)
}

/// Every grant, newest first.
pub async fn grants(request: &RequestContext, customer: &NamedCustomer) -> Result<AnyView, InternalError> {
    let app = &request.app;
    let mut found = accounts::list_grants(app, customer.no, None, before(request, "grants"), ROWS + 1).await?;
    let more = older(&mut found, "grants", |row| row.no);
    let row = |row: accounts::GrantRow| -> Cells {
        let (grant, id) = (&row.grant, row.grant.id.to_string());
        let tone = if row.state == GrantState::Active { Tone::Good } else { Tone::Quiet };
        let may = grant.kind == Kind::Courtesy && matches!(row.state, GrantState::Active | GrantState::Exhausted);
        let act = (may && customer.closed_at.is_none()).then(|| {
            view! { <ActForm act=Act::VoidGrant about=id.clone() name=id.clone() key=key(request) back=back(customer) title="Void" button="Void remaining credits" /> }
        });
        vec![
            code(id.clone()),
            text(kind_name(grant.kind)),
            amount(grant.amount),
            amount(grant.remaining()),
            amount(grant.held),
            amount(grant.used),
            badge(Badge::new(tone, row.state.name())),
            when(grant.effective_at),
            when(grant.expires_at),
            act.into_any(),
        ]
    };
    let rows = found.into_iter().map(row).collect();
    let heads = &["Grant", "Kind", "#Amount", "#Left", "#Held", "#Used", "State", "Starts", "Expires", "Actions"];
    let table = view! { <Table caption="Grants" is_log=true heads rows empty="No grants." /> };
    Ok(section("grants", "Grants", table, more))
}

/// The ledger's lines, newest first.
pub async fn entries(request: &RequestContext, customer: &NamedCustomer) -> Result<AnyView, InternalError> {
    let app = &request.app;
    accounts::catch_up_account(app, customer.no).await?;
    let last = search::newest_seq(app, customer.no).await?;
    let until = before(request, "entries").min(last.saturating_add(1)).max(1);
    let after = (until - 1 - (ROWS + 1)).max(0);
    let mut found: Vec<Entry> = accounts::list_entries(app, customer.no, after, until - 1 - after).await?;
    found.reverse();
    let more = older(&mut found, "entries", |entry| entry.seq);
    let row = |entry: Entry| -> Cells {
        vec![
            text(entry.seq.to_string()),
            when(entry.event_at),
            text(entry.kind.name()),
            amount(entry.amount),
            amount(entry.balance_after),
            amount(entry.held_change),
            amount(entry.frozen_change),
            code(entry.grant.to_string()),
            code(entry.cause.to_string()),
        ]
    };
    let rows = found.into_iter().map(row).collect();
    let heads = &["Line", "When", "Entry", "#Amount", "#Balance", "#Held", "#Frozen", "Grant", "Cause"];
    let table = view! { <Table caption="Entries" is_log=true heads rows empty="No entries." /> };
    Ok(section("entries", "Entries", table, more))
}

/// Usages, newest first.
pub async fn usages(request: &RequestContext, customer: &NamedCustomer) -> Result<AnyView, InternalError> {
    let mut found: Vec<UsageRow> =
        credit_usages::list_usages(&request.app, customer.no, before(request, "usages"), ROWS + 1).await?;
    let more = older(&mut found, "usages", |row| row.seq);
    let row = |UsageRow { usage, .. }: UsageRow| -> Cells {
        let id = usage.id.to_string();
        let act = match usage.voided_at {
            Some(at) => view! { "Voided " {when(at)} }.into_any(),
            None if customer.closed_at.is_some() => ().into_any(),
            None => view! { <ActForm act=Act::VoidUsage about=id.clone() name=id.clone() key=key(request) back=back(customer) title="Void" button="Void and return credits" /> }
            .into_any(),
        };
        vec![
            when(usage.created_at),
            amount(usage.credits),
            text(usage.operation.unwrap_or_default()),
            text(usage.source.unwrap_or_default()),
            code(id),
            act,
        ]
    };
    let rows = found.into_iter().map(row).collect();
    let heads = &["When", "#Credits", "Operation", "Source", "Usage", "Actions"];
    let table = view! { <Table caption="Usages" is_log=true heads rows empty="No usage yet." /> };
    Ok(section("usages", "Usages", table, more))
}

/// Open holds.
pub async fn holds(request: &RequestContext, customer: &NamedCustomer) -> Result<AnyView, InternalError> {
    let found = credit_holds::list_holds(&request.app, customer.no, Some(HoldState::Open), None, ROWS).await?;
    let row = |hold: credit_holds::HoldRow| -> Cells {
        vec![when(hold.created_at), amount(hold.credits), when(hold.expires_at), code(hold.id.to_string())]
    };
    let rows = found.into_iter().map(row).collect();
    let table = view! { <Table caption="Open holds" heads=&["Since", "#Credits", "Expires", "Hold"] rows empty="No open holds." /> };
    Ok(section("holds", "Open holds", table, None))
}

pub async fn members(request: &RequestContext, customer: &NamedCustomer) -> Result<AnyView, InternalError> {
    let found = customer_members::list_members(&request.app, customer.no).await?;
    let row = |member: customer_members::Member| -> Cells {
        vec![text(member.email), text(member.role.name()), when(member.since)]
    };
    let rows = found.into_iter().map(row).collect();
    let table = view! { <Table caption="Members" heads=&["Email", "Role", "Since"] rows empty="No members." /> };
    Ok(section("members", "Members", table, None))
}

/// Emails and reminders with their delivery.
pub async fn emails(request: &RequestContext, customer: &NamedCustomer) -> Result<AnyView, InternalError> {
    let mut found = search::customer_emails(&request.app, customer.no, before(request, "mails"), ROWS + 1).await?;
    let more = older(&mut found, "mails", |mail| mail.no);
    let row = |mail: search::CustomerEmail| -> Cells {
        vec![
            when(mail.created_at),
            text(mail.kind),
            text(mail.recipient),
            text(mail.subject),
            badge(delivery_badge(&mail.state, mail.attempts)),
            mail.done_at.map(when).into_any(),
            text(mail.last_error.unwrap_or_default()),
        ]
    };
    let rows = found.into_iter().map(row).collect();
    let heads = &["Written", "Kind", "To", "Subject", "Delivery", "Sent", "Last error"];
    let table = view! { <Table caption="Emails" is_log=true heads rows empty="No emails yet." /> };
    let reminders = search::sent_reminders(&request.app, customer.no).await?;
    let row = |reminder: search::SentReminder| -> Cells {
        let state = reminder_badge(reminder.mails, reminder.accepted, reminder.refused);
        vec![when(reminder.at), text(reminder.kind), amount(reminder.credits), when(reminder.expires_at), badge(state)]
    };
    let rows = reminders.into_iter().map(row).collect();
    let heads = &["When", "Reminder", "#Top-up of", "Expires", "Delivery"];
    let reminders = view! { <Table caption="Reminders" heads rows empty="No reminders yet." /> };
    Ok(view! {
        {section("mails", "Emails", table, more)}
        {section("reminders", "Reminders", reminders, None)}
    }
    .into_any())
}

/// The audit of the customer.
pub async fn audit(request: &RequestContext, customer: &NamedCustomer) -> Result<AnyView, InternalError> {
    let mut lines =
        audit_lines::list_audit(&request.app, Some(customer.no), before(request, "audit"), ROWS + 1).await?;
    let more = older(&mut lines, "audit", |line| line.no);
    Ok(section("audit", "Audit", audit_table(lines), more))
}

fn delivery_badge(state: &str, attempts: i64) -> Badge {
    match state {
        "accepted" => Badge::new(Tone::Good, "Accepted"),
        "refused" => Badge::new(Tone::Bad, "Not delivered"),
        _ if attempts > 0 => Badge::new(Tone::Warn, format!("Retrying ({attempts})")),
        _ => Badge::new(Tone::Quiet, "Waiting"),
    }
}

fn reminder_badge(mails: i64, accepted: i64, refused: i64) -> Badge {
    match (mails, accepted, refused) {
        (0, ..) => Badge::new(Tone::Quiet, "No email"),
        (all, good, 0) if good == all => Badge::new(Tone::Good, "Accepted"),
        (all, good, 0) => Badge::new(Tone::Quiet, format!("{good} of {all} accepted")),
        (all, _, bad) => Badge::new(Tone::Bad, format!("{bad} of {all} not delivered")),
    }
}
