//! A refund that an operator asks of Stripe. What it does to the credits is booked when Stripe reports it (R13).
//!
//! The line is written before Stripe is asked, under the key that goes to Stripe too; its end, when Stripe has
//! answered. While the end is missing (a crash, an outage), no other refund of the purchase is begun: the same one is
//! asked again.

use crate::domain::money::smallest_step;
use crate::domain::{Account, Changes, Credits, Grant, Money, PurchaseId, RefundStatus};
use crate::ledger::WriteTransaction;
use crate::stripe::StripeError;
use crate::usecases::credits::accounts;
use crate::usecases::operators::actions::request::{ActionOutcome, ActionRequest, AuditDetail, add_audit_line};
use crate::usecases::operators::audit;
use crate::usecases::operators::audit::{Action, AuditLine};
use crate::usecases::purchases::Purchase;
use crate::usecases::{App, InternalError, purchases};
use chrono::TimeDelta;
use uuid::Uuid;

/// A refund of which Stripe's answer is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingRefund {
    /// The key to ask again with.
    pub key: Uuid,
    /// How much, in minor units.
    pub amount: i64,
    pub line: AuditLine,
}

/// A refund as it is asked for.
#[derive(Clone, Copy, Debug)]
pub struct RefundOrder {
    pub purchase: PurchaseId,
    /// How much, in minor units.
    pub amount: i64,
}

/// The refundable rest of a purchase, in minor units.
#[must_use]
pub fn refundable(purchase: &Purchase) -> i64 {
    let paid = purchase.payment_intent.as_ref().and(purchase.amount_total).unwrap_or(0);
    paid.saturating_sub(purchase.refunded_amount).max(0)
}

/// The refund of a purchase whose answer is missing, if there is one.
pub async fn pending_refund(app: &App, id: PurchaseId) -> Result<Option<PendingRefund>, InternalError> {
    let mut db = app.store.read().await?;
    let lines = audit::unanswered_actions(&mut db, &id.to_string()).await?;
    Ok(lines.into_iter().find_map(pending_refund_of))
}

/// The line's detail begins with the amount in minor units.
fn pending_refund_of(line: AuditLine) -> Option<PendingRefund> {
    let amount = line.detail.split(' ').next()?.parse().ok()?;
    Some(PendingRefund { key: line.key.parse().ok()?, amount, line })
}

/// The credits that a refund would take back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RefundPreview {
    /// Its share of the purchase's credits.
    pub credits: Credits,
    /// The part of them that is removed at once.
    pub removed: Credits,
    /// The part that was used already and cannot be taken back.
    pub used: Credits,
    /// The part that running jobs hold: removed as they end.
    pub held: Credits,
}

/// The effect of a refund on the credits now, by the rules that book it (R13). It writes nothing.
pub async fn preview_refund(app: &App, purchase: &Purchase, amount: i64) -> Result<RefundPreview, InternalError> {
    let mut db = app.store.snapshot().await?;
    let account = accounts::account_now(&mut db, &purchase.customer, app).await?;
    let (Some(id), Some((mut account, at))) = (purchase.grant, account) else { return Ok(RefundPreview::default()) };
    if account.grant(id).is_none() {
        let stored = crate::store::accounts::load_grant(&mut db, purchase.customer_no, id).await?;
        let Some((_, grant)) = stored else { return Ok(RefundPreview::default()) };
        account.restore_closed_grant(grant);
    }
    let mut payment = purchases::stored_payment(&mut db, purchase.id).await?;
    payment.refund("preview", RefundStatus::Pending, amount);
    let charged = purchase.charged.or(purchase.amount_total).unwrap_or(0);
    let figures = |account: &Account| {
        let of = |grant: &Grant| {
            (grant.claim.refund + grant.claim.dispute, grant.refunded + grant.disputed, grant.shortfall())
        };
        account.grant(id).map(of).unwrap_or_default()
    };
    let before = figures(&account);
    let claims = payment.claims(purchase.credits, charged);
    let claimed = account.claim(id, claims, false, at, &mut Changes::default());
    claimed.map_err(|_| InternalError::Broken(format!("the grant of {} is not there", purchase.id)))?;
    let after = figures(&account);
    let (credits, removed, used) = (after.0 - before.0, after.1 - before.1, after.2 - before.2);
    Ok(RefundPreview { credits, removed, used, held: credits - removed - used })
}

/// Stripe keeps a key for a day: asked again after that, it might pay back twice.
const ASK_AGAIN_HOURS: i64 = 20;

