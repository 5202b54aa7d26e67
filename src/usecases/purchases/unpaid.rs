//! The Checkouts of a customer that are open: a bounded number (R19).
//!
//! In the browser Buy returns to the open one of the same package on the same terms, and where too many others are open
//! the oldest is closed. Over the API the eleventh is refused. Before either, Stripe is asked: one that was paid or has
//! ended is open no more.

use super::super::{Fault, Services, flat};
use super::ask::{Asker, ask};
use super::{PURCHASE, Purchase, load, purchase_of, start};
use crate::args;
use crate::domain::{PurchaseId, PurchaseState};
use crate::ledger::Turn;
use crate::store::db::{DbError, Link};
use crate::stripe::{Stripe, StripeError};
use chrono::TimeDelta;
use futures::future::join_all;

/// How many Checkouts of one customer may be open.
pub(super) const OPEN_MAX: usize = 10;
/// A Checkout that ends sooner is no place to send a buyer to.
const MINUTES_LEFT_MIN: i64 = 1;

/// What a customer has not paid yet and still can, oldest first. One that Stripe refused to open is not among them.
pub(super) async fn unpaid(turn: &mut Turn, customer_no: i64) -> Result<Vec<Purchase>, DbError> {
    let now = turn.now();
    let sql = format!(
        "{PURCHASE} where p.customer_no = $1 and p.state in ('created', 'open')
           and ((p.state = 'open' and p.checkout_expires_at > $2)
             or (p.state = 'created' and p.created_at > $3 and (p.attempt = 0 or p.checkout_order is not null)))
         order by p.created_at, p.id limit 200"
    );
    let rows = turn.link.all(sql, args![customer_no, now, start::open_deadline(now)]).await?;
    rows.iter().map(purchase_of).collect()
}

/// The newest of them that sells the same on the same terms, with time left to pay it.
pub(super) fn same<'a>(
    unpaid: &'a [Purchase],
    turn: &Turn,
    is_same: impl Fn(&Purchase) -> bool,
) -> Option<&'a Purchase> {
    let until = turn.now() + TimeDelta::minutes(MINUTES_LEFT_MIN);
    unpaid.iter().rev().find(|one| one.checkout_expires_at > until && is_same(one))
}

/// The purchase that a form has led to beside its own.
pub(super) async fn led_to(link: &mut Link, form: PurchaseId) -> Result<Option<Purchase>, DbError> {
    let sql = "select purchase from purchase_forms where form = $1";
    let Some(row) = link.one(sql, args![form.bytes()]).await? else { return Ok(None) };
    load(link, PurchaseId(row.uuid("purchase")?)).await
}

/// The purchase that a form stands for: its own, or the one that it has led to.
///
/// # Errors
/// [`Fault`].
pub async fn of_form(services: &Services, form: PurchaseId) -> Result<Option<Purchase>, Fault> {
    let mut link = services.store.read().await?;
    Ok(match load(&mut link, form).await? {
        Some(own) => Some(own),
        None => led_to(&mut link, form).await?,
    })
}

/// Notes that a form leads to a purchase of another form: sent again, it leads there again.
pub(super) async fn lead(turn: &mut Turn, form: PurchaseId, to: PurchaseId) -> Result<(), DbError> {
    let sql = "insert into purchase_forms (form, purchase, made_at) values ($1, $2, $3) on conflict (form) do nothing";
    turn.link.run(sql, args![form.bytes(), to.bytes(), turn.now()]).await?;
    Ok(())
}

/// Asks Stripe about those that seem to be open; one that was paid or has ended makes room.
pub(super) async fn ask_all(services: &Services, unpaid: &[Purchase]) -> Result<(), Fault> {
    let asked = unpaid.iter().take(OPEN_MAX).map(|one| ask(services, one.id, Asker::Stranger));
    join_all(asked).await.into_iter().collect()
}

/// Closes the oldest Checkout, so that another one may be opened. Who pays it in this moment is credited.
pub(super) async fn close_oldest(
    services: &Services,
    stripe: &Stripe,
    unpaid: &[Purchase],
) -> Result<Result<(), StripeError>, Fault> {
    let Some(oldest) = unpaid.iter().find(|one| one.state == PurchaseState::Open) else { return Ok(Ok(())) };
    let Some(session) = oldest.session_id.as_deref() else { return Ok(Ok(())) };
    let id = oldest.id;
    match stripe.expire_checkout(session).await {
        Ok(()) => {
            let job = services.ledger.job(move |turn| Box::pin(async move { start::expire(turn, id).await }));
            flat(job.await)?;
            Ok(Ok(()))
        }
        // It was paid, or ended by itself: that is what is heard of it now.
        Err(StripeError::Refused { .. }) => super::settle(services, id, None).await.map(|_| Ok(())),
        Err(e) => Ok(Err(e)),
    }
}
