//! Fulfillment of a purchase: ask Stripe, compare with the stored terms, credit once (R8).
//!
//! Webhook, success page and sweep all come here. The guard is the purchase's state inside the engine's
//! transaction, and the unique `grants.purchase` under it.

use crate::args;
use crate::domain::{PurchaseId, PurchaseState};
use crate::stripe::{CheckoutState, StripeError};
use crate::usecases::purchases::checkout_state;
pub use crate::usecases::purchases::purchase::Fulfillment;
use crate::usecases::purchases::purchase::{Purchase, expire_purchase, find_purchase, load_purchase};
use crate::usecases::{App, InternalError, alarms};
use crate::webhooks::Hook;

/// Settles the purchase that a Checkout belongs to, whoever names it.
pub async fn fulfill_session(app: &App, session_id: &str) -> Result<Fulfillment, InternalError> {
    let Some(stripe) = &app.stripe else { return Ok(Fulfillment::Retry) };
    let state = match stripe.sale(session_id).await {
        Ok(state) => state,
        Err(e) => return stripe_unanswered(app, &e).await,
    };
    // Whom the Checkout was opened for goes before whom it names: where they differ, the purchase is one to review.
    let named = state.client_reference_id.as_deref().and_then(PurchaseId::parse);
    let Some(id) = opened_for(app, session_id).await?.or(named) else { return Ok(Fulfillment::NotOurs) };
    apply_checkout(app, id, state).await
}

/// Settles one of our purchases. `session_id` is what a browser brought back: it is believed only if Stripe
/// says that it is this purchase's.
pub async fn fulfill(app: &App, id: PurchaseId, session_id: Option<&str>) -> Result<Fulfillment, InternalError> {
    let Some(purchase) = find_purchase(app, id).await? else { return Ok(Fulfillment::NotOurs) };
    if matches!(purchase.state, PurchaseState::Credited | PurchaseState::Review) {
        return Ok(Fulfillment::Done);
    }
    let Some(session) = purchase.session_id.as_deref().or(session_id) else { return Ok(Fulfillment::Retry) };
    let Some(stripe) = &app.stripe else { return Ok(Fulfillment::Retry) };
    let state = match stripe.sale(session).await {
        Ok(state) => state,
        Err(e) if e.lacks("session") && purchase.session_id.is_some() => return checkout_gone(app, id, session).await,
        Err(e) => return stripe_unanswered(app, &e).await,
    };
    let opened = purchase.session_id.as_deref() == Some(session);
    if !opened && state.client_reference_id.as_deref() != Some(id.to_string().as_str()) {
        return Ok(Fulfillment::NotOurs);
    }
    apply_checkout(app, id, state).await
}

/// Stripe lacks the Checkout that a purchase was opened as: nobody can pay it any more.
async fn checkout_gone(app: &App, id: PurchaseId, session: &str) -> Result<Fulfillment, InternalError> {
    let session = session.to_owned();
    app.write(move |tx| {
        Box::pin(async move {
            let Some(purchase) = load_purchase(&mut tx.db, id).await? else { return Ok(()) };
            // Money that is under way comes by another road, or is looked for by a person.
            if matches!(purchase.state, PurchaseState::Open | PurchaseState::Processing) {
                let detail = format!("Stripe does not have the Checkout {session}. Is the key another account's?");
                alarms::raise_alarm(tx, "stripe_missing", &id.to_string(), &detail).await?;
            }
            expire_purchase(tx, id).await
        })
    })
    .await?;
    Ok(Fulfillment::NotOurs)
}

/// True if an object of Stripe is the invoice of an automatic purchase.
pub(crate) async fn has_invoice(app: &App, object_id: &str) -> Result<bool, InternalError> {
    Ok(object_id.starts_with("in_") && opened_for(app, object_id).await?.is_some())
}

/// The purchase that a Checkout was opened for.
async fn opened_for(app: &App, session_id: &str) -> Result<Option<PurchaseId>, InternalError> {
    let sql = "select id from purchases where session_id = $1";
    let row = app.store.read().await?.fetch_optional(sql, args![session_id]).await?;
    Ok(row.map(|row| row.uuid("id")).transpose()?.map(PurchaseId))
}

/// Stripe's answer about a purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StripeAnswer {
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
pub async fn recheck_purchase(app: &App, purchase: &Purchase) -> Result<StripeAnswer, InternalError> {
    let Some(session) = purchase.session_id.as_deref() else { return Ok(StripeAnswer::NotOpened) };
    let Some(stripe) = &app.stripe else { return Ok(StripeAnswer::Unanswered("buying is off".to_owned())) };
    let state = match stripe.sale(session).await {
        Ok(state) => state,
        Err(e) if e.lacks("session") => {
            checkout_gone(app, purchase.id, session).await?;
            return Ok(StripeAnswer::Foreign);
        }
        Err(e) => {
            let foreign = stripe_unanswered(app, &e).await? == Fulfillment::NotOurs;
            return Ok(if foreign { StripeAnswer::Foreign } else { StripeAnswer::Unanswered(e.to_string()) });
        }
    };
    let id = purchase.id;
    if state.client_reference_id.as_deref() != Some(id.to_string().as_str()) {
        return Ok(StripeAnswer::Foreign);
    }
    let told = state.clone();
    apply_checkout(app, id, state).await?;
    Ok(StripeAnswer::Checkout(Box::new(told)))
}

pub(crate) async fn stripe_unanswered(app: &App, error: &StripeError) -> Result<Fulfillment, InternalError> {
    if let StripeError::Refused { status: 404, .. } = error {
        return Ok(Fulfillment::NotOurs);
    }
    match error.alarm() {
        // The alarm says so in the log too.
        Some(kind) => {
            let detail = error.to_string();
            app.write(move |tx| {
                Box::pin(async move {
                    alarms::raise_alarm(tx, kind, "checkout", &detail).await?;
                    Ok(())
                })
            })
            .await?;
        }
        None => tracing::warn!(error = %error, "Stripe can't be reached about a Checkout"),
    }
    Ok(Fulfillment::Retry)
}

/// Makes the purchase what Stripe says.
async fn apply_checkout(app: &App, id: PurchaseId, state: CheckoutState) -> Result<Fulfillment, InternalError> {
    let shop = app.shop();
    let fulfillment = app
        .write(move |tx| Box::pin(async move { checkout_state::apply_checkout_state(tx, id, &state, &shop).await }))
        .await?;
    app.hook.iter().for_each(Hook::nudge);
    Ok(fulfillment)
}
