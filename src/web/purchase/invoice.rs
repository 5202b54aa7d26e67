//! `/purchases/{id}/invoice`: asks Stripe for the invoice's address, and redirects to it.

use crate::domain::PurchaseId;
use crate::usecases::access::links;
use crate::usecases::purchases::InvoiceAnswer;
use crate::usecases::{App, InternalError, purchases};
use crate::web::cookies::Cookie;
use crate::web::outcome::Outcome;
use axum::http::HeaderMap;

/// The address that a click on "Invoice" leads to; none where there is no such page.
pub async fn invoice_address(app: &App, headers: &HeaderMap, id: &str) -> Result<Option<String>, InternalError> {
    let viewer = match Cookie::Session.read(headers, app.settings.is_https()) {
        Some(token) => links::find_viewer(app, &token).await?,
        None => None,
    };
    let Some(viewer) = viewer else { return Ok(Some("/sign-in".to_owned())) };
    let Some(id) = PurchaseId::parse(id) else { return Ok(None) };
    let found = purchases::find_purchase(app, id).await?;
    let Some(purchase) = found.filter(|purchase| purchase.customer_no == viewer.customer_no) else { return Ok(None) };
    Ok(Some(match purchases::purchase_invoice(app, &purchase).await? {
        InvoiceAnswer::At(url) => url,
        InvoiceAnswer::None => back(id, Outcome::NoInvoice),
        InvoiceAnswer::StripeUnavailable => back(id, Outcome::InvoiceUnavailable),
    }))
}

/// The purchase's page, which says why.
fn back(id: PurchaseId, outcome: Outcome) -> String {
    format!("/purchases/{id}?outcome={}", outcome.code())
}
