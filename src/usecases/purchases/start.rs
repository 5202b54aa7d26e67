//! Starting a purchase: store it, make sure of the Stripe customer, store the Checkout's parameters, open it.
//!
//! Each step is stored before the next call, under keys that are the same in a repeat; so a crash, a
//! double click or an answer that got lost ends in the same one Checkout.

use super::super::{Fault, Services, alarms, flat};
use super::order::order;
use super::{Purchase, load, note};
use crate::args;
use crate::domain::{Catalog, Instant, PurchaseId, PurchaseState, Terms};
use crate::ledger::Turn;
use crate::stripe::{OpenedCheckout, StripeError};
use chrono::TimeDelta;

/// How long a purchase waits for its Checkout to open.
const OPEN_WITHIN_MINUTES: i64 = 10;

/// What was chosen.
#[derive(Clone, Debug)]
pub struct Start {
    /// The purchase's id, minted when the form was drawn.
    pub purchase: PurchaseId,
    /// The buyer's number.
    pub customer_no: i64,
    /// Which package.
    pub package: String,
    /// The terms that the form showed; `None` where there was no form.
    pub shown: Option<Terms>,
    /// Who clicked.
    pub member_email: Option<String>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Started {
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
}

/// Starts a purchase, or goes on with it.
///
/// # Errors
/// [`Fault`].
pub async fn start(services: &Services, start: Start) -> Result<Started, Fault> {
    let Some(stripe) = &services.stripe else { return Ok(Started::BuyingOff) };
    let (id, customer_no) = (start.purchase, start.customer_no);
    let placed = flat(services.ledger.job(move |turn| Box::pin(async move { place(turn, &start).await })).await)?;
    let purchase = match placed {
        Placed::Go(purchase) => purchase,
        Placed::Stop(started) => return Ok(started),
    };
    let began = tokio::time::Instant::now();
    let opened = match order(services, stripe, &purchase, customer_no).await? {
        Err(e) => Err(e),
        Ok(order) => {
            // Two calls may be needed; together they have the time of one, since a page waits.
            let left = stripe.deadline().saturating_sub(began.elapsed());
            stripe.clone().with_deadline(left).open_checkout(&format!("{id}-{}", purchase.attempt), &order).await
        }
    };
    match opened {
        Ok(opened) => Ok(Started::Open(Box::new(opened_now(services, id, opened).await?))),
        Err(e) => {
            refused(services, id, purchase.attempt, &e).await?;
            Ok(Started::StripeUnavailable)
        }
    }
}

enum Placed {
    Go(Box<Purchase>),
    Stop(Started),
}

/// Stores the purchase, or finds it; checks R7 before any call to Stripe.
async fn place(turn: &mut Turn, start: &Start) -> Result<Placed, Fault> {
    if let Some(purchase) = load(&mut turn.link, start.purchase).await? {
        return again(turn, start, purchase).await;
    }
    let (catalog, customer_no) = (turn.catalog.clone(), start.customer_no);
    let Some(package) = catalog.package(&start.package) else { return Ok(Placed::Stop(Started::UnknownPackage)) };
    if let Some(refusal) = may_not(turn, customer_no).await? {
        return Ok(Placed::Stop(refusal));
    }
    let at = turn.account(customer_no).await?.1;
    let terms = catalog.terms(package);
    if start.shown.as_ref().is_some_and(|shown| *shown != terms) {
        return Ok(Placed::Stop(Started::PriceChanged));
    }
    let expires = checkout_expiry(at, &catalog);
    turn.link
        .run(
            "insert into purchases (id, customer_no, package, credits, amount, currency, months, state, member_email,
               attempt, refunded_amount, created_at, checkout_expires_at)
             values ($1, $2, $3, $4, $5, $6, $7, 'created', $8, 0, 0, $9, $10)",
            args![
                start.purchase.bytes(),
                customer_no,
                &package.id,
                terms.credits,
                terms.amount,
                terms.currency,
                i64::from(terms.months),
                start.member_email.clone(),
                at,
                expires
            ],
        )
        .await?;
    note(turn, start.purchase, "chosen").await?;
    let purchase = load(&mut turn.link, start.purchase).await?;
    purchase.map(|p| Placed::Go(Box::new(p))).ok_or_else(|| Fault::Broken("a new purchase is not there".to_owned()))
}

/// Why a customer may not buy now, before anything is asked of Stripe (R7).
async fn may_not(turn: &mut Turn, customer_no: i64) -> Result<Option<Started>, Fault> {
    if turn.is_closed(customer_no).await? {
        return Ok(Some(Started::Closed));
    }
    let plan = turn.account(customer_no).await?.0.plan.clone();
    Ok((!turn.catalog.may_buy(&plan)).then_some(Started::PlanCannotBuy))
}

