//! Customers: made and changed by the SaaS, read by everybody.

use crate::args;
use crate::domain::{Cycle, Instant, text};
use crate::ledger::WriteTransaction;
use crate::store::db::{Connection, DbError, Row, Value};
use crate::store::statement_batch;
use crate::usecases::access::sessions;
use crate::usecases::access::sessions::Viewer;
use crate::usecases::credits::accounts;
use crate::usecases::{App, InternalError};
use std::collections::HashSet;

/// A customer as the API and the pages know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// The store's number.
    pub no: i64,
    /// The SaaS's id.
    pub id: String,
    /// The owner's address.
    pub email: String,
    pub name: String,
    /// The plan in force.
    pub plan: String,
    /// The plan from the cycle's end.
    pub next_plan: Option<String>,
    /// The current cycle.
    pub cycle: Cycle,
    /// An IANA zone.
    pub timezone: String,
    pub created_at: Instant,
    pub closed_at: Option<Instant>,
}

/// The fields of a `PUT`; absent ones stay.
#[derive(Clone, Debug, Default)]
pub struct Put {
    /// An owner's address.
    pub email: Option<String>,
    pub name: Option<String>,
    /// A plan of the catalogue.
    pub plan: Option<String>,
    /// The instant that cycles are counted from.
    pub cycle_anchor: Option<Instant>,
    /// An IANA zone.
    pub timezone: Option<String>,
}

/// The result of a `PUT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutOutcome {
    Created,
    /// Changed, or as it was.
    Changed,
    /// A new customer needs this field.
    Missing(&'static str),
    /// No cycle of this anchor holds the present.
    BadAnchor,
    /// A closed customer is not revived.
    Closed,
    /// A subscription at Stripe decides plan and anchor.
    Managed,
}

/// Makes or changes a customer; plans act by R6.
pub async fn put_customer(app: &App, id: &str, put: Put) -> Result<PutOutcome, InternalError> {
    let id = id.to_owned();
    app.write(move |tx| Box::pin(async move { put_customer_in(tx, &id, put).await })).await
}

/// The same inside a transaction.
pub async fn put_customer_in(tx: &mut WriteTransaction, id: &str, put: Put) -> Result<PutOutcome, InternalError> {
    let outcome = match tx.customer_no(id).await? {
        Some(no) if tx.is_closed(no).await? => return Ok(PutOutcome::Closed),
        Some(no) => change_customer(tx, no, &put).await?,
        None => create_customer(tx, id, &put).await?,
    };
    Ok(outcome)
}

async fn create_customer(tx: &mut WriteTransaction, id: &str, put: &Put) -> Result<PutOutcome, InternalError> {
    let Some(email) = &put.email else { return Ok(PutOutcome::Missing("email")) };
    let Some(plan) = &put.plan else { return Ok(PutOutcome::Missing("plan")) };
    let (now, name) = (tx.now(), put.name.as_deref().unwrap_or(id));
    let row = tx
        .db
        .fetch_optional(
            "insert into customers (id, email, name, folded_name, timezone, created_at)
               values ($1, $2, $3, $4, $5, $6) returning no",
            args![id, email, name, text::folded(name), put.timezone.as_deref().unwrap_or("UTC"), now],
        )
        .await?;
    let no = row.ok_or_else(|| InternalError::Broken("no number for a new customer".to_owned()))?.int("no")?;
    if tx.open_account(no, id, plan, put.cycle_anchor.unwrap_or(now)).await?.is_err() {
        tx.db.execute("delete from customers where no = $1", args![no]).await?;
        return Ok(PutOutcome::BadAnchor);
    }
    add_owner(tx, no, &email.to_lowercase()).await?;
    Ok(PutOutcome::Created)
}

async fn change_customer(tx: &mut WriteTransaction, no: i64, put: &Put) -> Result<PutOutcome, InternalError> {
    let (account, _) = tx.account(no).await?;
    if !account.may_set(put.plan.as_deref(), put.cycle_anchor) {
        return Ok(PutOutcome::Managed);
    }
    if let Some(email) = &put.email {
        move_owner(tx, no, &email.to_lowercase()).await?;
    }
    mark_for_stripe(tx, no, put).await?;
    tx.db
        .execute(
            "update customers set email = coalesce($1, email), name = coalesce($2, name),
               folded_name = coalesce($3, folded_name), timezone = coalesce($4, timezone) where no = $5",
            args![put.email.clone(), put.name.clone(), put.name.as_deref().map(text::folded), put.timezone.clone(), no],
        )
        .await?;
    let (plan, anchor) = (put.plan.clone(), put.cycle_anchor);
    tx.with_account(no, |account, at, catalog, changes| {
        // A subscription's own plan and anchor may only be repeated.
        if account.controlled_by.is_some() {
            return;
        }
        if let Some(anchor) = anchor {
            account.anchor = anchor;
        }
        if let Some(plan) = plan {
            account.change_plan(&plan, at, catalog, changes);
        }
    })
    .await?;
    Ok(PutOutcome::Changed)
}

/// Stripe's copy of email and name follows: a job tells it, where it has one and this changes it.
async fn mark_for_stripe(tx: &mut WriteTransaction, no: i64, put: &Put) -> Result<(), DbError> {
    let now = tx.now();
    let sql = "update customers set stripe_version = stripe_version + 1, stripe_attempts = 0,
          stripe_due_at = case when stripe_customer is null then null else $4 end
        where no = $3 and (email <> coalesce($1, email) or name <> coalesce($2, name))";
    tx.db.execute(sql, args![put.email.clone(), put.name.clone(), no, now]).await?;
    Ok(())
}

