//! Giving a payment up: its invoice is made impossible to pay, and only then has the purchase ended. One that was paid in
//! this moment is credited.

use crate::args;
use crate::domain::PurchaseId;
use crate::ledger::WriteTransaction;
use crate::stripe::{Stripe, StripeError};
use crate::usecases::auto_top_up::answer::count_unanswered;
use crate::usecases::auto_top_up::steps::{PaymentRow, load_payment};
use crate::usecases::auto_top_up::trouble::{Trouble, purchase_was_paid};
use crate::usecases::purchases::add_event;
use crate::usecases::{App, InternalError, agreements};

/// Voids the invoice, or deletes its draft.
pub(super) async fn void_payment(app: &App, stripe: &Stripe, payment: &PaymentRow) -> Result<(), Trouble> {
    let Some(invoice) = payment.invoice.as_deref() else {
        // None is known: one whose answer was lost is a draft, and nobody can pay that.
        return Ok(end_purchase(app, payment.purchase).await?);
    };
    let state = match stripe.invoice_state(invoice).await {
        Ok(state) => state,
        Err(StripeError::Refused { status: 404, .. }) => return Ok(end_purchase(app, payment.purchase).await?),
        Err(error) => return Err(error.into()),
    };
    let key = format!("{}-{}", payment.purchase, if state.status == "draft" { "delete" } else { "void" });
    let done = match state.status.as_str() {
        "draft" => stripe.delete_draft(&key, invoice).await,
        "open" | "uncollectible" => stripe.void_invoice(&key, invoice).await,
        _ => Ok(()),
    };
    match done {
        // Refused, it may have been paid or voided in this moment: the next round sees it.
        Err(StripeError::Refused { .. }) if !purchase_was_paid(app, payment.purchase).await? => {
            Err(StripeError::Unavailable("the invoice cannot be voided now".to_owned()).into())
        }
        Err(StripeError::Refused { .. }) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(()) if state.sale.paid => {
            // Paid after all: it is credited.
            purchase_was_paid(app, payment.purchase).await.map(drop)
        }
        Ok(()) => Ok(end_purchase(app, payment.purchase).await?),
    }
}

async fn end_purchase(app: &App, id: PurchaseId) -> Result<(), InternalError> {
    app.write(move |tx| Box::pin(async move { end_purchase_in(tx, id).await })).await
}

async fn end_purchase_in(tx: &mut WriteTransaction, id: PurchaseId) -> Result<(), InternalError> {
    let Some(payment) = load_payment(&mut tx.db, id).await? else { return Ok(()) };
    let state = if payment.void_as.as_deref() == Some("failed") { "failed" } else { "expired" };
    let sql = "update purchases set state = $1, url = null where id = $2 and state in ('created', 'open')";
    if tx.db.execute(sql, args![state, id.bytes()]).await? > 0 {
        add_event(tx, id, state).await?;
    }
    count_unanswered(tx, &payment).await?;
    agreements::purchase_ended(tx, payment.customer_no, id).await
}
