//! Looking at a rule that is due: one transaction decides and makes the purchase, which counts against the cap from then.

use crate::args;
use crate::domain::auto_top_up::{Decision, UNCONFIRMED_UNTIL, spent};
use crate::domain::{Instant, PurchaseId};
use crate::ledger::WriteTransaction;
use crate::store::db::DbError;
use crate::usecases::agreements::{Rule, RuleState, load_rule};
use crate::usecases::auto_top_up::decision::{Facts, has_room, load_facts};
use crate::usecases::notify::emails::auto_top_up as mails;
use crate::usecases::notify::webhooks;
use crate::usecases::purchases::add_event;
use crate::usecases::{App, InternalError};
use chrono::TimeDelta;

/// How long a rule that sleeps is left alone.
const ASLEEP_SECONDS: i64 = 60;
/// When a cap that leaves no room, and nothing to leave it, is looked at again.
const BLOCKED_HOURS: i64 = 24;
/// A rule whose purchase is under way is looked at when that ends, and at the latest then.
const BUYING_HOURS: i64 = 48;

/// Looks at a rule that is due; true if it bought.
pub(super) async fn look_at_rule(app: &App, customer_no: i64) -> Result<bool, InternalError> {
    let buying_on = app.stripe.is_some();
    app.write(move |tx| Box::pin(async move { look(tx, customer_no, buying_on).await })).await
}

async fn look(tx: &mut WriteTransaction, customer_no: i64, buying_on: bool) -> Result<bool, InternalError> {
    // What is refused in this batch is written first, and the account with it.
    let at = tx.account(customer_no).await?.1;
    tx.flush().await?;
    let rule = load_rule(&mut tx.db, customer_no).await?.filter(|rule| rule.state == RuleState::On);
    let Some(rule) = rule else { return Ok(false) };
    if let Some(later) = rule.not_before.filter(|later| *later > at) {
        put_off(tx, customer_no, Some(later), rule.needed.map(|it| it.0)).await?;
        tx.evict_account(customer_no).await?;
        return Ok(false);
    }
    let facts = load_facts(&mut tx.db, customer_no, None, at).await?;
    let catalog = tx.catalog.clone();
    let decision = facts.decide(&rule, (tx.account(customer_no).await?.0, at), &catalog, buying_on);
    let soon = |seconds| Some(at + TimeDelta::seconds(seconds));
    match decision {
        Decision::Nothing if facts.in_progress => {
            put_off(tx, customer_no, Some(at + TimeDelta::hours(BUYING_HOURS)), rule.needed.map(|it| it.0)).await?;
        }
        Decision::Nothing => {
            if rule.blocked_at.is_some() && has_room(&rule, spent(&facts.purchases, at), &catalog) {
                unblock(tx, customer_no).await?;
            }
            put_off(tx, customer_no, None, None).await?;
        }
        // Nothing is queued: what was refused meanwhile is forgotten.
        Decision::Asleep(_) => put_off(tx, customer_no, soon(ASLEEP_SECONDS), None).await?,
        Decision::Blocked => block(tx, &rule, &facts, at).await?,
        Decision::Buy(packages) => {
            insert_purchase(tx, &rule, packages, at).await?;
            unblock(tx, customer_no).await?;
            put_off(tx, customer_no, Some(at + TimeDelta::hours(BUYING_HOURS)), None).await?;
        }
    }
    tx.evict_account(customer_no).await?;
    Ok(matches!(decision, Decision::Buy(_)))
}

/// When the rule is looked at next, unless a write makes it due.
async fn put_off(
    tx: &mut WriteTransaction,
    customer_no: i64,
    due_at: Option<Instant>,
    needed: Option<i64>,
) -> Result<(), DbError> {
    let sql = "update auto_top_ups set due_at = $1, needed = $2 where customer_no = $3 and state = 'on'";
    tx.db.execute(sql, args![due_at, needed, customer_no]).await.map(drop)
}

async fn unblock(tx: &mut WriteTransaction, customer_no: i64) -> Result<(), DbError> {
    let sql = "update auto_top_ups set blocked_at = null where customer_no = $1 and blocked_at is not null";
    tx.db.execute(sql, args![customer_no]).await.map(drop)
}

/// Credits are wanted and the cap leaves no room: said once, until it fits again.
async fn block(tx: &mut WriteTransaction, rule: &Rule, facts: &Facts, at: Instant) -> Result<(), InternalError> {
    let no = rule.customer_no;
    if rule.blocked_at.is_none() {
        mails::enqueue_blocked(tx, no, spent(&facts.purchases, at), &rule.agreed).await?;
        webhooks::enqueue_blocked(tx, no).await?;
        let sql = "update auto_top_ups set blocked_at = $1 where customer_no = $2";
        tx.db.execute(sql, args![at, no]).await?;
    }
    let again = facts.next_room().unwrap_or(at + TimeDelta::hours(BLOCKED_HOURS));
    Ok(put_off(tx, no, Some(again.max(at)), rule.needed.map(|it| it.0)).await?)
}

/// Stores the purchase and the first step of its payment.
async fn insert_purchase(
    tx: &mut WriteTransaction,
    rule: &Rule,
    packages: i64,
    at: Instant,
) -> Result<(), InternalError> {
    let catalog = tx.catalog.clone();
    let gone = || InternalError::Broken("the package of a rule is gone".to_owned());
    let package = catalog.package(&rule.agreed.package).ok_or_else(gone)?;
    let terms = catalog.terms(package);
    let many = |one: i64| one.checked_mul(packages).ok_or_else(gone);
    let (id, credits, amount) = (PurchaseId(tx.clock.mint()), many(terms.credits.0)?, many(terms.amount)?);
    let sql = "insert into purchases (id, customer_no, package, credits, amount, currency, months, state, attempt,
           refunded_amount, created_at, checkout_expires_at, origin, quantity)
         values ($1, $2, $3, $4, $5, $6, $7, 'created', 0, 0, $8, $9, 'automatic', $10)";
    let (months, ends) = (i64::from(terms.months), at + UNCONFIRMED_UNTIL);
    let values =
        args![id.bytes(), rule.customer_no, &package.id, credits, amount, &terms.currency, months, at, ends, packages];
    tx.db.execute(sql, values).await?;
    let sql = "insert into auto_payments (purchase, customer_no, consent, stripe_customer, payment_method, fingerprint,
           step, tries, due_at)
         select $1, c.customer_no, c.no, c.stripe_customer, c.payment_method, c.fingerprint, 'invoice', 0, $2
         from auto_top_up_consents c where c.no = $3";
    if tx.db.execute(sql, args![id.bytes(), at, rule.consent]).await? != 1 {
        return Err(InternalError::Broken("a rule without its consent".to_owned()));
    }
    add_event(tx, id, "automatic").await?;
    tracing::info!(purchase = %id, packages, "an automatic top-up begins");
    Ok(())
}
