//! Starting a purchase: store it, make sure of the Stripe customer, store the Checkout's parameters, open it.
//!
//! Each step is stored before the next call, under keys that are the same in a repeat; so a crash, a
//! double click or an answer that got lost ends in the same one Checkout.

use crate::args;
use crate::domain::{PurchaseId, PurchaseState, Terms};
use crate::ledger::WriteTransaction;
use crate::store::db::DbError;
use crate::stripe::{OpenedCheckout, Stripe, StripeError};
use crate::usecases::app::Asker;
use crate::usecases::purchases::checkout_order::stored_order;
use crate::usecases::purchases::open_checkouts::{OPEN_MAX, link_form, purchase_of_form};
use crate::usecases::purchases::purchase::{
    OPEN_WITHIN_MINUTES, Purchase, add_event, checkout_expiry, expire_purchase, load_purchase,
};
use crate::usecases::purchases::refresh::refresh_purchase;
use crate::usecases::purchases::{open_checkouts, stripe_customer};
use crate::usecases::{App, InternalError, alarms};
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
    /// So many of the customer's Checkouts are open that none was added.
    LimitReached,
}

/// How often one click looks for a place anew: Stripe was asked, a Checkout was closed.
const ROUNDS_MAX: usize = 6;

/// Starts a purchase, or goes on with it.
pub async fn start_purchase(app: &App, start: PurchaseRequest) -> Result<StartOutcome, InternalError> {
    let Some(stripe) = &app.stripe else { return Ok(StartOutcome::BuyingOff) };
    let began = tokio::time::Instant::now();
    // Several calls may be needed; together they have the time of one, since a page waits.
    let in_time = || stripe.clone().with_deadline(stripe.deadline().saturating_sub(began.elapsed()));
    let purchase = match find_place(app, &start, in_time).await? {
        Placed::Go(purchase) => purchase,
        Placed::Stop(started) => return Ok(started),
        Placed::Beside(_) | Placed::Full(_) => return Ok(StartOutcome::LimitReached),
    };
    let id = purchase.id;
    let mut opened = open_checkout(app, &in_time, &purchase).await?;
    if let CheckoutOpening::Missing { attempt, customer, .. } = &opened {
        // Somebody deleted the customer at Stripe: another one is made, once.
        forget_customer(app, &purchase, *attempt, customer).await?;
        opened = open_checkout(app, &in_time, &purchase).await?;
    }
    match opened {
        CheckoutOpening::Opened(opened) => Ok(StartOutcome::Open(Box::new(store_opened(app, id, opened).await?))),
        CheckoutOpening::Failed { attempt, error } | CheckoutOpening::Missing { attempt, error, .. } => {
            stripe_refused(app, id, attempt, &error).await
        }
    }
}

/// Finds the purchase's place, or why there is none; asks Stripe about others of the customer where they are in the
/// way.
async fn find_place(app: &App, start: &PurchaseRequest, in_time: impl Fn() -> Stripe) -> Result<Placed, InternalError> {
    let is_form = start.shown.is_some();
    let (mut asked, mut closed) = (false, 0);
    for _ in 0..ROUNDS_MAX {
        let (this, forced) = (start.clone(), is_form && closed >= CLOSED_MAX);
        match app.write(move |tx| Box::pin(async move { place(tx, &this, forced).await })).await? {
            Placed::Beside(open) => {
                refresh_purchase(app, open.id, Asker::Member).await?;
                if let Some(started) = merge_form(app, start.purchase, open.id).await? {
                    return Ok(Placed::Stop(started));
                }
            }
            Placed::Full(unpaid) if !asked => {
                open_checkouts::refresh_all(app, &unpaid).await?;
                asked = true;
            }
            Placed::Full(unpaid) if is_form => {
                if let Err(e) = open_checkouts::close_oldest(app, &in_time(), &unpaid).await? {
                    tracing::warn!(error = %e, "a Checkout could not be closed");
                    return Ok(Placed::Stop(StartOutcome::StripeUnavailable));
                }
                closed += 1;
            }
            Placed::Full(_) => return Ok(Placed::Stop(StartOutcome::LimitReached)),
            done => return Ok(done),
        }
    }
    Ok(Placed::Stop(StartOutcome::LimitReached))
}

/// How many Checkouts one click closes at most.
const CLOSED_MAX: usize = 3;

/// Where a form leads whose package is in an open Checkout already, now that Stripe was asked about that one; nowhere
/// where it is open no more and unpaid.
async fn merge_form(app: &App, form: PurchaseId, other: PurchaseId) -> Result<Option<StartOutcome>, InternalError> {
    app.write(move |tx| {
        Box::pin(async move {
            let Some(purchase) = load_purchase(&mut tx.db, other).await? else { return Ok(None) };
            let started = match purchase.state {
                PurchaseState::Open => StartOutcome::Open(Box::new(purchase)),
                PurchaseState::Created | PurchaseState::Expired | PurchaseState::Failed => return Ok(None),
                PurchaseState::Processing | PurchaseState::Credited | PurchaseState::Review => {
                    StartOutcome::AlreadyBought(Box::new(purchase))
                }
            };
            link_form(tx, form, other).await?;
            Ok(Some(started))
        })
    })
    .await
}

