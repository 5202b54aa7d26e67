//! A sale that is at Stripe alone: its row was lost with the database, of which an older copy was put in place.
//!
//! The Checkout says who bought what; its row is written anew from that, under the id it had, and settled as any other.

use super::super::{Fault, Services, flat};
use super::{Settling, find, load, look_at, note, settle};
use crate::args;
use crate::domain::{Credits, PurchaseId, PurchaseState, time::from_millis};
use crate::ledger::Turn;
use crate::stripe::{Sale, Sold};

/// What is missing of a sale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Its row: it can be written anew.
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

/// What the ledger lacks of a Checkout of ours, if it lacks anything.
///
/// # Errors
/// [`Fault`].
pub async fn lost(services: &Services, sale: &Sale) -> Result<Option<(PurchaseId, Lost)>, Fault> {
    let named = sale.client_reference_id.as_deref().and_then(PurchaseId::parse);
    let Some(id) = named.filter(|_| sale.lives()) else { return Ok(None) };
    let what = match find(services, id).await? {
        // While it is open, the answer that names it may be on its way.
        Some(known) => (known.session_id.is_none() && sale.is_complete()).then_some(Lost::Checkout),
        None if !sale.leads_to(&services.settings.public_url) => Some(Lost::Elsewhere),
        None => Some(match terms(sale) {
            None => Lost::Terms,
            Some((sold, ..)) => {
                let sql = "select no from customers where id = $1";
                let known = services.store.read().await?.one(sql, args![&sold.customer]).await?;
                known.map_or(Lost::Buyer(sold.customer), |_| Lost::Row)
            }
        }),
    };
    Ok(what.map(|what| (id, what)))
}

fn terms(sale: &Sale) -> Option<(Sold, Credits, i64, String)> {
    let sold = sale.sold()?;
    let credits = Credits::parse(&sold.credits).ok().filter(|credits| *credits > Credits::ZERO)?;
    Some((sold, credits, sale.amount_subtotal?, sale.currency.clone()?))
}

/// Writes a lost sale's row anew, and settles it by its Checkout; twice is once.
///
/// # Errors
/// [`Fault`].
pub async fn restore(services: &Services, sale: &Sale) -> Result<Settling, Fault> {
    let Some((id, lost)) = lost(services, sale).await? else { return Ok(Settling::Ignored) };
    match lost {
        Lost::Row => {
            let sale = sale.clone();
            flat(services.ledger.job(move |turn| Box::pin(async move { write(turn, id, &sale).await })).await)?;
        }
        Lost::Checkout => {}
        Lost::Buyer(_) | Lost::Terms | Lost::Elsewhere => return Ok(Settling::Ignored),
    }
    let done = settle(services, id, Some(&sale.id)).await?;
    // What was paid back since then is a part of what happened to it.
    match find(services, id).await?.filter(|purchase| purchase.state == PurchaseState::Credited) {
        Some(purchase) => look_at(services, &purchase).await,
        None => Ok(done),
    }
}

async fn write(turn: &mut Turn, id: PurchaseId, sale: &Sale) -> Result<(), Fault> {
    // Another process may have been quicker.
    if load(&mut turn.link, id).await?.is_some() {
        return Ok(());
    }
    let Some((sold, credits, amount, currency)) = terms(sale) else { return Ok(()) };
    let sql = "update customers set stripe_customer = coalesce(stripe_customer, $1) where id = $2 returning no";
    let Some(row) = turn.link.one(sql, args![sale.customer.clone(), &sold.customer]).await? else { return Ok(()) };
    let seconds = |at: i64| from_millis(at.saturating_mul(1_000));
    let sql = "insert into purchases (id, customer_no, package, credits, amount, currency, state, attempt,
           refunded_amount, session_id, created_at, checkout_expires_at,
           months)
         values ($1, $2, $3, $4, $5, $6, 'open', 0, 0, $7, $8, $9, $10)";
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
        sold.months.as_ref().and_then(|months| months.parse::<i64>().ok()).filter(|months| (1..=120).contains(months))
    ];
    turn.link.run(sql, values).await?;
    note(turn, id, "restored").await?;
    tracing::warn!(purchase = %id, checkout = sale.id, "a sale that was at Stripe alone was written anew");
    Ok(())
}
