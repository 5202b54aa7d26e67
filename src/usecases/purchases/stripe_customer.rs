//! A customer's customer at Stripe: made once, told of changes, and made again where somebody deleted it there.
//!
//! Invariants: one request to make it or to change it goes out under one key, however often it is repeated; a change
//! after that has another key. What was paid by a former Stripe customer is still its customer's.

use crate::args;
use crate::domain::Instant;
use crate::ledger::WriteTransaction;
use crate::store::db::{Connection, DbError, Row};
use crate::store::idempotency_keys::content_hash;
use crate::stripe::{NewCustomer, Stripe, StripeError};
use crate::usecases::delivery::failed_items;
use crate::usecases::delivery::rounds;
use crate::usecases::{App, InternalError, alarms};
use chrono::TimeDelta;

/// How many customers one run of the job tells Stripe of.
const TELL_MAX: i64 = 50;
/// Of these, how many side by side.
const TELL_AT_ONCE: usize = 8;
/// Tries before an alarm is raised.
const ALARM_AT_ATTEMPT: i64 = 10;
/// How long the job waits at most before it tries again.
const WAIT_MINUTES_MAX: i64 = 60;

/// The contact data of a customer for Stripe.
struct ContactData {
    no: i64,
    stripe_customer: Option<String>,
    /// Counts the changes of email and name.
    version: i64,
    waits: bool,
    new: NewCustomer,
}

const FACTS: &str = "select no, id, email, name, stripe_customer, stripe_version, stripe_due_at from customers";

fn contact_of_row(row: &Row) -> Result<ContactData, DbError> {
    Ok(ContactData {
        no: row.int("no")?,
        stripe_customer: row.opt_text("stripe_customer")?,
        version: row.int("stripe_version")?,
        waits: row.opt_int("stripe_due_at")?.is_some(),
        new: NewCustomer { email: row.text("email")?, name: Some(row.text("name")?), customer_ref: row.text("id")? },
    })
}

/// The customer's Stripe customer: known, or made now under a key of the customer's own.
pub(crate) async fn stripe_customer(
    app: &App,
    stripe: &Stripe,
    customer_no: i64,
) -> Result<Result<String, StripeError>, InternalError> {
    let row = app.store.read().await?.fetch_optional(format!("{FACTS} where no = $1"), args![customer_no]).await?;
    let row = row.ok_or_else(|| InternalError::Broken("the buyer is gone".to_owned()))?;
    let facts = contact_of_row(&row)?;
    if let Some(known) = facts.stripe_customer.clone() {
        if !facts.waits {
            return Ok(Ok(known));
        }
        // Checkout shows the email: it should be the one of now. That Stripe cannot be told is the job's to repeat.
        let quick = stripe.clone().with_deadline(stripe.deadline() / 3);
        match send_contact(app, &quick, &facts, &known).await? {
            Err(e) if e.lacks("customer") => {}
            Ok(()) | Err(_) => return Ok(Ok(known)),
        }
    }
    create_stripe_customer(app, stripe, customer_no).await
}

async fn create_stripe_customer(
    app: &App,
    stripe: &Stripe,
    customer_no: i64,
) -> Result<Result<String, StripeError>, InternalError> {
    let row = app.store.read().await?.fetch_optional(format!("{FACTS} where no = $1"), args![customer_no]).await?;
    let row = row.ok_or_else(|| InternalError::Broken("the buyer is gone".to_owned()))?;
    let ContactData { new, version, .. } = contact_of_row(&row)?;
    // The parameters are in the key: after a change Stripe would refuse the old key for others. The version is,
    // because under the key of one that was deleted Stripe would answer with that one.
    let counted = if version == 0 { String::new() } else { format!("\n{version}") };
    let key = content_hash("customer", &new.customer_ref, &format!("{}\n{:?}{counted}", new.email, new.name));
    let made = match stripe.create_customer(&format!("customer-{}", hex::encode(key)), &new).await {
        Ok(made) => made,
        Err(e) => return Ok(Err(e)),
    };
    app.write(move |tx| {
        Box::pin(async move {
            tx.lock_account(customer_no).await?;
            // A change that came while it was made is told by the job.
            let sql = "update customers set stripe_customer = coalesce(stripe_customer, $1),
                  stripe_due_at = case when stripe_version = $2 then stripe_due_at else $3 end
                where no = $4 returning stripe_customer";
            let row = tx.db.fetch_optional(sql, args![made, version, tx.now(), customer_no]).await?;
            Ok(row.map(|row| row.text("stripe_customer")).transpose()?)
        })
    })
    .await?
    .map(Ok)
    .ok_or_else(|| InternalError::Broken("the buyer is gone".to_owned()))
}

