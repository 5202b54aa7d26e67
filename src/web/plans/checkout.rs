//! The forms of `/plans`: to a Checkout that begins a subscription, or to Stripe's portal.

use crate::usecases::access::links::Viewer;
use crate::usecases::subscriptions::{UpgradeChoice, UpgradeOutcome};
use crate::usecases::{InternalError, subscriptions};
use crate::web::billing::buy::Started;
use crate::web::outcome::Outcome;
use crate::web::plans::PLAN;
use crate::web::request_context::{RequestContext, form_failed};
use crate::web::ui::buy_form;
use crate::web::ui::buy_form::SentBuyForm;
use leptos::prelude::*;

/// Opens a Checkout that begins a subscription to a plan, or the portal if there is a subscription already. The fields are
/// those of a Buy form: `purchase` was minted when the form was drawn, `package` is the plan, `mac` signs all of it.
#[server(name = ChoosePlan, prefix = "/_fn", endpoint = "choose_plan")]
pub async fn choose_plan(
    #[server(default)] purchase: String,
    #[server(default)] package: String,
    #[server(default)] credits: String,
    #[server(default)] price: String,
    #[server(default)] currency: String,
    #[server(default)] months: String,
    #[server(default)] mac: String,
) -> Result<Started, ServerFnError> {
    let request = RequestContext::current();
    let form = SentBuyForm { purchase, package, credits, price, currency, months, mac };
    let url = checkout_url(&request, &form).await;
    redirect(&request, url)
}

/// Opens Stripe's portal, where a subscription is changed or ended.
#[server(name = OpenPlanPortal, prefix = "/_fn", endpoint = "plan_portal")]
pub async fn open_plan_portal() -> Result<Started, ServerFnError> {
    let request = RequestContext::current();
    let url = async {
        match buyer(&request).await? {
            Ok(viewer) => portal_url(&request, &viewer).await,
            Err(elsewhere) => Ok(elsewhere),
        }
    };
    let url = url.await;
    redirect(&request, url)
}

async fn checkout_url(request: &RequestContext, form: &SentBuyForm) -> Result<String, InternalError> {
    let viewer = match buyer(request).await? {
        Ok(viewer) => viewer,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let Some((purchase, terms)) = buy_form::verify(&request.app, &viewer, form) else {
        return Ok(billing_url(Outcome::FormStale));
    };
    let Some(plan) = form.package.strip_prefix(PLAN) else { return Ok(billing_url(Outcome::FormStale)) };
    let choice = UpgradeChoice {
        form: purchase,
        customer: viewer.customer.clone(),
        customer_no: viewer.customer_no,
        plan: plan.to_owned(),
        shown: terms,
    };
    match subscriptions::start_upgrade(&request.app, &choice).await? {
        UpgradeOutcome::InPortal => portal_url(request, &viewer).await,
        other => Ok(upgrade_url(other)),
    }
}

/// The viewer who may change the plan; any other viewer is led elsewhere.
async fn buyer(request: &RequestContext) -> Result<Result<Viewer, String>, InternalError> {
    Ok(match request.viewer().await? {
        None => Err("/sign-in".to_owned()),
        Some(viewer) if !viewer.role.may_buy() => Err(billing_url(Outcome::ViewerCannotBuy)),
        Some(viewer) => Ok(viewer),
    })
}

async fn portal_url(request: &RequestContext, viewer: &Viewer) -> Result<String, InternalError> {
    Ok(upgrade_url(subscriptions::open_billing_portal(&request.app, viewer.customer_no).await?))
}

fn upgrade_url(upgrade: UpgradeOutcome) -> String {
    match upgrade {
        UpgradeOutcome::At(url) => url,
        UpgradeOutcome::InPortal | UpgradeOutcome::Changed => "/plans".to_owned(),
        UpgradeOutcome::Closed => "/sign-in".to_owned(),
        UpgradeOutcome::Off => billing_url(Outcome::BuyingOff),
        UpgradeOutcome::StripeUnavailable => billing_url(Outcome::StripeUnavailable),
        UpgradeOutcome::StripeRefused => billing_url(Outcome::PurchaseRefused),
    }
}

fn billing_url(outcome: Outcome) -> String {
    format!("/billing?outcome={}", outcome.code())
}

fn redirect(request: &RequestContext, url: Result<String, InternalError>) -> Result<Started, ServerFnError> {
    let url = url.map_err(|fault| form_failed("plans", &fault))?;
    request.redirect(&url);
    Ok(Started::Checkout { url })
}
