//! `/operator/second-factor`: switching the second factor on and off. Its key and recovery codes are shown here alone.

use crate::usecases::InternalError;
use crate::usecases::operators::enrolment;
use crate::usecases::operators::enrolment::{FactorChange, FactorState};
use crate::usecases::operators::second_factor::{RecoveryCodes, Secret};
use crate::usecases::operators::sign_in::Operator;
use crate::web::flash::Flash;
use crate::web::form_signature::{FIELD, FormSigner};
use crate::web::operator::page::{OperatorPage, operator_page};
use crate::web::operator::qr::QrCode;
use crate::web::request_context::{PageError, RequestContext, form_failed};
use crate::web::return_to;
use crate::web::ui::badge::Tone;
use crate::web::ui::dates::{When, Zone};
use crate::web::ui::notice::{Notice, NoticeBox};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// `/operator/second-factor`
#[component]
pub fn SecondFactorPage() -> impl IntoView {
    operator_page(load)
}

async fn load(request: RequestContext) -> Result<OperatorPage, PageError> {
    let operator = request.operator().await?.ok_or(PageError::SignIn)?;
    let flash = request.take_flash();
    let body = match enrolment::factor_state(&request.app, &operator).await? {
        FactorState::NoPassword => {
            view! { <p>"The demo's operator has no password, so it can't have a second factor."</p> }.into_any()
        }
        FactorState::On { since, codes_left } => {
            let since = Zone::UTC.minute(since);
            let left = match codes_left {
                1 => ". 1 recovery code left.".to_owned(),
                codes => format!(". {codes} recovery codes left."),
            };
            view! {
                <p>"On since " <When moment=since /> {left}</p>
                <form class="fields" method="post" action=SwitchOffSecondFactor::PATH>
                    {fields("Authenticator code, or a recovery code")}
                    <button class="button">"Turn off"</button>
                </form>
                <p class="note">"To set it up on another phone, or to get new recovery codes, turn it off and on again."</p>
            }
            .into_any()
        }
        FactorState::Off => offer(&request, &operator, flash.as_ref().and_then(|flash| flash.value("seed")))?,
    };
    let body = view! {
        <h1>"Second factor"</h1>
        {flash.as_ref().and_then(outcome_notice).map(|notice| view! { <NoticeBox notice /> })}
        <div class="card narrow">{body}</div>
    };
    Ok(("Second factor".to_owned(), body.into_any()))
}

/// A new key and recovery codes, and the form that switches them on.
fn offer(request: &RequestContext, operator: &Operator, seed: Option<&str>) -> Result<AnyView, PageError> {
    let app = &request.app;
    let made = |seed: String| -> Result<Option<(String, Secret, RecoveryCodes)>, PageError> {
        let of_seed = enrolment::factor_of_seed(app, operator, &seed)?;
        Ok(of_seed.map(|(secret, codes)| (seed, secret, codes)))
    };
    let again = seed.map(|seed| made(seed.to_owned())).transpose()?.flatten();
    let made = match again {
        Some(again) => Some(again),
        None => made(enrolment::new_factor_seed()?)?,
    };
    let (seed, secret, codes) = made.ok_or(PageError::NotFound)?;
    let url = secret.url(&app.catalog.shop.name, &operator.email)?;
    let typed = secret.typed()?;
    Ok(view! {
        <p>
            "Sign in with your password and a code from your phone. Scan this with an authenticator app, or type the key."
        </p>
        <QrCode text=url.clone() label="The key for an authenticator app" />
        <p>
            <code class="secret">{typed}</code>
        </p>
        <p>
            <a href=url>"Open in an app on this device"</a>
        </p>
        <h2>"Recovery codes"</h2>
        <p>"Each code works once, in place of an authenticator code. Store them away from your phone. You won't see them again."</p>
        <ul>
            {codes.0.into_iter().map(|code| view! { <li><code>{code}</code></li> }).collect_view()}
        </ul>
        <form class="fields" method="post" action=SwitchOnSecondFactor::PATH>
            <input type="hidden" name="seed" value=seed />
            {fields("Current authenticator code")}
            <button class="button primary">"Turn on"</button>
        </form>
    }
    .into_any())
}

fn fields(code: &'static str) -> AnyView {
    let signature = use_context::<FormSigner>().map(|signer| signer.operator_signature());
    view! {
        <input type="hidden" name=FIELD value=signature />
        <label>
            "Password"
            <input type="password" name="password" required autocomplete="current-password" maxlength="256" />
        </label>
        <label>
            {code}
            <input type="text" name="code" required autocomplete="one-time-code" maxlength="64" />
        </label>
    }
    .into_any()
}

/// The notice after a form.
fn outcome_notice(flash: &Flash) -> Option<Notice> {
    let (tone, strong, text) = match flash.code() {
        "on" => (Tone::Good, "The second factor is on.", "You'll need a code to sign in."),
        "off" => (Tone::Good, "The second factor is off.", "You sign in with your password only."),
        "wrong" => (Tone::Bad, "The password or code is wrong.", "Nothing changed. Try again."),
        "wait" => (Tone::Bad, "Too many attempts.", "Nothing changed. Try again in up to 15 minutes."),
        "stale" => (Tone::Bad, "This form was out of date.", "Nothing changed. Check the page and try again."),
        _ => return None,
    };
    Some(Notice::outcome(tone, strong, text))
}

/// Switches on the second factor of `seed`. A failure leads back to the same key: the app may have it already.
#[server(name = SwitchOnSecondFactor, prefix = "/_fn", endpoint = "operator-second-factor-on")]
pub async fn switch_on_second_factor(seed: String, password: String, code: String) -> Result<(), ServerFnError> {
    let request = RequestContext::current();
    let changed = async {
        let Some(operator) = request.operator().await? else { return Ok(None) };
        let (app, client) = (&request.app, request.client_of(&operator.email)?);
        enrolment::switch_factor_on(app, &operator, &client, (&seed, password, &code)).await.map(Some)
    };
    let changed = changed.await.map_err(|fault: InternalError| form_failed("second factor", &fault))?;
    let again = matches!(changed, Some(FactorChange::Wrong | FactorChange::Wait)).then_some(seed);
    redirect(&request, changed, "on", again);
    Ok(())
}

/// Switches the second factor off.
#[server(name = SwitchOffSecondFactor, prefix = "/_fn", endpoint = "operator-second-factor-off")]
pub async fn switch_off_second_factor(password: String, code: String) -> Result<(), ServerFnError> {
    let request = RequestContext::current();
    let changed = async {
        let Some(operator): Option<Operator> = request.operator().await? else { return Ok(None) };
        let client = request.client_of(&operator.email)?;
        enrolment::switch_factor_off(&request.app, &operator, &client, (password, &code)).await.map(Some)
    };
    let changed = changed.await.map_err(|fault: InternalError| form_failed("second factor", &fault))?;
    redirect(&request, changed, "off", None);
    Ok(())
}

/// A seed opens nothing without the site's secret.
fn redirect(request: &RequestContext, changed: Option<FactorChange>, done: &str, seed: Option<String>) {
    let outcome = match changed {
        None => return request.redirect(&return_to::operator_sign_in("/operator/second-factor")),
        Some(FactorChange::Done) => done,
        Some(FactorChange::Wrong) => "wrong",
        Some(FactorChange::Wait) => "wait",
        Some(FactorChange::Stale) => "stale",
    };
    let flash = seed.into_iter().fold(Flash::new(outcome), |flash, seed| flash.with("seed", seed));
    request.redirect_with("/operator/second-factor", flash);
}
