//! From a plan's button to Stripe.

use super::Started;
use leptos::prelude::*;

/// Opens a Checkout that begins a subscription to a plan. The fields are those of a Buy form: `purchase` was minted when
/// the form was drawn, `package` is the plan, `price` what was shown; `mac` binds all of it to the session.
///
/// # Errors
/// A fault only.
#[server(name = ChoosePlan, prefix = "/_fn", endpoint = "choose_plan")]
pub async fn choose_plan(purchase: String, package: String, price: i64, mac: String) -> Result<Started, ServerFnError> {
    crate::web::forms::plans::choose(crate::web::view::BuyForm { purchase, package, price, mac }).await
}

/// Opens Stripe's portal, where a subscription is changed or ended.
///
/// # Errors
/// A fault only.
#[server(name = OpenPlanPortal, prefix = "/_fn", endpoint = "plan_portal")]
pub async fn open_plan_portal() -> Result<Started, ServerFnError> {
    crate::web::forms::plans::portal().await
}
