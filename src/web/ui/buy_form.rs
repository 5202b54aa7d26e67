//! The form behind every Buy button.

use crate::domain::Terms;
use leptos::prelude::*;

/// The path of the server function `StartCheckout`.
pub const BUY_PATH: &str = "/_fn/buy";

/// The fields of a Buy form. The purchase has this id from the click to the credits; the signature binds the form to its
/// viewer and to the terms that were shown (R19).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuyForm {
    /// `pur_…`
    pub purchase: String,
    pub package: String,
    /// Everything that was shown: credits, price, currency, validity.
    pub terms: Terms,
    pub mac: String,
}

/// A form that buys. It works without script.
#[component]
pub fn BuyFields(form: BuyForm, children: Children) -> impl IntoView {
    view! {
        <form method="post" action=BUY_PATH>
            <SignedFields form />
            {children()}
        </form>
    }
}

/// The hidden fields: the terms that were shown, and their signature.
#[component]
pub fn SignedFields(form: BuyForm) -> impl IntoView {
    let terms = form.terms;
    view! {
        <input type="hidden" name="purchase" value=form.purchase />
        <input type="hidden" name="package" value=form.package />
        <input type="hidden" name="credits" value=terms.credits.to_string() />
        <input type="hidden" name="price" value=terms.amount />
        <input type="hidden" name="currency" value=terms.currency />
        <input type="hidden" name="months" value=terms.months />
        <input type="hidden" name="mac" value=form.mac />
    }
}