/// A click on a form whose purchase exists (R19).
async fn again(turn: &mut Turn, start: &Start, purchase: Purchase) -> Result<Placed, Fault> {
    let terms = purchase.terms(&turn.catalog);
    let is_other = start.shown.as_ref().is_some_and(|shown| *shown != terms);
    if purchase.customer_no != start.customer_no || purchase.package != start.package || is_other {
        return Ok(Placed::Stop(Started::NotYours));
    }
    let now = turn.now();
    let too_late = match purchase.state {
        PurchaseState::Created => purchase.created_at + TimeDelta::minutes(OPEN_WITHIN_MINUTES) <= now,
        PurchaseState::Open => purchase.checkout_expires_at <= now,
        _ => false,
    };
    Ok(match purchase.state {
        PurchaseState::Created | PurchaseState::Open if too_late => {
            if purchase.state == PurchaseState::Created {
                expire(turn, purchase.id).await?;
            }
            Placed::Stop(Started::CheckoutExpired)
        }
        PurchaseState::Created => match may_not(turn, purchase.customer_no).await? {
            Some(refusal) => Placed::Stop(refusal),
            None => Placed::Go(Box::new(purchase)),
        },
        PurchaseState::Open => Placed::Stop(Started::Open(Box::new(purchase))),
        PurchaseState::Expired | PurchaseState::Failed => Placed::Stop(Started::CheckoutExpired),
        PurchaseState::Processing | PurchaseState::Credited | PurchaseState::Review => {
            Placed::Stop(Started::AlreadyBought(Box::new(purchase)))
        }
    })
}

/// A session that could not be opened in time leaves the purchase expired; R8 still credits it if it is paid.
pub(super) async fn expire(turn: &mut Turn, id: PurchaseId) -> Result<(), Fault> {
    let sql = "update purchases set state = 'expired' where id = $1 and state in ('created', 'open')";
    if turn.link.run(sql, args![id.bytes()]).await? > 0 {
        note(turn, id, "expired").await?;
    }
    Ok(())
}

/// Purchases that could not be opened in time.
pub(super) fn open_deadline(now: Instant) -> Instant {
    now - TimeDelta::minutes(OPEN_WITHIN_MINUTES)
}

/// Stripe wants whole seconds and at least 30 minutes; a retry needs some of them.
fn checkout_expiry(at: Instant, catalog: &Catalog) -> Instant {
    let seconds = at.timestamp() + catalog.shop.checkout_minutes.clamp(40, 1_439) * 60;
    crate::domain::time::from_millis(seconds * 1_000)
}

/// Stores that the Checkout is open.
async fn opened_now(services: &Services, id: PurchaseId, opened: OpenedCheckout) -> Result<Purchase, Fault> {
    flat(
        services
            .ledger
            .job(move |turn| {
                Box::pin(async move {
                    let sql = "update purchases set state = 'open', session_id = $1, url = $2
                        where id = $3 and state in ('created', 'expired') and session_id is null";
                    if turn.link.run(sql, args![opened.session_id, opened.url, id.bytes()]).await? > 0 {
                        note(turn, id, "checkout_opened").await?;
                    }
                    load(&mut turn.link, id).await?.ok_or_else(|| Fault::Broken("a purchase is gone".to_owned()))
                })
            })
            .await,
    )
}

/// Stripe said no. After a definite refusal a repeat may use a new key and new parameters.
async fn refused(services: &Services, id: PurchaseId, attempt: i64, error: &StripeError) -> Result<(), Fault> {
    let (kind, definite) = match error {
        StripeError::Unavailable(_) => {
            tracing::warn!(purchase = %id, error = %error, "a Checkout could not be opened");
            return Ok(());
        }
        // An alarm says so in the log too.
        StripeError::Unauthorized(_) => ("stripe_key", true),
        StripeError::Refused { .. } => ("stripe_refused", true),
        StripeError::Malformed(_) => ("stripe_malformed", false),
    };
    let detail = error.to_string();
    flat(
        services
            .ledger
            .job(move |turn| {
                Box::pin(async move {
                    alarms::raise(turn, kind, "checkout", &detail).await?;
                    if definite {
                        let sql = "update purchases set attempt = attempt + 1, checkout_order = null
                            where id = $1 and attempt = $2 and state = 'created'";
                        turn.link.run(sql, args![id.bytes(), attempt]).await?;
                    }
                    Ok(())
                })
            })
            .await,
    )
}
