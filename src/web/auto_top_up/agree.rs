//! The box that agrees, and its form: it leads to Stripe's page, where a card is saved. Lower values need no new consent.
#![allow(clippy::too_many_arguments, reason = "the function takes each field of its form")]

use crate::domain::Credits;
use crate::usecases::InternalError;
use crate::usecases::auto_top_up::{self, ChangeOutcome, ConsentOutcome, ConsentRequest};
use crate::web::auto_top_up::PAGE;
use crate::web::auto_top_up::outcome::AutoOutcome;
use crate::web::auto_top_up::signed_form::{AgreeFields, AgreeForm, SentAgreeForm, verify};
use crate::web::auto_top_up::terms::Terms;
use crate::web::flash::Flash;
use crate::web::request_context::{RequestContext, form_failed};
use crate::web::return_to;
use crate::web::ui::field::FieldError;
use crate::web::ui::form::Form;
use crate::web::ui::text::Text;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The way to these terms.
#[derive(Clone, Debug)]
pub enum Agreeing {
    /// A new consent: the sentence, its signed form, and whether the box was left unticked before.
    Consent { text: Text, form: AgreeForm, unticked: bool },
    /// The terms ask for no more than was agreed.
    Lower(Terms),
}

/// The section.
#[component]
pub fn Agree(agreeing: Agreeing) -> impl IntoView {
    match agreeing {
        Agreeing::Consent { text, form, unticked } => view! { <AgreeBox text form unticked /> }.into_any(),
        Agreeing::Lower(terms) => view! { <LowerForm terms /> }.into_any(),
    }
}

/// The box is never ticked before a person does it. The browser refuses to send it unticked, and so does the server.
#[component]
fn AgreeBox(text: Text, form: AgreeForm, unticked: bool) -> impl IntoView {
    let error = unticked.then(|| AutoOutcome::Unticked.sentence());
    view! {
        <section aria-labelledby="agree">
            <h2 id="agree">"Switch it on"</h2>
            <form method="post" action=AgreeToAutoTopUp::PATH class="card agree">
                <AgreeFields form />
                <label>
                    <input
                        type="checkbox"
                        name="agree"
                        value="yes"
                        required
                        autofocus=unticked
                        aria-invalid=unticked.then_some("true")
                        aria-describedby=unticked.then_some("agree-error")
                    />
                    <span>{text}</span>
                </label>
                {error.map(|error| view! { <FieldError id="agree-error" error /> })}
                <button class="button primary">"Save card and switch on"</button>
                <p class="note">
                    "You save a card at Stripe next. Nothing is charged there. It's on once you're back."
                </p>
            </form>
        </section>
    }
    .into_any()
}

#[component]
fn LowerForm(terms: Terms) -> impl IntoView {
    let text = Text::from("Fewer than ").counted(terms.threshold, "").text(", at most ").money(terms.cap.clone());
    view! {
        <section aria-labelledby="agree">
            <h2 id="agree">"Lower values apply at once"</h2>
            <Form action=LowerAutoTopUp::PATH class="card panel">
                <input type="hidden" name="threshold" value=terms.threshold.to_string() />
                <input type="hidden" name="cap" value=terms.cap.minor.to_string() />
                <p class="grow">{text.text(" in any 30 days. You don't need to agree again.")}</p>
                <button class="button primary">"Save"</button>
            </Form>
        </section>
    }
    .into_any()
}

/// The place that the form leads to.
enum Click {
    /// Stripe's page, where the card is saved.
    At(String),
    /// This page, with these terms.
    Back(AutoOutcome, String),
    SignIn,
}

/// Begins a consent: to Stripe's page. All values are signed; `text` is the sentence that was shown.
///
/// # Errors
/// An internal error only; its cause is in the log.
#[server(name = AgreeToAutoTopUp, prefix = "/_fn", endpoint = "auto_top_up")]
pub async fn agree_to_auto_top_up(
    #[server(default)] setup: String,
    #[server(default)] package: String,
    #[server(default)] price: String,
    #[server(default)] currency: String,
    #[server(default)] threshold: String,
    #[server(default)] cap: String,
    #[server(default)] text: String,
    #[server(default)] mac: String,
    #[server(default)] agree: String,
) -> Result<String, ServerFnError> {
    let request = RequestContext::current();
    let form = SentAgreeForm { setup, package, price, currency, threshold, cap, text, mac };
    let click = click(&request, form, agree == "yes").await.map_err(|fault| form_failed("auto top-up", &fault))?;
    Ok(match click {
        Click::At(url) => {
            request.redirect(&url);
            "at_stripe".to_owned()
        }
        Click::Back(outcome, to) => {
            request.redirect_with(&to, Flash::new(outcome.code()));
            outcome.code().to_owned()
        }
        Click::SignIn => {
            request.redirect(&return_to::sign_in(PAGE));
            "sign_in".to_owned()
        }
    })
}

