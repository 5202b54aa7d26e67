//! The form of an action: folded until it is used, with a reason and a key.

use crate::usecases::operators::actions::ActionOutcome;
use crate::web::form_signature::{ActOn, FIELD, FormSigner};
use crate::web::operator::actions::{Act, DoAct};
use crate::web::operator::outcome::notice;
use crate::web::request_context::RequestContext;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// A field of one action's form.
#[derive(Clone, Debug)]
pub struct Field {
    label: &'static str,
    input: Input,
}

#[derive(Clone, Debug)]
enum Input {
    /// `text` or `date`, and the first value.
    Typed(&'static str, String),
    /// Shown elsewhere on the page.
    Hidden(String),
    /// Values with their words; the first is chosen.
    Choice(&'static [(&'static str, &'static str)]),
}

impl Field {
    pub fn text(label: &'static str, value: impl Into<String>) -> Self {
        Self { label, input: Input::Typed("text", value.into()) }
    }

    pub fn date(label: &'static str, value: impl Into<String>) -> Self {
        Self { label, input: Input::Typed("date", value.into()) }
    }

    pub fn choice(label: &'static str, choices: &'static [(&'static str, &'static str)]) -> Self {
        Self { label, input: Input::Choice(choices) }
    }

    pub fn hidden(value: impl Into<String>) -> Self {
        Self { label: "", input: Input::Hidden(value.into()) }
    }

    fn is_shown(&self) -> bool {
        !matches!(self.input, Input::Hidden(_))
    }

    /// `typed` is the value of a refused form.
    fn view(self, name: &'static str, typed: Option<String>, autofocus: bool) -> AnyView {
        let input = match self.input {
            Input::Hidden(value) => return view! { <input type="hidden" name=name value=value /> }.into_any(),
            Input::Typed(kind, value) => {
                let value = typed.unwrap_or(value);
                view! { <input type=kind name=name value=value required autocomplete="off" autofocus=autofocus /> }
                    .into_any()
            }
            Input::Choice(choices) => {
                let option = |(value, words): &(&'static str, &'static str)| {
                    let selected = typed.as_deref() == Some(*value);
                    view! {
                        <option value=*value selected=selected>
                            {*words}
                        </option>
                    }
                };
                view! { <select name=name>{choices.iter().map(option).collect_view()}</select> }.into_any()
            }
        };
        view! { <label>{self.label} {input}</label> }.into_any()
    }
}

/// The typed values of a form that was refused, and the reason.
#[derive(Clone, Debug)]
pub struct RefusedForm {
    pub first: Option<String>,
    pub second: Option<String>,
    pub reason: Option<String>,
    error: String,
}

impl RefusedForm {
    /// The form of `act` on the thing `about`, if it was the last one and was refused.
    #[must_use]
    pub fn last(act: Act, about: &str) -> Option<Self> {
        let flash = RequestContext::current().flash()?;
        let value = |name| flash.value(name).map(str::to_owned);
        let is_this = flash.value("act") == Some(act.name()) && flash.value("about") == Some(about);
        let outcome = ActionOutcome::from_code(flash.code()).filter(|_| is_this)?;
        let notice = notice(outcome, act.name());
        let error = format!("{} {}", notice.strong, notice.text);
        Some(Self { first: value("first"), second: value("second"), reason: value("reason"), error })
    }
}

/// The action's form. `title` unfolds it, `name` is the thing for screen readers.
#[component]
pub fn ActForm(
    act: Act,
    #[prop(into)] about: String,
    #[prop(into)] name: String,
    #[prop(into)] key: String,
    #[prop(into)] back: String,
    title: &'static str,
    #[prop(into)] button: String,
    #[prop(optional)] fields: Vec<Field>,
    #[prop(into, optional)] reason: String,
) -> impl IntoView {
    let spoken = if name.is_empty() { String::new() } else { format!(" {name}") };
    let open = RefusedForm::last(act, &about).is_some();
    view! {
        <details class="act" open=open>
            <summary>
                {title}
                <span class="sr-only">{spoken}</span>
            </summary>
            <ActFields act about key back button fields reason />
        </details>
    }
}

/// The form alone. `button` sends it; `about` is the id of the thing. A refused form keeps what was typed.
#[component]
pub fn ActFields(
    act: Act,
    #[prop(into)] about: String,
    #[prop(into)] key: String,
    #[prop(into)] back: String,
    #[prop(into)] button: String,
    fields: Vec<Field>,
    #[prop(into)] reason: String,
) -> impl IntoView {
    let on = ActOn { act: act.name(), about: &about, back: &back };
    let signature = use_context::<FormSigner>().map(|signer| signer.act_signature(&on));
    let refused = RefusedForm::last(act, &about);
    let is_refused = refused.is_some();
    let (error, first, second, typed) = match refused {
        Some(form) => (Some(form.error), form.first, form.second, form.reason),
        None => (None, None, None, None),
    };
    // The first field to correct has the focus.
    let focused = fields.iter().position(Field::is_shown).filter(|_| is_refused);
    let on_reason = is_refused && focused.is_none();
    let fields = fields.into_iter().zip([("first", first), ("second", second)]).enumerate();
    let fields = fields.map(|(n, (field, (name, typed)))| field.view(name, typed, focused == Some(n)));
    let reason = typed.unwrap_or(reason);
    view! {
        <form method="post" action=DoAct::PATH>
            <input type="hidden" name="act" value=act.name() />
            <input type="hidden" name="about" value=about />
            <input type="hidden" name="key" value=key />
            <input type="hidden" name="back" value=back />
            <input type="hidden" name=FIELD value=signature />
            {error.map(|error| view! { <p class="error">{error}</p> })}
            {fields.collect_view()}
            <label>
                "Reason"
                <input
                    type="text"
                    name="reason"
                    required
                    maxlength="500"
                    autocomplete="off"
                    value=reason
                    autofocus=on_reason
                />
            </label>
            <button class="button">{button}</button>
        </form>
    }
}
