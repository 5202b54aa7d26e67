//! A notice, an outcome or an error in a box, with what can be done about it.

use crate::web::ui::badge::Tone;
use crate::web::ui::buy_form::{BuyFields, BuyForm};
use crate::web::ui::text::Text;
use leptos::prelude::*;

/// A notice, an outcome or an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub tone: Tone,
    pub voice: Voice,
    pub strong: Text,
    pub text: Text,
    pub actions: Vec<NoticeAction>,
}

/// How a notice reaches a screen reader. At most one notice of a page is announced: an outcome or an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// Part of the page.
    Quiet,
    /// An outcome: `role=status`.
    Status,
    /// An error: `role=alert`.
    Alert,
}

/// Something to do about a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoticeAction {
    Link {
        label: String,
        href: String,
    },
    /// A link with a filled button: the one way out.
    MainLink {
        label: String,
        href: String,
    },
    /// Buy (again), with a filled button.
    Buy {
        label: Text,
        form: BuyForm,
    },
}

impl NoticeAction {
    #[must_use]
    pub fn link(label: impl Into<String>, href: impl Into<String>) -> Self {
        Self::Link { label: label.into(), href: href.into() }
    }

    #[must_use]
    pub fn main_link(label: impl Into<String>, href: impl Into<String>) -> Self {
        Self::MainLink { label: label.into(), href: href.into() }
    }

    #[must_use]
    pub fn buy(label: impl Into<Text>, form: BuyForm) -> Self {
        Self::Buy { label: label.into(), form }
    }
}

impl Notice {
    /// A notice that no screen reader announces.
    #[must_use]
    pub fn new(tone: Tone, strong: impl Into<Text>, text: impl Into<Text>) -> Self {
        Self { tone, voice: Voice::Quiet, strong: strong.into(), text: text.into(), actions: vec![] }
    }

    /// The outcome of a form: announced, and as an error where it is amber or red.
    #[must_use]
    pub fn outcome(tone: Tone, strong: impl Into<Text>, text: impl Into<Text>) -> Self {
        let voice = if matches!(tone, Tone::Warn | Tone::Bad) { Voice::Alert } else { Voice::Status };
        Self::new(tone, strong, text).aloud(voice)
    }

    #[must_use]
    pub fn aloud(mut self, voice: Voice) -> Self {
        self.voice = voice;
        self
    }

    #[must_use]
    pub fn with(mut self, action: NoticeAction) -> Self {
        self.actions.push(action);
        self
    }
}

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
    let actions = notice.actions.into_iter().map(|action| view! { <Action action /> }).collect_view();
    view! {
        <div class=format!("notice {}", notice.tone.class()) role=role>
            <p class:goes-on=goes_on>
                <strong>{notice.strong}</strong> " " {notice.text}
            </p>
            {acts.then(|| view! { <div class="actions">{actions}</div> })}
        </div>
    }
    .into_any()
}

#[component]
fn Action(action: NoticeAction) -> impl IntoView {
    match action {
        NoticeAction::Link { label, href } => view! {
            <a class="button" href=href>
                {label}
            </a>
        }
        .into_any(),
        NoticeAction::MainLink { label, href } => view! {
            <a class="button primary" href=href>
                {label}
            </a>
        }
        .into_any(),
        NoticeAction::Buy { label, form } => view! {
            <BuyFields form>
                <button class="button primary">{label}</button>
            </BuyFields>
        }
        .into_any(),
    }
}
