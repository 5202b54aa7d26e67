//! The outcome of a form of this page: a closed code, and its words.

use crate::web::ui::badge::Tone;
use crate::web::ui::notice::Notice;
use strum::{EnumString, IntoStaticStr};

/// The outcomes; a code is the name in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[cfg_attr(any(test, feature = "demo"), derive(strum::EnumIter))]
#[strum(serialize_all = "snake_case")]
pub enum AutoOutcome {
    SwitchedOn,
    SwitchedOff,
    /// Threshold or cap are lower now.
    Lowered,
    /// The buyer left Stripe's page.
    Cancelled,
    /// The box was not ticked.
    Unticked,
    /// Stripe has no card yet, or the Checkout is not this customer's.
    NotFinished,
    /// The suspended card.
    CardRefused,
    /// Something else than a card was saved.
    NotACard,
    PriceChanged,
    /// The rule would do nothing now.
    NotNow,
    NotAllowed,
    /// The form was drawn for another customer, session or role, or it was changed or used before.
    FormStale,
    StripeUnavailable,
    StripeRefused,
    /// The cause is in the log.
    #[strum(serialize = "fault")]
    InternalError,
}

impl AutoOutcome {
    #[must_use]
    pub fn code(self) -> &'static str {
        self.into()
    }

    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        code.parse().ok()
    }

    /// The words in one piece, for an error at its field.
    #[must_use]
    pub fn sentence(self) -> String {
        let (strong, text) = self.words();
        format!("{strong} {text}")
    }

    #[must_use]
    pub fn notice(self) -> Notice {
        let (strong, text) = self.words();
        Notice::outcome(self.tone(), strong, text)
    }

    const fn tone(self) -> Tone {
        match self {
            Self::SwitchedOn | Self::Lowered => Tone::Good,
            Self::SwitchedOff | Self::Cancelled => Tone::Quiet,
            Self::NotFinished => Tone::Info,
            Self::PriceChanged | Self::NotNow | Self::FormStale => Tone::Warn,
            Self::Unticked
            | Self::CardRefused
            | Self::NotACard
            | Self::NotAllowed
            | Self::StripeUnavailable
            | Self::StripeRefused
            | Self::InternalError => Tone::Bad,
        }
    }

    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::SwitchedOn => ("Automatic top-up is on.", "Owners and admins get an email with what was agreed."),
            Self::SwitchedOff => ("Automatic top-up is off.", "Nothing more is bought, and your card is removed."),
            Self::Lowered => ("Saved.", "The lower values apply from now on."),
            Self::Cancelled => ("You left before a card was saved.", "Automatic top-up is off. You weren't charged."),
            Self::Unticked => ("Tick the box to agree.", "Nothing was switched on."),
            Self::NotFinished => {
                ("No card was saved yet.", "Automatic top-up stays off until there is one. You weren't charged.")
            }
            Self::CardRefused => (
                "Automatic top-up has stopped on this card.",
                "Save another card, or buy a top-up yourself with this one first. You weren't charged.",
            ),
            Self::NotACard => ("Only a card can be saved.", "Automatic top-up stays off. You weren't charged."),
            Self::PriceChanged => (
                "The price has changed since this page was shown.",
                "Nothing was switched on. Check it and agree again.",
            ),
            Self::NotNow => ("Nothing could be bought now.", "The reason is below. You weren't charged."),
            Self::NotAllowed => ("Your role doesn't allow this.", "Nothing was changed. Ask an owner or admin."),
            Self::FormStale => ("This page was out of date.", "Nothing was changed. Try again."),
            Self::StripeUnavailable => {
                ("We can't reach Stripe right now. You weren't charged.", "Try again in a minute.")
            }
            Self::StripeRefused => {
                ("A card can't be saved at the moment. You weren't charged.", "Support has been told.")
            }
            Self::InternalError => ("Something went wrong on our side.", "Check below what is agreed, then try again."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::AutoOutcome;
    use strum::IntoEnumIterator;

    #[test]
    fn every_outcome_has_a_code_of_its_own_and_two_sentences() {
        for outcome in AutoOutcome::iter() {
            assert_eq!(AutoOutcome::from_code(outcome.code()), Some(outcome));
            let notice = outcome.notice();
            for words in [notice.strong, notice.text] {
                assert!(words.to_string().ends_with('.'), "{outcome:?}: {words}");
            }
        }
        assert_eq!(AutoOutcome::from_code("You won a prize"), None);
    }
}
