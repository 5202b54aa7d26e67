//! The end of a rule: switched off, suspended, or its customer closed.

use crate::args;
use crate::domain::auto_top_up::{CardAnswer, SuspendedReason};
use crate::domain::{Origin, PurchaseId};
use crate::ledger::WriteTransaction;
use crate::store::db::DbError;
use crate::usecases::InternalError;
use crate::usecases::agreements::cards::{bar_card, detach_later, note_answer};
use crate::usecases::agreements::rule::{RuleState, load_rule, look_now};
use crate::usecases::notify::emails::auto_top_up as mails;
use crate::usecases::notify::webhooks;

/// Who ended a consent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// The member's number, where it is known.
    Member(Option<i64>),
    Operator(String),
    Api,
    /// A new consent took its place.
    Replaced,
    /// The customer was closed.
    Closed,
    /// The rule was suspended.
    Suspended,
}

impl EndedBy {
    const fn why(&self) -> &'static str {
        match self {
            Self::Member(_) => "member",
            Self::Operator(_) => "operator",
            Self::Api => "api",
            Self::Replaced => "replaced",
            Self::Closed => "closed",
            Self::Suspended => "suspended",
        }
    }

    fn name(&self) -> Option<String> {
        match self {
            Self::Member(no) => no.map(|no| no.to_string()),
            Self::Operator(name) => Some(name.clone()),
            _ => None,
        }
    }
}

/// Switches a rule off, in whatever state it is: its unpaid purchase is voided and its card detached, by the job. A
/// consent that is on its way is void too. Says whether there was anything to switch off.
pub(crate) async fn end_rule(tx: &mut WriteTransaction, customer_no: i64, by: EndedBy) -> Result<bool, InternalError> {
    tx.evict_account(customer_no).await?;
    let now = tx.now();
    let sql = "update auto_top_up_setups set ended_at = $1 where customer_no = $2 and ended_at is null";
    tx.db.execute(sql, args![now, customer_no]).await?;
    let Some(rule) = load_rule(&mut tx.db, customer_no).await?.filter(|rule| rule.state != RuleState::Off) else {
        return Ok(false);
    };
    end_consent(tx, rule.consent, &by).await?;
    if by != EndedBy::Replaced {
        let sql = "update auto_top_ups set state = 'off', reason = null, changed_at = $1, due_at = null, needed = null
            where customer_no = $2";
        tx.db.execute(sql, args![now, customer_no]).await?;
        mails::enqueue_off(tx, customer_no, rule.consent, matches!(by, EndedBy::Member(_))).await?;
    }
    detach_later(tx, customer_no, &rule.payment_method).await?;
    give_up_payment(tx, customer_no, "expired").await?;
    Ok(true)
}

async fn end_consent(tx: &mut WriteTransaction, consent: i64, by: &EndedBy) -> Result<(), DbError> {
    let sql = "insert into auto_top_up_endings (consent, at, why, ended_by) values ($1, $2, $3, $4)
        on conflict (consent) do nothing";
    tx.db.execute(sql, args![consent, tx.now(), by.why(), by.name()]).await.map(drop)
}

/// Sets the unpaid purchase, if any, on the way to be voided.
async fn give_up_payment(tx: &mut WriteTransaction, customer_no: i64, void_as: &str) -> Result<(), DbError> {
    let sql = "update auto_payments set step = 'void', void_as = $1, due_at = $2
        where customer_no = $3 and step not in ('done', 'void')";
    tx.db.execute(sql, args![void_as, tx.now(), customer_no]).await.map(drop)
}

/// Suspends a rule that is on, until a person agrees anew with another card, or has paid with this one.
pub(crate) async fn suspend_rule(
    tx: &mut WriteTransaction,
    customer_no: i64,
    reason: SuspendedReason,
) -> Result<(), InternalError> {
    tx.evict_account(customer_no).await?;
    let Some(rule) = load_rule(&mut tx.db, customer_no).await? else { return Ok(()) };
    bar_card(tx, customer_no, &rule.fingerprint).await?;
    if rule.state != RuleState::On {
        return Ok(());
    }
    let name: &'static str = reason.into();
    let sql = "update auto_top_ups set state = 'suspended', reason = $1, changed_at = $2, due_at = null, needed = null
        where customer_no = $3";
    tx.db.execute(sql, args![name, tx.now(), customer_no]).await?;
    end_consent(tx, rule.consent, &EndedBy::Suspended).await?;
    give_up_payment(tx, customer_no, "failed").await?;
    mails::enqueue_suspended(tx, customer_no, rule.consent, reason).await?;
    webhooks::enqueue_suspended(tx, customer_no, rule.consent, name).await
}

/// A refund or a dispute of a purchase, or its review: where it was automatic, the rule is suspended.
pub(crate) async fn purchase_was_reversed(
    tx: &mut WriteTransaction,
    customer_no: i64,
    origin: Origin,
    reason: SuspendedReason,
) -> Result<(), InternalError> {
    match origin {
        Origin::Automatic => suspend_rule(tx, customer_no, reason).await,
        Origin::Person | Origin::Api => Ok(()),
    }
}

/// An automatic purchase was credited, or ended unpaid: its payment is done, and the rule is looked at again.
pub(crate) async fn purchase_ended(
    tx: &mut WriteTransaction,
    customer_no: i64,
    id: PurchaseId,
) -> Result<(), InternalError> {
    let sql = "update auto_payments set step = 'done', due_at = null, sent_at = null where purchase = $1";
    tx.db.execute(sql, args![id.bytes()]).await?;
    // Credited before the card's answer was stored: it has paid.
    let sql = "update auto_payment_tries set answer = 'paid' where purchase = $1 and answer is null
          and exists (select 1 from purchases p where p.id = $1 and p.state = 'credited') returning fingerprint";
    if let Some(tried) = tx.db.fetch_optional(sql, args![id.bytes()]).await? {
        note_answer(tx, customer_no, &tried.text("fingerprint")?, CardAnswer::Paid).await?;
    }
    look_now(tx, customer_no).await
}