/// The result of opening a Checkout.
enum CheckoutOpening {
    Opened(OpenedCheckout),
    /// The try of this number failed.
    Failed {
        attempt: i64,
        error: StripeError,
    },
    /// It failed because Stripe lacks the customer.
    Missing {
        attempt: i64,
        error: StripeError,
        customer: String,
    },
}

/// Opens a purchase's Checkout.
async fn open_checkout(
    app: &App,
    in_time: &impl Fn() -> Stripe,
    purchase: &Purchase,
) -> Result<CheckoutOpening, InternalError> {
    let (order, attempt) = match stored_order(app, &in_time(), purchase).await? {
        Ok(order) => order,
        Err(error) => return Ok(CheckoutOpening::Failed { attempt: purchase.attempt, error }),
    };
    Ok(match in_time().open_checkout(&format!("{}-{attempt}", purchase.id), &order).await {
        Ok(opened) => CheckoutOpening::Opened(opened),
        Err(error) if error.lacks("customer") => {
            CheckoutOpening::Missing { attempt, error, customer: order.stripe_customer }
        }
        Err(error) => CheckoutOpening::Failed { attempt, error },
    })
}

/// Forgets the Stripe customer that an order named, and the order.
async fn forget_customer(app: &App, purchase: &Purchase, attempt: i64, customer: &str) -> Result<(), InternalError> {
    let (id, no, customer) = (purchase.id, purchase.customer_no, customer.to_owned());
    app.write(move |tx| {
        Box::pin(async move {
            stripe_customer::forget_stripe_customer_in(tx, no, &customer).await?;
            Ok(next_attempt(tx, id, attempt).await?)
        })
    })
    .await
}

/// After a definite refusal a repeat uses a new key, with parameters that are made anew (R19).
async fn next_attempt(tx: &mut WriteTransaction, id: PurchaseId, attempt: i64) -> Result<(), DbError> {
    let sql = "update purchases set attempt = attempt + 1, checkout_order = null
        where id = $1 and attempt = $2 and state = 'created'";
    tx.db.execute(sql, args![id.bytes(), attempt]).await?;
    Ok(())
}

enum Placed {
    Go(Box<Purchase>),
    Stop(StartOutcome),
    /// A Checkout of the same package seems to be open.
    Beside(Box<Purchase>),
    /// So many of the customer's seem to be open that there is no room for another one.
    Full(Vec<Purchase>),
}

/// Stores the purchase, or finds it; checks R7 before any call to Stripe. `forced` makes room for one more.
async fn place(tx: &mut WriteTransaction, start: &PurchaseRequest, forced: bool) -> Result<Placed, InternalError> {
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
    let expires = checkout_expiry(at, &catalog);
    tx.db
        .execute(
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
    add_event(tx, start.purchase, "chosen").await?;
    let purchase = load_purchase(&mut tx.db, start.purchase).await?;
    purchase
        .map(|p| Placed::Go(Box::new(p)))
        .ok_or_else(|| InternalError::Broken("a new purchase is not there".to_owned()))
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

/// Stores that the Checkout is open.
async fn store_opened(app: &App, id: PurchaseId, opened: OpenedCheckout) -> Result<Purchase, InternalError> {
    app.write(move |tx| {
        Box::pin(async move {
            let sql = "update purchases set state = 'open', session_id = $1, url = $2
                        where id = $3 and state in ('created', 'expired') and session_id is null";
            if tx.db.execute(sql, args![opened.session_id, opened.url, id.bytes()]).await? > 0 {
                add_event(tx, id, "checkout_opened").await?;
            }
            load_purchase(&mut tx.db, id).await?.ok_or_else(|| InternalError::Broken("a purchase is gone".to_owned()))
        })
    })
    .await
}

/// Stripe did not open it: what is said of it. After a definite refusal a repeat may use a new key and new parameters.
async fn stripe_refused(
    app: &App,
    id: PurchaseId,
    attempt: i64,
    error: &StripeError,
) -> Result<StartOutcome, InternalError> {
    let Some(kind) = error.alarm() else {
        tracing::warn!(purchase = %id, error = %error, "a Checkout could not be opened");
        return Ok(StartOutcome::StripeUnavailable);
    };
    // An alarm says so in the log too.
    let (detail, definite) = (error.to_string(), error.is_definite());
    app.write(move |tx| {
        Box::pin(async move {
            alarms::raise_alarm(tx, kind, "checkout", &detail).await?;
            if definite {
                next_attempt(tx, id, attempt).await?;
            }
            Ok(())
        })
    })
    .await?;
    Ok(if definite { StartOutcome::StripeRefused } else { StartOutcome::StripeUnavailable })
}
