//! How a form of Settings came out: a closed code in the URL, and its words.

use crate::web::view::notices::{Notice, Voice};
use crate::web::view::status::Tone;

/// Every way in which a form of Settings comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingsOutcome {
    /// A member more, and a mail to them.
    Invited,
    /// A member more, where no mail leaves.
    Added,
    /// A role is another.
    RoleChanged,
    /// A member less.
    MemberRemoved,
    /// A customer keeps an owner.
    LastOwner,
    /// Who was invited is here already.
    AlreadyMember,
    /// Who was meant is gone.
    UnknownMember,
    /// No mail could go there.
    BadAddress,
    /// Too many members, or invitations.
    TooManyMembers,
    /// The role does not allow it.
    NotAllowed,
    /// A device less.
    SignedOut,
    /// The device was signed out before.
    UnknownDevice,
    /// All own devices less but this one.
    OthersSignedOut,
    /// Dates are read in another zone.
    ZoneChanged,
    /// That is no zone.
    BadZone,
    /// Another mark of running low.
    LowBalanceSet,
    /// That is no mark.
    BadLowBalance,
    /// Mails about a low balance come again.
    MailsOn,
    /// They come no more.
    MailsOff,
    /// A key more.
    KeyMade,
    /// A key less.
    KeyRevoked,
    /// The key was revoked before.
    UnknownKey,
    /// A key without a proper name.
    BadKeyName,
    /// Keys enough.
    TooManyKeys,
    /// A form that was drawn for another customer, session or role.
    FormStale,
    /// A fault of ours; the cause is in the log.
    InternalError,
}

impl SettingsOutcome {
    /// Every outcome.
    pub const ALL: [Self; 26] = [
        Self::Invited,
        Self::Added,
        Self::RoleChanged,
        Self::MemberRemoved,
        Self::LastOwner,
        Self::AlreadyMember,
        Self::UnknownMember,
        Self::BadAddress,
        Self::TooManyMembers,
        Self::NotAllowed,
        Self::SignedOut,
        Self::UnknownDevice,
        Self::OthersSignedOut,
        Self::ZoneChanged,
        Self::BadZone,
        Self::LowBalanceSet,
        Self::BadLowBalance,
        Self::MailsOn,
        Self::MailsOff,
        Self::KeyMade,
        Self::KeyRevoked,
        Self::UnknownKey,
        Self::BadKeyName,
        Self::TooManyKeys,
        Self::FormStale,
        Self::InternalError,
    ];

    /// Its code in the URL.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Added => "added",
            Self::RoleChanged => "role_changed",
            Self::MemberRemoved => "member_removed",
            Self::LastOwner => "last_owner",
            Self::AlreadyMember => "already_member",
            Self::UnknownMember => "unknown_member",
            Self::BadAddress => "bad_address",
            Self::TooManyMembers => "too_many_members",
            Self::NotAllowed => "not_allowed",
            Self::SignedOut => "signed_out",
            Self::UnknownDevice => "unknown_device",
            Self::OthersSignedOut => "others_signed_out",
            Self::ZoneChanged => "zone_changed",
            Self::BadZone => "bad_zone",
            Self::LowBalanceSet => "low_balance_set",
            Self::BadLowBalance => "bad_low_balance",
            Self::MailsOn => "mails_on",
            Self::MailsOff => "mails_off",
            Self::KeyMade => "key_made",
            Self::KeyRevoked => "key_revoked",
            Self::UnknownKey => "unknown_key",
            Self::BadKeyName => "bad_key_name",
            Self::TooManyKeys => "too_many_keys",
            Self::FormStale => "form_stale",
            Self::InternalError => "fault",
        }
    }

    /// From a code; anything else says nothing.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.code() == code)
    }

    /// The page that says it.
    #[must_use]
    pub fn page(self) -> String {
        format!("/settings?outcome={}", self.code())
    }

    /// What is read: what happened, and what comes next.
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

    #[test]
    fn every_outcome_has_a_code_of_its_own_and_two_sentences() {
        for outcome in SettingsOutcome::ALL {
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
