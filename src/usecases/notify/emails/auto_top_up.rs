//! Emails about automatic top-up, written in the transaction that causes them. They can't be turned off: money moves.

use crate::domain::auto_top_up::{Agreement, SuspendedReason};
use crate::domain::{Catalog, Instant, Money};
use crate::email::Draft;
use crate::ledger::WriteTransaction;
use crate::store::db::DbError;
use crate::usecases::ShopSettings;
use crate::usecases::notify::emails::{
    Addressed, Announcement, PurchaseData, Reason, addressed, announcement_draft, write_announcement,
};

/// A card in words: "Visa ···· 4242".
#[must_use]
pub fn card_words(brand: &str, last4: &str) -> String {
    let mut letters = brand.chars();
    let brand: String = letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
    format!("{brand} ···· {last4}")
}

/// What a rule does, in a sentence; `card` is in words, where it is known.
#[must_use]
pub fn sentence(catalog: &Catalog, agreed: &Agreement, card: Option<&str>) -> String {
    let credits = catalog
        .package(&agreed.package)
        .map_or_else(|| format!("the package {}", agreed.package), |package| package.grants().counted());
    let money = |minor| Money::new(minor, &agreed.currency).long();
    let on = card.map(|card| format!(", on {card}")).unwrap_or_default();
    format!(
        "When you have fewer than {}, we'll buy {credits} for {}, at most {} in any 30 days{on}.",
        agreed.threshold.counted(),
        money(agreed.price),
        money(agreed.cap)
    )
}

