//! Charging the card: one last decision, the charge under a key of its own, and its answer.

use crate::args;
use crate::domain::Instant;
use crate::domain::auto_top_up::{Decision, fits_cap};
use crate::ledger::WriteTransaction;
use crate::stripe::{Stripe, StripeError};
use crate::usecases::agreements::{RuleState, card_record, load_rule};
use crate::usecases::auto_top_up::answer;
use crate::usecases::auto_top_up::decision::load_facts;
use crate::usecases::auto_top_up::steps::{PaymentRow, Step, advance, give_up};
use crate::usecases::auto_top_up::trouble::{Trouble, purchase_was_paid};
use crate::usecases::purchases::load_purchase;
use crate::usecases::{App, InternalError};
use chrono::TimeDelta;

/// How long a decision to buy holds, until the card is charged for the first time.
const DECIDED_MINUTES: i64 = 10;
/// Stripe keeps an answer for a day: a try whose answer is older is not sent again.
const ANSWER_KEPT_HOURS: i64 = 20;

/// The last question before the card is charged, in one transaction: is the rule on, is this its consent, does the sum
/// fit, is the card good, are credits still wanted?
pub(super) async fn decide_to_pay(app: &App, payment: PaymentRow) -> Result<(), InternalError> {
    let buying_on = app.stripe.is_some();
    app.write(move |tx| Box::pin(async move { decide_to_pay_in(tx, &payment, buying_on).await })).await
}

async fn decide_to_pay_in(
    tx: &mut WriteTransaction,
    payment: &PaymentRow,
    buying_on: bool,
) -> Result<(), InternalError> {
    let (id, no) = (payment.purchase, payment.customer_no);
    let at = tx.account(no).await?.1;
    let Some(total) = payment.total else { return Err(InternalError::Broken("a payment without a total".to_owned())) };
    let rule = load_rule(&mut tx.db, no).await?;
    let rule = rule.filter(|rule| rule.state == RuleState::On && rule.consent == payment.consent);
    let card = card_record(&mut tx.db, no, &payment.fingerprint).await?;
    let facts = load_facts(&mut tx.db, no, Some(id), at).await?;
    let catalog = tx.catalog.clone();
    let may_pay = match &rule {
        Some(rule) if !card.history.is_spent() && fits_cap(&rule.agreed, total, &facts.purchases, at) => {
            let decision = facts.decide(rule, (tx.account(no).await?.0, at), &catalog, buying_on);
            // The first try is what was decided a moment ago; a later one needs credits that are still wanted.
            let made = load_purchase(&mut tx.db, id).await?.map(|purchase| purchase.created_at);
            let is_new = payment.tries == 0 && made.is_some_and(|made| at - made < TimeDelta::minutes(DECIDED_MINUTES));
            matches!(decision, Decision::Buy(_)) || (is_new && decision == Decision::Nothing)
        }
        _ => false,
    };
    let now = tx.now();
    if !may_pay {
        let void_as = if payment.tries == 0 { "expired" } else { "failed" };
        give_up(tx, payment, void_as).await?;
        return Ok(());
    }
    if advance(tx, payment, Step::Paying, Some(now)).await? {
        let sql = "update auto_payments set tries = tries + 1, sent_at = $1, first_try_at = coalesce(first_try_at, $1)
            where purchase = $2";
        tx.db.execute(sql, args![now, id.bytes()]).await?;
        let sql = "insert into auto_payment_tries (purchase, no, customer_no, fingerprint, at)
            values ($1, $2, $3, $4, $5)";
        tx.db.execute(sql, args![id.bytes(), payment.tries + 1, no, &payment.fingerprint, now]).await?;
    }
    Ok(())
}

/// Charges the card, under the key of purchase and try.
pub(super) async fn charge_card(app: &App, stripe: &Stripe, payment: &PaymentRow) -> Result<(), Trouble> {
    let invoice = payment.invoice.as_deref().unwrap_or_default();
    let is_old = |sent: Instant| app.clock.now() - sent >= TimeDelta::hours(ANSWER_KEPT_HOURS);
    if payment.sent_at.is_none_or(is_old) {
        // Under the old key the card could be charged anew: its answer is taken for a refusal, if it has not paid.
        if !purchase_was_paid(app, payment.purchase).await? {
            answer::store_unknown(app, payment.clone()).await?;
        }
        return Ok(());
    }
    let key = format!("{}-pay-{}", payment.purchase, payment.tries);
    match stripe.pay_invoice(&key, invoice, &payment.payment_method).await {
        Ok(()) => {
            answer::store_paid(app, payment.clone()).await?;
            if purchase_was_paid(app, payment.purchase).await? {
                return Ok(());
            }
            // Taken, and not paid yet: it is asked about again.
            Err(StripeError::Unavailable("the invoice is not paid yet".to_owned()).into())
        }
        Err(error) => match answer::card_answer(&error) {
            Some(said) => {
                let hosted = stripe.invoice_state(invoice).await?.hosted_url;
                Ok(answer::store_answer(app, payment.clone(), said, error, hosted).await?)
            }
            None if matches!(error, StripeError::Refused { .. }) => {
                // Paid or voided by another way, or no longer a card that can be charged.
                if purchase_was_paid(app, payment.purchase).await? { Ok(()) } else { Err(error.into()) }
            }
            None => Err(error.into()),
        },
    }
}
