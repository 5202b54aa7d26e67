//! The payment of an automatic purchase: an invoice is made, finalised, compared with what the cap leaves, and only then
//! is the card charged.

use crate::args;
use crate::domain::auto_top_up::{SuspendedReason, fits_cap};
use crate::domain::catalog::Tax;
use crate::domain::{PurchaseId, PurchaseState};
use crate::ledger::WriteTransaction;
use crate::stripe::{InvoiceOrder, InvoiceState, Stripe, StripeError};
use crate::usecases::agreements::{self, load_rule};
use crate::usecases::auto_top_up::answer::suspend_own;
use crate::usecases::auto_top_up::charge::{charge_card, decide_to_pay};
use crate::usecases::auto_top_up::decision::load_facts;
use crate::usecases::auto_top_up::steps::{PaymentRow, Step, advance, give_up, load_payment, try_later};
use crate::usecases::auto_top_up::trouble::{Trouble, purchase_was_paid};
use crate::usecases::auto_top_up::void::void_payment;
use crate::usecases::purchases::{Purchase, add_event, find_purchase, fulfill, load_purchase};
use crate::usecases::{App, InternalError, alarms};
use chrono::TimeDelta;

/// How many steps one run makes of one payment at most.
const STEPS_MAX: usize = 12;
/// When Stripe is asked again after it could not be.
const AGAIN_SECONDS: i64 = 30;
/// When a rule is looked at again after Stripe has refused its purchase for another reason than the card.
const REFUSED_HOURS: i64 = 6;

/// Takes a payment as far as it goes now.
pub(super) async fn drive_payment(app: &App, id: PurchaseId) -> Result<u64, InternalError> {
    let Some(stripe) = &app.stripe else { return Ok(0) };
    for done in 0..STEPS_MAX {
        let now = app.clock.now();
        let Some(payment) = load_payment(&mut app.store.read().await?, id).await? else { return Ok(0) };
        let Some(purchase) = find_purchase(app, id).await? else { return Ok(0) };
        if payment.step == Step::Done || payment.due_at.is_none_or(|due| due > now) {
            return Ok(u64::try_from(done).unwrap_or(0));
        }
        if !matches!(purchase.state, PurchaseState::Created | PurchaseState::Open | PurchaseState::Processing) {
            // Credited, or ended by another way.
            let no = payment.customer_no;
            app.write(move |tx| Box::pin(async move { agreements::purchase_ended(tx, no, id).await })).await?;
            return Ok(1);
        }
        match one_step(app, stripe, &payment, &purchase).await {
            Err(Trouble::Stripe(error)) if is_tax_trouble(&error) && is_in_the_making(payment.step) => {
                tax_unknown(app, payment).await?;
            }
            Err(Trouble::Stripe(error)) => return stripe_trouble(app, payment, error).await,
            Err(Trouble::Internal(fault)) => return Err(fault),
            Ok(()) => {}
        }
    }
    Ok(1)
}

async fn one_step(app: &App, stripe: &Stripe, payment: &PaymentRow, purchase: &Purchase) -> Result<(), Trouble> {
    let key = |step: &str| format!("{}-{step}", payment.purchase);
    let order = || invoice_order(app, payment, purchase);
    let invoice = payment.invoice.as_deref().unwrap_or_default();
    match payment.step {
        Step::Invoice => {
            let made = stripe.create_invoice(&key("invoice"), &order()).await?;
            Ok(store_invoice(app, payment.clone(), made).await?)
        }
        Step::Line => {
            stripe.add_invoice_line(&key("line"), invoice, &order()).await?;
            go(app, payment, Step::Finalize).await
        }
        Step::Finalize => match stripe.finalize_invoice(&key("finalize"), invoice).await {
            Err(error) if is_tax_trouble(&error) || !matches!(error, StripeError::Refused { .. }) => Err(error.into()),
            // Refused, it may be final already: the next step looks.
            Ok(()) | Err(_) => go(app, payment, Step::Check).await,
        },
        Step::Check => {
            let state = stripe.invoice_state(invoice).await?;
            Ok(check_invoice(app, payment.clone(), state).await?)
        }
        Step::Pay | Step::Wait => Ok(decide_to_pay(app, payment.clone()).await?),
        Step::Paying => charge_card(app, stripe, payment).await,
        Step::Confirm => {
            // Its time is over, unless it was paid.
            if purchase_was_paid(app, payment.purchase).await? {
                return Ok(());
            }
            let own = payment.clone();
            let suspend = app
                .write(move |tx| Box::pin(async move { suspend_own(tx, &own, SuspendedReason::Authentication).await }));
            suspend.await?;
            // The suspension has set it on its way, unless the rule was off.
            Ok(end_payment(app, payment.clone(), "failed").await?)
        }
        Step::Void => void_payment(app, stripe, payment).await,
        Step::Done => Ok(()),
    }
}

