//! An operator's session: the forms that sign in and out.

use crate::usecases::InternalError;
use crate::usecases::operators::sign_in::{
    LIMIT_HOURS, SignedIn, Typed, {self as operators},
};
use crate::web::cookies::Cookie;
use crate::web::flash::Flash;
use crate::web::request_context::{RequestContext, form_failed};
use crate::web::return_to;
use leptos::prelude::*;

/// A browser is known to have signed in for a year.
const DEVICE_SECONDS: i64 = 365 * 24 * 60 * 60;

#[cfg(feature = "demo")]
const DEMO_OPERATOR: &str = "operator@demo.example";

/// Signs an operator in. A wrong password or code leads back to the page.
#[server(name = SignInOperator, prefix = "/_fn", endpoint = "operator-sign-in")]
pub async fn sign_in_operator(
    email: String,
    password: String,
    #[server(default)] code: String,
    #[server(default)] to: String,
) -> Result<(), ServerFnError> {
    let request = RequestContext::current();
    let to = return_to::operator_page(&to).unwrap_or("/operator");
    let signed = async {
        let client = request.client_of(&email)?;
        let signed =
            operators::check_sign_in(&request.app, Typed { email: &email, password, code: &code }, &client).await?;
        let new_device = matches!(signed, SignedIn::Session(_)) && client.device.is_none();
        let device = if new_device { Some(operators::new_device(&request.app, &email)?) } else { None };
        Ok((signed, device))
    };
    let (signed, device) = signed.await.map_err(|fault: InternalError| form_failed("operator sign-in", &fault))?;
    match signed {
        SignedIn::Session(token) => {
            set_session(&request, &token, to);
            if let Some(device) = device {
                request.set_cookie(Cookie::OperatorDevice, &device, DEVICE_SECONDS);
            }
        }
        SignedIn::Wrong => refused(&request, to, "wrong", email),
        SignedIn::Wait => refused(&request, to, "wait", email),
    }
    Ok(())
}

fn set_session(request: &RequestContext, token: &str, to: &str) {
    request.set_cookie(Cookie::Operator, token, LIMIT_HOURS * 60 * 60);
    request.redirect(to);
}

fn refused(request: &RequestContext, to: &str, code: &str, email: String) {
    request.redirect_with(&return_to::operator_sign_in(to), Flash::new(code).with("email", email));
}

/// Signs in as the demo's operator.
#[cfg(feature = "demo")]
#[server(name = SignInAsDemoOperator, prefix = "/_fn", endpoint = "operator-demo-sign-in")]
pub async fn sign_in_as_demo_operator(#[server(default)] to: String) -> Result<(), ServerFnError> {
    let request = RequestContext::current();
    let to = return_to::operator_page(&to).unwrap_or("/operator");
    let opened = crate::usecases::operators::demo::open_demo(&request.app, DEMO_OPERATOR).await;
    match opened.map_err(|fault| form_failed("operator demo sign-in", &fault))? {
        Some(token) => set_session(&request, &token, to),
        None => request.redirect("/operator/sign-in"),
    }
    Ok(())
}

/// Ends the session.
#[server(name = SignOutOperator, prefix = "/_fn", endpoint = "operator-sign-out")]
pub async fn sign_out_operator() -> Result<(), ServerFnError> {
    let request = RequestContext::current();
    let ended = async {
        match request.operator().await? {
            Some(operator) => operators::end_operator_session(&request.app, operator.session).await,
            None => Ok(()),
        }
    };
    ended.await.map_err(|fault| form_failed("operator sign-out", &fault))?;
    request.clear_cookie(Cookie::Operator);
    request.redirect("/operator/sign-in");
    Ok(())
}
