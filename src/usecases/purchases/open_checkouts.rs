//! The Checkouts of a customer that are open: a bounded number (R19).
//!
//! In the browser Buy returns to the open one of the same package on the same terms, and where too many others are open
//! the oldest is closed. Over the API the eleventh is refused. Before either, Stripe is asked: one that was paid or has
//! ended is open no more.

use crate::args;
use crate::domain::{PurchaseId, PurchaseState};
use crate::ledger::WriteTransaction;
use crate::store::db::{Connection, DbError};
use crate::stripe::{Stripe, StripeError};
use crate::usecases::app::Asker;
use crate::usecases::purchases::fulfill::fulfill;
use crate::usecases::purchases::purchase::{
    PURCHASE, Purchase, expire_purchase, load_purchase, open_deadline, purchase_of,
};
use crate::usecases::purchases::refresh::refresh_purchase;
use crate::usecases::{App, InternalError};
use chrono::TimeDelta;
use futures::future::join_all;

/// How many Checkouts of one customer may be open.
pub(crate) const OPEN_MAX: usize = 10;
/// A Checkout that ends sooner is no place to send a buyer to.
const MINUTES_LEFT_MIN: i64 = 1;

/// Purchases that a customer can still pay, oldest first, without those that Stripe refused to open.
pub(crate) async fn unpaid_purchases(tx: &mut WriteTransaction, customer_no: i64) -> Result<Vec<Purchase>, DbError> {
    let now = tx.now();
    let sql = format!(
        "{PURCHASE} where p.customer_no = $1 and p.state in ('created', 'open') and p.origin <> 'automatic'
           and ((p.state = 'open' and p.checkout_expires_at > $2)
             or (p.state = 'created' and p.created_at > $3 and (p.attempt = 0 or p.checkout_order is not null)))
         order by p.created_at, p.id limit 200"
    );
    let rows = tx.db.fetch_all(sql, args![customer_no, now, open_deadline(now)]).await?;
    rows.iter().map(purchase_of).collect()
}

/// The newest of them that sells the same on the same terms, with time left to pay it.
pub(crate) fn same_terms<'a>(
    unpaid: &'a [Purchase],
    tx: &WriteTransaction,
    is_same: impl Fn(&Purchase) -> bool,
) -> Option<&'a Purchase> {
    let until = tx.now() + TimeDelta::minutes(MINUTES_LEFT_MIN);
    unpaid.iter().rev().find(|one| one.checkout_expires_at > until && is_same(one))
}

/// The purchase that a form has led to beside its own.
pub(crate) async fn purchase_of_form(db: &mut Connection, form: PurchaseId) -> Result<Option<Purchase>, DbError> {
    let sql = "select purchase from purchase_forms where form = $1";
    let Some(row) = db.fetch_optional(sql, args![form.bytes()]).await? else { return Ok(None) };
    load_purchase(db, PurchaseId(row.uuid("purchase")?)).await
}

/// The purchase that a form stands for: its own, or the one that it has led to.
pub async fn find_by_form(app: &App, form: PurchaseId) -> Result<Option<Purchase>, InternalError> {
    let mut db = app.store.read().await?;
    Ok(match load_purchase(&mut db, form).await? {
        Some(own) => Some(own),
        None => purchase_of_form(&mut db, form).await?,
    })
}

/// Notes that a form leads to a purchase of another form: sent again, it leads there again.
pub(crate) async fn link_form(tx: &mut WriteTransaction, form: PurchaseId, to: PurchaseId) -> Result<(), DbError> {
    let sql =
        "insert into purchase_forms (form, purchase, created_at) values ($1, $2, $3) on conflict (form) do nothing";
    tx.db.execute(sql, args![form.bytes(), to.bytes(), tx.now()]).await?;
    Ok(())
}

/// Asks Stripe about those that seem to be open; one that was paid or has ended makes room.
pub(crate) async fn refresh_all(app: &App, unpaid: &[Purchase]) -> Result<(), InternalError> {
    let asked = unpaid.iter().take(OPEN_MAX).map(|one| refresh_purchase(app, one.id, Asker::Anonymous));
    join_all(asked).await.into_iter().collect()
}

/// Closes the oldest Checkout, so that another one may be opened. Who pays it in this moment is credited.
pub(crate) async fn close_oldest(
    app: &App,
    stripe: &Stripe,
    unpaid: &[Purchase],
) -> Result<Result<(), StripeError>, InternalError> {
    let Some(oldest) = unpaid.iter().find(|one| one.state == PurchaseState::Open) else { return Ok(Ok(())) };
    let Some(session) = oldest.session_id.as_deref() else { return Ok(Ok(())) };
    let id = oldest.id;
    match stripe.expire_checkout(session).await {
        Ok(()) => {
            app.write(move |tx| Box::pin(async move { expire_purchase(tx, id).await })).await?;
            Ok(Ok(()))
        }
        // It was paid, or ended by itself: that is what is heard of it now.
        Err(StripeError::Refused { .. }) => fulfill(app, id, None).await.map(|_| Ok(())),
        Err(e) => Ok(Err(e)),
    }
}
