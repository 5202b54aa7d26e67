//! What the forms of `/operator/second-factor` do.

use crate::usecases::InternalError;
use crate::usecases::operators::enrolment;
use crate::usecases::operators::enrolment::Changed;
use crate::usecases::operators::sign_in::Operator;
use crate::web::forms::broken;
use crate::web::request_context::RequestContext;
use leptos::prelude::ServerFnError;

/// Its page.
const PAGE: &str = "/operator/second-factor";

/// Switches on what the page has shown. What failed leads back to the same secret: the app may have it already.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn switch_on(seed: &str, password: String, code: &str) -> Result<(), ServerFnError> {
    let visit = RequestContext::current();
    let changed = async {
        let Some(operator) = visit.operator().await? else { return Ok(None) };
        let (app, client) = (&visit.app, visit.client_of(&operator.email)?);
        enrolment::switch_on(app, &operator, &client, (seed, password, code)).await.map(Some)
    };
    let changed = changed.await.map_err(|fault: InternalError| broken("second factor", &fault))?;
    let again = if matches!(changed, Some(Changed::Wrong | Changed::Wait)) { plain(seed) } else { String::new() };
    went(&visit, changed, "on", &again);
    Ok(())
}

/// Switches it off.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn switch_off(password: String, code: &str) -> Result<(), ServerFnError> {
    let visit = RequestContext::current();
    let changed = async {
        let Some(operator): Option<Operator> = visit.operator().await? else { return Ok(None) };
        let client = visit.client_of(&operator.email)?;
        enrolment::switch_off(&visit.app, &operator, &client, (password, code)).await.map(Some)
    };
    let changed = changed.await.map_err(|fault: InternalError| broken("second factor", &fault))?;
    went(&visit, changed, "off", "");
    Ok(())
}

/// A seed as it may stand in an address.
fn plain(seed: &str) -> String {
    let is_seed = seed.len() == 32 && seed.bytes().all(|b| b.is_ascii_hexdigit());
    if is_seed { format!("&seed={seed}") } else { String::new() }
}

fn went(visit: &RequestContext, changed: Option<Changed>, done: &str, more: &str) {
    let outcome = match changed {
        None => return visit.redirect("/operator/sign-in"),
        Some(Changed::Done) => done,
        Some(Changed::Wrong) => "wrong",
        Some(Changed::Wait) => "wait",
        Some(Changed::Stale) => "stale",
    };
    visit.redirect(&format!("{PAGE}?outcome={outcome}{more}"));
}