async fn click(request: &RequestContext, form: SentAgreeForm, agrees: bool) -> Result<Click, InternalError> {
    let app = &request.app;
    let Some(viewer) = request.viewer().await? else { return Ok(Click::SignIn) };
    let verified = verify(&app.settings.form_secret, &viewer, form);
    let Some((setup, agreed, text)) = verified else {
        return Ok(Click::Back(AutoOutcome::FormStale, PAGE.to_owned()));
    };
    // The page comes back with the terms that the form had.
    let terms = Terms::of_agreement(&app.catalog, &agreed).map(|terms| terms.query()).unwrap_or_default();
    let here = format!("{PAGE}?change=1&{terms}");
    if !agrees {
        return Ok(Click::Back(AutoOutcome::Unticked, here));
    }
    let outcome = match auto_top_up::begin_consent(app, ConsentRequest { setup, viewer, agreed, text }).await? {
        ConsentOutcome::At(url) => return Ok(Click::At(url)),
        ConsentOutcome::NotAllowed => AutoOutcome::NotAllowed,
        ConsentOutcome::Invalid(_) | ConsentOutcome::Used => AutoOutcome::FormStale,
        ConsentOutcome::PriceChanged => AutoOutcome::PriceChanged,
        ConsentOutcome::Asleep(_) => AutoOutcome::NotNow,
        ConsentOutcome::StripeUnavailable => AutoOutcome::StripeUnavailable,
        ConsentOutcome::StripeRefused => AutoOutcome::StripeRefused,
    };
    Ok(Click::Back(outcome, here))
}

/// Lowers the threshold or the cap, at once and without a new consent.
///
/// # Errors
/// An internal error only; its cause is in the log.
#[server(name = LowerAutoTopUp, prefix = "/_fn", endpoint = "auto_top_up_limits")]
pub async fn lower_auto_top_up(
    #[server(default)] threshold: String,
    #[server(default)] cap: String,
) -> Result<String, ServerFnError> {
    let request = RequestContext::current();
    let lowered = async {
        let Some(viewer) = request.viewer().await? else { return Ok(None) };
        let values = Credits::parse(&threshold).ok().zip(cap.parse::<i64>().ok());
        let Some((threshold, cap)) = values else { return Ok(Some(AutoOutcome::FormStale)) };
        let changed = auto_top_up::change_limits(&request.app, &viewer, threshold, cap).await?;
        Ok::<_, InternalError>(Some(match changed {
            ChangeOutcome::Done => AutoOutcome::Lowered,
            ChangeOutcome::NotAllowed => AutoOutcome::NotAllowed,
            ChangeOutcome::NeedsConsent | ChangeOutcome::Invalid(_) | ChangeOutcome::Off => AutoOutcome::FormStale,
        }))
    };
    answer(&request, lowered.await.map_err(|fault| form_failed("auto top-up limits", &fault))?)
}

/// Switches automatic top-up off: one click, no question.
///
/// # Errors
/// An internal error only; its cause is in the log.
#[server(name = SwitchOffAutoTopUp, prefix = "/_fn", endpoint = "auto_top_up_off")]
pub async fn switch_off_auto_top_up() -> Result<String, ServerFnError> {
    let request = RequestContext::current();
    let switched = async {
        let Some(viewer) = request.viewer().await? else { return Ok(None) };
        let done = auto_top_up::switch_off(&request.app, &viewer).await?;
        Ok::<_, InternalError>(Some(if done { AutoOutcome::SwitchedOff } else { AutoOutcome::NotAllowed }))
    };
    answer(&request, switched.await.map_err(|fault| form_failed("auto top-up off", &fault))?)
}

/// Back to the page with an outcome; to the sign-in page without one.
fn answer(request: &RequestContext, outcome: Option<AutoOutcome>) -> Result<String, ServerFnError> {
    let Some(outcome) = outcome else {
        request.redirect(&return_to::sign_in(PAGE));
        return Ok("sign_in".to_owned());
    };
    request.redirect_with(PAGE, Flash::new(outcome.code()));
    Ok(outcome.code().to_owned())
}
