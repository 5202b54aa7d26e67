//! "Card, billing address and VAT ID": Stripe's own page for them.

use crate::usecases::subscriptions::UpgradeOutcome;
use crate::usecases::{InternalError, subscriptions};
use crate::web::flash::Flash;
use crate::web::outcome::Outcome;
use crate::web::request_context::{RequestContext, form_failed};
use crate::web::ui::form::Form;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The link to Stripe's page, for customers that Stripe knows.
#[component]
pub fn PortalLink() -> impl IntoView {
    view! {
        <Form action=OpenBillingPortal::PATH>
            <button class="link">"Card, billing address and VAT ID"</button>
        </Form>
    }
}

/// Opens Stripe's portal for the viewer's customer.
///
/// # Errors
/// An internal error only; its cause is in the log.
#[server(name = OpenBillingPortal, prefix = "/_fn", endpoint = "billing_portal")]
pub async fn open_billing_portal() -> Result<(), ServerFnError> {
    let request = RequestContext::current();
    match address(&request).await.map_err(|fault| form_failed("billing portal", &fault))? {
        Ok(url) => request.redirect(&url),
        Err(Some(outcome)) => request.redirect_with("/billing", Flash::new(outcome)),
        Err(None) => request.redirect("/sign-in"),
    }
    Ok(())
}

/// The page's address, or the outcome; neither if signed out.
async fn address(request: &RequestContext) -> Result<Result<String, Option<Outcome>>, InternalError> {
    let Some(viewer) = request.viewer().await? else { return Ok(Err(None)) };
    let outcome = if viewer.role.may_buy() {
        match subscriptions::open_customer_portal(&request.app, viewer.customer_no).await? {
            UpgradeOutcome::At(url) => return Ok(Ok(url)),
            UpgradeOutcome::StripeUnavailable => Outcome::StripeUnavailable,
            UpgradeOutcome::StripeRefused => Outcome::PortalRefused,
            UpgradeOutcome::InPortal | UpgradeOutcome::Changed | UpgradeOutcome::Closed => Outcome::FormStale,
            UpgradeOutcome::Off => Outcome::BuyingOff,
        }
    } else {
        Outcome::ViewerCannotBuy
    };
    Ok(Err(Some(outcome)))
}
