//! The steps of a payment as they are stored. Each is left by who finds it as it was, so that two processes at the same
//! payment make one move.

use crate::args;
use crate::domain::{Instant, PurchaseId};
use crate::ledger::WriteTransaction;
use crate::store::db::{Connection, DbError, Row, corrupt};
use crate::usecases::InternalError;

/// The next step of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub(super) enum Step {
    /// Make the invoice.
    Invoice,
    /// Add its line.
    Line,
    Finalize,
    /// Compare it with purchase and cap.
    Check,
    /// Decide whether to charge the card.
    Pay,
    /// The card is being charged; its answer is not known yet.
    Paying,
    /// It was declined; it is tried again later.
    Wait,
    /// A person must confirm.
    Confirm,
    /// Make it impossible to pay.
    Void,
    Done,
}

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PaymentRow {
    pub purchase: PurchaseId,
    pub customer_no: i64,
    pub consent: i64,
    pub stripe_customer: String,
    pub payment_method: String,
    pub fingerprint: String,
    pub step: Step,
    pub invoice: Option<String>,
    pub total: Option<i64>,
    pub tries: i64,
    pub first_try_at: Option<Instant>,
    /// When the try that has no answer yet was decided.
    pub sent_at: Option<Instant>,
    pub due_at: Option<Instant>,
    /// The purchase's state after voiding.
    pub void_as: Option<String>,
}

fn payment_of(row: &Row) -> Result<PaymentRow, DbError> {
    let step = row.text("step")?;
    Ok(PaymentRow {
        purchase: PurchaseId(row.uuid("purchase")?),
        customer_no: row.int("customer_no")?,
        consent: row.int("consent")?,
        stripe_customer: row.opt_text("stripe_customer")?.unwrap_or_default(),
        payment_method: row.text("payment_method")?,
        fingerprint: row.text("fingerprint")?,
        step: step.parse().map_err(|_| corrupt(format!("step {step:?} of a payment")))?,
        invoice: row.opt_text("invoice")?,
        total: row.opt_int("total")?,
        tries: row.int("tries")?,
        first_try_at: row.opt_at("first_try_at")?,
        sent_at: row.opt_at("sent_at")?,
        due_at: row.opt_at("due_at")?,
        void_as: row.opt_text("void_as")?,
    })
}

/// The payment of a purchase.
pub(super) async fn load_payment(db: &mut Connection, id: PurchaseId) -> Result<Option<PaymentRow>, DbError> {
    let row = db.fetch_optional("select * from auto_payments where purchase = $1", args![id.bytes()]).await?;
    row.as_ref().map(payment_of).transpose()
}

/// Moves a payment on, if it still is where `from` was read; says whether it did.
pub(super) async fn advance(
    tx: &mut WriteTransaction,
    from: &PaymentRow,
    to: Step,
    due_at: Option<Instant>,
) -> Result<bool, InternalError> {
    let (was, is): (&'static str, &'static str) = (from.step.into(), to.into());
    let sql = "update auto_payments set step = $1, due_at = $2 where purchase = $3 and step = $4 and tries = $5";
    Ok(tx.db.execute(sql, args![is, due_at, from.purchase.bytes(), was, from.tries]).await? > 0)
}

/// Sets a payment on the way to be voided; the purchase is `void_as` afterwards.
pub(super) async fn give_up(
    tx: &mut WriteTransaction,
    from: &PaymentRow,
    void_as: &'static str,
) -> Result<bool, InternalError> {
    let now = tx.now();
    if !advance(tx, from, Step::Void, Some(now)).await? {
        return Ok(false);
    }
    let sql = "update auto_payments set void_as = $1, sent_at = null where purchase = $2";
    tx.db.execute(sql, args![void_as, from.purchase.bytes()]).await?;
    Ok(true)
}

/// The same step is tried again later.
pub(super) async fn try_later(tx: &mut WriteTransaction, id: PurchaseId, at: Instant) -> Result<(), InternalError> {
    let sql = "update auto_payments set due_at = $1 where purchase = $2 and step <> 'done'";
    tx.db.execute(sql, args![at, id.bytes()]).await?;
    Ok(())
}
