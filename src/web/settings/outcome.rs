//! The outcome of a form: a closed code, and the notice that the page shows for it.

use crate::web::ui::badge::Tone;
use crate::web::ui::notice::{Notice, Voice};
use strum::{EnumString, IntoStaticStr};

/// The outcome of a form of Settings; its code is its name in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[cfg_attr(test, derive(strum::EnumIter))]
#[strum(serialize_all = "snake_case")]
pub enum SettingsOutcome {
    Invited,
    /// A member is added, and no email is sent: emails are off.
    Added,
    RoleChanged,
    MemberRemoved,
    LastOwner,
    AlreadyMember,
    /// The member was removed before.
    UnknownMember,
    BadAddress,
    /// Too many members, or too many invitations.
    TooManyMembers,
    NotAllowed,
    SignedOut,
    /// The device was signed out before.
    UnknownDevice,
    OthersSignedOut,
    ZoneChanged,
    BadZone,
    LowBalanceSet,
    BadLowBalance,
    MailsOn,
    MailsOff,
    KeyMade,
    KeyRevoked,
    UnknownKey,
    BadKeyName,
    TooManyKeys,
    /// The form was drawn for another customer, session or role.
    FormStale,
    /// The cause is in the log.
    #[strum(serialize = "fault")]
    InternalError,
}

impl SettingsOutcome {
    #[must_use]
    pub fn code(self) -> &'static str {
        self.into()
    }

    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        code.parse().ok()
    }

    #[must_use]
    pub fn notice(self) -> Notice {
        let (tone, voice) = if self.is_error() { (Tone::Bad, Voice::Alert) } else { (Tone::Good, Voice::Status) };
        let (strong, text) = self.words();
        Notice::new(tone, strong, text).aloud(voice)
    }

    const fn is_error(self) -> bool {
        matches!(
            self,
            Self::LastOwner
                | Self::AlreadyMember
                | Self::UnknownMember
                | Self::BadAddress
                | Self::TooManyMembers
                | Self::NotAllowed
                | Self::BadZone
                | Self::BadLowBalance
                | Self::BadKeyName
                | Self::TooManyKeys
                | Self::FormStale
                | Self::InternalError
        )
    }

    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Invited => ("Invitation sent.", "They sign in with their address; a link comes by mail."),
            Self::Added => ("Member added.", "No mail leaves from here at the moment: tell them yourself."),
            Self::RoleChanged => ("Role changed.", "It acts at once."),
            Self::MemberRemoved => ("Member removed.", "They are signed out and cannot come back in."),
            Self::LastOwner => ("The last owner stays.", "Make somebody else an owner first, then try again."),
            Self::AlreadyMember => ("That person is a member already.", "Change the role in the list below."),
            Self::UnknownMember => ("That person is no member any more.", "The list below is up to date."),
            Self::BadAddress => ("That is no e-mail address.", "Check it for typing mistakes and invite again."),
            Self::TooManyMembers => (
                "That is too many for now.",
                "There is room for 100 members, and 20 invitations an hour. Remove somebody, or try again later.",
            ),
            Self::NotAllowed => ("Your role does not allow that.", "Nothing was changed. Ask an owner."),
            Self::SignedOut => ("That device is signed out.", "Whoever uses it must sign in again."),
            Self::UnknownDevice => ("That device was signed out already.", "There is nothing to do."),
            Self::OthersSignedOut => ("Your other devices are signed out.", "This one stays signed in."),
            Self::ZoneChanged => ("Time zone changed.", "Dates here and in mails follow it from now on."),
            Self::BadZone => ("That is no time zone.", "Choose one from the list."),
            Self::LowBalanceSet => {
                ("Running low changed.", "Owners and admins are told once the balance comes down to it.")
            }
            Self::BadLowBalance => (
                "“Running low at” must be a number of credits.",
                "Write it in digits, above 0 and up to 1,000,000,000, or leave it empty. Nothing was changed.",
            ),
            Self::MailsOn => ("Mails about a low balance are on.", "The next one comes when the balance runs low."),
            Self::MailsOff => (
                "Mails about a low balance are off.",
                "Reminders that top-ups expire, and receipts, still come to you.",
            ),
            Self::KeyMade => (
                "The key was made.",
                "It was shown once and cannot be shown again. Lost it? Revoke it and make another.",
            ),
            Self::KeyRevoked => ("Key revoked.", "Programs that send it are refused from now on."),
            Self::UnknownKey => ("That key was revoked already.", "There is nothing to do."),
            Self::BadKeyName => {
                ("A key needs a name of 1 to 100 characters.", "Name it after the program that will use it.")
            }
            Self::TooManyKeys => ("There are 50 keys already.", "Revoke one that no program uses any more."),
            Self::FormStale => ("This page was out of date.", "Nothing was changed. Please try again."),
            Self::InternalError => {
                ("Something went wrong on our side.", "See below whether it was done, then try again.")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use strum::IntoEnumIterator;

    #[test]
    fn every_outcome_has_a_code_of_its_own_and_two_sentences() {
        for outcome in SettingsOutcome::iter() {
            assert_eq!(SettingsOutcome::from_code(outcome.code()), Some(outcome));
            let notice = outcome.notice();
            for half in [notice.strong, notice.text] {
                assert!(half.to_string().ends_with(['.', '?']), "{outcome:?}: {half}");
            }
        }
        assert_eq!(SettingsOutcome::from_code("You won a prize"), None);
    }

    #[test]
    fn numbers_in_sentences_are_those_of_the_rules() {
        use crate::usecases::customers::{api_keys, members};
        let read = |outcome: SettingsOutcome| format!("{} {}", outcome.words().0, outcome.words().1);
        let members = read(SettingsOutcome::TooManyMembers);
        assert!(members.contains(&format!("{} members", members::MEMBERS_MAX)), "{members}");
        assert!(members.contains(&format!("{} invitations", members::HOURLY_MAX)), "{members}");
        assert!(read(SettingsOutcome::TooManyKeys).contains(&format!("{} keys", api_keys::KEYS_MAX)));
        assert!(read(SettingsOutcome::BadKeyName).contains(&format!("to {} characters", api_keys::NAME_MAX)));
    }
}
