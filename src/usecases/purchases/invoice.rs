//! The way to a purchase's invoice: asked for each time, since Stripe's links expire.

use crate::stripe::StripeError;
use crate::usecases::purchases::fulfill::{StripeAnswer, recheck_purchase, stripe_unanswered};
use crate::usecases::purchases::purchase::Purchase;
use crate::usecases::{App, InternalError};

/// The place of an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvoiceAnswer {
    /// On this page, for a while.
    At(String),
    /// There is none: nothing was paid, or Stripe has not made it yet.
    None,
    /// Stripe could not be asked.
    StripeUnavailable,
}

/// Asks Stripe where the invoice of a purchase is to be seen now.
pub async fn purchase_invoice(app: &App, purchase: &Purchase) -> Result<InvoiceAnswer, InternalError> {
    let Some(stripe) = &app.stripe else { return Ok(InvoiceAnswer::StripeUnavailable) };
    let known = match &purchase.invoice {
        Some(id) => Some(id.clone()),
        // Stripe may have made it after the credits came.
        None => match recheck_purchase(app, purchase).await? {
            StripeAnswer::Checkout(state) => state.invoice,
            StripeAnswer::NotOpened | StripeAnswer::Foreign => None,
            StripeAnswer::Unanswered(_) => return Ok(InvoiceAnswer::StripeUnavailable),
        },
    };
    let Some(id) = known else { return Ok(InvoiceAnswer::None) };
    let found = match stripe.invoice(&id).await {
        // The stored invoice is gone: the Checkout may have another one by now.
        Err(e) if e.lacks("invoice") && purchase.invoice.is_some() => match recheck_purchase(app, purchase).await? {
            StripeAnswer::Checkout(state) => match state.invoice.filter(|now| *now != id) {
                Some(now) => stripe.invoice(&now).await,
                None => Err(e),
            },
            _ => Err(e),
        },
        found => found,
    };
    match found {
        Ok(links) => {
            Ok(links.hosted_url.or(links.pdf).filter(|url| is_web(url)).map_or(InvoiceAnswer::None, InvoiceAnswer::At))
        }
        Err(e) if e.lacks("invoice") => Ok(InvoiceAnswer::None),
        Err(e) => {
            stripe_unanswered(app, &e).await?;
            Ok(if matches!(e, StripeError::Refused { .. }) {
                InvoiceAnswer::None
            } else {
                InvoiceAnswer::StripeUnavailable
            })
        }
    }
}

/// A browser is sent there.
fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}
