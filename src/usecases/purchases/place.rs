//! The place of a purchase: its row, checked against plan, terms and other open Checkouts before any call to Stripe.

use crate::args;
use crate::domain::{Instant, Origin, PurchaseId, PurchaseState, Terms};
use crate::ledger::WriteTransaction;
use crate::store::db::DbError;
use crate::usecases::InternalError;
use crate::usecases::purchases::open_checkouts;
use crate::usecases::purchases::open_checkouts::{OPEN_MAX, link_form, purchase_of_form};
use crate::usecases::purchases::purchase::{
    OPEN_WITHIN_MINUTES, Purchase, add_event, checkout_expiry, expire_purchase, load_purchase,
};
use chrono::TimeDelta;

#[derive(Clone, Debug)]
pub struct PurchaseRequest {
    /// The purchase's id, minted when the form was drawn.
    pub purchase: PurchaseId,
    /// The buyer's number.
    pub customer_no: i64,
    pub package: String,
    /// The terms that the form showed; `None` where there was no form.
    pub shown: Option<Terms>,
    /// The buyer's address.
    pub member_email: Option<String>,
}

/// The result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartOutcome {
    /// Its Checkout is open: go there.
    Open(Box<Purchase>),
    /// It was paid, or is being paid.
    AlreadyBought(Box<Purchase>),
    /// Its Checkout is over; nothing was paid.
    CheckoutExpired,
    /// The package is sold on other terms now; nothing was stored.
    PriceChanged,
    /// The plan may not buy (R7).
    PlanCannotBuy,
    /// No such package.
    UnknownPackage,
    /// The customer is closed.
    Closed,
    /// The id belongs to another purchase: another customer's, of another package, or on other terms.
    NotYours,
    /// No Stripe was set up.
    BuyingOff,
    /// Stripe could not be asked. The purchase is kept; the same click again finds out.
    StripeUnavailable,
    /// Stripe has said no, for good. The purchase is kept for a while; a repeat asks with a new key.
    StripeRefused,
    /// The customer has too many open Checkouts, so none was added.
    LimitReached,
}

pub(super) enum Placed {
    Go(Box<Purchase>),
    Stop(StartOutcome),
    /// A Checkout of the same package seems to be open.
    Beside(Box<Purchase>),
    /// The customer seems to have too many open Checkouts for another one.
    Full(Vec<Purchase>),
}

/// Stores the purchase, or finds it; checks R7 before any call to Stripe. `forced` makes room for one more.
pub(super) async fn place(
    tx: &mut WriteTransaction,
    start: &PurchaseRequest,
    forced: bool,
) -> Result<Placed, InternalError> {
    let known = match load_purchase(&mut tx.db, start.purchase).await? {
        Some(purchase) => Some(purchase),
        None => purchase_of_form(&mut tx.db, start.purchase).await?,
    };
    if let Some(purchase) = known {
        // One that Stripe refused takes no room, until it is opened after all.
        if purchase.state == PurchaseState::Created && purchase.customer_no == start.customer_no && !forced {
            let unpaid = open_checkouts::unpaid_purchases(tx, start.customer_no).await?;
            if unpaid.len() >= OPEN_MAX && unpaid.iter().all(|one| one.id != purchase.id) {
                return Ok(Placed::Full(unpaid));
            }
        }
        return repeat_click(tx, start, purchase).await;
    }
    let (catalog, customer_no) = (tx.catalog.clone(), start.customer_no);
    let Some(package) = catalog.package(&start.package) else { return Ok(Placed::Stop(StartOutcome::UnknownPackage)) };
    if let Some(refusal) = start_refusal(tx, customer_no).await? {
        return Ok(Placed::Stop(refusal));
    }
    let at = tx.account(customer_no).await?.1;
    let terms = catalog.terms(package);
    if start.shown.as_ref().is_some_and(|shown| *shown != terms) {
        return Ok(Placed::Stop(StartOutcome::PriceChanged));
    }
    let unpaid = open_checkouts::unpaid_purchases(tx, customer_no).await?;
    let same = |one: &Purchase| one.package == package.id && one.terms(&catalog) == terms;
    if start.shown.is_some()
        && let Some(open) = open_checkouts::same_terms(&unpaid, tx, same).cloned()
    {
        if open.state == PurchaseState::Open {
            return Ok(Placed::Beside(Box::new(open)));
        }
        // A purchase that was stored and not opened goes on.
        link_form(tx, start.purchase, open.id).await?;
        return repeat_click(tx, start, open).await;
    }
    if unpaid.len() >= OPEN_MAX && !forced {
        return Ok(Placed::Full(unpaid));
    }
    insert_purchase(tx, start, &terms, at).await?;
    add_event(tx, start.purchase, "chosen").await?;
    let purchase = load_purchase(&mut tx.db, start.purchase).await?;
    purchase
        .map(|p| Placed::Go(Box::new(p)))
        .ok_or_else(|| InternalError::Broken("a new purchase is not there".to_owned()))
}

