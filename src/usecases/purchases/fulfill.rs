//! Settling a purchase: ask Stripe, compare with what was stored, credit once (R8).
//!
//! Webhook, success page and sweep all come here. The guard is the purchase's state inside the engine's
//! transaction, and the unique `grants.purchase` under it.

use crate::args;
use crate::domain::purchase::{CheckoutNews, PurchaseStep};
use crate::domain::{GrantId, Money, PurchaseId, PurchaseState, SoldTopUp};
use crate::ledger::WriteTransaction;
use crate::stripe::{CheckoutState, CheckoutStatus, StripeError};
use crate::usecases::notify::{emails, receipts, webhooks};
use crate::usecases::purchases::stripe_customer::is_theirs;
use crate::usecases::purchases::{Purchase, load, note, start};
use crate::usecases::{App, InternalError, Shop, alarms, flat};
use crate::webhooks::Hook;

/// What became of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fulfillment {
    /// The purchase is as Stripe says.
    Done,
    /// Stripe could not be asked: later.
    Retry,
    /// None of ours.
    NotOurs,
}

/// Settles the purchase that a Checkout belongs to, whoever names it.
///
/// # Errors
/// [`Fault`].
pub async fn fulfill_session(app: &App, session_id: &str) -> Result<Fulfillment, InternalError> {
    let Some(stripe) = &app.stripe else { return Ok(Fulfillment::Retry) };
    let state = match stripe.checkout(session_id).await {
        Ok(state) => state,
        Err(e) => return unanswered(app, &e).await,
    };
    // Whom the Checkout was opened for goes before whom it names: where they differ, the purchase is one to review.
    let named = state.client_reference_id.as_deref().and_then(PurchaseId::parse);
    let Some(id) = opened_for(app, session_id).await?.or(named) else { return Ok(Fulfillment::NotOurs) };
    make(app, id, state).await
}

/// Settles one of our purchases. `session_id` is what a browser brought back: it is believed only if Stripe
/// says that it is this purchase's.
///
/// # Errors
/// [`Fault`].
pub async fn fulfill(app: &App, id: PurchaseId, session_id: Option<&str>) -> Result<Fulfillment, InternalError> {
    let Some(purchase) = crate::usecases::purchases::find(app, id).await? else { return Ok(Fulfillment::NotOurs) };
    if matches!(purchase.state, PurchaseState::Credited | PurchaseState::Review) {
        return Ok(Fulfillment::Done);
    }
    let Some(session) = purchase.session_id.as_deref().or(session_id) else { return Ok(Fulfillment::Retry) };
    let Some(stripe) = &app.stripe else { return Ok(Fulfillment::Retry) };
    let state = match stripe.checkout(session).await {
        Ok(state) => state,
        Err(e) if e.lacks("session") && purchase.session_id.is_some() => return gone(app, id, session).await,
        Err(e) => return unanswered(app, &e).await,
    };
    let opened = purchase.session_id.as_deref() == Some(session);
    if !opened && state.client_reference_id.as_deref() != Some(id.to_string().as_str()) {
        return Ok(Fulfillment::NotOurs);
    }
    make(app, id, state).await
}

/// Stripe lacks the Checkout that a purchase was opened as: nobody can pay it any more.
async fn gone(app: &App, id: PurchaseId, session: &str) -> Result<Fulfillment, InternalError> {
    let session = session.to_owned();
    let job = app.ledger.job(move |tx| {
        Box::pin(async move {
            let Some(purchase) = load(&mut tx.db, id).await? else { return Ok(()) };
            // Money that is under way comes by another road, or is looked for by a person.
            if matches!(purchase.state, PurchaseState::Open | PurchaseState::Processing) {
                let detail = format!("Stripe has no Checkout {session} any more: is the key of another account?");
                alarms::raise(tx, "stripe_missing", &id.to_string(), &detail).await?;
            }
            start::expire(tx, id).await
        })
    });
    flat(job.await)?;
    Ok(Fulfillment::NotOurs)
}

/// The purchase that a Checkout was opened for.
async fn opened_for(app: &App, session_id: &str) -> Result<Option<PurchaseId>, InternalError> {
    let sql = "select id from purchases where session_id = $1";
    let row = app.store.read().await?.one(sql, args![session_id]).await?;
    Ok(row.map(|row| row.uuid("id")).transpose()?.map(PurchaseId))
}

/// What Stripe knows of a purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Its Checkout as it is now; the purchase has been settled by it.
    Checkout(Box<CheckoutState>),
    /// No Checkout was opened, as far as we know.
    NotOpened,
    /// Its Checkout belongs to something else, or is not there.
    Foreign,
    /// Stripe could not be asked: its words.
    Unanswered(String),
}

