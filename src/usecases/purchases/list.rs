//! The purchases of Billing: what was paid, is on its way or failed, page by page; and what is not done yet.

use crate::args;
use crate::domain::PurchaseId;
use crate::store::db::{Connection, DbError, Row};
use crate::usecases::purchases::purchase::{PURCHASE, Purchase, load_purchase, purchase_of};
use crate::usecases::{App, InternalError};

/// Everything but abandoned Checkouts.
const COUNTED: &str = "p.customer_no = $1 and p.state in ('processing', 'credited', 'failed', 'review')";
/// How many paid ones that wait for their credits are shown.
const PAID_MAX: i64 = 20;

/// A part of a customer's purchases.
#[derive(Clone, Debug, Default)]
pub struct CustomerPurchases {
    /// Paid, as Stripe's event in the inbox says, and their credits not there yet: Stripe could not be asked.
    pub paid: Vec<Purchase>,
    /// The newest Checkout that is still open.
    pub open: Option<Purchase>,
    /// How many there are, abandoned ones not counted.
    pub total: i64,
    /// Those of this page, newest first.
    pub page: Vec<Purchase>,
}

/// The purchases of a customer; `window` is asked how many of the total to skip, and how many to take.
pub async fn customer_purchases(
    db: &mut Connection,
    app: &App,
    no: i64,
    window: impl FnOnce(i64) -> (i64, i64),
) -> Result<CustomerPurchases, DbError> {
    let now = app.clock.now();
    let paid = paid_purchases(db, no, app.catalog.shop.pays_at_once()).await?;
    let sql = format!(
        "{PURCHASE} where p.customer_no = $1 and p.state = 'open' and p.checkout_expires_at > $2 and p.url is not null
         order by p.created_at desc, p.id desc limit 1"
    );
    let open = db.fetch_optional(sql, args![no, now]).await?.as_ref().map(purchase_of).transpose()?;
    let open = open.filter(|open| paid.iter().all(|paid| paid.id != open.id));
    let row = db.fetch_optional(format!("select count(*) as n from purchases p where {COUNTED}"), args![no]).await?;
    let total = row.map_or(Ok(0), |row| row.int("n"))?;
    let (skip, take) = window(total);
    let sql = format!("{PURCHASE} where {COUNTED} order by p.created_at desc, p.id desc limit $2 offset $3");
    let rows = db.fetch_all(sql, args![no, take, skip]).await?;
    let page = rows.iter().map(purchase_of).collect::<Result<Vec<_>, _>>()?;
    // One whose money was announced may stand in the page as well.
    let page = page.into_iter().filter(|one| paid.iter().all(|paid| paid.id != one.id)).collect();
    Ok(CustomerPurchases { paid, open, total, page })
}

/// True if Stripe has said that a purchase is paid while it could not be asked about it.
pub async fn is_paid(app: &App, purchase: &Purchase) -> Result<bool, InternalError> {
    let mut db = app.store.snapshot().await?;
    let paid = paid_purchases(&mut db, purchase.customer_no, app.catalog.shop.pays_at_once()).await?;
    Ok(paid.iter().any(|one| one.id == purchase.id))
}

/// A Checkout is completed once: where the purchase is on its way or has failed since, the event is an old one told
/// again.
async fn paid_purchases(db: &mut Connection, no: i64, at_once: bool) -> Result<Vec<Purchase>, DbError> {
    let sql = "select p.id from inbox i join purchases p on p.session_id = i.object_id
        where i.done_at is null and p.customer_no = $1 and p.state in ('created', 'open', 'processing', 'expired', 'failed')
          and (i.type = 'checkout.session.async_payment_succeeded'
            or i.type = 'invoice.paid'
            or (i.type = 'checkout.session.completed' and $2 = 1 and p.state in ('created', 'open', 'expired')))
        group by p.id order by p.id desc limit $3";
    let ids = db.fetch_all(sql, args![no, i64::from(at_once), PAID_MAX]).await?;
    let ids = ids.iter().map(|row: &Row| Ok(PurchaseId(row.uuid("id")?))).collect::<Result<Vec<_>, DbError>>()?;
    let mut paid = Vec::with_capacity(ids.len());
    for id in ids {
        paid.extend(load_purchase(db, id).await?);
    }
    Ok(paid)
}
