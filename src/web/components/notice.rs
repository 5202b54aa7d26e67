//! Notices, outcomes, errors, and the upgrade hint.

use super::offers::BuyFields;
use super::text::{Say, When};
use crate::web::view::{HintView, Notice, NoticeAction, Voice};
use leptos::prelude::*;

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

/// The upgrade hint.
#[component]
pub fn UpgradeHint(hint: HintView) -> impl IntoView {
    let (label, href) = hint.see;
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
                <form method="post" action="/_fn/hide_hint">
                    <button class="button quiet">"Hide until " <When moment=hint.hide_until /></button>
                </form>
            </div>
        </aside>
    }
}
