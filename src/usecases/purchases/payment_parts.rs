//! The refunds and disputes of a purchase's payment, as they are stored.
//!
//! *Not here:* their effect on the credits (`refunds_and_disputes`).

use crate::args;
use crate::domain::payment::DisputeStatus;
use crate::domain::{Instant, Payment, PurchaseId, RefundStatus, time};
use crate::ledger::WriteTransaction;
use crate::store::db::{Connection, DbError, Row, corrupt};
use crate::stripe::PaymentHistory;
use crate::usecases::{App, InternalError};

/// The stored refunds and disputes of a payment.
pub(crate) async fn stored_payment(db: &mut Connection, id: PurchaseId) -> Result<Payment, DbError> {
    let mut payment = Payment::default();
    let sql = "select id, kind, status, amount from refunds_and_disputes where purchase = $1";
    for row in db.fetch_all(sql, args![id.bytes()]).await? {
        let (part, status, amount) = (row.text("id")?, row.text("status")?, row.int("amount")?);
        if row.text("kind")? == "refund" {
            payment.refund(&part, RefundStatus::from_stripe(&status), amount);
        } else {
            let status = DisputeStatus::from_stripe(&status).ok_or_else(|| corrupt("status of a dispute"))?;
            payment.dispute(&part, status, amount);
        }
    }
    Ok(payment)
}

/// Stores the parts that came further.
pub(super) async fn store_parts(
    tx: &mut WriteTransaction,
    id: PurchaseId,
    before: &Payment,
    after: &Payment,
) -> Result<(), DbError> {
    let now = tx.now();
    let refunds = after.refunds.iter().filter(|(id, part)| before.refunds.get(*id) != Some(part));
    let refunds = refunds.map(|(id, (status, amount))| (id, "refund", status.name(), *amount));
    let disputes = after.disputes.iter().filter(|(id, part)| before.disputes.get(*id) != Some(part));
    let disputes = disputes.map(|(id, (status, amount))| (id, "dispute", status.name(), *amount));
    for (part, kind, status, amount) in refunds.chain(disputes) {
        tx.db
            .execute(
                "insert into refunds_and_disputes (id, purchase, kind, status, amount, at) values ($1, $2, $3, $4, $5, $6)
                 on conflict (id) do update set status = excluded.status, amount = excluded.amount, at = excluded.at",
                args![part, id.bytes(), kind, status, amount, now],
            )
            .await?;
    }
    Ok(())
}

/// Until when Stripe takes evidence in a dispute.
pub(super) fn deadline(found: &PaymentHistory, id: &str) -> Option<Instant> {
    let due = found.disputes.iter().find(|dispute| dispute.id == id)?.due_by()?;
    due.checked_mul(1_000).map(time::from_millis)
}

/// Stores the deadlines of disputes, which may move while a dispute stays as it is.
pub(super) async fn store_deadlines(tx: &mut WriteTransaction, found: &PaymentHistory) -> Result<(), DbError> {
    for dispute in &found.disputes {
        if let Some(due) = deadline(found, &dispute.id) {
            let sql = "update refunds_and_disputes set due_at = $1 where id = $2 and coalesce(due_at, 0) <> $1";
            tx.db.execute(sql, args![due, &dispute.id]).await?;
        }
    }
    Ok(())
}

/// A refund or a dispute of a purchase, at its last known stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentPart {
    /// Stripe's id.
    pub id: String,
    pub is_dispute: bool,
    pub status: String,
    /// Minor units.
    pub amount: i64,
    /// When it last came further.
    pub at: Instant,
    /// Until when Stripe takes an answer; none where it takes none.
    pub due_at: Option<Instant>,
}

/// The refunds and disputes of a purchase, newest first.
pub async fn payment_parts(app: &App, id: PurchaseId) -> Result<Vec<PaymentPart>, InternalError> {
    let sql =
        "select id, kind, status, amount, at, due_at from refunds_and_disputes where purchase = $1 order by at desc";
    let part = |row: &Row| {
        let status = row.text("status")?;
        let answers = matches!(status.as_str(), "needs_response" | "warning_needs_response");
        Ok(PaymentPart {
            id: row.text("id")?,
            is_dispute: row.text("kind")? == "dispute",
            due_at: row.opt_at("due_at")?.filter(|_| answers),
            status,
            amount: row.int("amount")?,
            at: row.at("at")?,
        })
    };
    let rows = app.store.read().await?.fetch_all(sql, args![id.bytes()]).await?;
    rows.iter().map(part).collect::<Result<_, DbError>>().map_err(InternalError::from)
}
