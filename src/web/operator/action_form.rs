//! The form of an action: folded until it is used, with a reason and a key.

use crate::web::form_signature::{ActOn, FIELD, FormSigner};
use crate::web::operator::actions::{Act, DoAct};
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

    fn view(self, name: &'static str) -> AnyView {
        let input = match self.input {
            Input::Typed(kind, value) => {
                view! { <input type=kind name=name value=value required autocomplete="off" /> }.into_any()
            }
            Input::Choice(choices) => {
                let option =
                    |(value, words): &(&'static str, &'static str)| view! { <option value=*value>{*words}</option> };
                view! { <select name=name>{choices.iter().map(option).collect_view()}</select> }.into_any()
            }
        };
        view! { <label>{self.label} {input}</label> }.into_any()
    }
}

/// `title` unfolds the form, `button` sends it; `about` is the id of the thing, `name` its name for screen readers.
#[component]
pub fn ActForm(
    act: Act,
    #[prop(into)] about: String,
    #[prop(into)] name: String,
    #[prop(into)] key: String,
    #[prop(into)] back: String,
    title: &'static str,
    button: &'static str,
    #[prop(optional)] fields: Vec<Field>,
    #[prop(into, optional)] reason: String,
) -> impl IntoView {
    let on = ActOn { act: act.name(), about: &about, back: &back };
    let signature = use_context::<FormSigner>().map(|signer| signer.act_signature(&on));
    let spoken = if name.is_empty() { String::new() } else { format!(" {name}") };
    let fields = fields.into_iter().zip(["first", "second"]).map(|(field, name)| field.view(name));
    view! {
        <details class="act">
            <summary>
                {title}
                <span class="sr-only">{spoken}</span>
            </summary>
            <form method="post" action=DoAct::PATH>
                <input type="hidden" name="act" value=act.name() />
                <input type="hidden" name="about" value=about />
                <input type="hidden" name="key" value=key />
                <input type="hidden" name="back" value=back />
                <input type="hidden" name=FIELD value=signature />
                {fields.collect_view()}
                <label>
                    "Reason"
                    <input type="text" name="reason" required maxlength="500" autocomplete="off" value=reason />
                </label>
                <button class="button">{button}</button>
            </form>
        </details>
    }
}
