//! Notices, outcomes, errors, and the upgrade hint.

use crate::web::actions::HideHint;
use crate::web::components::Form;
use crate::web::components::offers::BuyFields;
use crate::web::components::text::{Say, When};
use crate::web::view::{HintView, Notice, NoticeAction, Voice};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// A notice: quiet, or announced as an outcome (`status`) or an error (`alert`).
#[component]
pub fn NoticeBox(notice: Notice) -> impl IntoView {
    let role = match notice.voice {
        Voice::Quiet => None,
        Voice::Status => Some("status"),
        Voice::Alert => Some("alert"),
    };
    // A text that goes on in the middle of a sentence stays on the line of its beginning.
    let goes_on = notice.text.to_string().starts_with(char::is_lowercase);
    let acts = !notice.actions.is_empty();
    let actions = notice.actions.into_iter().map(|action| view! { <Act action /> }).collect_view();
    view! {
        <div class=format!("notice {}", notice.tone.class()) role=role>
            <p class:goes-on=goes_on>
                <strong>
                    <Say words=notice.strong />
                </strong> " " <Say words=notice.text />
            </p>
            {acts.then(|| view! { <div class="actions">{actions}</div> })}
        </div>
    }
}

#[component]
fn Act(action: NoticeAction) -> impl IntoView {
    match action {
        NoticeAction::Link { label, href } => view! {
            <a class="button" href=href>
                {label}
            </a>
        }
        .into_any(),
        NoticeAction::Buy { label, form } => view! {
            <BuyFields form>
                <button class="button">{label}</button>
            </BuyFields>
        }
        .into_any(),
    }
}

/// The upgrade hint; one quiet line where there is nothing to do.
#[component]
pub fn UpgradeHint(hint: HintView) -> impl IntoView {
    let Some(act) = hint.act else {
        return view! {
            <p class="after hint">
                <Say words=hint.strong />
                " "
                <Say words=hint.text />
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
                <strong>
                    <Say words=hint.strong />
                </strong> " " <Say words=hint.text />
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
