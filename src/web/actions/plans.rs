//! From a plan's button to Stripe.

use crate::web::actions::Started;
use leptos::prelude::*;

/// Opens a Checkout that begins a subscription to a plan. The fields are those of a Buy form: `purchase` was minted when
/// the form was drawn, `package` is the plan, the terms are those that were shown; `mac` binds all of it.
///
/// # Errors
/// A fault only.
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
    let form = crate::web::seal::SentForm { purchase, package, credits, price, currency, months, mac };
    crate::web::forms::plans::choose(form).await
}

/// Opens Stripe's portal, where a subscription is changed or ended.
///
/// # Errors
/// A fault only.
#[server(name = OpenPlanPortal, prefix = "/_fn", endpoint = "plan_portal")]
pub async fn open_plan_portal() -> Result<Started, ServerFnError> {
    crate::web::forms::plans::portal().await
}
