//! Emails and webhooks as they are written: in the transaction that causes them, once for each key.
//!
//! *Not here:* how they leave (`delivery`), the text of most (`notify`).

use crate::args;
use crate::email::Rendered;
use crate::ledger::WriteTransaction;
use crate::store::db::DbError;

/// An email to be written.
#[derive(Clone, Debug)]
pub struct NewEmail {
    /// Names its cause: a second email of the same key is not written.
    pub key: String,
    /// The number of its customer, where it has one.
    pub customer_no: Option<i64>,
    pub recipient: String,
    /// `receipt`, `sign_in`, `invite`, …
    pub kind: &'static str,
    pub subject: String,
    pub body: Rendered,
    /// The id of what caused it.
    pub cause: Option<[u8; 16]>,
    /// Where emails of its kind are switched off, where they may be.
    pub stop_url: Option<String>,
    /// Whether somebody waits for it, as for a sign-in link or an invitation.
    pub urgent: bool,
}

/// Writes an email in the transaction that causes it; its number, unless the key was written before.
pub async fn enqueue_email(tx: &mut WriteTransaction, email: NewEmail) -> Result<Option<i64>, DbError> {
    let now = tx.now();
    let row = tx
        .db
        .fetch_optional(
            "insert into outbox (key, customer_no, recipient, kind, subject, body_text, body_html, cause, state,
               attempts, created_at, due_at, unsubscribe_url, urgent)
             values ($1, $2, $3, $4, $5, $6, $7, $8, 'queued', 0, $9, $9, $10, $11)
             on conflict (key) do nothing returning no",
            args![
                email.key,
                email.customer_no,
                email.recipient,
                email.kind,
                email.subject,
                email.body.text,
                email.body.html,
                email.cause,
                now,
                email.stop_url,
                email.urgent
            ],
        )
        .await?;
    row.map(|row| row.int("no")).transpose()
}

/// Writes a webhook in the transaction that causes it, once for a key; `customer_no` where it is about a customer.
pub(crate) async fn enqueue_webhook(
    tx: &mut WriteTransaction,
    customer_no: Option<i64>,
    kind: &'static str,
    key: String,
    body: String,
) -> Result<(), DbError> {
    let (id, now) = (format!("msg_{}", tx.clock.mint().simple()), tx.now());
    let sql = "insert into webhook_messages
          (id, key, customer_no, kind, body, state, attempts, created_at, due_at, traceparent)
        values ($1, $2, $3, $4, $5, 'queued', 0, $6, $6, $7) on conflict (key) do nothing";
    tx.db.execute(sql, args![id, key, customer_no, kind, body, now, tx.traceparent.clone()]).await?;
    Ok(())
}
