//! A form of a page. It carries the signature of the viewer whom the page was drawn for.

use crate::web::form_signature::{FIELD, FormSigner};
use leptos::prelude::*;

/// A form of a customer's page. It works without script.
#[component]
pub fn Form(
    action: &'static str,
    #[prop(optional)] class: Option<&'static str>,
    #[prop(optional)] label: Option<&'static str>,
    children: Children,
) -> impl IntoView {
    let signature = use_context::<FormSigner>().map(|signer| signer.signature());
    view! {
        <form class=class method="post" action=action aria-label=label>
            <input type="hidden" name=FIELD value=signature />
            {children()}
        </form>
    }
}
