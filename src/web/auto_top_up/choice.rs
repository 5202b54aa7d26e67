//! "What to buy, and when": the form that changes the sentence. It asks again by GET and changes nothing.

use crate::domain::{Money, Package};
use crate::web::auto_top_up::PAGE;
use crate::web::auto_top_up::terms::SentTerms;
use crate::web::ui::field::Field;
use leptos::prelude::*;

/// The form's data.
#[derive(Clone, Debug)]
pub struct Choice {
    pub sent: SentTerms,
    /// Smallest first.
    pub packages: Vec<Package>,
    pub currency: String,
    /// The rule is on and changes.
    pub changes: bool,
}

#[component]
pub fn ChoiceForm(choice: Choice) -> impl IntoView {
    let Choice { sent, packages, currency, changes } = choice;
    let chosen = sent.package.clone();
    let option = |package: Package| {
        let words = format!(
            "{} {} for {}",
            package.grants().grouped(),
            package.grants().noun(),
            Money::new(package.amount, &currency).short()
        );
        let is_chosen = package.id == chosen;
        view! {
            <option value=package.id selected=is_chosen>
                {words}
            </option>
        }
    };
    let options = packages.into_iter().map(option).collect_view();
    let unit = currency.to_uppercase();
    let is_second = sent.threshold.error.is_some();
    view! {
        <form class="card panel terms" method="get" action=PAGE aria-label="What to buy, and when">
            {changes.then(|| view! { <input type="hidden" name="change" value="1" /> })}
            <div class="grow">
                <label for="package">"Package"</label>
                <select id="package" name="package">
                    {options}
                </select>
            </div>
            <Field
                label="When credits fall below"
                name="below"
                id="below"
                value=sent.threshold.text
                error=sent.threshold.error
                maxlength=20
                inputmode="decimal"
            />
            <Field
                label="Spend at most in 30 days"
                name="cap"
                id="cap"
                value=sent.cap.text
                is_second
                error=sent.cap.error
                maxlength=20
                inputmode="decimal"
            />
            <button class="button">"Update"</button>
            <p class="note">{format!("The limit is in {unit} and includes tax. Update shows what you would agree to.")}</p>
        </form>
    }
    .into_any()
}
