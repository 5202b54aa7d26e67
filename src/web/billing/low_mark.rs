//! The low mark: shown under the packages, and set there by owners and admins.
//!
//! *Not here:* the viewer's own emails (`settings`).

use crate::domain::Credits;
use crate::usecases::InternalError;
use crate::usecases::notify::emails::unsubscribe;
use crate::web::flash::Flash;
use crate::web::outcome::Outcome;
use crate::web::request_context::{RequestContext, form_failed};
use crate::web::ui::form::Form;
use crate::web::ui::text::Text;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The highest low mark (R1).
const LOW_MARK_MAX: Credits = Credits::whole(1_000_000_000);

/// The low mark in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LowMark {
    pub credits: Credits,
    /// The customer's own choice; without one it is a tenth of the plan.
    pub chosen: Option<Credits>,
    pub may_set: bool,
}

/// One line, which opens a form for those who may set the mark.
#[component]
pub fn LowMarkForm(low_mark: LowMark) -> impl IntoView {
    let (mark, value) = (low_mark.credits, low_mark.credits.to_string());
    if !low_mark.may_set {
        let text = Text::from("Owners and admins get an email when you have fewer than ").counted(mark, "").text(".");
        return view! { <p class="after">{text}</p> }.into_any();
    }
    let default =
        if low_mark.chosen.is_none() { "This is a tenth of your plan." } else { "Empty: a tenth of your plan." };
    view! {
        <details class="after low-mark">
            <summary>{Text::from("Email me when I have fewer than ").counted(mark, "")}</summary>
            <Form class="panel" action=SetLowMark::PATH label="Low-balance email">
                <label>
                    "Email owners and admins below (credits)"
                    <input name="credits" inputmode="decimal" maxlength="20" autocomplete="off" value=value />
                </label>
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
    request.redirect_with("/billing", Flash::new(outcome));
    Ok(outcome.code().to_owned())
}

async fn set(request: &RequestContext, credits: &str) -> Result<Option<Outcome>, InternalError> {
    let Some(viewer) = request.viewer().await? else { return Ok(None) };
    let Some(to) = parse(credits) else { return Ok(Some(Outcome::BadLowMark)) };
    let changed = unsubscribe::choose_low_balance(&request.app, &viewer, to).await?;
    Ok(Some(if changed { Outcome::LowMarkSet } else { Outcome::FormStale }))
}

/// A mark from its text; `None` if it is no number of credits within the limits.
fn parse(credits: &str) -> Option<Option<Credits>> {
    let text = credits.trim().replace(',', "");
    if text.is_empty() {
        return Some(None);
    }
    let mark = Credits::parse(&text).ok()?;
    (mark.is_positive() && mark <= LOW_MARK_MAX).then_some(Some(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_a_number_of_credits_or_nothing() {
        assert_eq!(parse(" 1,500 "), Some(Some(Credits::whole(1_500))));
        assert_eq!(parse(""), Some(None));
        assert_eq!(parse("0"), None);
        assert_eq!(parse("many"), None);
        assert_eq!(parse("1000000001"), None);
    }
}
