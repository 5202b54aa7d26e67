//! Starting a purchase: store it, make sure of the Stripe customer, store the Checkout's parameters, open it.
//!
//! Each step is stored before the next call, under keys that are the same in a repeat; so a crash, a
//! double click or an answer that got lost ends in the same one Checkout.

use crate::args;
use crate::domain::{PurchaseId, PurchaseState};
use crate::ledger::WriteTransaction;
use crate::store::db::DbError;
use crate::stripe::{OpenedCheckout, Stripe, StripeError};
use crate::usecases::app::Asker;
use crate::usecases::purchases::checkout_order::stored_order;
use crate::usecases::purchases::open_checkouts::link_form;
use crate::usecases::purchases::place::{Placed, PurchaseRequest, StartOutcome, place};
use crate::usecases::purchases::purchase::{Purchase, add_event, load_purchase};
use crate::usecases::purchases::refresh::refresh_purchase;
use crate::usecases::purchases::{open_checkouts, stripe_customer};
use crate::usecases::{App, InternalError, alarms};

/// How often one click looks for a place again after Stripe was asked or a Checkout was closed.
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

/// After a definite refusal a repeat uses a new key, with new parameters (R19).
async fn next_attempt(tx: &mut WriteTransaction, id: PurchaseId, attempt: i64) -> Result<(), DbError> {
    let sql = "update purchases set attempt = attempt + 1, checkout_order = null
        where id = $1 and attempt = $2 and state = 'created'";
    tx.db.execute(sql, args![id.bytes(), attempt]).await?;
    Ok(())
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