async fn go(app: &App, payment: &PaymentRow, to: Step) -> Result<(), Trouble> {
    let payment = payment.clone();
    let moved = app.write(move |tx| {
        Box::pin(async move {
            let now = tx.now();
            advance(tx, &payment, to, Some(now)).await
        })
    });
    moved.await?;
    Ok(())
}

pub(super) async fn end_payment(app: &App, payment: PaymentRow, void_as: &'static str) -> Result<(), InternalError> {
    app.write(move |tx| Box::pin(async move { give_up(tx, &payment, void_as).await })).await?;
    Ok(())
}

fn invoice_order(app: &App, payment: &PaymentRow, purchase: &Purchase) -> InvoiceOrder {
    InvoiceOrder {
        purchase: purchase.id.to_string(),
        customer: purchase.customer.clone(),
        stripe_customer: payment.stripe_customer.clone(),
        payment_method: payment.payment_method.clone(),
        package: purchase.package.clone(),
        credits: purchase.credits.to_string(),
        months: purchase.terms(&app.catalog).months,
        product_name: crate::domain::Credits(purchase.credits.0 / purchase.quantity.max(1)).counted(),
        unit_amount: purchase.amount / purchase.quantity.max(1),
        quantity: purchase.quantity,
        currency: purchase.currency.clone(),
        automatic_tax: app.catalog.shop.tax == Tax::Stripe,
        site: app.settings.public_url.trim_end_matches('/').to_owned(),
    }
}

async fn store_invoice(app: &App, payment: PaymentRow, made: String) -> Result<(), InternalError> {
    app.write(move |tx| {
        Box::pin(async move {
            let (now, id) = (tx.now(), payment.purchase.bytes());
            // The invoice is kept even where the payment was given up meanwhile: then it is taken back.
            let sql = "update auto_payments set invoice = $1 where purchase = $2 and invoice is null";
            tx.db.execute(sql, args![&made, id]).await?;
            let sql = "update purchases set session_id = $1, invoice = $1 where id = $2 and session_id is null";
            tx.db.execute(sql, args![&made, id]).await?;
            advance(tx, &payment, Step::Line, Some(now)).await?;
            Ok(())
        })
    })
    .await
}

/// The invoice is being made.
const fn is_in_the_making(step: Step) -> bool {
    matches!(step, Step::Invoice | Step::Line | Step::Finalize)
}

/// True if Stripe cannot compute the tax.
fn is_tax_trouble(error: &StripeError) -> bool {
    match error {
        StripeError::Refused { code, .. } => code.as_deref().is_some_and(|code| code.contains("tax")),
        _ => false,
    }
}

/// Stripe cannot compute the tax: nothing is sold untaxed, and the rule sleeps.
async fn tax_unknown(app: &App, payment: PaymentRow) -> Result<(), InternalError> {
    app.write(move |tx| {
        Box::pin(async move {
            let (now, no) = (tx.now(), payment.customer_no);
            tx.evict_account(no).await?;
            if give_up(tx, &payment, "expired").await? {
                let sql = "update auto_top_ups set tax_unknown_at = $1 where customer_no = $2";
                tx.db.execute(sql, args![now, no]).await?;
            }
            Ok(())
        })
    })
    .await
}

/// Compares the final invoice with the purchase, and its total with what the cap leaves.
async fn check_invoice(app: &App, payment: PaymentRow, state: InvoiceState) -> Result<(), InternalError> {
    let taxed = app.catalog.shop.tax == Tax::Stripe;
    if state.sale.paid {
        fulfill(app, payment.purchase, None).await?;
        return Ok(());
    }
    if taxed && state.status == "open" && !state.has_tax {
        return tax_unknown(app, payment).await;
    }
    app.write(move |tx| Box::pin(async move { check_in(tx, &payment, &state).await })).await
}

