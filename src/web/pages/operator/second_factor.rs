//! `/operator/second-factor`: switching the second factor on and off. What it shows to be taken along is shown here alone.

use crate::usecases::operators::enrolment;
use crate::usecases::operators::enrolment::Standing;
use crate::usecases::operators::second_factor::{RecoveryCodes, Secret};
use crate::usecases::operators::sign_in::Operator;
use crate::web::actions::{SwitchOffSecondFactor, SwitchOnSecondFactor};
use crate::web::components::NoticeBox;
use crate::web::components::operator::QrCode;
use crate::web::components::text::When;
use crate::web::form_signature::{FIELD, FormSigner};
use crate::web::pages::operator::{Loaded, page};
use crate::web::request_context::{RequestContext, Stop};
use crate::web::view::{Notice, Tone, Voice, Zone};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// `/operator/second-factor`
#[component]
pub fn SecondFactorPage() -> impl IntoView {
    page(load)
}

async fn load(visit: RequestContext) -> Result<Loaded, Stop> {
    let operator = visit.operator().await?.ok_or(Stop::SignIn)?;
    let body = match enrolment::standing(&visit.app, &operator).await? {
        Standing::NoPassword => {
            view! { <p>"The demo's operator has no password, and so no second factor."</p> }.into_any()
        }
        Standing::On { since, codes_left } => {
            let since = Zone::UTC.minute(since);
            let left = match codes_left {
                1 => ". 1 recovery code is left.".to_owned(),
                codes => format!(". {codes} recovery codes are left."),
            };
            view! {
                <p>"On since " <When moment=since /> {left}</p>
                <form class="fields" method="post" action=SwitchOffSecondFactor::PATH>
                    {fields("A code of the app, or a recovery code")}
                    <button class="button">"Switch off"</button>
                </form>
                <p class="note">"To set it up on another phone, or for new recovery codes, switch it off and on again."</p>
            }
            .into_any()
        }
        Standing::Off => offer(&visit, &operator)?,
    };
    let body = view! {
        <h1>"Second factor"</h1>
        {said(&visit).map(|notice| view! { <NoticeBox notice /> })}
        <div class="card narrow">{body}</div>
    };
    Ok(("Second factor".to_owned(), body.into_any()))
}

/// What to take along, and the form that switches it on.
fn offer(visit: &RequestContext, operator: &Operator) -> Result<AnyView, Stop> {
    let app = &visit.app;
    let made = |seed: String| -> Result<Option<(String, Secret, RecoveryCodes)>, Stop> {
        let of_seed = enrolment::of_seed(app, operator, &seed)?;
        Ok(of_seed.map(|(secret, codes)| (seed, secret, codes)))
    };
    let again = visit.query("seed").map(made).transpose()?.flatten();
    let made = match again {
        Some(again) => Some(again),
        None => made(enrolment::seed()?)?,
    };
    let (seed, secret, codes) = made.ok_or(Stop::NotFound)?;
    let url = secret.url(&app.catalog.shop.name, &operator.email)?;
    let typed = secret.typed()?;
    Ok(view! {
        <p>
            "A code of an app on your phone, asked for beside the password. Scan this with an authenticator app, or type the key."
        </p>
        <QrCode text=url.clone() label="The key for an authenticator app" />
        <p>
            <code class="secret">{typed}</code>
        </p>
        <p>
            <a href=url>"Open in an app on this device"</a>
        </p>
        <h2>"Recovery codes"</h2>
        <p>"Each works once in place of a code. Keep them where your phone is not: they are not shown again."</p>
        <ul>
            {codes.0.into_iter().map(|code| view! { <li><code>{code}</code></li> }).collect_view()}
        </ul>
        <form class="fields" method="post" action=SwitchOnSecondFactor::PATH>
            <input type="hidden" name="seed" value=seed />
            {fields("The code that the app shows now")}
            <button class="button primary">"Switch on"</button>
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

/// How a form came out, if one did.
fn said(visit: &RequestContext) -> Option<Notice> {
    let (tone, strong, text) = match visit.query("outcome")?.as_str() {
        "on" => (Tone::Good, "The second factor is on.", "From now on signing in asks for a code."),
        "off" => (Tone::Good, "The second factor is off.", "Signing in asks for the password alone."),
        "wrong" => (Tone::Bad, "Password or code do not fit.", "Nothing was changed. Try again."),
        "wait" => (Tone::Bad, "Too many tries.", "Nothing was changed. Wait up to a quarter of an hour."),
        "stale" => (Tone::Bad, "This form was out of date.", "Nothing was changed. Look at how it stands now."),
        _ => return None,
    };
    let voice = if tone == Tone::Bad { Voice::Alert } else { Voice::Status };
    Some(Notice::new(tone, strong, text).aloud(voice))
}