/// What happened to a rule.
#[derive(Clone, Debug)]
pub(super) enum RuleEvent<'a> {
    On { agreed: &'a Agreement, card: &'a str },
    Changed { agreed: &'a Agreement },
    Off { by_member: bool },
    Blocked { spent: i64, agreed: &'a Agreement },
    Confirm { purchase: &'a PurchaseData, url: &'a str, until: Instant },
    Suspended { reason: SuspendedReason },
    CardExpires { card: &'a str, month: i64, year: i64 },
}

/// Writes the email of a rule that was switched on.
pub(crate) async fn enqueue_on(
    tx: &mut WriteTransaction,
    no: i64,
    consent: i64,
    agreed: &Agreement,
    card: &str,
) -> Result<(), DbError> {
    enqueue(tx, no, format!("auto_on:{consent}"), RuleEvent::On { agreed, card }).await
}

/// Writes the email of lower limits.
pub(crate) async fn enqueue_changed(
    tx: &mut WriteTransaction,
    no: i64,
    consent: i64,
    agreed: &Agreement,
) -> Result<(), DbError> {
    let key = format!("auto_changed:{consent}:{}:{}", agreed.threshold, agreed.cap);
    enqueue(tx, no, key, RuleEvent::Changed { agreed }).await
}

/// Writes the email of a rule that was switched off.
pub(crate) async fn enqueue_off(
    tx: &mut WriteTransaction,
    no: i64,
    consent: i64,
    by_member: bool,
) -> Result<(), DbError> {
    enqueue(tx, no, format!("auto_off:{consent}"), RuleEvent::Off { by_member }).await
}

/// Writes the email of a cap that leaves no room.
pub(crate) async fn enqueue_blocked(
    tx: &mut WriteTransaction,
    no: i64,
    spent: i64,
    agreed: &Agreement,
) -> Result<(), DbError> {
    let key = format!("auto_blocked:{no}:{}", tx.now().timestamp_millis());
    enqueue(tx, no, key, RuleEvent::Blocked { spent, agreed }).await
}

/// Writes the email with the link at which a person confirms a payment.
pub(crate) async fn enqueue_confirm(
    tx: &mut WriteTransaction,
    purchase: &PurchaseData,
    url: &str,
    until: Instant,
) -> Result<(), DbError> {
    let key = format!("auto_confirm:{}", purchase.id);
    enqueue(tx, purchase.customer_no, key, RuleEvent::Confirm { purchase, url, until }).await
}

/// Writes the email of a suspension.
pub(crate) async fn enqueue_suspended(
    tx: &mut WriteTransaction,
    no: i64,
    consent: i64,
    reason: SuspendedReason,
) -> Result<(), DbError> {
    enqueue(tx, no, format!("auto_suspended:{consent}"), RuleEvent::Suspended { reason }).await
}

/// Writes the email of a card that expires soon.
pub(crate) async fn enqueue_card_expires(
    tx: &mut WriteTransaction,
    no: i64,
    consent: i64,
    card: &str,
    (month, year): (i64, i64),
) -> Result<(), DbError> {
    enqueue(tx, no, format!("auto_card:{consent}"), RuleEvent::CardExpires { card, month, year }).await
}

async fn enqueue(tx: &mut WriteTransaction, no: i64, key: String, event: RuleEvent<'_>) -> Result<(), DbError> {
    // They can't be turned off, so no secret is needed.
    let site = tx.alarm_channels.site.to_string();
    let shop = &ShopSettings { site, secret: Vec::new(), hooked: false };
    let Some(to) = addressed(tx, no).await? else { return Ok(()) };
    let letter = rule_letter(&tx.catalog, shop, &to, key, &event);
    write_announcement(tx, shop, &to, letter).await?;
    Ok(())
}

pub(super) fn rule_letter(
    catalog: &Catalog,
    shop: &ShopSettings,
    to: &Addressed,
    key: String,
    event: &RuleEvent,
) -> Announcement {
    let (kind, subject, lines) = words(catalog, to, event);
    let mut draft = Draft { lines, ..announcement_draft(catalog, shop, subject.clone()) };
    let page = ("Open automatic top-up".to_owned(), format!("{}/auto-top-up", shop.site));
    draft.button = Some(page);
    let mut cause = None;
    if let RuleEvent::Confirm { purchase, url, .. } = event {
        draft.button = Some(("Confirm the payment".to_owned(), (*url).to_owned()));
        draft.links = vec![("Purchase details", format!("{}/purchases/{}", shop.site, purchase.id))];
        cause = Some(purchase.id.bytes());
    }
    Announcement { key, kind, subject, draft, cause, reason: Reason::Always("Emails about automatic top-up") }
}

fn words(catalog: &Catalog, to: &Addressed, event: &RuleEvent) -> (&'static str, String, Vec<String>) {
    let money = |minor: i64, currency: &str| Money::new(minor, currency).long();
    let stop = "You can change it or switch it off at any time.".to_owned();
    match event {
        RuleEvent::On { agreed, card } => {
            let lines = vec![sentence(catalog, agreed, Some(card)), stop];
            ("auto_on", "Automatic top-up is on".to_owned(), lines)
        }
        RuleEvent::Changed { agreed } => {
            let lines = vec![sentence(catalog, agreed, None), stop];
            ("auto_changed", "Automatic top-up was changed".to_owned(), lines)
        }
        RuleEvent::Off { by_member } => {
            let who = if *by_member { "" } else { " It was switched off for you." };
            let lines = vec![format!("Nothing is bought automatically any more.{who} Your credits stay as they are.")];
            ("auto_off", "Automatic top-up is off".to_owned(), lines)
        }
        RuleEvent::Blocked { spent, agreed } => {
            let (spent, cap) = (money(*spent, &agreed.currency), money(agreed.cap, &agreed.currency));
            let lines = vec![
                format!("{spent} of the {cap} for any 30 days are spent, so one more package doesn't fit."),
                "Buy a top-up yourself, or agree to a higher limit. We'll go on by ourselves once it fits again."
                    .to_owned(),
            ];
            ("auto_blocked", "Automatic top-up has reached your limit".to_owned(), lines)
        }
        RuleEvent::Confirm { purchase, until, .. } => {
            let credits = purchase.credits.counted();
            let lines = vec![
                format!("Your bank wants you to confirm the payment for {credits}. You weren't charged yet."),
                format!("Confirm it by {}. After that the payment is cancelled.", to.zone.full(*until)),
            ];
            ("auto_confirm", format!("Confirm the payment for {credits}"), lines)
        }
        RuleEvent::Suspended { reason } => {
            let lines = vec![suspension_words(*reason).to_owned(), AGAIN.to_owned()];
            ("auto_suspended", "Automatic top-up has stopped".to_owned(), lines)
        }
        RuleEvent::CardExpires { card, month, year } => {
            let lines = vec![
                format!("{card} expires at the end of {month:02}/{year}."),
                "Save another card, so that automatic top-up goes on.".to_owned(),
            ];
            ("auto_card_expires", format!("The card for automatic top-up expires: {card}"), lines)
        }
    }
}

/// Why a rule was suspended.
#[must_use]
pub const fn suspension_words(reason: SuspendedReason) -> &'static str {
    match reason {
        SuspendedReason::Declined => "The payment didn't go through. You weren't charged.",
        SuspendedReason::Authentication => "A payment wasn't confirmed in time. You weren't charged.",
        SuspendedReason::Dispute => "Your bank is reviewing an automatic payment.",
        SuspendedReason::Refund => "An automatic payment was refunded.",
        SuspendedReason::Review => "An automatic payment is being reviewed by support.",
    }
}

const AGAIN: &str = "Nothing is bought automatically until you agree again with another card, or with this one after you \
     bought a top-up with it yourself.";
