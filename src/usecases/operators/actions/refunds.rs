//! A refund that an operator asks of Stripe. What it does to the credits is booked when Stripe reports it (R13).
//!
//! The line is written before Stripe is asked, under the key that goes to Stripe too; its end, when Stripe has
//! answered. While the end is missing (a crash, an outage), no other refund of the purchase is begun: the same one is
//! asked again.

use crate::domain::money::step;
use crate::domain::{Money, PurchaseId};
use crate::ledger::WriteTransaction;
use crate::stripe::StripeError;
use crate::usecases::operators::actions::request::{ActionOutcome, ActionRequest, AuditDetail, add_line};
use crate::usecases::operators::audit;
use crate::usecases::operators::audit::{Action, Line};
use crate::usecases::purchases::Purchase;
use crate::usecases::{App, InternalError, purchases};
use chrono::TimeDelta;
use uuid::Uuid;

/// A refund of which Stripe's answer is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The key to ask again with.
    pub key: Uuid,
    /// How much, in minor units.
    pub amount: i64,
    pub line: Line,
}

/// A refund as it is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Refund {
    pub purchase: PurchaseId,
    /// How much, in minor units.
    pub amount: i64,
}

/// What of a purchase could still be paid back, in minor units.
#[must_use]
pub fn refundable(purchase: &Purchase) -> i64 {
    let paid = purchase.payment_intent.as_ref().and(purchase.amount_total).unwrap_or(0);
    paid.saturating_sub(purchase.refunded_amount).max(0)
}

/// The refund of a purchase whose answer is missing, if there is one.
pub async fn pending(app: &App, id: PurchaseId) -> Result<Option<Pending>, InternalError> {
    let mut db = app.store.read().await?;
    let lines = audit::unanswered(&mut db, &id.to_string()).await?;
    Ok(lines.into_iter().find_map(pending_of))
}

/// The line's detail begins with the amount in minor units.
fn pending_of(line: Line) -> Option<Pending> {
    let amount = line.detail.split(' ').next()?.parse().ok()?;
    Some(Pending { key: line.key.parse().ok()?, amount, line })
}

/// Stripe keeps a key for a day: asked again after that, it might pay back twice.
const ASK_AGAIN_HOURS: i64 = 20;

enum Begun {
    /// Stripe is to be asked.
    Ask(Box<Purchase>),
    Stop(ActionOutcome),
}

/// Asks Stripe to pay back.
pub async fn refund(app: &App, order: ActionRequest, refund: Refund) -> Result<ActionOutcome, InternalError> {
    let Some(stripe) = &app.stripe else { return Ok(ActionOutcome::StripeUnavailable) };
    let first = order.clone();
    let purchase = match app.write(move |tx| Box::pin(async move { begin(tx, first, refund).await })).await? {
        Begun::Ask(purchase) => purchase,
        Begun::Stop(outcome) => return Ok(outcome),
    };
    let intent = purchase.payment_intent.clone().unwrap_or_default();
    let about = purchase.id.to_string();
    let asked = stripe.refund(&format!("refund-{}", order.key), &intent, refund.amount, &about).await;
    let note = |action, detail: String| AuditDetail::new(action, purchase.customer_no, &about, detail);
    match asked {
        Ok(sent) => {
            add_line(app, &order, "/end", note(Action::RefundSent, format!("{} {}", sent.id, sent.status))).await?;
            // So that the page shows it; Stripe's event comes anyway.
            if let Err(fault) = purchases::look_at(app, &purchase).await {
                tracing::warn!(error = %fault, "a refund was sent, and could not be looked at");
            }
            Ok(ActionOutcome::Done)
        }
        // The library could not read the answer: the refund may well be there.
        Err(e @ (StripeError::Unavailable(_) | StripeError::Malformed(_))) => {
            tracing::warn!(purchase = about, error = %e, "a refund has no answer");
            Ok(ActionOutcome::StripeUnavailable)
        }
        // Nothing was paid back.
        Err(e @ (StripeError::Refused { .. } | StripeError::Unauthorized(_))) => {
            tracing::warn!(purchase = about, error = %e, "a refund was refused");
            let said = match e {
                StripeError::Refused { status, code, .. } => format!("{status} {}", code.unwrap_or_default()),
                _ => "the key may not".to_owned(),
            };
            add_line(app, &order, "/end", note(Action::RefundRefused, said.trim().to_owned())).await?;
            Ok(ActionOutcome::StripeRefused)
        }
    }
}

async fn begin(tx: &mut WriteTransaction, order: ActionRequest, refund: Refund) -> Result<Begun, InternalError> {
    let Some(purchase) = purchases::load(&mut tx.db, refund.purchase).await? else {
        return Ok(Begun::Stop(ActionOutcome::Unknown));
    };
    let key = order.key.to_string();
    let open: Vec<Pending> =
        audit::unanswered(&mut tx.db, &refund.purchase.to_string()).await?.into_iter().filter_map(pending_of).collect();
    if audit::find(&mut tx.db, &key).await?.is_some() {
        // Only the very same one goes on.
        let same = open.iter().find(|open| open.key == order.key && open.amount == refund.amount);
        let late = tx.now() - TimeDelta::hours(ASK_AGAIN_HOURS);
        if same.is_some_and(|open| open.line.at <= late) {
            return Ok(Begun::Stop(ActionOutcome::RefundTooOld));
        }
        return Ok(if same.is_some() { Begun::Ask(Box::new(purchase)) } else { Begun::Stop(ActionOutcome::Again) });
    }
    if !open.is_empty() {
        return Ok(Begun::Stop(ActionOutcome::RefundOpen));
    }
    let left = refundable(&purchase);
    if refund.amount < 1 || refund.amount > left {
        return Ok(Begun::Stop(ActionOutcome::NothingToRefund));
    }
    // Stripe takes whole steps of the currency; all that is left is what it has charged.
    if refund.amount % step(&purchase.currency) != 0 && refund.amount != left {
        return Ok(Begun::Stop(ActionOutcome::BetweenSteps));
    }
    let detail = format!("{} {}", refund.amount, Money::new(refund.amount, &purchase.currency).long());
    let note = AuditDetail::new(Action::RefundAsked, purchase.customer_no, purchase.id, detail);
    audit::write(tx, &note.line(key, &order)).await?;
    Ok(Begun::Ask(Box::new(purchase)))
}