/// Makes the customer's email address an owner. The member's former role is kept, so that a later address can restore it.
/// An owner whom people made stays one.
async fn add_owner(tx: &mut WriteTransaction, no: i64, email: &str) -> Result<(), DbError> {
    let now = tx.now();
    tx.db
        .execute(
            "insert into members (customer_no, email, role, created_at, role_before_put) values ($1, $2, 'owner', $3, 'none')
             on conflict (customer_no, email) do update set
               role_before_put = case when members.removed_at is not null then 'none'
                 when members.role = 'owner' then members.role_before_put else members.role end,
               created_at = case when members.removed_at is not null then excluded.created_at
                 else members.created_at end,
               role = 'owner', removed_at = null",
            args![no, email, now],
        )
        .await?;
    Ok(())
}

/// Another address takes the place of the former one: whatever the former `PUT` gave is taken back, with sessions and
/// links. The same address changes nothing: an owner whom people have removed stays away.
async fn move_owner(tx: &mut WriteTransaction, no: i64, email: &str) -> Result<(), DbError> {
    let row = tx.db.fetch_optional("select email from customers where no = $1", args![no]).await?;
    let former = row.map(|row| row.text("email")).transpose()?.unwrap_or_default().to_lowercase();
    if former == email {
        return Ok(());
    }
    add_owner(tx, no, email).await?;
    let now = tx.now();
    let sql = "update members set role = case when role_before_put = 'none' then role else role_before_put end,
          removed_at = case when role_before_put = 'none' then $1 else removed_at end, role_before_put = null
        where customer_no = $2 and email = $3 and removed_at is null and role_before_put is not null";
    if tx.db.execute(sql, args![now, no, &former]).await? > 0 {
        sessions::end_all_sessions(tx, no, &former, None).await?;
    }
    Ok(())
}

/// A member chooses the zone that the customer's dates are read in; says whether the member may.
pub async fn set_timezone(app: &App, viewer: &Viewer, zone: chrono_tz::Tz) -> Result<bool, InternalError> {
    let (viewer, idle) = (viewer.clone(), sessions::idle_since(app));
    app.write(move |tx| {
        Box::pin(async move {
            if !sessions::may_manage(tx, &viewer, idle).await? {
                return Ok(false);
            }
            let sql = "update customers set timezone = $1 where no = $2 and closed_at is null";
            Ok(tx.db.execute(sql, args![zone.name(), viewer.customer_no]).await? > 0)
        })
    })
    .await
}

const CUSTOMER: &str = "select c.no, c.id, c.email, c.name, c.timezone, c.created_at, c.closed_at,
    a.plan, a.next_plan, a.cycle_start, a.cycle_end
  from customers c join accounts a on a.customer_no = c.no";

fn customer_of(row: &Row) -> Result<Customer, DbError> {
    Ok(Customer {
        no: row.int("no")?,
        id: row.text("id")?,
        email: row.text("email")?,
        name: row.text("name")?,
        plan: row.text("plan")?,
        next_plan: row.opt_text("next_plan")?,
        cycle: Cycle { start: row.at("cycle_start")?, end: row.at("cycle_end")? },
        timezone: row.text("timezone")?,
        created_at: row.at("created_at")?,
        closed_at: row.opt_at("closed_at")?,
    })
}

/// A customer as it stands now: what was due by now has happened, booked or not (R3).
pub async fn find_customer(app: &App, id: &str) -> Result<Option<Customer>, InternalError> {
    Ok(load_customer(&mut app.store.snapshot().await?, app, id).await?)
}

/// The same, of the state that a page sees.
pub async fn load_customer(db: &mut Connection, app: &App, id: &str) -> Result<Option<Customer>, DbError> {
    let Some(row) = db.fetch_optional(format!("{CUSTOMER} where c.id = $1"), args![id]).await? else { return Ok(None) };
    let mut customer = customer_of(&row)?;
    if customer.cycle.end <= app.clock.now() {
        let account = accounts::account_now(db, &customer.id, app).await?;
        if let Some((account, _)) = account {
            customer.plan = account.plan;
            customer.next_plan = account.next_plan;
            customer.cycle = account.cycle;
        }
    }
    Ok(Some(customer))
}

/// Which of these ids are customers', asked together.
pub async fn existing_customers(app: &App, mut ids: Vec<String>) -> Result<HashSet<String>, InternalError> {
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let mut db = app.store.read().await?;
    let sql = |_: &str, any: &str| format!("select id from customers where id {any}");
    let rows =
        statement_batch::fetch_all_in(&mut db, sql, Vec::new(), ids.into_iter().map(Value::from).collect()).await?;
    Ok(rows.iter().map(|row| row.text("id")).collect::<Result<_, DbError>>()?)
}

/// The number and id of a customer.
pub async fn customer_number(app: &App, id: &str) -> Result<Option<i64>, InternalError> {
    let row = app.store.read().await?.fetch_optional("select no from customers where id = $1", args![id]).await?;
    row.map(|row| row.int("no")).transpose().map_err(InternalError::from)
}
