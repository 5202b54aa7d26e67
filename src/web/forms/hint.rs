//! Putting the upgrade hint aside.

use crate::usecases::InternalError;
use crate::usecases::insight::advice;
use crate::web::forms::broken;
use crate::web::request_context::RequestContext;
use leptos::prelude::ServerFnError;

/// Hides the hint until the next reset, for those who may buy, and goes back to Billing.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn hide() -> Result<(), ServerFnError> {
    let visit = RequestContext::current();
    let hidden = async {
        let Some(viewer) = visit.viewer().await? else { return Ok::<_, InternalError>("/sign-in") };
        if viewer.role.may_buy() {
            advice::hide(&visit.app, viewer.customer_no).await?;
        }
        Ok("/billing")
    };
    let to = hidden.await.map_err(|fault| broken("hide hint", &fault))?;
    visit.redirect(to);
    Ok(())
}
