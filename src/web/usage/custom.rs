//! The form of any days.

use crate::web::ui::field::FieldError;
use crate::web::usage::choice::{CustomDays, WrongDay};
use leptos::prelude::*;

/// A form of two days; a wrong one is answered at its field. `hidden` are measures that are switched off.
#[component]
pub fn CustomForm(days: CustomDays, hidden: String) -> impl IntoView {
    let wrong = days.days.err();
    let hide = (!hidden.is_empty()).then(|| view! { <input type="hidden" name="hide" value=hidden /> });
    view! {
        <form class="panel days" method="get" action="/usage" aria-label="Custom range">
            <input type="hidden" name="range" value="custom" />
            {hide}
            <DayField name="from" label="First day (UTC)" value=days.from wrong />
            <DayField name="to" label="Last day (UTC)" value=days.to wrong />
            <button class="button">"Show"</button>
        </form>
    }
}

#[component]
fn DayField(name: &'static str, label: &'static str, value: String, wrong: Option<WrongDay>) -> impl IntoView {
    let wrong = wrong.filter(|wrong| wrong.field == name);
    let id = format!("{name}-wrong");
    let described = wrong.map(|_| id.clone());
    let words = wrong.map(|wrong| view! { <FieldError id error=wrong.words.to_owned() /> });
    view! {
        <div>
            <label>
                {label} <input type="date" name=name value=value aria-invalid=wrong.map(|_| "true") aria-describedby=described />
            </label>
            {words}
        </div>
    }
}
