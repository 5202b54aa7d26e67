//! The server function behind every Buy button: from the form to Checkout.

use crate::domain::PurchaseState;
use crate::usecases::purchases::{Purchase, PurchaseRequest};
use crate::usecases::{InternalError, customers, purchases};
use crate::web::cookies::Cookie;
use crate::web::flash::Flash;
use crate::web::outcome::Outcome;
use crate::web::request_context::RequestContext;
use crate::web::request_context::form_failed;
use crate::web::ui::buy_form::{SentBuyForm, verify};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// The answer to a Buy form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Started {
    /// Checkout is open, at this address.
    Checkout { url: String },
    /// Checkout is not open; the code is one of [`Outcome`]'s.
    Refused { code: String },
}

/// The place that a Buy form leads to.
enum BuyClick {
    Checkout(String),
    /// Billing, with an outcome and the purchase or package that its sentence names.
    Back(Outcome, Vec<(&'static str, String)>),
    /// A page of this site.
    Page(String),
}

/// Starts the purchase whose id was minted with the form, or returns to its open Checkout (R19).
///
/// `credits`, `price` in minor units, `currency` and `months` are the terms that were shown; `mac` is the signature.
///
/// # Errors
/// An internal error only; its cause is in the log.
#[server(name = StartCheckout, prefix = "/_fn", endpoint = "buy")]
pub async fn start_checkout(
    #[server(default)] purchase: String,
    #[server(default)] package: String,
    #[server(default)] credits: String,
    #[server(default)] price: String,
    #[server(default)] currency: String,
    #[server(default)] months: String,
    #[server(default)] mac: String,
) -> Result<Started, ServerFnError> {
    let form = SentBuyForm { purchase, package, credits, price, currency, months, mac };
    let request = RequestContext::current();
    let click = click(&request, &form).await.map_err(|fault| form_failed("buy", &fault))?;
    Ok(match click {
        BuyClick::Checkout(url) => {
            request.clear_cookie(Cookie::Wanted);
            request.redirect(&url);
            Started::Checkout { url }
        }
        BuyClick::Back(outcome, about) => {
            request.redirect_with(
                "/billing",
                about.into_iter().fold(Flash::new(outcome), |flash, (name, value)| flash.with(name, value)),
            );
            Started::Refused { code: outcome.code().to_owned() }
        }
        BuyClick::Page(path) => {
            request.redirect(&path);
            Started::Refused { code: "elsewhere".to_owned() }
        }
    })
}

/// Checks the viewer first, then the form's signature, then the purchase itself.
async fn click(request: &RequestContext, form: &SentBuyForm) -> Result<BuyClick, InternalError> {
    let app = &request.app;
    let Some(viewer) = request.viewer().await? else { return Ok(BuyClick::Page("/sign-in".to_owned())) };
    if !viewer.role.may_buy() {
        return Ok(BuyClick::Back(Outcome::ViewerCannotBuy, vec![]));
    }
    let Some(customer) = customers::find_customer(app, &viewer.customer).await? else {
        return Ok(BuyClick::Page("/sign-in".to_owned()));
    };
    if !app.catalog.may_buy(&customer.plan) {
        return Ok(BuyClick::Back(Outcome::PlanCannotBuy, vec![]));
    }
    if app.stripe.is_none() {
        return Ok(BuyClick::Back(Outcome::BuyingOff, vec![]));
    }
    let Some((purchase, terms)) = verify(app, &viewer, form) else {
        return Ok(BuyClick::Back(Outcome::FormStale, vec![]));
    };
    let start = PurchaseRequest {
        purchase,
        customer_no: viewer.customer_no,
        package: form.package.clone(),
        shown: Some(terms),
        member_email: viewer.email.clone(),
    };
    Ok(landing(purchases::start_purchase(app, start).await?, form))
}

fn landing(started: purchases::StartOutcome, form: &SentBuyForm) -> BuyClick {
    use purchases::StartOutcome as S;
    let package = || vec![("package", form.package.clone())];
    // The form may have led to another purchase than its own: the page finds that one by it.
    let purchase = || vec![("purchase", form.purchase.clone()), ("package", form.package.clone())];
    match started {
        S::Open(purchase) => match purchase.url {
            Some(url) => BuyClick::Checkout(url),
            None => BuyClick::Back(Outcome::StripeUnavailable, vec![("purchase", purchase.id.to_string())]),
        },
        S::AlreadyBought(bought) => already(&bought),
        S::CheckoutExpired => BuyClick::Back(Outcome::CheckoutExpired, purchase()),
        S::PriceChanged | S::UnknownPackage => BuyClick::Back(Outcome::PriceChanged, package()),
        S::PlanCannotBuy => BuyClick::Back(Outcome::PlanCannotBuy, vec![]),
        S::NotYours => BuyClick::Back(Outcome::FormStale, vec![]),
        S::BuyingOff => BuyClick::Back(Outcome::BuyingOff, vec![]),
        S::StripeUnavailable => BuyClick::Back(Outcome::StripeUnavailable, purchase()),
        S::StripeRefused => BuyClick::Back(Outcome::PurchaseRefused, vec![]),
        // Only where Stripe's answers make no room in time.
        S::LimitReached => BuyClick::Back(Outcome::StripeUnavailable, package()),
        S::Closed => BuyClick::Page("/sign-in".to_owned()),
    }
}

/// A credited purchase can be bought again; an unfinished one has its own page.
fn already(purchase: &Purchase) -> BuyClick {
    match purchase.state {
        PurchaseState::Credited => BuyClick::Back(Outcome::AlreadyBought, vec![("purchase", purchase.id.to_string())]),
        _ => BuyClick::Page(format!("/purchases/{}", purchase.id)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::ui::buy_form::BUY_PATH;
    use leptos::server_fn::ServerFn;

    #[test]
    fn every_buy_form_leads_here() {
        assert_eq!(StartCheckout::PATH, BUY_PATH);
    }
}