async fn check_in(tx: &mut WriteTransaction, payment: &PaymentRow, state: &InvoiceState) -> Result<(), InternalError> {
    let (now, id, sale) = (tx.now(), payment.purchase, &state.sale);
    tx.evict_account(payment.customer_no).await?;
    let Some(purchase) = load_purchase(&mut tx.db, id).await? else { return Ok(()) };
    let is_same = state.status == "open"
        && sale.amount_subtotal == Some(purchase.amount)
        && sale.currency.as_deref() == Some(purchase.currency.as_str())
        && sale.customer.as_deref() == Some(payment.stripe_customer.as_str());
    let Some(total) = sale.amount_total.filter(|total| is_same && *total >= purchase.amount) else {
        let detail = format!("its invoice {} is not what was to be charged; nothing was", sale.id);
        return refuse(tx, payment, "stripe_refused", &detail).await;
    };
    let sql = "update purchases set amount_total = $1, amount_tax = $2, payment_intent = coalesce($3, payment_intent),
          invoice_number = coalesce($4, invoice_number) where id = $5";
    let (intent, number) = (sale.payment_intent.clone(), sale.invoice_number.clone());
    tx.db.execute(sql, args![total, sale.amount_tax, intent, number, id.bytes()]).await?;
    tx.db.execute("update auto_payments set total = $1 where purchase = $2", args![total, id.bytes()]).await?;
    let unit = total.saturating_add(purchase.quantity - 1) / purchase.quantity.max(1);
    let sql = "update auto_top_ups set unit_total = $1, tax_unknown_at = null where customer_no = $2";
    tx.db.execute(sql, args![unit, payment.customer_no]).await?;
    let facts = load_facts(&mut tx.db, payment.customer_no, Some(id), now).await?;
    let rule = load_rule(&mut tx.db, payment.customer_no).await?;
    let fits = rule.is_some_and(|rule| fits_cap(&rule.agreed, total, &facts.purchases, now));
    if !fits {
        // With its tax it is too much: the next look counts the tax.
        give_up(tx, payment, "expired").await?;
        return Ok(());
    }
    if advance(tx, payment, Step::Pay, Some(now)).await? {
        let sql = "update purchases set state = 'open' where id = $1 and state = 'created'";
        tx.db.execute(sql, args![id.bytes()]).await?;
        add_event(tx, id, "invoiced").await?;
    }
    Ok(())
}

/// Nothing of this purchase can be charged, and not for the card's sake: a person looks, and the rule rests.
pub(super) async fn refuse(
    tx: &mut WriteTransaction,
    payment: &PaymentRow,
    alarm: &'static str,
    detail: &str,
) -> Result<(), InternalError> {
    tx.evict_account(payment.customer_no).await?;
    if give_up(tx, payment, "failed").await? {
        alarms::raise_alarm(tx, alarm, &payment.purchase.to_string(), detail).await?;
        let until = tx.now() + TimeDelta::hours(REFUSED_HOURS);
        let sql = "update auto_top_ups set not_before = $1 where customer_no = $2";
        tx.db.execute(sql, args![until, payment.customer_no]).await?;
    }
    Ok(())
}

/// Stripe could not be asked: the same step again. It has refused for good: a person looks; a card or customer that it
/// lacks can't be charged any more.
async fn stripe_trouble(app: &App, payment: PaymentRow, error: StripeError) -> Result<u64, InternalError> {
    let lacks_card = payment.step != Step::Void
        && ["customer", "payment_method", "default_payment_method"].iter().any(|it| lacks_named(&error, it));
    app.write(move |tx| {
        Box::pin(async move {
            if lacks_card {
                suspend_own(tx, &payment, SuspendedReason::Declined).await?;
                give_up(tx, &payment, "failed").await?;
                return Ok(());
            }
            match &error {
                StripeError::Refused { .. } | StripeError::Card { .. } if payment.step != Step::Void => {
                    refuse(tx, &payment, "stripe_refused", &error.to_string()).await
                }
                _ => {
                    tracing::warn!(purchase = %payment.purchase, error = %error, "an automatic payment waits for Stripe");
                    if let Some(kind) = error.alarm() {
                        alarms::raise_alarm(tx, kind, &payment.purchase.to_string(), &error.to_string()).await?;
                    }
                    let again = tx.now() + TimeDelta::seconds(AGAIN_SECONDS);
                    try_later(tx, payment.purchase, again).await
                }
            }
        })
    })
    .await?;
    Ok(0)
}

/// True if Stripe lacks what this parameter names. (A path's own object is not meant.)
fn lacks_named(error: &StripeError, param: &str) -> bool {
    match error {
        StripeError::Refused { code, param: at, .. } => {
            code.as_deref() == Some("resource_missing") && at.as_deref() == Some(param)
        }
        _ => false,
    }
}
