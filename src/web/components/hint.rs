//! The upgrade hint.

use crate::web::actions::HideHint;
use crate::web::ui::dates::When;
use crate::web::ui::form::Form;
use crate::web::view::HintView;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The upgrade hint; one quiet line where there is nothing to do.
#[component]
pub fn UpgradeHint(hint: HintView) -> impl IntoView {
    let Some(act) = hint.act else {
        return view! {
            <p class="after hint">
                {hint.strong} " " {hint.text}
            </p>
        }
        .into_any();
    };
    let (label, href) = act.see;
    let hide = act.hide_until.map(|until| {
        view! {
            <Form action=HideHint::PATH>
                <button class="button quiet">"Hide until " <When moment=until /></button>
            </Form>
        }
    });
    view! {
        <aside class="notice info" aria-label="Upgrade">
            <p>
                <strong>{hint.strong}</strong> " " {hint.text}
            </p>
            <div class="actions">
                <a class="button" href=href>
                    {label}
                </a>
                {hide}
            </div>
        </aside>
    }
    .into_any()
}