/// Tells Stripe a customer's email and name; one that is gone there is forgotten.
async fn send_contact(
    app: &App,
    stripe: &Stripe,
    facts: &ContactData,
    id: &str,
) -> Result<Result<(), StripeError>, InternalError> {
    let (no, version, known) = (facts.no, facts.version, id.to_owned());
    let told = stripe.update_customer(&format!("customer-{id}-{version}"), id, &facts.new).await;
    match &told {
        Ok(()) => {
            app.write(move |tx| {
                Box::pin(async move {
                    // Where it changed meanwhile, this answer may have overtaken a newer one: it is told once more.
                    let sql = "update customers set stripe_attempts = 0,
                          stripe_due_at = case when stripe_version = $1 then null else $2 end,
                          stripe_version = case when stripe_version = $1 then $1 else stripe_version + 1 end
                        where no = $3 and stripe_customer = $4";
                    tx.db.execute(sql, args![version, tx.now(), no, known]).await?;
                    Ok(())
                })
            })
            .await?;
        }
        Err(e) if e.lacks("customer") => forget_stripe_customer(app, no, id).await?,
        Err(_) => {}
    }
    Ok(told)
}

/// Forgets a Stripe customer that Stripe lacks: the next purchase makes another one.
pub(crate) async fn forget_stripe_customer(app: &App, customer_no: i64, id: &str) -> Result<(), InternalError> {
    let id = id.to_owned();
    app.write(move |tx| Box::pin(async move { Ok(forget_stripe_customer_in(tx, customer_no, &id).await?) })).await
}

/// The same inside a transaction.
pub(crate) async fn forget_stripe_customer_in(
    tx: &mut WriteTransaction,
    customer_no: i64,
    id: &str,
) -> Result<(), DbError> {
    tx.lock_account(customer_no).await?;
    let sql = "update customers set stripe_customer = null, stripe_due_at = null, stripe_version = stripe_version + 1
        where no = $1 and stripe_customer = $2";
    if tx.db.execute(sql, args![customer_no, id]).await? == 0 {
        return Ok(());
    }
    tracing::warn!(stripe_customer = id, "a customer is missing at Stripe and is created again");
    let sql = "insert into former_stripe_customers (stripe_customer, customer_no, replaced_at) values ($1, $2, $3)
        on conflict (stripe_customer) do update set replaced_at = excluded.replaced_at";
    tx.db.execute(sql, args![id, customer_no, tx.now()]).await?;
    Ok(())
}

/// True if a Stripe customer is a customer's own, now or formerly; unknown where none was ever kept.
pub(crate) async fn is_theirs(
    db: &mut Connection,
    customer_no: i64,
    id: Option<&str>,
) -> Result<Option<bool>, DbError> {
    let sql = "select stripe_customer from customers where no = $1 and stripe_customer is not null
        union select stripe_customer from former_stripe_customers where customer_no = $1";
    let rows = db.fetch_all(sql, args![customer_no]).await?;
    let known = rows.iter().map(|row| row.text("stripe_customer")).collect::<Result<Vec<_>, _>>()?;
    Ok((!known.is_empty()).then(|| id.is_some_and(|id| known.iter().any(|known| known == id))))
}

