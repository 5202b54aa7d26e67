//! A click on a plan.

use crate::usecases::access::portal::Viewer;
use crate::usecases::subscriptions::{Choice, Upgrade};
use crate::usecases::{InternalError, subscriptions};
use crate::web::actions::Started;
use crate::web::forms::broken;
use crate::web::request_context::RequestContext;
use crate::web::seal;
use crate::web::seal::SentForm;
use crate::web::view::Outcome;
use leptos::prelude::ServerFnError;

/// What a plan's form is sealed as: no package has such an id.
pub const PLAN: &str = "plan:";

/// Leads to a Checkout, or to the portal of who subscribes already.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn choose(form: SentForm) -> Result<Started, ServerFnError> {
    let visit = RequestContext::current();
    let led = async {
        let viewer = match buyer(&visit).await? {
            Ok(viewer) => viewer,
            Err(to) => return Ok(to),
        };
        let Some((purchase, terms)) = seal::open(&visit.app, &viewer, &form) else {
            return Ok(back(Outcome::FormStale));
        };
        let Some(plan) = form.package.strip_prefix(PLAN) else { return Ok(back(Outcome::FormStale)) };
        let choice = Choice {
            form: purchase,
            customer: viewer.customer.clone(),
            customer_no: viewer.customer_no,
            plan: plan.to_owned(),
            shown: terms,
        };
        match subscriptions::start(&visit.app, &choice).await? {
            Upgrade::InPortal => to_portal(&visit, &viewer).await,
            other => Ok(landing(other)),
        }
    };
    answer(&visit, led.await)
}

/// Leads to the portal.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn portal() -> Result<Started, ServerFnError> {
    let visit = RequestContext::current();
    let led = async {
        match buyer(&visit).await? {
            Ok(viewer) => to_portal(&visit, &viewer).await,
            Err(to) => Ok(to),
        }
    };
    answer(&visit, led.await)
}

/// Who may change the plan, or where everybody else goes.
async fn buyer(visit: &RequestContext) -> Result<Result<Viewer, String>, InternalError> {
    Ok(match visit.viewer().await? {
        None => Err("/sign-in".to_owned()),
        Some(viewer) if !viewer.role.may_buy() => Err(back(Outcome::ViewerCannotBuy)),
        Some(viewer) => Ok(viewer),
    })
}

async fn to_portal(visit: &RequestContext, viewer: &Viewer) -> Result<String, InternalError> {
    Ok(landing(subscriptions::portal(&visit.app, viewer.customer_no).await?))
}

fn landing(upgrade: Upgrade) -> String {
    match upgrade {
        Upgrade::At(url) => url,
        Upgrade::InPortal | Upgrade::Changed => "/plans".to_owned(),
        Upgrade::Closed => "/sign-in".to_owned(),
        Upgrade::Off => back(Outcome::BuyingOff),
        Upgrade::StripeUnavailable => back(Outcome::StripeUnavailable),
        Upgrade::StripeRefused => back(Outcome::PurchaseRefused),
    }
}

fn back(outcome: Outcome) -> String {
    format!("/billing?outcome={}", outcome.code())
}

fn answer(visit: &RequestContext, led: Result<String, InternalError>) -> Result<Started, ServerFnError> {
    let url = led.map_err(|fault| broken("plans", &fault))?;
    visit.redirect(&url);
    Ok(Started::Checkout { url })
}
