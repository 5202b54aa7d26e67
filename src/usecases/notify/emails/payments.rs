//! Emails about a payment that takes its time or fails, written in the transaction that stores it.

use crate::domain::{Catalog, Money, PurchaseState};
use crate::ledger::WriteTransaction;
use crate::store::db::DbError;
use crate::usecases::ShopSettings;
use crate::usecases::notify::emails::{
    Addressed, Announcement, PurchaseData, Reason, addressed, announcement_draft, write_announcement,
};

/// Writes the email of a purchase that has just come to `state`, where there is one, once for each state.
pub async fn enqueue_payment_failed(
    tx: &mut WriteTransaction,
    purchase: &PurchaseData,
    state: PurchaseState,
    site: &str,
) -> Result<(), DbError> {
    // It can't be turned off, so no secret is needed.
    let shop = &ShopSettings { site: site.to_owned(), secret: Vec::new(), hooked: false };
    let Some(to) = addressed(tx, purchase.customer_no).await? else { return Ok(()) };
    if let Some(letter) = payment_failed_letter(&tx.catalog, shop, &to, purchase, state) {
        write_announcement(tx, shop, &to, letter).await?;
    }
    Ok(())
}

pub(super) fn payment_failed_letter(
    catalog: &Catalog,
    shop: &ShopSettings,
    to: &Addressed,
    purchase: &PurchaseData,
    state: PurchaseState,
) -> Option<Announcement> {
    let credits = purchase.credits.counted();
    let (kind, subject, heading, line, button) = match state {
        PurchaseState::Processing => (
            "payment_delayed",
            format!("Payment processing: {credits}"),
            "Your payment is processing.",
            "Bank payments take up to 5 days. We'll email you when your credits arrive.",
            "View purchase",
        ),
        PurchaseState::Failed => (
            "payment_failed",
            format!("Payment failed: {credits} not added"),
            "The payment didn't go through. You weren't charged.",
            "Try again, or use another card.",
            "Try again",
        ),
        _ => return None,
    };
    let mut draft = announcement_draft(catalog, shop, heading);
    draft.lines.push(line.to_owned());
    draft.facts = vec![
        ("For", to.name.clone()),
        ("Credits", purchase.credits.grouped()),
        ("Price", Money::new(purchase.amount, &purchase.currency).long()),
        ("Started", to.zone.full(purchase.created_at)),
        ("Reference", purchase.id.to_string()),
    ];
    draft.button = Some((button.to_owned(), format!("{}/purchases/{}", shop.site, purchase.id)));
    let (cause, reason) = (Some(purchase.id.bytes()), Reason::Always("Emails about payments"));
    Some(Announcement { key: format!("{kind}:{}", purchase.id), kind, subject, draft, cause, reason })
}
