//! Parts that the sections' forms share.

use crate::usecases::InternalError;
use crate::usecases::access::links::Viewer;
use crate::web::flash::Flash;
use crate::web::request_context::{RequestContext, form_failed};
use crate::web::return_to;
use crate::web::settings::outcome::{Card, SettingsOutcome};
use leptos::prelude::*;

/// The object of a button or summary, for screen readers: "Remove" reads "Remove vi@acme.example".
#[component]
pub fn About(what: String) -> impl IntoView {
    view! { <span class="sr-only">{format!(" {what}")}</span> }
}

/// The body of each form's function: finds the viewer, runs `change`, and redirects back to the form's card with its
/// outcome. A refused field keeps what was `typed`.
pub async fn change_settings<F>(
    card: Card,
    form: &'static str,
    typed: &str,
    change: impl FnOnce(RequestContext, Viewer) -> F,
) -> Result<String, ServerFnError>
where
    F: Future<Output = Result<SettingsOutcome, InternalError>>,
{
    let request = RequestContext::current();
    let viewer = request.viewer().await.map_err(|fault| form_failed(form, &fault))?;
    let Some(viewer) = viewer else {
        request.redirect(&return_to::sign_in("/settings"));
        return Ok("sign_in".to_owned());
    };
    let outcome = change(request.clone(), viewer).await.map_err(|fault| form_failed(form, &fault))?;
    let flash = Flash::new(outcome.code()).with("card", card.id());
    if outcome.field().is_some() {
        // The field takes the focus, which browsers refuse to an address with a fragment.
        request.redirect_with("/settings", flash.with("typed", typed));
    } else {
        request.redirect_with(&format!("/settings#{}", card.id()), flash);
    }
    Ok(outcome.code().to_owned())
}
