//! Emails about refunds and disputes, written in the transaction that stores them.

use crate::domain::payment::DisputeEffect;
use crate::domain::{Catalog, Money, Payment};
use crate::ledger::WriteTransaction;
use crate::store::db::DbError;
use crate::usecases::ShopSettings;
use crate::usecases::notify::emails::{
    Addressed, Announcement, PurchaseData, Reason, addressed, announcement_draft, write_announcement,
};

/// The words of one email.
pub(super) struct PaymentNotice {
    key: String,
    kind: &'static str,
    subject: String,
    heading: String,
    line: &'static str,
}

/// Writes the emails about a payment's refunds and disputes, each once.
pub async fn enqueue_payment_notices(
    tx: &mut WriteTransaction,
    purchase: &PurchaseData,
    before: &Payment,
    after: &Payment,
    site: &str,
) -> Result<(), DbError> {
    let notices = notices(purchase, before, after);
    if notices.is_empty() {
        return Ok(());
    }
    // They can't be turned off, so no secret is needed.
    let shop = &ShopSettings { site: site.to_owned(), secret: Vec::new(), hooked: false };
    let Some(to) = addressed(tx, purchase.customer_no).await? else { return Ok(()) };
    for notice in notices {
        let letter = payment_notice_letter(&tx.catalog, shop, &to, purchase, notice);
        write_announcement(tx, shop, &to, letter).await?;
    }
    Ok(())
}

pub(super) fn notices(purchase: &PurchaseData, before: &Payment, after: &Payment) -> Vec<PaymentNotice> {
    refund_notice(purchase, before, after).into_iter().chain(dispute_notices(purchase, before, after)).collect()
}

pub(super) fn payment_notice_letter(
    catalog: &Catalog,
    shop: &ShopSettings,
    to: &Addressed,
    purchase: &PurchaseData,
    notice: PaymentNotice,
) -> Announcement {
    let mut draft = announcement_draft(catalog, shop, notice.heading);
    draft.lines.push(notice.line.to_owned());
    draft.facts = vec![
        ("For", to.name.clone()),
        ("Credits bought", purchase.credits.grouped()),
        ("Price", Money::new(purchase.amount, &purchase.currency).long()),
        ("Bought", to.zone.full(purchase.created_at)),
        ("Reference", purchase.id.to_string()),
    ];
    draft.button = Some(("View purchase".to_owned(), format!("{}/purchases/{}", shop.site, purchase.id)));
    let (cause, reason) = (Some(purchase.id.bytes()), Reason::Always("Emails about payments"));
    Announcement { key: notice.key, kind: notice.kind, subject: notice.subject, draft, cause, reason }
}

fn refund_notice(purchase: &PurchaseData, before: &Payment, after: &Payment) -> Option<PaymentNotice> {
    let (was, is) = (before.refunded(), after.refunded());
    let money = |minor: i64| Money::new(minor, &purchase.currency).long();
    let key = |kind| format!("{kind}:{}:{is}:{}", purchase.id, after.refunds.len());
    if is > was {
        let back = money(is - was);
        return Some(PaymentNotice {
            key: key("refund"),
            kind: "refund",
            subject: format!("Refund: {back}"),
            heading: format!("{back} is on its way back to you"),
            line: "Any unused credits from this payment have been removed. Banks take up to 10 days.",
        });
    }
    (is < was).then(|| PaymentNotice {
        key: key("refund_failed"),
        kind: "refund_failed",
        subject: format!("Refund of {} didn't go through", money(was - is)),
        heading: "Your refund didn't go through".to_owned(),
        line: "Your bank sent the money back to us, so you have the credits again unless they've expired. Write to us \
               to be refunded another way.",
    })
}

fn dispute_notices(purchase: &PurchaseData, before: &Payment, after: &Payment) -> Vec<PaymentNotice> {
    let mut notices = Vec::new();
    for (id, (status, _)) in &after.disputes {
        let was = before.disputes.get(id).map_or(DisputeEffect::Nothing, |(status, _)| status.effect());
        let credits = purchase.credits.counted();
        let (kind, subject, line) = match (was, status.effect()) {
            (DisputeEffect::Nothing, DisputeEffect::Freezes) => (
                "dispute_opened",
                format!("Credits are frozen while your bank reviews the payment for {credits}"),
                "You can't use the frozen credits until the review is over. They don't expire meanwhile. Banks usually \
                 take 2 to 3 months. If you didn't start this, write to us.",
            ),
            (DisputeEffect::Nothing | DisputeEffect::Freezes, DisputeEffect::Removes) => (
                "dispute_lost",
                format!("Your bank took back the payment for {credits}"),
                "Any unused credits from this payment have been removed.",
            ),
            (DisputeEffect::Freezes, DisputeEffect::Nothing) => (
                "dispute_won",
                format!("Your bank ended its review of the payment for {credits}"),
                "You can use the credits again, unless another review or a refund of this payment is open. The time that \
                 they were frozen is added to their expiry date.",
            ),
            (DisputeEffect::Removes, DisputeEffect::Nothing) => (
                "dispute_won",
                format!("Your bank gave back the payment for {credits}"),
                "You have the removed credits again, unless they've expired.",
            ),
            _ => continue,
        };
        let key = format!("{kind}:{}:{id}:{}", purchase.id, status.name());
        notices.push(PaymentNotice { key, kind, heading: subject.clone(), subject, line });
    }
    notices
}
