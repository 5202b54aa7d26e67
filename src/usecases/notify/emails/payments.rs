//! A payment that takes its time, and one that did not go through, told in the transaction that stores it.

use crate::domain::{Money, PurchaseState};
use crate::ledger::WriteTransaction;
use crate::store::db::DbError;
use crate::usecases::Shop;
use crate::usecases::notify::emails::{Announcement, PurchaseData, addressed, counted, draft, write};

/// Writes the email of a purchase that has just come to `state`, where there is one: to nobody else's inbox
/// than owners' and admins', once for each state.
pub async fn enqueue(
    tx: &mut WriteTransaction,
    purchase: &PurchaseData,
    state: PurchaseState,
    site: &str,
) -> Result<(), DbError> {
    let credits = counted(purchase.credits, "");
    let (kind, subject, heading, line) = match state {
        PurchaseState::Processing => (
            "payment_delayed",
            format!("Payment on its way: {credits}"),
            "Your bank payment is on its way.",
            "Credits are added when it clears, up to 5 days. We will mail you. Nothing to do.".to_owned(),
        ),
        PurchaseState::Failed => (
            "payment_failed",
            format!("Payment failed: {credits} were not added"),
            "The payment did not go through. You were not charged.",
            "Try again, or use another card.".to_owned(),
        ),
        _ => return Ok(()),
    };
    // Nothing of it can be switched off, so that no secret is needed.
    let shop = &Shop { site: site.to_owned(), secret: Vec::new(), hooked: false };
    let Some(to) = addressed(tx, purchase.customer_no).await? else { return Ok(()) };
    let mut draft = draft(tx, shop, heading.to_owned());
    draft.lines.push(line);
    draft.facts = vec![
        ("Credits", purchase.credits.grouped()),
        ("For", to.name.clone()),
        ("Price", Money::new(purchase.amount, &purchase.currency).long()),
        ("Chosen", to.zone.full(purchase.created_at)),
        ("Reference", purchase.id.to_string()),
    ];
    draft.notes.push(format!("This purchase: {}/purchases/{}", shop.site, purchase.id));
    let key = format!("{kind}:{}", purchase.id);
    let letter = Announcement { key, kind, subject, draft, cause: Some(purchase.id.bytes()), may_stop: false };
    write(tx, shop, &to, letter).await?;
    Ok(())
}
