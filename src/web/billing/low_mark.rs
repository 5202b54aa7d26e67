//! The low mark: shown under the packages, and set there by owners and admins.
//!
//! *Not here:* the viewer's own emails (`settings`).

use crate::domain::Credits;
use crate::usecases::InternalError;
use crate::web::flash::Flash;
use crate::web::low_mark;
use crate::web::low_mark::LowMarkChange;
use crate::web::outcome::{Outcome, OutcomeDetails};
use crate::web::request_context::{RequestContext, form_failed};
use crate::web::ui::field::Field;
use crate::web::ui::form::Form;
use crate::web::ui::notice::NoticeBox;
use crate::web::ui::text::Text;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The low mark in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LowMark {
    pub credits: Credits,
    /// The customer's own choice; without one it is a tenth of the plan.
    pub chosen: Option<Credits>,
    pub may_set: bool,
    /// The last form's outcome, and the value that was typed.
    pub outcome: Option<(Outcome, String)>,
}

impl LowMark {
    /// The outcome of this form, if a page has one to show.
    #[must_use]
    pub fn outcome(flash: Option<&Flash>) -> Option<(Outcome, String)> {
        let outcome = Outcome::from_code(flash?.code()).filter(|it| it.is_of_low_mark())?;
        Some((outcome, flash?.value("typed").unwrap_or_default().to_owned()))
    }
}

/// One line, which opens a form for those who may set the mark.
#[component]
pub fn LowMarkForm(low_mark: LowMark) -> impl IntoView {
    let mark = low_mark.credits;
    if !low_mark.may_set {
        let text = Text::from("Owners and admins get an email when you have fewer than ").counted(mark, "").text(".");
        return view! { <p class="after">{text}</p> }.into_any();
    }
    let default =
        if low_mark.chosen.is_none() { "This is a tenth of your plan." } else { "Empty: a tenth of your plan." };
    let open = low_mark.outcome.is_some();
    let (refused, done) = match low_mark.outcome {
        Some((Outcome::BadLowMark, typed)) => (Some(typed), None),
        other => (None, other.map(|(outcome, _)| outcome.notice(OutcomeDetails::default()))),
    };
    let error = refused.is_some().then(|| Outcome::BadLowMark.sentence());
    let value = refused.unwrap_or_else(|| mark.to_string());
    view! {
        <details class="after low-mark" id="low-mark" open=open>
            <summary>{Text::from("Email me when I have fewer than ").counted(mark, "")}</summary>
            {done.map(|notice| view! { <NoticeBox notice /> })}
            <Form class="panel" action=SetLowMark::PATH label="Low-balance email">
                <Field
                    label="Email owners and admins below (credits)"
                    name="credits"
                    id="low-mark-credits"
                    value
                    error
                    maxlength=20
                    inputmode="decimal"
                    required=false
                />
                <button class="button">"Save"</button>
                <span class="note">{default}</span>
            </Form>
        </details>
    }
    .into_any()
}

/// Sets the low mark; empty is a tenth of the plan.
#[server(name = SetLowMark, prefix = "/_fn", endpoint = "low-mark")]
pub async fn set_low_mark(credits: String) -> Result<String, ServerFnError> {
    let request = RequestContext::current();
    let outcome = set(&request, &credits).await.map_err(|fault| form_failed("low mark", &fault))?;
    let Some(outcome) = outcome else {
        request.redirect("/sign-in");
        return Ok("sign_in".to_owned());
    };
    // A refused field takes the focus, which browsers refuse to an address with a fragment.
    match outcome {
        Outcome::BadLowMark => request.redirect_with("/billing", Flash::new(outcome).with("typed", credits)),
        Outcome::LowMarkSet => request.redirect_with("/billing#low-mark", Flash::new(outcome)),
        _ => request.redirect_with("/billing", Flash::new(outcome)),
    }
    Ok(outcome.code().to_owned())
}

async fn set(request: &RequestContext, credits: &str) -> Result<Option<Outcome>, InternalError> {
    let Some(viewer) = request.viewer().await? else { return Ok(None) };
    Ok(Some(match low_mark::set_low_mark(&request.app, &viewer, credits).await? {
        LowMarkChange::Set => Outcome::LowMarkSet,
        LowMarkChange::Bad => Outcome::BadLowMark,
        LowMarkChange::NotAllowed => Outcome::FormStale,
    }))
}
