//! A text field with its label, and the error of a refused form at the field.

use leptos::prelude::*;

/// A labelled field. With an error it keeps the typed value, has the focus, and names the error for screen readers.
#[component]
pub fn Field(
    label: &'static str,
    name: &'static str,
    /// Unique on the page.
    id: &'static str,
    #[prop(into)] value: String,
    error: Option<String>,
    #[prop(default = "text")] kind: &'static str,
    #[prop(default = "off")] autocomplete: &'static str,
    maxlength: u16,
    #[prop(optional)] placeholder: Option<&'static str>,
    #[prop(optional)] inputmode: Option<&'static str>,
    #[prop(default = true)] required: bool,
    /// Another field of the form is wrong, too, and has the focus.
    #[prop(optional)]
    is_second: bool,
) -> impl IntoView {
    let error_id = format!("{id}-error");
    let is_bad = error.is_some();
    view! {
        <label class="grow">
            {label}
            <input
                id=id
                type=kind
                name=name
                value=value
                required=required
                maxlength=maxlength
                autocomplete=autocomplete
                placeholder=placeholder
                inputmode=inputmode
                autofocus=is_bad && !is_second
                aria-invalid=is_bad.then_some("true")
                aria-describedby=is_bad.then(|| error_id.clone())
            />
        </label>
        {error.map(|error| view! { <FieldError id=error_id.clone() error is_second /> })}
    }
}

/// The error of a field; the field names it by `aria-describedby`.
#[component]
pub fn FieldError(#[prop(into)] id: String, error: String, #[prop(optional)] is_second: bool) -> impl IntoView {
    view! {
        <p class="error" role=(!is_second).then_some("alert") id=id>
            {error}
        </p>
    }
}
