//! `/operator/account`: an operator's own settings: the second factor, and emails about alarms.

use crate::usecases::InternalError;
use crate::usecases::operators::enrolment::FactorState;
use crate::usecases::operators::{accounts, enrolment};
use crate::web::flash::Flash;
use crate::web::form_signature::{FIELD, FormSigner};
use crate::web::operator::page::{OperatorPage, operator_page};
use crate::web::request_context::{PageError, RequestContext, form_failed};
use crate::web::return_to;
use crate::web::ui::badge::Tone;
use crate::web::ui::notice::{Notice, NoticeBox};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// `/operator/account`
#[component]
pub fn AccountPage() -> impl IntoView {
    operator_page(load)
}

async fn load(request: RequestContext) -> Result<OperatorPage, PageError> {
    let operator = request.operator().await?.ok_or(PageError::SignIn)?;
    let wants = accounts::wants_alarm_emails(&request.app, operator.no).await?;
    let factor = match enrolment::factor_state(&request.app, &operator).await? {
        FactorState::NoPassword => "The demo's operator has no password.",
        FactorState::On { .. } => "On.",
        FactorState::Off => "Off. Anyone with your password can sign in.",
    };
    let body = view! {
        <h1>"Your account"</h1>
        {outcome_notice(&request).map(|notice| view! { <NoticeBox notice /> })}
        <section class="card" aria-labelledby="alarm-emails">
            <h2 id="alarm-emails">"Alarm emails"</h2>
            {alarm_emails(&operator.email, wants)}
        </section>
        <section class="card" aria-labelledby="factor">
            <h2 id="factor">"Second factor"</h2>
            <p>
                {factor} " " <a href="/operator/second-factor">"Second factor settings"</a>
            </p>
        </section>
    };
    Ok(("Your account".to_owned(), body.into_any()))
}

fn alarm_emails(email: &str, wants: bool) -> AnyView {
    let signature = use_context::<FormSigner>().map(|signer| signer.operator_signature());
    let words = if wants {
        format!("We email {email} once for each new alarm, at most 20 an hour.")
    } else {
        "You don't get emails about alarms.".to_owned()
    };
    let (value, button) = if wants { ("off", "Turn off") } else { ("on", "Turn on alarm emails") };
    view! {
        <form class="panel" method="post" action=SetAlarmEmails::PATH>
            <p class="note">{words}</p>
            <input type="hidden" name=FIELD value=signature />
            <button class="button" name="wanted" value=value>
                {button}
            </button>
        </form>
    }
    .into_any()
}

/// The notice after the form.
fn outcome_notice(request: &RequestContext) -> Option<Notice> {
    let (tone, strong) = match request.take_flash()?.code() {
        "on" => (Tone::Good, "Alarm emails are on."),
        "off" => (Tone::Good, "Alarm emails are off."),
        "fault" => (Tone::Bad, "Something went wrong on our side. Nothing changed."),
        _ => return None,
    };
    Some(Notice::outcome(tone, strong, ""))
}

/// Turns alarm emails on or off for the signed-in operator.
#[server(name = SetAlarmEmails, prefix = "/_fn", endpoint = "operator-alarm-emails")]
pub async fn set_alarm_emails(wanted: String) -> Result<(), ServerFnError> {
    let request = RequestContext::current();
    let wants = wanted == "on";
    let set = async {
        let Some(operator) = request.operator().await? else { return Ok(false) };
        accounts::set_alarm_emails(&request.app, operator.no, wants).await.map(|()| true)
    };
    let signed_in = set.await.map_err(|fault: InternalError| form_failed("alarm emails", &fault))?;
    if signed_in {
        request.redirect_with("/operator/account", Flash::new(if wants { "on" } else { "off" }));
    } else {
        request.redirect(&return_to::operator_sign_in("/operator/account"));
    }
    Ok(())
}
