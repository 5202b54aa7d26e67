//! The email and the webhook of an alarm that opens, written in the transaction that raises it.
//!
//! Invariants: an alarm is announced once; only to operators who want it; at most [`EMAILS_AN_HOUR`] emails an hour to
//! each, so that a bad day fills no mailbox.

use crate::args;
use crate::domain::{Instant, PurchaseId};
use crate::email::Draft;
use crate::ledger::WriteTransaction;
use crate::store::db::DbError;
use crate::time_zone::{Zone, rfc3339};
use crate::usecases::outgoing::{NewEmail, enqueue_email, enqueue_webhook};
use chrono::TimeDelta;
use serde_json::json;

/// The kind of the email.
const EMAIL: &str = "alarm";
/// The type of the webhook.
pub const WEBHOOK: &str = "alarm.raised";
const EMAILS_AN_HOUR: i64 = 20;

/// An alarm that was just opened.
pub struct Opened<'a> {
    pub no: i64,
    pub kind: &'a str,
    pub subject: &'a str,
    pub detail: &'a str,
    pub due_at: Option<Instant>,
}

/// Whether a message of this kind announces an alarm.
#[must_use]
pub fn is_notice(kind: &str) -> bool {
    kind == EMAIL || kind == WEBHOOK
}

/// Every kind of alarm and its words, in the order of docs/operations.md.
pub const TITLES: [(&str, &str); 19] = [
    ("review", "Payment needs a review"),
    ("shortfall", "Refunded credits were already used"),
    ("dispute", "Dispute"),
    ("refund_failed", "Refund failed"),
    ("stripe_key", "Stripe refuses the key"),
    ("stripe_refused", "Stripe declined a request"),
    ("stripe_missing", "Checkout missing at Stripe"),
    ("stripe_customer", "Stripe customer not updated"),
    ("stripe_malformed", "Unreadable answer from Stripe"),
    ("mail", "Email not delivered"),
    ("webhook", "Stripe event not handled"),
    ("failed_item", "Job item failing"),
    ("job", "Job failing"),
    ("clock", "Clock out of step with Stripe"),
    ("hook", "Webhook not delivered"),
    ("subscription", "Subscription needs attention"),
    ("unknown_price", "Unknown price"),
    ("wrong_mode", "Event from the wrong mode"),
    ("standby", "Standby not read from"),
];

/// The words of a kind of alarm.
#[must_use]
pub fn title(kind: &str) -> &str {
    TITLES.iter().find(|(known, _)| *known == kind).map_or(kind, |(_, title)| title)
}

pub async fn write(tx: &mut WriteTransaction, alarm: &Opened<'_>) -> Result<(), DbError> {
    let sql = "select email from operators where alarm_emails = 1 and disabled_at is null order by no";
    for row in tx.db.fetch_all(sql, Vec::new()).await? {
        write_email(tx, alarm, row.text("email")?).await?;
    }
    // A webhook that is not delivered is no matter for the webhook's receiver.
    if tx.alarm_channels.webhooks && alarm.kind != "hook" {
        write_webhook(tx, alarm).await?;
    }
    Ok(())
}

async fn write_email(tx: &mut WriteTransaction, alarm: &Opened<'_>, recipient: String) -> Result<(), DbError> {
    let since = tx.now() - TimeDelta::hours(1);
    let sql = "select count(*) as n from outbox where recipient = $1 and created_at > $2 and kind = $3";
    let row = tx.db.fetch_optional(sql, args![&recipient, since, EMAIL]).await?;
    let before = row.map_or(Ok(0), |row| row.int("n"))?;
    if before >= EMAILS_AN_HOUR {
        return Ok(());
    }
    let body = draft(tx, alarm, before + 1 == EMAILS_AN_HOUR).render();
    let email = NewEmail {
        key: format!("{EMAIL}:{}:{recipient}", alarm.no),
        customer_no: None,
        recipient,
        kind: EMAIL,
        subject: format!("Alarm: {}", title(alarm.kind)),
        body,
        cause: None,
        stop_url: None,
        urgent: false,
    };
    enqueue_email(tx, email).await.map(drop)
}

fn draft(tx: &WriteTransaction, alarm: &Opened<'_>, is_last: bool) -> Draft {
    let site = &tx.alarm_channels.site;
    let mut facts = vec![("Subject", alarm.subject.to_owned()), ("Raised", Zone::UTC.full(tx.now()))];
    facts.extend(alarm.due_at.map(|due| ("Answer by", Zone::UTC.full(due))));
    let button = match PurchaseId::parse(alarm.subject) {
        Some(id) => ("View purchase", format!("{site}/operator/purchases/{id}")),
        None => ("View alarms", format!("{site}/operator/alarms")),
    };
    let more = "This is the last alarm email this hour. More alarms show on the Alarms page.";
    Draft {
        lines: vec![alarm.detail.to_owned()],
        facts,
        button: Some((button.0.to_owned(), button.1)),
        notes: is_last.then(|| more.to_owned()).into_iter().collect(),
        reason: "You get one email for each new alarm.".to_owned(),
        stop: Some(("Turn off alarm emails", format!("{site}/operator/account"))),
        ..Draft::new(&tx.catalog.shop, title(alarm.kind))
    }
}

async fn write_webhook(tx: &mut WriteTransaction, alarm: &Opened<'_>) -> Result<(), DbError> {
    let customer = customer(tx, alarm.subject).await?;
    let (customer_no, customer) = customer.map_or((None, None), |(no, id)| (Some(no), Some(id)));
    let body = json!({
        "type": WEBHOOK,
        "timestamp": rfc3339(tx.now()),
        "data": {
            "alarm": alarm.no.to_string(),
            "kind": alarm.kind,
            "subject": alarm.subject,
            "detail": alarm.detail,
            "due_at": alarm.due_at.map(rfc3339),
            "customer": customer,
            "url": format!("{}/operator/alarms", tx.alarm_channels.site),
        },
    });
    enqueue_webhook(tx, customer_no, WEBHOOK, format!("{WEBHOOK}:{}", alarm.no), body.to_string()).await
}

/// The customer whose purchase an alarm is about.
async fn customer(tx: &mut WriteTransaction, subject: &str) -> Result<Option<(i64, String)>, DbError> {
    let Some(id) = PurchaseId::parse(subject) else { return Ok(None) };
    let sql = "select c.no, c.id from purchases p join customers c on c.no = p.customer_no where p.id = $1";
    let row = tx.db.fetch_optional(sql, args![id.bytes()]).await?;
    row.map(|row| Ok((row.int("no")?, row.text("id")?))).transpose()
}