/// Asks Stripe about a purchase whatever its state is, settles it by the answer, and tells the answer.
///
/// # Errors
/// [`Fault`].
pub async fn recheck(app: &App, purchase: &Purchase) -> Result<Known, InternalError> {
    let Some(session) = purchase.session_id.as_deref() else { return Ok(Known::NotOpened) };
    let Some(stripe) = &app.stripe else { return Ok(Known::Unanswered("buying is switched off".to_owned())) };
    let state = match stripe.checkout(session).await {
        Ok(state) => state,
        Err(e) if e.lacks("session") => {
            gone(app, purchase.id, session).await?;
            return Ok(Known::Foreign);
        }
        Err(e) => {
            let foreign = unanswered(app, &e).await? == Fulfillment::NotOurs;
            return Ok(if foreign { Known::Foreign } else { Known::Unanswered(e.to_string()) });
        }
    };
    let id = purchase.id;
    if state.client_reference_id.as_deref() != Some(id.to_string().as_str()) {
        return Ok(Known::Foreign);
    }
    let told = state.clone();
    make(app, id, state).await?;
    Ok(Known::Checkout(Box::new(told)))
}

pub(crate) async fn unanswered(app: &App, error: &StripeError) -> Result<Fulfillment, InternalError> {
    if let StripeError::Refused { status: 404, .. } = error {
        return Ok(Fulfillment::NotOurs);
    }
    match error.alarm() {
        // The alarm says so in the log too.
        Some(kind) => {
            let detail = error.to_string();
            let job = app.ledger.job(move |tx| {
                Box::pin(async move {
                    alarms::raise(tx, kind, "checkout", &detail).await?;
                    Ok::<_, InternalError>(())
                })
            });
            flat(job.await)?;
        }
        None => tracing::warn!(error = %error, "Stripe could not be asked about a Checkout"),
    }
    Ok(Fulfillment::Retry)
}

/// Makes the purchase what Stripe says.
async fn make(app: &App, id: PurchaseId, state: CheckoutState) -> Result<Fulfillment, InternalError> {
    let shop = emails::shop(app);
    let settling = flat(app.ledger.job(move |tx| Box::pin(async move { apply(tx, id, &state, &shop).await })).await)?;
    app.hook.iter().for_each(Hook::nudge);
    Ok(settling)
}

/// The same, inside one transaction.
async fn apply(
    tx: &mut WriteTransaction,
    id: PurchaseId,
    state: &CheckoutState,
    shop: &Shop,
) -> Result<Fulfillment, InternalError> {
    let Some(purchase) = load(&mut tx.db, id).await? else { return Ok(Fulfillment::NotOurs) };
    let theirs = is_theirs(&mut tx.db, purchase.customer_no, state.customer.as_deref()).await?;
    let disagreement = disagreement(&purchase, theirs, state);
    if !is_own(&purchase, state, disagreement.is_none()) {
        return foreign(tx, &purchase, state).await;
    }
    let closed = tx.is_closed(purchase.customer_no).await?;
    let disagreement = disagreement.or_else(|| closed.then(|| "the customer is closed".to_owned()));
    let news = news(state, disagreement.is_some());
    match purchase.state.on(news) {
        PurchaseStep::Stay if purchase.invoice_number.is_none() && state.invoice.is_some() => {
            // Stripe may make the invoice a moment after the payment.
            facts(tx, &purchase, purchase.state, state).await?;
        }
        PurchaseStep::Stay => {}
        PurchaseStep::Move(to) => move_to(tx, &purchase, to, state, &shop.site).await?,
        PurchaseStep::Credit => credit(tx, &purchase, state, shop).await?,
        PurchaseStep::Review => review(tx, &purchase, state, &disagreement.unwrap_or_default()).await?,
    }
    Ok(Fulfillment::Done)
}

fn news(state: &CheckoutState, disagrees: bool) -> CheckoutNews {
    match (state.status, state.paid) {
        (_, true) if disagrees => CheckoutNews::Mismatch,
        (_, true) => CheckoutNews::Paid,
        // Told by the payment and not by an event, so that the sweep finds it alone.
        (CheckoutStatus::Complete, false) if state.failed => CheckoutNews::Failed,
        (CheckoutStatus::Complete, false) => CheckoutNews::Pending,
        (CheckoutStatus::Expired, false) => CheckoutNews::Expired,
        (CheckoutStatus::Open, false) => CheckoutNews::Open,
    }
}

fn money(minor: i64, currency: Option<&str>) -> String {
    currency.map_or_else(|| format!("{minor} minor units"), |currency| Money::new(minor, currency).long())
}

/// Whether a Checkout is the one that was opened for a purchase. Anybody can make one that names it; where the answer to
/// opening it was lost, it is the one that names it in what only the account's owner can write, and agrees in everything.
fn is_own(purchase: &Purchase, state: &CheckoutState, agrees: bool) -> bool {
    match &purchase.session_id {
        Some(session) => *session == state.id,
        None => agrees && state.named.as_deref() == Some(purchase.id.to_string().as_str()),
    }
}

