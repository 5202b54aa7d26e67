//! Server functions under `/_fn`: the forms of pages, by their typed functions.
//!
//! All are called by native forms and work without script: the answer is a redirect (303). A client that asks for JSON gets
//! the value. An expected outcome is a value, and a closed code in a [`Flash`]; `Err` is a fault, whose cause is in the log
//! and never in the answer. Each function authorises on its own.
//!
//! A form is compared here with the session that the browser has now, before its function reads it.

use crate::usecases::access::links;
use crate::usecases::operators::sign_in as operators;
use crate::usecases::{App, InternalError};
use crate::web::auto_top_up;
use crate::web::auto_top_up::{AgreeToAutoTopUp, FORM_PATHS as OF_AUTO_TOP_UP};
use crate::web::billing::advice::HideAdvice;
use crate::web::billing::buy::StartCheckout;
use crate::web::billing::low_mark::SetLowMark;
use crate::web::billing::portal::OpenBillingPortal;
use crate::web::cookies::Cookie;
use crate::web::error_pages::unreadable;
use crate::web::flash;
use crate::web::flash::Flash;
use crate::web::form_signature::{Binding, FormSigner};
use crate::web::operator::actions::DoAct;
use crate::web::operator::second_factor::{SwitchOffSecondFactor, SwitchOnSecondFactor};
use crate::web::operator::session::{SignInOperator, SignOutOperator};
use crate::web::outcome::Outcome;
use crate::web::plans::{ChoosePlan, OpenPlanPortal};
use crate::web::request_context::DrawnFor;
use crate::web::settings::FORM_PATHS as OF_SETTINGS;
use crate::web::sign_in::session::{SignOut, SwitchCustomer};
use crate::web::sign_in::{OpenSession, RenewLink, RequestLink, SignInOutcome};
use crate::web::theme_switch::SetTheme;
use crate::web::{demo, form_signature, readable, return_to};
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, REFERER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos::server_fn::error::SERVER_FN_ERROR_HEADER;
use url::{Position, Url};

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
            return flash::redirect(&app, error_page, Flash::new(Outcome::InternalError));
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
    let compared = match binding(&path) {
        Binding::Nothing => Ok(Compared::Fits(None)),
        Binding::Own if path == OpenSession::PATH => Ok(Compared::Fits(None)),
        Binding::Own if is_operators(&path) => compared_with_operator(app, &parts.headers, None).await,
        Binding::Operator => compared_with_operator(app, &parts.headers, Some(&body)).await,
        binding => compared_with_viewer(app, &parts.headers, &body, binding).await,
    };
    let to = |page: &str, outcome: Outcome| flash::redirect(app, page, Flash::new(outcome));
    match compared {
        Ok(Compared::Fits(drawn_for)) => Ok((Request::from_parts(parts, Body::from(body)), drawn_for)),
        // Nothing is lost.
        Ok(Compared::SignedOut)
            if matches!(path.as_str(), SignOut::PATH | SignOutOperator::PATH) || path.starts_with("/_fn/demo-") =>
        {
            Ok((Request::from_parts(parts, Body::from(body)), Some(DrawnFor(None))))
        }
        Ok(Compared::SignedOut) => Err(signed_out(app, &parts.headers, &path)),
        Ok(Compared::Stale) => Err(to(stale_page(&path), Outcome::FormStale)),
        Err(fault) => {
            tracing::error!(error = %fault, path, "a form could not be compared with its session");
            Err(to(error_page(&path), Outcome::InternalError))
        }
    }
}

/// A form beside the session that the browser has now.
enum Compared {
    /// A customer's form acts for this viewer.
    Fits(Option<DrawnFor>),
    /// It was drawn for another customer, session or role.
    Stale,
    /// The session has ended.
    SignedOut,
}

async fn compared_with_viewer(
    app: &App,
    headers: &HeaderMap,
    body: &[u8],
    binding: Binding,
) -> Result<Compared, InternalError> {
    let viewer = match Cookie::Session.read(headers, app.settings.is_https()) {
        Some(token) => links::find_viewer(app, &token).await?,
        None => None,
    };
    let Some(viewer) = viewer else { return Ok(Compared::SignedOut) };
    let secret = &app.settings.form_secret;
    let fits = binding == Binding::Own || form_signature::is_signed(secret, &viewer, &signature(body), binding);
    Ok(if fits { Compared::Fits(Some(DrawnFor(Some(viewer)))) } else { Compared::Stale })
}

/// Without a body the form's function compares its own signature.
async fn compared_with_operator(
    app: &App,
    headers: &HeaderMap,
    body: Option<&[u8]>,
) -> Result<Compared, InternalError> {
    let operator = match Cookie::Operator.read(headers, app.settings.is_https()) {
        Some(token) => operators::find_operator(app, &token).await?,
        None => None,
    };
    let Some(operator) = operator else { return Ok(Compared::SignedOut) };
    let secret = &app.settings.form_secret;
    let fits = body.is_none_or(|body| form_signature::is_signed_by_operator(secret, &operator, &signature(body)));
    Ok(if fits { Compared::Fits(None) } else { Compared::Stale })
}

/// The sign-in page says that nothing was saved, and leads back to the page of the form.
fn signed_out(app: &App, headers: &HeaderMap, path: &str) -> Response {
    let referer = headers.get(REFERER).and_then(|referer| Url::parse(referer.to_str().ok()?).ok());
    let page = referer.map(|url| url[Position::BeforePath..Position::AfterQuery].to_owned());
    let sign_in = if is_operators(path) {
        let page = page.filter(|page| return_to::operator_page(page).is_some());
        return_to::operator_sign_in(page.as_deref().unwrap_or("/operator"))
    } else {
        let page = page.filter(|page| return_to::page(page).is_some());
        return_to::sign_in(page.as_deref().unwrap_or(stale_page(path)))
    };
    flash::redirect(app, &sign_in, SignInOutcome::SignedOut.flash())
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
        StartCheckout::PATH | ChoosePlan::PATH | AgreeToAutoTopUp::PATH => Binding::Own,
        DoAct::PATH | OpenSession::PATH => Binding::Own,
        SignOut::PATH => Binding::Session,
        SignOutOperator::PATH | SwitchOnSecondFactor::PATH | SwitchOffSecondFactor::PATH => Binding::Operator,
        path if demo::signs_in(path) => Binding::Nothing,
        path if is_operators(path) => Binding::Operator,
        _ => Binding::Customer,
    }
}

fn is_operators(path: &str) -> bool {
    path.starts_with("/_fn/operator-")
}

/// The page that shows that a form was stale.
fn stale_page(path: &str) -> &'static str {
    match path {
        path if is_operators(path) => "/operator",
        path if OF_SETTINGS.contains(&path) => "/settings",
        path if OF_AUTO_TOP_UP.contains(&path) => auto_top_up::PAGE,
        _ => "/billing",
    }
}

/// The page that shows that a function failed.
fn error_page(path: &str) -> &'static str {
    match path {
        StartCheckout::PATH | SwitchCustomer::PATH | ChoosePlan::PATH | OpenPlanPortal::PATH => "/billing",
        HideAdvice::PATH | SetLowMark::PATH | OpenBillingPortal::PATH => "/billing",
        path if OF_SETTINGS.contains(&path) => "/settings",
        path if OF_AUTO_TOP_UP.contains(&path) => auto_top_up::PAGE,
        path if is_operators(path) => "/operator/sign-in",
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