enum RefundBegun {
    /// Stripe is to be asked.
    Ask(Box<Purchase>),
    Stop(ActionOutcome),
}

/// Asks Stripe to pay back.
pub async fn refund_purchase(
    app: &App,
    order: ActionRequest,
    refund: RefundOrder,
) -> Result<ActionOutcome, InternalError> {
    let Some(stripe) = &app.stripe else { return Ok(ActionOutcome::StripeUnavailable) };
    let first = order.clone();
    let purchase = match app.write(move |tx| Box::pin(async move { begin_refund(tx, first, refund).await })).await? {
        RefundBegun::Ask(purchase) => purchase,
        RefundBegun::Stop(outcome) => return Ok(outcome),
    };
    let intent = purchase.payment_intent.clone().unwrap_or_default();
    let about = purchase.id.to_string();
    let asked = stripe.refund(&format!("refund-{}", order.key), &intent, refund.amount, &about).await;
    let note = |action, detail: String| AuditDetail::new(action, purchase.customer_no, &about, detail);
    match asked {
        Ok(sent) => {
            add_audit_line(app, &order, "/end", note(Action::RefundSent, format!("{} {}", sent.id, sent.status)))
                .await?;
            // So that the page shows it; Stripe's event comes anyway.
            if let Err(fault) = purchases::update_purchase_payment(app, &purchase).await {
                tracing::warn!(error = %fault, "a refund was sent but could not be checked");
            }
            Ok(ActionOutcome::Done)
        }
        // The library could not read the answer: the refund may well be there.
        Err(e @ (StripeError::Unavailable(_) | StripeError::Malformed(_))) => {
            tracing::warn!(purchase = about, error = %e, "a refund has no answer");
            Ok(ActionOutcome::StripeUnavailable)
        }
        // Nothing was paid back.
        Err(e @ (StripeError::Refused { .. } | StripeError::Card { .. } | StripeError::Unauthorized(_))) => {
            tracing::warn!(purchase = about, error = %e, "a refund was refused");
            let said = match e {
                StripeError::Refused { status, code, .. } => format!("{status} {}", code.unwrap_or_default()),
                _ => "the key lacks the right".to_owned(),
            };
            add_audit_line(app, &order, "/end", note(Action::RefundRefused, said.trim().to_owned())).await?;
            Ok(ActionOutcome::StripeRefused)
        }
    }
}

async fn begin_refund(
    tx: &mut WriteTransaction,
    order: ActionRequest,
    refund: RefundOrder,
) -> Result<RefundBegun, InternalError> {
    let Some(purchase) = purchases::load_purchase(&mut tx.db, refund.purchase).await? else {
        return Ok(RefundBegun::Stop(ActionOutcome::Unknown));
    };
    let key = order.key.to_string();
    let open: Vec<PendingRefund> = audit::unanswered_actions(&mut tx.db, &refund.purchase.to_string())
        .await?
        .into_iter()
        .filter_map(pending_refund_of)
        .collect();
    if audit::find_audit_line(&mut tx.db, &key).await?.is_some() {
        // Only the very same one goes on.
        let same = open.iter().find(|open| open.key == order.key && open.amount == refund.amount);
        let late = tx.now() - TimeDelta::hours(ASK_AGAIN_HOURS);
        if same.is_some_and(|open| open.line.at <= late) {
            return Ok(RefundBegun::Stop(ActionOutcome::RefundTooOld));
        }
        return Ok(if same.is_some() {
            RefundBegun::Ask(Box::new(purchase))
        } else {
            RefundBegun::Stop(ActionOutcome::Again)
        });
    }
    if !open.is_empty() {
        return Ok(RefundBegun::Stop(ActionOutcome::RefundOpen));
    }
    let left = refundable(&purchase);
    if refund.amount < 1 || refund.amount > left {
        return Ok(RefundBegun::Stop(ActionOutcome::NothingToRefund));
    }
    // Stripe takes whole steps of the currency; all that is left is what it has charged.
    if refund.amount % smallest_step(&purchase.currency) != 0 && refund.amount != left {
        return Ok(RefundBegun::Stop(ActionOutcome::BetweenSteps));
    }
    let detail = format!("{} {}", refund.amount, Money::new(refund.amount, &purchase.currency).long());
    let note = AuditDetail::new(Action::RefundAsked, purchase.customer_no, purchase.id, detail);
    audit::write_audit_line(tx, &note.line(key, &order)).await?;
    Ok(RefundBegun::Ask(Box::new(purchase)))
}
