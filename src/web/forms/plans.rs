//! A click on a plan.

use super::broken;
use crate::usecases::Fault;
use crate::usecases::portal::Viewer;
use crate::usecases::subscriptions::{self, Choice, Upgrade};
use crate::web::actions::Started;
use crate::web::seal::{self, SentForm};
use crate::web::view::Outcome;
use crate::web::visit::Visit;
use leptos::prelude::ServerFnError;

/// What a plan's form is sealed as: no package has such an id.
pub const PLAN: &str = "plan:";

/// Leads to a Checkout, or to the portal of who subscribes already.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn choose(form: SentForm) -> Result<Started, ServerFnError> {
    let visit = Visit::current();
    let led = async {
        let viewer = match buyer(&visit).await? {
            Ok(viewer) => viewer,
            Err(to) => return Ok(to),
        };
        let Some((purchase, terms)) = seal::open(&visit.services, &viewer, &form) else {
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
        match subscriptions::start(&visit.services, &choice).await? {
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
    let visit = Visit::current();
    let led = async {
        match buyer(&visit).await? {
            Ok(viewer) => to_portal(&visit, &viewer).await,
            Err(to) => Ok(to),
        }
    };
    answer(&visit, led.await)
}

/// Who may change the plan, or where everybody else goes.
async fn buyer(visit: &Visit) -> Result<Result<Viewer, String>, Fault> {
    Ok(match visit.viewer().await? {
        None => Err("/sign-in".to_owned()),
        Some(viewer) if !viewer.role.may_buy() => Err(back(Outcome::ViewerCannotBuy)),
        Some(viewer) => Ok(viewer),
    })
}

async fn to_portal(visit: &Visit, viewer: &Viewer) -> Result<String, Fault> {
    Ok(landing(subscriptions::portal(&visit.services, viewer.customer_no).await?))
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

fn answer(visit: &Visit, led: Result<String, Fault>) -> Result<Started, ServerFnError> {
    let url = led.map_err(|fault| broken("plans", &fault))?;
    visit.go(&url);
    Ok(Started::Checkout { url })
}
