//! Putting the upgrade hint aside.

use super::broken;
use crate::usecases::{Fault, hint};
use crate::web::visit::Visit;
use leptos::prelude::ServerFnError;

/// Hides the hint until the next reset, for those who may buy, and goes back to Billing.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn hide() -> Result<(), ServerFnError> {
    let visit = Visit::current();
    let hidden = async {
        let Some(viewer) = visit.viewer().await? else { return Ok::<_, Fault>("/sign-in") };
        if viewer.role.may_buy() {
            hint::hide(&visit.services, viewer.customer_no).await?;
        }
        Ok("/billing")
    };
    let to = hidden.await.map_err(|fault| broken("hide hint", &fault))?;
    visit.go(to);
    Ok(())
}
