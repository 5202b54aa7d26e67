//! Finding purchases by whatever a customer has at hand.

use crate::domain::PurchaseId;
use crate::store::Store;
use crate::store::db::DbError;
use crate::usecases::InternalError;
use crate::usecases::purchases::purchase::{PURCHASE, Purchase, purchase_of};
use crate::{args, email};

/// How many are shown.
pub const FOUND_MAX: i64 = 50;

/// The result of a search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PurchaseMatches {
    /// Newest first, at most 50.
    pub purchases: Vec<Purchase>,
    /// True if there are older ones that are not among them.
    pub cut: bool,
}

/// An address as it is looked for; what is no address is nobody's.
#[must_use]
pub fn email_key(text: &str) -> String {
    email::address(text).unwrap_or_else(|| text.to_lowercase())
}

/// Purchases by email, customer id, `pur_`, `cs_`, `pi_`, `ch_`, `in_` or invoice number.
pub async fn search_purchases(store: &Store, text: &str) -> Result<PurchaseMatches, InternalError> {
    // PostgreSQL takes no NUL, and nothing of ours has one.
    let text = text.trim();
    if text.contains('\0') {
        return Ok(PurchaseMatches::default());
    }
    let mut db = store.read().await?;
    let rows = if let Some(id) = PurchaseId::parse(text) {
        db.fetch_all(format!("{PURCHASE} where p.id = $1"), args![id.bytes()]).await?
    } else {
        let sql = format!(
            "{PURCHASE} where p.session_id = $1 or p.payment_intent = $1 or p.charge = $1 or p.invoice = $1
               or lower(p.invoice_number) = $2 or c.id = $1 or lower(c.email) = $2 or lower(p.member_email) = $2
               or p.customer_no in (select customer_no from members where email = $2)
             order by p.created_at desc, p.id desc limit $3"
        );
        db.fetch_all(sql, args![text, email_key(text), FOUND_MAX + 1]).await?
    };
    let mut purchases = rows.iter().map(purchase_of).collect::<Result<Vec<_>, DbError>>()?;
    let most = usize::try_from(FOUND_MAX).unwrap_or(usize::MAX);
    let cut = purchases.len() > most;
    purchases.truncate(most);
    Ok(PurchaseMatches { purchases, cut })
}
