//! `/purchases/{id}/invoice`: asks Stripe for the invoice's address, and redirects to it.

use crate::domain::PurchaseId;
use crate::usecases::access::links;
use crate::usecases::purchases::InvoiceAnswer;
use crate::usecases::{App, InternalError, purchases};
use crate::web::cookies::Cookie;
use crate::web::flash::Flash;
use crate::web::outcome::Outcome;
use crate::web::{flash, return_to};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};

/// The answer to a click on "Invoice"; none where there is no such page.
pub async fn invoice(app: &App, headers: &HeaderMap, id: &str) -> Result<Option<Response>, InternalError> {
    let viewer = match Cookie::Session.read(headers, app.settings.is_https()) {
        Some(token) => links::find_viewer(app, &token).await?,
        None => None,
    };
    let Some(id) = PurchaseId::parse(id) else { return Ok(None) };
    let page = format!("/purchases/{id}");
    // Signed in again, the person finds the invoice on the purchase's page.
    let Some(viewer) = viewer else { return Ok(Some(Redirect::to(&return_to::sign_in(&page)).into_response())) };
    let found = purchases::find_purchase(app, id).await?;
    let Some(purchase) = found.filter(|purchase| purchase.customer_no == viewer.customer_no) else { return Ok(None) };
    Ok(Some(match purchases::purchase_invoice(app, &purchase).await? {
        InvoiceAnswer::At(url) => Redirect::to(&url).into_response(),
        // The purchase's page says why.
        InvoiceAnswer::None => flash::redirect(app, &page, Flash::new(Outcome::NoInvoice)),
        InvoiceAnswer::StripeUnavailable => flash::redirect(app, &page, Flash::new(Outcome::InvoiceUnavailable)),
    }))
}
