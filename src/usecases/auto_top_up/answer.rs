//! What the card said to a charge, and what follows from it.

use crate::args;
use crate::domain::Instant;
use crate::domain::auto_top_up::{CardAnswer, Consequence, SuspendedReason};
use crate::ledger::WriteTransaction;
use crate::stripe::StripeError;
use crate::usecases::agreements::{self, load_rule, note_answer};
use crate::usecases::auto_top_up::steps::{PaymentRow, Step, advance, give_up};
use crate::usecases::notify::emails::auto_top_up as mails;
use crate::usecases::notify::webhooks;
use crate::usecases::purchases::{add_event, load_purchase};
use crate::usecases::{App, InternalError};

/// The card's own answer in an error; none where it is another error.
pub(super) fn card_answer(error: &StripeError) -> Option<CardAnswer> {
    match error {
        StripeError::Card { code, decline_code, advice_code, .. } => {
            Some(CardAnswer::from_stripe(code, decline_code.as_deref(), advice_code.as_deref()))
        }
        // Some answers ask for a confirmation without being about the card.
        StripeError::Refused { code: Some(code), .. } => {
            let said = CardAnswer::from_stripe(code, None, None);
            (said == CardAnswer::AuthenticationRequired).then_some(said)
        }
        _ => None,
    }
}

/// The card has paid: its refusals are over. (Crediting is `fulfill`'s.)
pub(super) async fn store_paid(app: &App, payment: PaymentRow) -> Result<(), InternalError> {
    app.write(move |tx| {
        Box::pin(async move {
            if note_try(tx, &payment, "paid", "").await? {
                note_answer(tx, payment.customer_no, &payment.fingerprint, CardAnswer::Paid).await?;
            }
            Ok(())
        })
    })
    .await
}

/// Nobody knows what the card said, and it has not paid: that counts as a refusal.
pub(super) async fn store_unknown(app: &App, payment: PaymentRow) -> Result<(), InternalError> {
    app.write(move |tx| {
        Box::pin(async move { apply(tx, &payment, CardAnswer::SoftDecline, ("unknown", ""), None).await })
    })
    .await
}

/// The payment ends, and the answer to its last try is not known: that counts as a refusal.
pub(super) async fn count_unanswered(tx: &mut WriteTransaction, payment: &PaymentRow) -> Result<(), InternalError> {
    if note_try(tx, payment, "unknown", "").await? {
        note_answer(tx, payment.customer_no, &payment.fingerprint, CardAnswer::SoftDecline).await?;
    }
    Ok(())
}

/// Stores a refusal, or that a person must confirm at `hosted`, and what follows.
pub(super) async fn store_answer(
    app: &App,
    payment: PaymentRow,
    said: CardAnswer,
    error: StripeError,
    hosted: Option<String>,
) -> Result<(), InternalError> {
    let name = match said {
        CardAnswer::Paid => "paid",
        CardAnswer::SoftDecline => "soft_decline",
        CardAnswer::HardDecline => "hard_decline",
        CardAnswer::AuthenticationRequired => "authentication_required",
    };
    let code = match &error {
        StripeError::Card { code, decline_code, .. } => decline_code.clone().unwrap_or_else(|| code.clone()),
        _ => String::new(),
    };
    app.write(move |tx| Box::pin(async move { apply(tx, &payment, said, (name, &code), hosted).await })).await
}

/// Notes the answer to the try that is under way, once. One that was given up may be heard of later.
async fn note_try(
    tx: &mut WriteTransaction,
    payment: &PaymentRow,
    answer: &str,
    code: &str,
) -> Result<bool, InternalError> {
    let sql = "update auto_payment_tries set answer = $1, code = $2
        where purchase = $3 and no = $4 and (answer is null or (answer = 'unknown' and $1 <> 'unknown'))";
    Ok(tx.db.execute(sql, args![answer, code, payment.purchase.bytes(), payment.tries]).await? > 0)
}

async fn apply(
    tx: &mut WriteTransaction,
    payment: &PaymentRow,
    said: CardAnswer,
    (name, code): (&str, &str),
    hosted: Option<String>,
) -> Result<(), InternalError> {
    // The answer counts once, whoever heard it first.
    if !note_try(tx, payment, name, code).await? {
        return Ok(());
    }
    let (id, no) = (payment.purchase, payment.customer_no);
    let history = note_answer(tx, no, &payment.fingerprint, said).await?;
    let (tries, first) = (usize::try_from(payment.tries).unwrap_or(usize::MAX), payment.first_try_at);
    let now = tx.now();
    let first = first.unwrap_or(now);
    if said != CardAnswer::AuthenticationRequired {
        add_event(tx, id, "declined").await?;
    }
    tracing::info!(purchase = %id, answer = name, code, "the card refused an automatic payment");
    match history.consequence(said, tries, first) {
        Consequence::Credit => {}
        Consequence::RetryAt(at) => _ = advance(tx, payment, Step::Wait, Some(at.max(now))).await?,
        Consequence::GiveUp => _ = give_up(tx, payment, "failed").await?,
        Consequence::Suspend(reason) => {
            suspend_own(tx, payment, reason).await?;
            // The suspension has set it on its way, unless the rule was off.
            give_up(tx, payment, "failed").await?;
        }
        Consequence::AskUntil(until) => ask(tx, payment, hosted, until).await?,
    }
    Ok(())
}

/// Suspends the rule that a payment was made for. One that was agreed to since, with its own card, goes on.
pub(super) async fn suspend_own(
    tx: &mut WriteTransaction,
    payment: &PaymentRow,
    reason: SuspendedReason,
) -> Result<(), InternalError> {
    let rule = load_rule(&mut tx.db, payment.customer_no).await?;
    match rule.filter(|rule| rule.consent == payment.consent) {
        Some(_) => agreements::suspend_rule(tx, payment.customer_no, reason).await,
        None => Ok(()),
    }
}

/// Asks a person to confirm, at Stripe's page.
async fn ask(
    tx: &mut WriteTransaction,
    payment: &PaymentRow,
    hosted: Option<String>,
    until: Instant,
) -> Result<(), InternalError> {
    if !advance(tx, payment, Step::Confirm, Some(until)).await? {
        return Ok(());
    }
    let id = payment.purchase;
    let sql = "update purchases set url = $1, checkout_expires_at = $2 where id = $3";
    tx.db.execute(sql, args![hosted.clone(), until, id.bytes()]).await?;
    add_event(tx, id, "confirmation_required").await?;
    let Some(purchase) = load_purchase(&mut tx.db, id).await? else { return Ok(()) };
    let url = hosted.unwrap_or_else(|| format!("{}/purchases/{id}", tx.alarm_channels.site));
    mails::enqueue_confirm(tx, &(&purchase).into(), &url, until).await?;
    webhooks::enqueue_confirm(tx, &(&purchase).into(), &url).await
}
