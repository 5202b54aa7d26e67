//! The forms of `/plans`: to a Checkout that begins a subscription, or to Stripe's portal.

use crate::usecases::access::links::Viewer;
use crate::usecases::subscriptions::{UpgradeChoice, UpgradeOutcome};
use crate::usecases::{InternalError, subscriptions};
use crate::web::billing::buy::Started;
use crate::web::flash::Flash;
use crate::web::outcome::Outcome;
use crate::web::request_context::{RequestContext, form_failed};
use crate::web::return_to;
use crate::web::ui::buy_form;
use crate::web::ui::buy_form::SentBuyForm;
use leptos::prelude::*;

/// The prefix of a plan's id in its form: no package has such an id.
pub const PLAN: &str = "plan:";

/// The place that a form leads to.
enum PlanClick {
    At(String),
    /// Billing, with an outcome.
    Back(Outcome),
}

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
    let click = checkout(&request, &form).await;
    redirect(&request, click)
}

/// Opens Stripe's portal, where a subscription is changed or ended.
#[server(name = OpenPlanPortal, prefix = "/_fn", endpoint = "plan_portal")]
pub async fn open_plan_portal() -> Result<Started, ServerFnError> {
    let request = RequestContext::current();
    let click = async {
        match buyer(&request).await? {
            Ok(viewer) => portal(&request, &viewer).await,
            Err(elsewhere) => Ok(elsewhere),
        }
    };
    let click = click.await;
    redirect(&request, click)
}

async fn checkout(request: &RequestContext, form: &SentBuyForm) -> Result<PlanClick, InternalError> {
    let viewer = match buyer(request).await? {
        Ok(viewer) => viewer,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let plan = form.package.strip_prefix(PLAN);
    let Some((plan, (purchase, terms))) = plan.zip(buy_form::verify(&request.app, &viewer, form)) else {
        return Ok(PlanClick::Back(Outcome::FormStale));
    };
    let choice = UpgradeChoice {
        form: purchase,
        customer: viewer.customer.clone(),
        customer_no: viewer.customer_no,
        plan: plan.to_owned(),
        shown: terms,
    };
    match subscriptions::start_upgrade(&request.app, &choice).await? {
        UpgradeOutcome::InPortal => portal(request, &viewer).await,
        other => Ok(landing(other)),
    }
}

/// The viewer who may change the plan; any other viewer is led elsewhere.
async fn buyer(request: &RequestContext) -> Result<Result<Viewer, PlanClick>, InternalError> {
    Ok(match request.viewer().await? {
        None => Err(PlanClick::At(return_to::sign_in("/plans"))),
        Some(viewer) if !viewer.role.may_buy() => Err(PlanClick::Back(Outcome::ViewerCannotBuy)),
        Some(viewer) => Ok(viewer),
    })
}

async fn portal(request: &RequestContext, viewer: &Viewer) -> Result<PlanClick, InternalError> {
    Ok(landing(subscriptions::open_billing_portal(&request.app, viewer.customer_no).await?))
}

fn landing(upgrade: UpgradeOutcome) -> PlanClick {
    match upgrade {
        UpgradeOutcome::At(url) => PlanClick::At(url),
        UpgradeOutcome::InPortal | UpgradeOutcome::Changed => PlanClick::At("/plans".to_owned()),
        UpgradeOutcome::Closed => PlanClick::At("/sign-in".to_owned()),
        UpgradeOutcome::Off => PlanClick::Back(Outcome::BuyingOff),
        UpgradeOutcome::StripeUnavailable => PlanClick::Back(Outcome::StripeUnavailable),
        UpgradeOutcome::StripeRefused => PlanClick::Back(Outcome::PurchaseRefused),
    }
}

fn redirect(request: &RequestContext, click: Result<PlanClick, InternalError>) -> Result<Started, ServerFnError> {
    Ok(match click.map_err(|fault| form_failed("plans", &fault))? {
        PlanClick::At(url) => {
            request.redirect(&url);
            Started::Checkout { url }
        }
        PlanClick::Back(outcome) => {
            request.redirect_with("/billing", Flash::new(outcome));
            Started::Refused { code: outcome.code().to_owned() }
        }
    })
}
