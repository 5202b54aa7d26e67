//! A click on Buy.

use crate::domain::PurchaseState;
use crate::usecases::purchases::{Purchase, Start};
use crate::usecases::{InternalError, customers, purchases};
use crate::web::actions::Started;
use crate::web::forms::broken;
use crate::web::request_context::RequestContext;
use crate::web::seal;
use crate::web::seal::SentForm;
use crate::web::view::Outcome;
use leptos::prelude::ServerFnError;

/// Where a click leads.
enum Click {
    /// To Checkout.
    Checkout(String),
    /// Back to Billing, with a code and what the sentence is about.
    Back(Outcome, Option<String>),
    /// To a page of ours.
    Page(String),
}

/// Starts a purchase, or goes on with it.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn start(form: SentForm) -> Result<Started, ServerFnError> {
    let visit = RequestContext::current();
    let click = click(&visit, &form).await.map_err(|fault| broken("buy", &fault))?;
    Ok(match click {
        Click::Checkout(url) => {
            visit.redirect(&url);
            Started::Checkout { url }
        }
        Click::Back(outcome, about) => {
            let about = about.map(|pair| format!("&{pair}")).unwrap_or_default();
            visit.redirect(&format!("/billing?outcome={}{about}", outcome.code()));
            Started::Refused { code: outcome.code().to_owned() }
        }
        Click::Page(path) => {
            visit.redirect(&path);
            Started::Refused { code: "elsewhere".to_owned() }
        }
    })
}

/// Who may buy comes first, then whether the form is theirs, then the purchase itself.
async fn click(visit: &RequestContext, form: &SentForm) -> Result<Click, InternalError> {
    let app = &visit.app;
    let Some(viewer) = visit.viewer().await? else { return Ok(Click::Page("/sign-in".to_owned())) };
    if !viewer.role.may_buy() {
        return Ok(Click::Back(Outcome::ViewerCannotBuy, None));
    }
    let Some(customer) = customers::find(app, &viewer.customer).await? else {
        return Ok(Click::Page("/sign-in".to_owned()));
    };
    if !app.catalog.may_buy(&customer.plan) {
        return Ok(Click::Back(Outcome::PlanCannotBuy, None));
    }
    if app.stripe.is_none() {
        return Ok(Click::Back(Outcome::BuyingOff, None));
    }
    let Some((purchase, terms)) = seal::open(app, &viewer, form) else {
        return Ok(Click::Back(Outcome::FormStale, None));
    };
    let start = Start {
        purchase,
        customer_no: viewer.customer_no,
        package: form.package.clone(),
        shown: Some(terms),
        member_email: viewer.email.clone(),
    };
    Ok(landing(purchases::start(app, start).await?, form))
}

fn landing(started: purchases::Started, form: &SentForm) -> Click {
    use purchases::Started as S;
    let package = || Some(format!("package={}", encoded(&form.package)));
    // The form may have led to another purchase than its own: the page finds that one by it.
    let purchase = || Some(format!("purchase={}&package={}", encoded(&form.purchase), encoded(&form.package)));
    match started {
        S::Open(purchase) => match purchase.url {
            Some(url) => Click::Checkout(url),
            None => Click::Back(Outcome::StripeUnavailable, Some(format!("purchase={}", purchase.id))),
        },
        S::AlreadyBought(bought) => already(&bought),
        S::CheckoutExpired => Click::Back(Outcome::CheckoutExpired, purchase()),
        S::PriceChanged | S::UnknownPackage => Click::Back(Outcome::PriceChanged, package()),
        S::PlanCannotBuy => Click::Back(Outcome::PlanCannotBuy, None),
        S::NotYours => Click::Back(Outcome::FormStale, None),
        S::BuyingOff => Click::Back(Outcome::BuyingOff, None),
        S::StripeUnavailable => Click::Back(Outcome::StripeUnavailable, purchase()),
        S::StripeRefused => Click::Back(Outcome::PurchaseRefused, None),
        // Only where Stripe's answers make no room in time.
        S::LimitReached => Click::Back(Outcome::StripeUnavailable, package()),
        S::Closed => Click::Page("/sign-in".to_owned()),
    }
}

/// Only what is credited can be bought again without a thought; what is on its way has its own page.
fn already(purchase: &Purchase) -> Click {
    match purchase.state {
        PurchaseState::Credited => Click::Back(Outcome::AlreadyBought, Some(format!("purchase={}", purchase.id))),
        _ => Click::Page(format!("/purchases/{}", purchase.id)),
    }
}

/// A form's text, fit for a URL.
fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
