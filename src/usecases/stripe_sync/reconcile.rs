//! Reconciliation: what Stripe has sold, paid back and lost beside what the ledger says, difference by difference.
//!
//! Reads only, unless repairs are asked for; a repair is what the webhook would have done. What has no repair is
//! for a person: money and row disagree, and neither may be changed to suit the other.

use crate::domain::payment::DisputeStatus;
use crate::domain::{Instant, Payment, PurchaseId, PurchaseState, RefundStatus};
use crate::stripe::{CheckoutState, CheckoutStatus, PaymentHistory, Sale, Stripe, StripeError};
use crate::usecases::delivery::failed_items;
use crate::usecases::purchases::{Fulfillment, Lost, Purchase};
use crate::usecases::stripe_sync::differences::{Difference, Repair, Stopped, Subject};
use crate::usecases::stripe_sync::subscription_differences;
use crate::usecases::{App, InternalError, purchases, subscriptions};
use std::collections::BTreeSet;

/// Purchases in a row that could not be compared, after which nothing is concluded.
const SILENT_MAX: usize = 3;

/// Compares every purchase that was begun at `since` or later, every refund and dispute that was, and every
/// subscription that lives or was, with Stripe; and every Checkout and automatic invoice there with the purchases.
///
/// # Errors
/// [`Stopped`]: then nothing may be concluded.
pub async fn compare_with_stripe(app: &App, since: Instant) -> Result<Vec<Difference>, Stopped> {
    let stripe = app.stripe.as_ref();
    let stripe = stripe.ok_or_else(|| StripeError::Unavailable("buying is off".to_owned()))?;
    let (mut differences, mut seen) =
        (subscription_differences::compare_subscriptions(app, since).await?, BTreeSet::new());
    let mut silent = 0;
    for id in purchases::begun_since(app, since).await? {
        match compare_purchase(app, stripe, id, &mut seen).await {
            Ok(found) => {
                silent = 0;
                differences.extend(found);
            }
            Err(stopped) => {
                silent += 1;
                // One that cannot be compared is told of; where none can, nothing may be concluded.
                if silent >= SILENT_MAX || stopped.is_everybodys() {
                    return Err(stopped);
                }
                let (detail, subject) = (format!("could not be compared: {stopped}"), Subject::Purchase(id));
                differences.push(Difference { kind: "not_compared", subject, detail, repair: Repair::Person });
            }
        }
    }
    let mut sales = stripe.sales_since(since.timestamp()).await?;
    sales.extend(stripe.automatic_sales_since(since.timestamp()).await?);
    differences.extend(compare_sales(app, sales).await?);
    let mut charges = BTreeSet::new();
    for what in ["/refunds", "/disputes"] {
        let parts = stripe.parts_since(what, since.timestamp()).await?;
        charges.extend(parts.into_iter().filter_map(|part| part.charge).filter(|charge| !seen.contains(charge)));
    }
    for charge in charges {
        let found = stripe.payment_history(&charge).await?;
        if let Some(id) = purchases::purchase_of_charge(app, &found.charge).await? {
            differences.extend(compare_payment(app, id, &found).await?);
        }
    }
    Ok(differences)
}

/// Compares one purchase with its Checkout and, where that says nothing else, with its payment.
async fn compare_purchase(
    app: &App,
    stripe: &Stripe,
    id: PurchaseId,
    seen: &mut BTreeSet<String>,
) -> Result<Vec<Difference>, Stopped> {
    let Some(purchase) = purchases::find_purchase(app, id).await? else { return Ok(Vec::new()) };
    let Some(session) = &purchase.session_id else { return Ok(Vec::new()) };
    let mut differences = Vec::new();
    match stripe.sale(session).await {
        Ok(state) => {
            let found = compare_checkout(&purchase, &state);
            let settled = found.is_none() && purchase.state == PurchaseState::Credited;
            differences.extend(found);
            if !settled {
                return Ok(differences);
            }
        }
        Err(StripeError::Refused { status: 404, .. }) => {
            let detail = format!("Stripe does not have its Checkout {session}");
            let subject = Subject::Purchase(id);
            return Ok(vec![Difference { kind: "unknown", subject, detail, repair: Repair::Person }]);
        }
        Err(e) => return Err(e.into()),
    }
    if let Some(found) = purchases::payment_history_of(stripe, &purchase).await? {
        seen.insert(found.charge.id.clone());
        differences.extend(compare_payment(app, id, &found).await?);
    }
    Ok(differences)
}

/// Mends what can be mended. One that cannot be keeps no other from it, and is still a difference afterwards.
pub async fn repair_differences(app: &App, differences: &[Difference]) -> Result<(), InternalError> {
    for one in differences {
        match repair_one(app, one).await {
            Ok(Some(done)) => {
                tracing::info!(subject = %one.subject, kind = one.kind, ?done, "a difference was repaired");
            }
            Ok(None) => {}
            Err(fault) if failed_items::may_pass(&fault) => return Err(fault),
            Err(fault) => {
                tracing::error!(subject = %one.subject, kind = one.kind, error = %fault, "a difference was not repaired");
            }
        }
    }
    Ok(())
}

