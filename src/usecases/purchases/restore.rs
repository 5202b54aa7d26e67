//! A sale that is at Stripe alone: its row was lost with the database, of which an older copy was put in place.
//!
//! The Checkout, or an automatic purchase's invoice, says who bought what; its row is written again from that, under the id
//! it had, and credited as any other. Which consent an automatic one had is not known any more: it counts against the cap, and
//! its timeline says that it was rebuilt. An invoice that is not paid is voided: nothing here would wait for it.

use crate::args;
use crate::domain::time::from_millis;
use crate::domain::{Credits, Origin, PurchaseId, PurchaseState};
use crate::ledger::WriteTransaction;
use crate::stripe::{Sale, Sold, StripeError};
use crate::usecases::purchases::fulfill::{fulfill, stripe_unanswered};
use crate::usecases::purchases::purchase::{Fulfillment, add_event, find_purchase, load_purchase};
use crate::usecases::purchases::refunds_and_disputes::update_purchase_payment;
use crate::usecases::{App, InternalError};

/// The missing part of a sale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Its row: it can be written again.
    Row,
    /// That this Checkout is its own.
    Checkout,
    /// Its row, and its buyer is not here either.
    Buyer(String),
    /// Its row, and the Checkout does not say what was sold.
    Terms,
    /// Nothing, as far as we know: its buyer comes back to another site, which may be another installation.
    Elsewhere,
}

/// The part of a sale that the ledger lacks, if any.
pub async fn find_lost(app: &App, sale: &Sale) -> Result<Option<(PurchaseId, Lost)>, InternalError> {
    let named = sale.client_reference_id.as_deref().and_then(PurchaseId::parse);
    let Some(id) = named.filter(|_| sale.lives()) else { return Ok(None) };
    let what = match find_purchase(app, id).await? {
        // While it is open, the answer that names it may be on its way.
        Some(known) => (known.session_id.is_none() && sale.is_complete()).then_some(Lost::Checkout),
        None if !sale.leads_to(&app.settings.public_url) => Some(Lost::Elsewhere),
        None => Some(match sale_terms(sale) {
            None => Lost::Terms,
            Some((sold, ..)) => {
                let sql = "select no from customers where id = $1";
                let known = app.store.read().await?.fetch_optional(sql, args![&sold.customer]).await?;
                known.map_or(Lost::Buyer(sold.customer), |_| Lost::Row)
            }
        }),
    };
    Ok(what.map(|what| (id, what)))
}

fn sale_terms(sale: &Sale) -> Option<(Sold, Credits, i64, String)> {
    let sold = sale.sold()?;
    let credits = Credits::parse(&sold.credits).ok().filter(|credits| *credits > Credits::ZERO)?;
    Some((sold, credits, sale.amount_subtotal?, sale.currency.clone()?))
}

/// Writes a lost sale's row again, and applies its Checkout; twice is once.
pub async fn restore_purchase(app: &App, sale: &Sale) -> Result<Fulfillment, InternalError> {
    let Some((id, lost)) = find_lost(app, sale).await? else { return Ok(Fulfillment::NotOurs) };
    match lost {
        Lost::Row if sale.is_automatic() && !sale.is_paid() => return void_unpaid(app, id, &sale.id).await,
        Lost::Row => {
            let sale = sale.clone();
            app.write(move |tx| Box::pin(async move { write_restored(tx, id, &sale).await })).await?;
        }
        Lost::Checkout => {}
        Lost::Buyer(_) | Lost::Terms | Lost::Elsewhere => return Ok(Fulfillment::NotOurs),
    }
    let done = fulfill(app, id, Some(&sale.id)).await?;
    // Later refunds come with the payment history.
    match find_purchase(app, id).await?.filter(|purchase| purchase.state == PurchaseState::Credited) {
        Some(purchase) => update_purchase_payment(app, &purchase).await,
        None => Ok(done),
    }
}

/// Makes it impossible to pay an automatic purchase that nobody here knows.
async fn void_unpaid(app: &App, id: PurchaseId, invoice: &str) -> Result<Fulfillment, InternalError> {
    let Some(stripe) = &app.stripe else { return Ok(Fulfillment::Retry) };
    let done = async {
        match stripe.invoice_state(invoice).await?.status.as_str() {
            "draft" => stripe.delete_draft(&format!("{id}-delete"), invoice).await,
            "open" => stripe.void_invoice(&format!("{id}-void"), invoice).await,
            _ => Ok(()),
        }
    };
    match done.await {
        // Refused, it was paid or voided in this moment: the next comparison sees it.
        Ok(()) | Err(StripeError::Refused { .. }) => Ok(Fulfillment::Done),
        Err(error) => stripe_unanswered(app, &error).await,
    }
}

async fn write_restored(tx: &mut WriteTransaction, id: PurchaseId, sale: &Sale) -> Result<(), InternalError> {
    // Another process may have been quicker.
    if load_purchase(&mut tx.db, id).await?.is_some() {
        return Ok(());
    }
    let Some((sold, credits, amount, currency)) = sale_terms(sale) else { return Ok(()) };
    if let Some(no) = tx.customer_no(&sold.customer).await? {
        tx.lock_account(no).await?;
    }
    let sql = "update customers set stripe_customer = coalesce(stripe_customer, $1) where id = $2 returning no";
    let Some(row) = tx.db.fetch_optional(sql, args![sale.customer.clone(), &sold.customer]).await? else {
        return Ok(());
    };
    let seconds = |at: i64| from_millis(at.saturating_mul(1_000));
    // An automatic one is not open: another may be, and there is one at a time. Paid late, it is credited all the same.
    let (state, origin) = if sale.is_automatic() { ("expired", Origin::Automatic) } else { ("open", Origin::Person) };
    let quantity = sold.quantity.as_ref().and_then(|many| many.parse::<i64>().ok()).filter(|many| *many > 0);
    let sql = "insert into purchases (id, customer_no, package, credits, amount, currency, state, attempt,
           refunded_amount, session_id, created_at, checkout_expires_at,
           months, origin, quantity)
         values ($1, $2, $3, $4, $5, $6, $11, 0, 0, $7, $8, $9, $10, $12, $13)";
    let values = args![
        id.bytes(),
        row.int("no")?,
        &sold.package,
        credits,
        amount,
        currency,
        &sale.id,
        seconds(sale.created),
        seconds(sale.expires_at),
        sold.months.as_ref().and_then(|months| months.parse::<i64>().ok()).filter(|months| (1..=120).contains(months)),
        state,
        origin.name(),
        quantity.unwrap_or(1)
    ];
    tx.db.execute(sql, values).await?;
    add_event(tx, id, "restored").await?;
    tracing::warn!(purchase = %id, checkout = sale.id, "a sale that only Stripe had was rebuilt");
    Ok(())
}
