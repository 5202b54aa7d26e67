//! Server functions under `/_fn`: the forms of pages, by their typed functions.
//!
//! All are called by native forms and work without script: the answer is a redirect (303). A client that asks for JSON gets
//! the value. An expected outcome is a value, and a closed code in the URL; `Err` is a fault, whose cause is in the log and
//! never in the answer. Each function authorises on its own.
//!
//! A form is compared here with the session that the browser has now, before its function reads it.

use crate::usecases::access::links;
use crate::usecases::operators::sign_in as operators;
use crate::usecases::{App, InternalError};
use crate::web::billing::advice::HideAdvice;
use crate::web::billing::buy::StartCheckout;
use crate::web::billing::low_mark::SetLowMark;
use crate::web::billing::portal::OpenBillingPortal;
use crate::web::cookies::Cookie;
use crate::web::error_pages::unreadable;
use crate::web::form_signature::{Binding, FormSigner};
use crate::web::operator::actions::DoAct;
use crate::web::operator::second_factor::{SwitchOffSecondFactor, SwitchOnSecondFactor};
use crate::web::operator::session::{SignInOperator, SignOutOperator};
use crate::web::outcome::Outcome;
use crate::web::plans::{ChoosePlan, OpenPlanPortal};
use crate::web::request_context::DrawnFor;
use crate::web::settings::FORM_PATHS as OF_SETTINGS;
use crate::web::sign_in::session::{SignOut, SwitchCustomer};
use crate::web::sign_in::{OpenSession, RenewLink, RequestLink};
use crate::web::theme_switch::SetTheme;
use crate::web::{demo, form_signature, readable};
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos::server_fn::error::SERVER_FN_ERROR_HEADER;

/// A server function. A browser's form is answered by 303; if the function failed, by one with an outcome's code, since
/// Leptos would put the error's text into the URL.
pub async fn handle(State(app): State<App>, request: Request) -> Response {
    let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let is_form = accept.is_some_and(|accept| accept.contains("text/html"));
    let error_page = error_page(request.uri().path());
    let (head, body) = request.into_parts();
    let form = match readable::form(body).await {
        Ok(form) => form,
        Err(StatusCode::BAD_REQUEST) => return unreadable(app, Request::from_parts(head, Body::empty())).await,
        Err(status) => return status.into_response(),
    };
    let request = Request::from_parts(head.clone(), Body::from(form));
    let (request, drawn_for) = match check_binding(&app, request).await {
        Ok(checked) => checked,
        Err(answer) => return answer,
    };
    let signer = FormSigner::new(&app.settings.form_secret);
    let given = app.clone();
    let context = move || {
        provide_context(given.clone());
        provide_context(signer.clone());
        drawn_for.iter().for_each(|drawn_for| provide_context(drawn_for.clone()));
    };
    let answer = leptos_axum::handle_server_fns_with_context(context, request);
    let mut answer = answer.await.into_response();
    if answer.headers().contains_key(SERVER_FN_ERROR_HEADER) {
        if is_form {
            return Redirect::to(&format!("{error_page}?outcome={}", Outcome::InternalError.code())).into_response();
        }
        let (answer_head, error) = answer.into_parts();
        let error = to_bytes(error, usize::MAX).await.unwrap_or_default();
        if readable::is_refusal(&error) {
            return unreadable(app, Request::from_parts(head, Body::empty())).await;
        }
        return Response::from_parts(answer_head, Body::from(error));
    }
    if answer.status() == StatusCode::FOUND {
        *answer.status_mut() = StatusCode::SEE_OTHER;
    }
    answer
}

