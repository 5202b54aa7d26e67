//! The outcome of a form: a closed code, and the notice that the page shows for it.

use crate::web::ui::badge::Tone;
use crate::web::ui::notice::{Notice, NoticeBox};
use leptos::prelude::*;
use strum::{EnumString, IntoStaticStr};

/// The outcome of a form of Settings; its code is its name in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[cfg_attr(test, derive(strum::EnumIter))]
#[strum(serialize_all = "snake_case")]
pub enum SettingsOutcome {
    Invited,
    InvitedAgain,
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

    /// The field that was refused; its error stands there.
    #[must_use]
    pub const fn field(self) -> Option<SettingsField> {
        match self {
            Self::BadAddress | Self::AlreadyMember => Some(SettingsField::MemberEmail),
            Self::BadLowBalance => Some(SettingsField::LowBalance),
            Self::BadKeyName | Self::TooManyKeys => Some(SettingsField::KeyName),
            _ => None,
        }
    }

    #[must_use]
    pub fn notice(self) -> Notice {
        let (strong, text) = self.words();
        Notice::outcome(if self.is_error() { Tone::Bad } else { Tone::Good }, strong, text)
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
            Self::Invited => ("Invitation sent.", "They sign in with their email address. No password."),
            Self::InvitedAgain => ("Invitation sent again.", "They sign in with their email address. No password."),
            Self::Added => ("Member added.", "Emails are off at the moment, so tell them yourself."),
            Self::RoleChanged => ("Role changed.", "It takes effect right away."),
            Self::MemberRemoved => ("Member removed.", "They've been signed out and can't sign in again."),
            Self::LastOwner => ("There must be at least one owner.", "Make someone else an owner first."),
            Self::AlreadyMember => ("This person is already a member.", "Change their role in the list."),
            Self::UnknownMember => ("This person isn't a member anymore.", "The list is up to date."),
            Self::BadAddress => ("Enter an email address,", "such as ada@acme.example."),
            Self::TooManyMembers => (
                "You've reached a limit.",
                "An account has up to 100 members and sends up to 20 invitations an hour. Remove someone, or try again later.",
            ),
            Self::NotAllowed => ("Your role doesn't allow this.", "Nothing was changed. Ask an owner."),
            Self::SignedOut => ("Device signed out.", "Signing in there takes a new link."),
            Self::UnknownDevice => ("That device was already signed out.", "There's nothing to do."),
            Self::OthersSignedOut => ("Your other devices are signed out.", "This one stays signed in."),
            Self::ZoneChanged => ("Time zone changed.", "Pages and emails now use it."),
            Self::BadZone => ("We don't know this time zone.", "Choose one from the list."),
            Self::LowBalanceSet => ("Saved.", "Owners and admins get an email when credits run low."),
            Self::BadLowBalance => (
                "Enter a number of credits,",
                "above 0 and up to 1,000,000,000, in digits. Leave it empty for the default.",
            ),
            Self::MailsOn => ("Low-balance emails are on.", "You get one when credits run low."),
            Self::MailsOff => ("Low-balance emails are off.", "You still get receipts and expiry reminders."),
            Self::KeyMade => ("Key created.", "You won't see it again. If you lost it, revoke it and create another."),
            Self::KeyRevoked => ("Key revoked.", "Requests with it are refused from now on."),
            Self::UnknownKey => ("That key was already revoked.", "There's nothing to do."),
            Self::BadKeyName => {
                ("Enter a name of up to 100 characters.", "Name the key after the program that uses it.")
            }
            Self::TooManyKeys => ("You have 50 keys already.", "Revoke one that you don't use anymore."),
            Self::FormStale => ("This page was out of date.", "Nothing was changed. Try again."),
            Self::InternalError => {
                ("Something went wrong on our side.", "Check below if it was saved, then try again.")
            }
        }
    }
}

/// A field that may be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingsField {
    MemberEmail,
    LowBalance,
    KeyName,
}

/// A card of the page; its name is the id of its heading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Card {
    Members,
    Devices,
    Zone,
    Emails,
    Keys,
}

impl Card {
    #[must_use]
    pub fn id(self) -> &'static str {
        self.into()
    }
}

/// The last form's outcome, and its place: the field that was refused with the value that was typed, the form's card, or
/// the top of the page.
#[derive(Clone, Debug, Default)]
pub struct Feedback(Option<FeedbackPlace>);

#[derive(Clone, Debug)]
enum FeedbackPlace {
    Top(SettingsOutcome),
    Card(Card, SettingsOutcome),
    Field(SettingsField, SettingsOutcome, String),
}

impl Feedback {
    #[must_use]
    pub fn new(outcome: SettingsOutcome, card: &str, typed: &str) -> Self {
        Self(Some(match (outcome.field(), card.parse()) {
            (Some(field), _) => FeedbackPlace::Field(field, outcome, typed.to_owned()),
            (None, Ok(card)) => FeedbackPlace::Card(card, outcome),
            (None, Err(_)) => FeedbackPlace::Top(outcome),
        }))
    }

    /// The notice at the top.
    #[must_use]
    pub fn at_top(&self) -> Option<Notice> {
        match &self.0 {
            Some(FeedbackPlace::Top(outcome)) => Some(outcome.notice()),
            _ => None,
        }
    }

    /// The notice in a card.
    #[must_use]
    pub fn in_card(&self, card: Card) -> Option<AnyView> {
        match &self.0 {
            Some(FeedbackPlace::Card(at, outcome)) if *at == card => {
                let notice = outcome.notice();
                Some(view! { <div><NoticeBox notice /></div> }.into_any())
            }
            _ => None,
        }
    }

    fn at(&self, field: SettingsField) -> Option<(SettingsOutcome, &str)> {
        match &self.0 {
            Some(FeedbackPlace::Field(at, outcome, typed)) if *at == field => Some((*outcome, typed)),
            _ => None,
        }
    }

    #[must_use]
    pub fn error(&self, field: SettingsField) -> Option<String> {
        let (strong, text) = self.at(field)?.0.words();
        Some(format!("{strong} {text}"))
    }

    /// The typed value, or else the one that is in force.
    #[must_use]
    pub fn value(&self, field: SettingsField, now: String) -> String {
        self.at(field).map_or(now, |(_, typed)| typed.to_owned())
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
            let ends = if outcome.field().is_some() { &['.', ','][..] } else { &['.'][..] };
            assert!(notice.strong.to_string().ends_with(ends), "{outcome:?}: {}", notice.strong);
            assert!(notice.text.to_string().ends_with('.'), "{outcome:?}: {}", notice.text);
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
