//! Money that went back, and banks that review: told in the transaction that stores it, to owners and admins.

use crate::domain::payment::DisputeEffect;
use crate::domain::{Money, Payment};
use crate::ledger::WriteTransaction;
use crate::store::db::DbError;
use crate::usecases::Shop;
use crate::usecases::notify::emails::{Announcement, PurchaseData, addressed, counted, draft, write};

/// What there is to say, and under which key.
struct PaymentNotice {
    key: String,
    kind: &'static str,
    subject: String,
    heading: String,
    line: &'static str,
}

/// Writes the emails of what a payment has come to, each once.
pub async fn enqueue(
    tx: &mut WriteTransaction,
    purchase: &PurchaseData,
    before: &Payment,
    after: &Payment,
    site: &str,
) -> Result<(), DbError> {
    let notices: Vec<PaymentNotice> =
        refund(purchase, before, after).into_iter().chain(disputes(purchase, before, after)).collect();
    // Nothing of it can be switched off, so that no secret is needed.
    let shop = &Shop { site: site.to_owned(), secret: Vec::new(), hooked: false };
    if notices.is_empty() {
        return Ok(());
    }
    let Some(to) = addressed(tx, purchase.customer_no).await? else { return Ok(()) };
    for notice in notices {
        let mut draft = draft(tx, shop, notice.heading);
        draft.lines.push(notice.line.to_owned());
        draft.facts = vec![
            ("Credits bought", purchase.credits.grouped()),
            ("For", to.name.clone()),
            ("Price", Money::new(purchase.amount, &purchase.currency).long()),
            ("Bought", to.zone.full(purchase.created_at)),
            ("Reference", purchase.id.to_string()),
        ];
        draft.notes.push(format!("This purchase: {}/purchases/{}", shop.site, purchase.id));
        let (cause, may_stop) = (Some(purchase.id.bytes()), false);
        let letter =
            Announcement { key: notice.key, kind: notice.kind, subject: notice.subject, draft, cause, may_stop };
        write(tx, shop, &to, letter).await?;
    }
    Ok(())
}

fn refund(purchase: &PurchaseData, before: &Payment, after: &Payment) -> Option<PaymentNotice> {
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
            line: "The credits that it paid for are removed, as far as they were not used. Banks take up to 10 days.",
        });
    }
    (is < was).then(|| PaymentNotice {
        key: key("refund_failed"),
        kind: "refund_failed",
        subject: format!("Refund of {} did not go through", money(was - is)),
        heading: "Your refund did not go through".to_owned(),
        line: "Your bank sent the money back to us, so the credits come back, as far as their last day has not passed. Write to us to be refunded another way.",
    })
}

fn disputes(purchase: &PurchaseData, before: &Payment, after: &Payment) -> Vec<PaymentNotice> {
    let mut notices = Vec::new();
    for (id, (status, _)) in &after.disputes {
        let was = before.disputes.get(id).map_or(DisputeEffect::Nothing, |(status, _)| status.effect());
        let credits = counted(purchase.credits, "");
        let (kind, subject, line) = match (was, status.effect()) {
            (DisputeEffect::Nothing, DisputeEffect::Freezes) => (
                "dispute_opened",
                format!("Credits are frozen: your bank reviews the payment of {credits}"),
                "Until the review is over, the frozen credits cannot be used. They do not expire meanwhile.",
            ),
            (DisputeEffect::Nothing | DisputeEffect::Freezes, DisputeEffect::Removes) => (
                "dispute_lost",
                format!("Your bank took back money paid for {credits}"),
                "The credits that it paid for are removed, as far as they were not used.",
            ),
            (DisputeEffect::Freezes, DisputeEffect::Nothing) => (
                "dispute_won",
                format!("Your bank ended its review of the payment of {credits}"),
                "What it had frozen can be used again, unless another review or refund of the payment stands against it. \
                 The time that all of it was frozen is added to its last day.",
            ),
            (DisputeEffect::Removes, DisputeEffect::Nothing) => (
                "dispute_won",
                format!("Your bank gave back the payment of {credits}"),
                "What had been removed comes back, as far as its last day has not passed.",
            ),
            _ => continue,
        };
        let key = format!("{kind}:{}:{id}:{}", purchase.id, status.name());
        notices.push(PaymentNotice { key, kind, heading: subject.clone(), subject, line });
    }
    notices
}
