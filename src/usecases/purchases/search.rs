//! Finding purchases by whatever a customer has at hand.

use super::super::Fault;
use super::{PURCHASE, Purchase, purchase_of};
use crate::args;
use crate::domain::PurchaseId;
use crate::store::Store;
use crate::store::db::DbError;

/// How many are told.
const FOUND_MAX: i64 = 50;

/// Purchases by e-mail, customer id, `pur_`, `cs_`, `pi_`, `ch_`, `in_` or invoice number, newest first.
///
/// # Errors
/// [`Fault`].
pub async fn search(store: &Store, text: &str) -> Result<Vec<Purchase>, Fault> {
    let text = text.trim();
    let mut link = store.read().await?;
    let rows = if let Some(id) = PurchaseId::parse(text) {
        link.all(format!("{PURCHASE} where p.id = $1"), args![id.bytes()]).await?
    } else {
        let sql = format!(
            "{PURCHASE} where p.session_id = $1 or p.payment_intent = $1 or p.charge = $1 or p.invoice = $1
               or lower(p.invoice_number) = lower($1) or c.id = $1 or lower(c.email) = lower($1)
               or lower(p.member_email) = lower($1)
               or p.customer_no in (select customer_no from members where lower(email) = lower($1))
             order by p.created_at desc, p.id desc limit $2"
        );
        link.all(sql, args![text, FOUND_MAX]).await?
    };
    rows.iter().map(purchase_of).collect::<Result<_, DbError>>().map_err(Fault::from)
}
