//! How asking for a link came out: a closed code in the URL, and its words. The address is never in either.

use crate::web::view::notices::{Notice, Voice};
use crate::web::view::status::Tone;

/// Every way in which the sign-in page's form comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInOutcome {
    /// What everybody reads, known or not.
    Sent,
    /// No mail could go there.
    BadAddress,
    /// A fault of ours; the cause is in the log.
    InternalError,
}

impl SignInOutcome {
    /// Every outcome.
    pub const ALL: [Self; 3] = [Self::Sent, Self::BadAddress, Self::InternalError];

    /// Its code in the URL.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::BadAddress => "bad_address",
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
        format!("/sign-in?outcome={}", self.code())
    }

    /// What is read where it went wrong.
    #[must_use]
    pub fn error(self) -> Option<Notice> {
        let (strong, text) = match self {
            Self::Sent => return None,
            Self::BadAddress => ("That is no e-mail address.", "Check it for typing mistakes and send it again."),
            Self::InternalError => ("Something went wrong on our side.", "Please try again."),
        };
        Some(Notice::new(Tone::Bad, strong, text).aloud(Voice::Alert))
    }
}

/// What is said to every address. Only the browser that asked knows which it was.
#[must_use]
pub fn sent(address: Option<&str>, shop: &str, minutes: i64) -> String {
    let address = address.unwrap_or("that address");
    format!("If {address} belongs to a {shop} account, a link is on its way. It works for {minutes} minutes.")
}

/// The button of a link's page: whose account it opens.
#[must_use]
pub fn continues(email: Option<&str>, customer: &str) -> String {
    match email {
        Some(email) => format!("Continue as {email} to {customer}"),
        None => format!("Continue to {customer}"),
    }
}

/// The question to somebody who is signed in elsewhere, before their session changes.
#[must_use]
pub fn switches(email: Option<&str>, customer: &str) -> (String, String) {
    let now = match email {
        Some(email) => format!("You're signed in as {email} to {customer}."),
        None => format!("You're signed in to {customer}."),
    };
    (now, "If you continue, you'll be signed out there.".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_links_page_names_the_account_and_asks_before_a_session_changes() {
        assert_eq!(continues(Some("ada@acme.example"), "Acme Data"), "Continue as ada@acme.example to Acme Data");
        assert_eq!(continues(None, "Acme Data"), "Continue to Acme Data");
        let (now, then) = switches(Some("bob@larch.example"), "Larch Research");
        assert_eq!(now, "You're signed in as bob@larch.example to Larch Research.");
        assert_eq!(then, "If you continue, you'll be signed out there.");
    }

    #[test]
    fn everybody_reads_the_same() {
        let read = |address| sent(address, "Gleaner", 15);
        let want = "If ada@acme.example belongs to a Gleaner account, a link is on its way. It works for 15 minutes.";
        assert_eq!(read(Some("ada@acme.example")), want);
        assert!(read(None).starts_with("If that address belongs to a Gleaner account"));
        for outcome in SignInOutcome::ALL {
            assert_eq!(SignInOutcome::from_code(outcome.code()), Some(outcome));
        }
    }
}
