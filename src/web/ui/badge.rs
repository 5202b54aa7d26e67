//! The name of a state, and its colour.

use crate::web::ui::text::Text;
use leptos::prelude::*;

/// How loudly something speaks. Colour is never the only carrier: the words say it too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// As the text around it.
    #[default]
    Plain,
    /// Over and done.
    Quiet,
    /// As it should be.
    Good,
    /// Something to know.
    Info,
    /// Soon.
    Warn,
    /// Now, or lost.
    Bad,
}

impl Tone {
    /// The class that colours it.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Quiet => "quiet",
            Self::Good => "good",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

/// The name of a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Badge {
    pub tone: Tone,
    pub text: Text,
}

impl Badge {
    #[must_use]
    pub fn new(tone: Tone, text: impl Into<Text>) -> Self {
        Self { tone, text: text.into() }
    }
}

/// A badge.
#[component]
pub fn BadgeText(badge: Badge) -> impl IntoView {
    view! { <span class=format!("badge {}", badge.tone.class())>{badge.text}</span> }
}
