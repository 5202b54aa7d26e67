//! The receipt of a top-up: emailed to every owner and admin, written in the transaction that credits.

use crate::domain::{Catalog, Instant, Money, Origin};
use crate::email::Draft;
use crate::ledger::WriteTransaction;
use crate::usecases::notify::emails;
use crate::usecases::notify::emails::{Addressed, Announcement, PurchaseData, Reason, addressed};
use crate::usecases::{InternalError, ShopSettings};
use uuid::Uuid;

/// Data of a receipt beside the sold terms.
#[derive(Clone, Copy, Debug)]
pub struct CreditedTerms {
    /// When the credits came.
    pub at: Instant,
    pub expires_at: Instant,
    /// The paid amount with tax, if Stripe named it.
    pub total: Option<i64>,
    /// The tax of it.
    pub tax: Option<i64>,
}

/// Writes the receipts of a purchase that is being credited. `site` is the address that customers see.
pub async fn enqueue_receipt(
    tx: &mut WriteTransaction,
    purchase: &PurchaseData,
    credited: CreditedTerms,
    site: &str,
) -> Result<(), InternalError> {
    write_receipt(tx, purchase, credited, site, "").await?;
    Ok(())
}

/// Writes the receipts once more under this `key`; how many there are.
pub async fn resend_receipt_email(
    tx: &mut WriteTransaction,
    purchase: &PurchaseData,
    credited: CreditedTerms,
    site: &str,
    key: Uuid,
) -> Result<usize, InternalError> {
    write_receipt(tx, purchase, credited, site, &format!(":{key}")).await
}

async fn write_receipt(
    tx: &mut WriteTransaction,
    purchase: &PurchaseData,
    credited: CreditedTerms,
    site: &str,
    suffix: &str,
) -> Result<usize, InternalError> {
    // A receipt can't be turned off, so no secret is needed.
    let shop = &ShopSettings { site: site.to_owned(), secret: Vec::new(), hooked: false };
    let Some(to) = addressed(tx, purchase.customer_no).await? else { return Ok(0) };
    let letter = Announcement {
        key: format!("receipt:{}{suffix}", purchase.id),
        kind: "receipt",
        subject: format!("{} added: receipt", purchase.credits.counted()),
        draft: receipt_draft(&tx.catalog, purchase, credited, site, &to),
        cause: Some(purchase.id.bytes()),
        reason: Reason::Always("Receipts"),
    };
    Ok(emails::write_announcement(tx, shop, &to, letter).await?)
}

/// An automatic one says so, and how to stop.
fn notes(origin: Origin, site: &str) -> Vec<String> {
    let mut notes = vec!["Non-refundable.".to_owned()];
    if origin == Origin::Automatic {
        notes.push(format!("Bought by automatic top-up. You can switch it off at any time: {site}/auto-top-up"));
    }
    notes
}

pub(super) fn receipt_draft(
    catalog: &Catalog,
    purchase: &PurchaseData,
    credited: CreditedTerms,
    site: &str,
    to: &Addressed,
) -> Draft {
    let shop = &catalog.shop;
    let money = |minor| Money::new(minor, &purchase.currency).long();
    let mut facts =
        vec![("For", to.name.clone()), ("Credits", purchase.credits.grouped()), ("Price", money(purchase.amount))];
    if let Some(tax) = credited.tax.filter(|tax| *tax != 0) {
        facts.push(("Tax", money(tax)));
        facts.push(("Paid", money(credited.total.unwrap_or_else(|| purchase.amount.saturating_add(tax)))));
    }
    let (bought, added) = (to.zone.full(purchase.created_at), to.zone.full(credited.at));
    let is_later = added != bought;
    facts.extend((purchase.origin == Origin::Automatic).then(|| ("Bought by", "Automatic top-up".to_owned())));
    facts.push(("Bought", bought));
    facts.extend(is_later.then_some(("Added", added)));
    facts.push(("Valid until", to.zone.full(credited.expires_at)));
    facts.push(("Reference", purchase.id.to_string()));
    let page = format!("{site}/purchases/{}", purchase.id);
    Draft {
        lines: vec![format!("Valid until {}. Used after your plan credits.", to.zone.day(credited.expires_at))],
        facts,
        button: Some(("View invoice".to_owned(), format!("{page}/invoice"))),
        links: vec![("Purchase details", page), ("Terms", shop.terms_url.clone())],
        notes: notes(purchase.origin, site),
        ..Draft::new(shop, format!("{} added", purchase.credits.counted()))
    }
}
