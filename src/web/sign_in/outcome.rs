//! The outcomes that the sign-in page says.

use crate::web::flash::Flash;
use crate::web::ui::badge::Tone;
use crate::web::ui::notice::Notice;
use strum::{EnumString, IntoStaticStr};

/// The outcome of a form; its code never holds the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[cfg_attr(test, derive(strum::EnumIter))]
#[strum(serialize_all = "snake_case")]
pub enum SignInOutcome {
    /// Shown for every address, known or not.
    Sent,
    BadAddress,
    /// A form met a session that had ended.
    SignedOut,
    /// The cause is in the log.
    #[strum(serialize = "fault")]
    InternalError,
}

impl SignInOutcome {
    #[must_use]
    pub fn flash(self) -> Flash {
        let code: &'static str = self.into();
        Flash::new(code)
    }

    #[must_use]
    pub fn from_flash(flash: &Flash) -> Option<Self> {
        flash.code().parse().ok()
    }

    /// The notice above the form. A bad address is said at its field.
    #[must_use]
    pub fn notice(self) -> Option<Notice> {
        let (tone, strong, text) = match self {
            Self::Sent | Self::BadAddress => return None,
            Self::SignedOut => (Tone::Warn, "You were signed out. Nothing was saved.", "Sign in and try again."),
            Self::InternalError => (Tone::Bad, "Something went wrong on our side.", "Try again in a minute."),
        };
        Some(Notice::outcome(tone, strong, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use strum::IntoEnumIterator;

    #[test]
    fn every_outcome_has_a_code_of_its_own() {
        for outcome in SignInOutcome::iter() {
            assert_eq!(SignInOutcome::from_flash(&outcome.flash()), Some(outcome));
        }
        assert_eq!(SignInOutcome::from_flash(&Flash::new("<script>")), None);
    }
}
