//! The form of an action: folded until it is used, with a reason and a key.

use crate::web::form_signature::{ActOn, FIELD, FormSigner};
use crate::web::operator::actions::{Act, DoAct};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// A field of one action's form.
#[derive(Clone, Debug)]
pub struct Field {
    pub label: &'static str,
    /// `text` or `date`.
    pub kind: &'static str,
    /// The first value.
    pub value: String,
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
    let fields = fields.into_iter().zip(["first", "second"]).map(|(field, name)| {
        view! {
            <label>
                {field.label}
                <input type=field.kind name=name value=field.value required autocomplete="off" />
            </label>
        }
    });
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