/// Compares a form with the session that the browser has now: a form that was drawn for another customer, session or role
/// changes nothing. The viewer is handed on, so that the form acts for the same one if the session changes meanwhile.
async fn check_binding(app: &App, request: Request) -> Result<(Request, Option<DrawnFor>), Response> {
    let (parts, body) = request.into_parts();
    let body =
        to_bytes(body, readable::FORM_BYTES_MAX).await.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE.into_response())?;
    let path = parts.uri.path().to_owned();
    let is_stale = match binding(&path) {
        Binding::Nothing | Binding::Own => Ok((false, None)),
        Binding::Operator => Ok((!is_signed_by_operator(app, &parts.headers, &body).await, None)),
        binding => is_stale_for_viewer(app, &parts.headers, &body, binding).await,
    };
    match is_stale {
        Ok((false, drawn_for)) => Ok((Request::from_parts(parts, Body::from(body)), drawn_for)),
        Ok((true, _)) => {
            let page = if path.starts_with("/_fn/operator-") { "/operator" } else { stale_page(&path) };
            Err(Redirect::to(&format!("{page}?outcome={}", Outcome::FormStale.code())).into_response())
        }
        Err(fault) => {
            tracing::error!(error = %fault, path, "a form could not be compared with its session");
            Err(Redirect::to(&format!("{}?outcome={}", error_page(&path), Outcome::InternalError.code()))
                .into_response())
        }
    }
}

/// Whether a customer's form is stale, and the viewer that it acts for.
async fn is_stale_for_viewer(
    app: &App,
    headers: &HeaderMap,
    body: &[u8],
    binding: Binding,
) -> Result<(bool, Option<DrawnFor>), InternalError> {
    let viewer = match Cookie::Session.read(headers, app.settings.is_https()) {
        Some(token) => links::find_viewer(app, &token).await?,
        None => None,
    };
    let secret = &app.settings.form_secret;
    let is_stale =
        viewer.as_ref().is_some_and(|viewer| !form_signature::is_signed(secret, viewer, &signature(body), binding));
    Ok((is_stale, Some(DrawnFor(viewer))))
}

/// Whether an operator's form was drawn for this session. Signed out, its function answers.
async fn is_signed_by_operator(app: &App, headers: &HeaderMap, body: &[u8]) -> bool {
    let Some(token) = Cookie::Operator.read(headers, app.settings.is_https()) else { return true };
    match operators::find_operator(app, &token).await {
        Ok(Some(operator)) => {
            form_signature::is_signed_by_operator(&app.settings.form_secret, &operator, &signature(body))
        }
        Ok(None) | Err(_) => true,
    }
}

fn signature(body: &[u8]) -> String {
    let mut fields = url::form_urlencoded::parse(body);
    fields.find(|(name, _)| name == form_signature::FIELD).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// The binding of a form, by its function's path. A form that is not named here has the strictest.
#[must_use]
pub fn binding(path: &str) -> Binding {
    match path {
        RequestLink::PATH | RenewLink::PATH | SetTheme::PATH | SignInOperator::PATH => Binding::Nothing,
        StartCheckout::PATH | ChoosePlan::PATH | DoAct::PATH | OpenSession::PATH => Binding::Own,
        SignOut::PATH => Binding::Session,
        SignOutOperator::PATH | SwitchOnSecondFactor::PATH | SwitchOffSecondFactor::PATH => Binding::Operator,
        path if demo::signs_in(path) => Binding::Nothing,
        path if path.starts_with("/_fn/operator-") => Binding::Operator,
        _ => Binding::Customer,
    }
}

/// The page that shows that a form was stale.
fn stale_page(path: &str) -> &'static str {
    if OF_SETTINGS.contains(&path) { "/settings" } else { "/billing" }
}

/// The page that shows that a function failed.
fn error_page(path: &str) -> &'static str {
    match path {
        StartCheckout::PATH | SwitchCustomer::PATH | ChoosePlan::PATH | OpenPlanPortal::PATH => "/billing",
        HideAdvice::PATH | SetLowMark::PATH | OpenBillingPortal::PATH => "/billing",
        path if OF_SETTINGS.contains(&path) => "/settings",
        path if path.starts_with("/_fn/operator-") => "/operator/sign-in",
        _ => "/sign-in",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_that_is_not_named_has_the_strictest_binding() {
        assert_eq!(binding("/_fn/a-form-of-tomorrow"), Binding::Customer);
        assert_eq!(binding("/_fn/operator-form-of-tomorrow"), Binding::Operator);
        assert_eq!(binding("/_fn/invite-member"), Binding::Customer);
        assert_eq!(binding("/_fn/sign-out"), Binding::Session);
    }
}