/// Stores a new purchase.
async fn insert_purchase(
    tx: &mut WriteTransaction,
    start: &PurchaseRequest,
    terms: &Terms,
    at: Instant,
) -> Result<(), DbError> {
    let sql = "insert into purchases (id, customer_no, package, credits, amount, currency, months, state, member_email,
           attempt, refunded_amount, created_at, checkout_expires_at, origin)
         values ($1, $2, $3, $4, $5, $6, $7, 'created', $8, 0, 0, $9, $10, $11)";
    let origin = if start.shown.is_some() { Origin::Person } else { Origin::Api };
    let expires = checkout_expiry(at, &tx.catalog);
    let values = args![
        start.purchase.bytes(),
        start.customer_no,
        &start.package,
        terms.credits,
        terms.amount,
        &terms.currency,
        i64::from(terms.months),
        start.member_email.clone(),
        at,
        expires,
        origin.name()
    ];
    tx.db.execute(sql, values).await.map(drop)
}

/// Why a customer may not buy now, before anything is asked of Stripe (R7).
async fn start_refusal(tx: &mut WriteTransaction, customer_no: i64) -> Result<Option<StartOutcome>, InternalError> {
    if tx.is_closed(customer_no).await? {
        return Ok(Some(StartOutcome::Closed));
    }
    let plan = tx.account(customer_no).await?.0.plan.clone();
    Ok((!tx.catalog.may_buy(&plan)).then_some(StartOutcome::PlanCannotBuy))
}

/// A click on a form whose purchase exists (R19).
async fn repeat_click(
    tx: &mut WriteTransaction,
    start: &PurchaseRequest,
    purchase: Purchase,
) -> Result<Placed, InternalError> {
    let terms = purchase.terms(&tx.catalog);
    let is_other = start.shown.as_ref().is_some_and(|shown| *shown != terms);
    if purchase.customer_no != start.customer_no || purchase.package != start.package || is_other {
        return Ok(Placed::Stop(StartOutcome::NotYours));
    }
    let now = tx.now();
    let too_late = match purchase.state {
        PurchaseState::Created => purchase.created_at + TimeDelta::minutes(OPEN_WITHIN_MINUTES) <= now,
        PurchaseState::Open => purchase.checkout_expires_at <= now,
        _ => false,
    };
    Ok(match purchase.state {
        PurchaseState::Created | PurchaseState::Open if too_late => {
            if purchase.state == PurchaseState::Created {
                expire_purchase(tx, purchase.id).await?;
            }
            Placed::Stop(StartOutcome::CheckoutExpired)
        }
        PurchaseState::Created => match start_refusal(tx, purchase.customer_no).await? {
            Some(refusal) => Placed::Stop(refusal),
            None => Placed::Go(Box::new(purchase)),
        },
        PurchaseState::Open => Placed::Stop(StartOutcome::Open(Box::new(purchase))),
        PurchaseState::Expired | PurchaseState::Failed => Placed::Stop(StartOutcome::CheckoutExpired),
        PurchaseState::Processing | PurchaseState::Credited | PurchaseState::Review => {
            Placed::Stop(StartOutcome::AlreadyBought(Box::new(purchase)))
        }
    })
}