async fn repair_one(app: &App, one: &Difference) -> Result<Option<Fulfillment>, InternalError> {
    Ok(Some(match (one.repair, &one.subject) {
        (Repair::Settle, Subject::Purchase(id)) => purchases::fulfill(app, *id, None).await?,
        (Repair::Look, Subject::Purchase(id)) => match purchases::find_purchase(app, *id).await? {
            Some(purchase) => purchases::update_purchase_payment(app, &purchase).await?,
            None => Fulfillment::NotOurs,
        },
        (Repair::Follow, Subject::Subscription(id)) => subscriptions::update_plan(app, id).await?,
        (Repair::Restore, Subject::Sale(sale)) => purchases::restore_purchase(app, sale).await?,
        _ => return Ok(None),
    }))
}

async fn compare_sales(app: &App, sales: Vec<Sale>) -> Result<Vec<Difference>, InternalError> {
    let (mut differences, mut elsewhere) = (Vec::new(), 0_u32);
    for sale in sales {
        let Some((_, lost)) = purchases::find_lost(app, &sale).await? else { continue };
        elsewhere += u32::from(lost == Lost::Elsewhere);
        differences.extend(lost_sale(sale, lost));
    }
    if elsewhere > 0 {
        let site = &app.settings.public_url;
        tracing::warn!(elsewhere, site, "Checkouts of unknown purchases lead to another site and were not compared");
    }
    Ok(differences)
}

fn lost_sale(sale: Sale, lost: Lost) -> Option<Difference> {
    let stands = if sale.is_paid() { "paid" } else { "not paid yet" };
    let (detail, repair) = match lost {
        Lost::Row => (format!("{} is {stands}, unknown here", sale.id), Repair::Restore),
        Lost::Checkout => (format!("{} is {stands}, not linked to it here", sale.id), Repair::Restore),
        Lost::Buyer(customer) => {
            let detail = format!("{} is {stands}, its customer {customer} is unknown here: PUT the customer", sale.id);
            (detail, Repair::Person)
        }
        Lost::Elsewhere => return None,
        Lost::Terms => {
            (format!("{} is {stands}, unknown here, without the terms of the sale", sale.id), Repair::Person)
        }
    };
    Some(Difference { kind: "lost", subject: Subject::Sale(Box::new(sale)), detail, repair })
}

fn compare_checkout(purchase: &Purchase, state: &CheckoutState) -> Option<Difference> {
    let subject = Subject::Purchase(purchase.id);
    let is = |kind, detail: String, repair| Some(Difference { kind, subject, detail, repair });
    let named = purchase.state.name();
    if state.client_reference_id.as_deref() != Some(purchase.id.to_string().as_str()) {
        return is("foreign", format!("{} names another purchase", state.id), Repair::Person);
    }
    match (purchase.state, state.paid) {
        (PurchaseState::Review, _) => is("review", "waits for a person".to_owned(), Repair::Person),
        (PurchaseState::Credited, true) if state.amount_subtotal != Some(purchase.amount) => {
            let sold = state.amount_subtotal.map_or_else(|| "nothing".to_owned(), |minor| minor.to_string());
            let detail = format!("{} was sold for {sold}, not {} {}", state.id, purchase.amount, purchase.currency);
            is("amount", detail, Repair::Person)
        }
        (PurchaseState::Credited, true) => None,
        (PurchaseState::Credited, false) => is("unpaid", "credited but not paid".to_owned(), Repair::Person),
        (_, true) => is("not_credited", format!("paid, and {named} here"), Repair::Settle),
        (PurchaseState::Created | PurchaseState::Open, false) if state.status == CheckoutStatus::Expired => {
            is("not_expired", format!("its Checkout has expired, but it is {named} here"), Repair::Settle)
        }
        (PurchaseState::Created | PurchaseState::Open | PurchaseState::Processing, false) if state.failed => {
            is("not_failed", format!("its payment failed, but it is {named} here"), Repair::Settle)
        }
        _ => None,
    }
}

async fn compare_payment(app: &App, id: PurchaseId, found: &PaymentHistory) -> Result<Vec<Difference>, InternalError> {
    let known = purchases::stored_payment(&mut app.store.read().await?, id).await?;
    let mut all = Vec::new();
    let mut is = |kind, detail, repair| all.push(Difference { kind, subject: Subject::Purchase(id), detail, repair });
    for refund in &found.refunds {
        let status = RefundStatus::from_stripe(refund.status.as_deref().unwrap_or_default());
        let here = known.refunds.get(&refund.id);
        match here.map(|(here, _)| *here) {
            None => is("refund", format!("{} of {} is unknown here", refund.id, refund.amount), Repair::Look),
            Some(here) if here < status => {
                is("refund_status", format!("{} is {}, not {}", refund.id, status.name(), here.name()), Repair::Look);
            }
            Some(_) => {}
        }
    }
    for dispute in &found.disputes {
        let Some(status) = DisputeStatus::from_stripe(dispute.status.as_deref().unwrap_or_default()) else { continue };
        match known.disputes.get(&dispute.id).map(|(here, _)| *here) {
            None => is("dispute", format!("{} of {} is unknown here", dispute.id, dispute.amount), Repair::Look),
            Some(here) if here < status => {
                is("dispute_status", format!("{} is {}, not {}", dispute.id, status.name(), here.name()), Repair::Look);
            }
            Some(_) => {}
        }
    }
    for gone in unknown_at_stripe(&known, found) {
        is("unknown_part", format!("Stripe does not have {gone}"), Repair::Person);
    }
    Ok(all)
}

fn unknown_at_stripe(known: &Payment, found: &PaymentHistory) -> Vec<String> {
    let there = |id: &&String| found.refunds.iter().chain(&found.disputes).any(|part| part.id == **id);
    known.refunds.keys().chain(known.disputes.keys()).filter(|id| !there(id)).cloned().collect()
}