/// Tells Stripe of the customers whose email or name changed; how many it took. One that it does not answer about is
/// put off by itself.
pub async fn send_contact_changes(app: &App) -> Result<u64, InternalError> {
    let Some(stripe) = &app.stripe else { return Ok(0) };
    let act =
        |item: String| async move { send_contact_change(app, stripe, failed_items::customer_of_item(&item)?).await };
    let mut run = rounds::ItemRun::new(app, failed_items::CUSTOMERS, TELL_AT_ONCE);
    let done = run.retry(act).await?;
    let sql = format!(
        "select no as customer_no from customers where closed_at is null and stripe_due_at <= $1 and {}
         order by stripe_due_at, no limit $2",
        failed_items::CUSTOMERS.without_failed("customers.no")
    );
    let rows = app.store.read().await?.fetch_all(sql, args![app.clock.now(), TELL_MAX]).await?;
    Ok(done + run.serve(failed_items::customer_items(&rows)?, act).await?)
}

async fn send_contact_change(app: &App, stripe: &Stripe, no: i64) -> Result<u64, InternalError> {
    let sql = format!("{FACTS} where no = $1 and closed_at is null and stripe_due_at <= $2");
    let row = app.store.read().await?.fetch_optional(sql, args![no, app.clock.now()]).await?;
    let Some(facts) = row.as_ref().map(contact_of_row).transpose()? else { return Ok(0) };
    let Some(id) = facts.stripe_customer.clone() else { return Ok(0) };
    match send_contact(app, stripe, &facts, &id).await? {
        Ok(()) => Ok(1),
        Err(e) if e.lacks("customer") => Ok(1),
        Err(e) => put_off_contact(app, facts, e).await.map(|()| 0),
    }
}

/// One that could not be told comes again later, ever later; one that Stripe refuses is a person's to look at.
async fn put_off_contact(app: &App, facts: ContactData, error: StripeError) -> Result<(), InternalError> {
    tracing::warn!(customer = facts.new.customer_ref, error = %error, "a customer could not be updated at Stripe");
    app.write(move |tx| {
        Box::pin(async move {
            let sql =
                "update customers set stripe_attempts = stripe_attempts + 1 where no = $1 returning stripe_attempts";
            let row = tx.db.fetch_optional(sql, args![facts.no]).await?;
            let attempts = row.map_or(Ok(1), |row| row.int("stripe_attempts"))?;
            let refused = matches!(error, StripeError::Refused { .. });
            let due = (!refused).then(|| tx.now() + TimeDelta::minutes(attempts.clamp(1, WAIT_MINUTES_MAX)));
            let sql = "update customers set stripe_due_at = $1 where no = $2 and stripe_version = $3";
            tx.db.execute(sql, args![due, facts.no, facts.version]).await?;
            let kind = error.alarm().unwrap_or("stripe_customer");
            if error.alarm().is_some() || attempts == ALARM_AT_ATTEMPT {
                let detail = format!("the email and name of {} could not be changed: {error}", facts.new.customer_ref);
                alarms::raise_alarm(tx, kind, "customer", &detail).await?;
            }
            Ok(())
        })
    })
    .await
}

/// How many customers Stripe waits to be told of.
pub async fn contact_changes_waiting(app: &App) -> Result<i64, InternalError> {
    let sql = "select count(*) as n from customers where stripe_due_at <= $1 and closed_at is null";
    let row = app.store.read().await?.fetch_optional(sql, args![app.clock.now()]).await?;
    Ok(row.map_or(Ok(0), |row| row.int("n"))?)
}

/// When next, after `now`, Stripe is told again of a customer.
pub async fn next_contact_change(app: &App, now: Instant) -> Result<Option<Instant>, InternalError> {
    if app.stripe.is_none() {
        return Ok(None);
    }
    let sql = "select min(stripe_due_at) as due from customers where stripe_due_at > $1 and closed_at is null";
    let row = app.store.read().await?.fetch_optional(sql, args![now]).await?;
    Ok(row.map(|row| row.opt_at("due")).transpose()?.flatten())
}
