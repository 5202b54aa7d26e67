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

    fn view(self, name: &'static str) -> AnyView {
        let input = match self.input {
            Input::Hidden(value) => return view! { <input type="hidden" name=name value=value /> }.into_any(),
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
    view! {
        <details class="act">
            <summary>
                {title}
                <span class="sr-only">{spoken}</span>
            </summary>
            <ActFields act about key back button fields reason />
        </details>
    }
}

/// The form alone. `button` sends it; `about` is the id of the thing.
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
    let fields = fields.into_iter().zip(["first", "second"]).map(|(field, name)| field.view(name));
    view! {
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
    }
}