/// A Checkout of somebody else that names a purchase changes nothing of it: its own payment is still credited. Where
/// money was paid a person is told.
async fn foreign(
    tx: &mut WriteTransaction,
    purchase: &Purchase,
    state: &CheckoutState,
) -> Result<Fulfillment, InternalError> {
    if state.paid {
        let detail = format!("Checkout {} names it and is not its own; it was paid, and nothing was changed", state.id);
        alarms::raise(tx, "review", &purchase.id.to_string(), &detail).await?;
    }
    Ok(Fulfillment::NotOurs)
}

/// What was paid must be what was stored. `theirs` says whether the Stripe customer is the buyer's, as far as is known.
fn disagreement(purchase: &Purchase, theirs: Option<bool>, state: &CheckoutState) -> Option<String> {
    if state.amount_subtotal != Some(purchase.amount) {
        let paid =
            state.amount_subtotal.map_or_else(|| "unknown".to_owned(), |minor| money(minor, state.currency.as_deref()));
        return Some(format!("the amount is {paid}, not {}", money(purchase.amount, Some(&purchase.currency))));
    }
    if state.currency.as_deref() != Some(purchase.currency.as_str()) {
        let paid = state.currency.as_deref().unwrap_or("unknown");
        return Some(format!("the currency is {paid}, not {}", purchase.currency));
    }
    if state.customer.is_none() || theirs == Some(false) {
        return Some("the Stripe customer is another one".to_owned());
    }
    if state.client_reference_id.as_deref() != Some(purchase.id.to_string().as_str()) {
        return Some("the Checkout names another purchase".to_owned());
    }
    None
}

/// Credits a purchase: grant, state, timeline and receipts in one commit.
async fn credit(
    tx: &mut WriteTransaction,
    purchase: &Purchase,
    state: &CheckoutState,
    shop: &Shop,
) -> Result<(), InternalError> {
    let (id, terms) = (purchase.id, purchase.terms(&tx.catalog));
    let sold = SoldTopUp { purchase: id, credits: terms.credits, months: terms.months };
    let grant = GrantId(tx.clock.mint());
    let (expires_at, at) = tx
        .act(purchase.customer_no, |account, at, catalog, changes| {
            account.grant_top_up(grant, sold, at, catalog, changes)
        })
        .await?;
    facts(tx, purchase, PurchaseState::Credited, state).await?;
    let sql = "update purchases set credited_at = $1, expires_at = $2 where id = $3";
    tx.db.run(sql, args![at, expires_at, id.bytes()]).await?;
    note(tx, id, "paid").await?;
    note(tx, id, "credited").await?;
    let credited = receipts::Credited { at, expires_at, total: state.amount_total, tax: state.amount_tax };
    receipts::enqueue(tx, purchase, credited, &shop.site).await?;
    webhooks::credited(tx, shop, purchase, at, expires_at).await?;
    tracing::info!(purchase = %id, "credited");
    Ok(())
}

async fn move_to(
    tx: &mut WriteTransaction,
    purchase: &Purchase,
    to: PurchaseState,
    state: &CheckoutState,
    site: &str,
) -> Result<(), InternalError> {
    facts(tx, purchase, to, state).await?;
    let what = if to == PurchaseState::Open { "checkout_opened" } else { to.name() };
    note(tx, purchase.id, what).await?;
    emails::payments::enqueue(tx, purchase, to, site).await?;
    Ok(())
}

/// A payment that does not match: nothing is credited, a person is told.
async fn review(
    tx: &mut WriteTransaction,
    purchase: &Purchase,
    state: &CheckoutState,
    reason: &str,
) -> Result<(), InternalError> {
    facts(tx, purchase, PurchaseState::Review, state).await?;
    let sql = "update purchases set review_reason = $1 where id = $2";
    tx.db.run(sql, args![reason, purchase.id.bytes()]).await?;
    note(tx, purchase.id, "review").await?;
    alarms::raise(tx, "review", &purchase.id.to_string(), reason).await?;
    Ok(())
}

/// What Stripe said of the payment.
async fn facts(
    tx: &mut WriteTransaction,
    purchase: &Purchase,
    to: PurchaseState,
    state: &CheckoutState,
) -> Result<(), InternalError> {
    tx.db
        .run(
            "update purchases set state = $1, session_id = coalesce(session_id, $2), url = coalesce(url, $3),
               payment_intent = coalesce($4, payment_intent), charge = coalesce($5, charge),
               invoice = coalesce($6, invoice), amount_total = coalesce($7, amount_total),
               amount_tax = coalesce($8, amount_tax), invoice_number = coalesce($9, invoice_number)
             where id = $10",
            args![
                to.name(),
                &state.id,
                state.url.clone(),
                state.payment_intent.clone(),
                state.charge.clone(),
                state.invoice.clone(),
                state.amount_total,
                state.amount_tax,
                state.invoice_number.clone(),
                purchase.id.bytes()
            ],
        )
        .await?;
    Ok(())
}
