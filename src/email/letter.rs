//! An email to send, its sender, and the result of sending it.

use crate::domain::Instant;
use lettre::message::Mailbox;

/// An email to send.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Its row in the outbox.
    pub no: i64,
    /// `receipt`, `sign_in`, …
    pub kind: String,
    /// The address.
    pub recipient: String,
    pub subject: String,
    /// As plain text.
    pub text: String,
    /// As HTML.
    pub html: String,
    /// The time of its cause: its date.
    pub at: Instant,
    /// The URL to unsubscribe from its kind, if it is optional.
    pub stop_url: Option<String>,
}

/// The result of sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The server accepted it, or the folder has it.
    Accepted,
    /// To be sent again later: the reason.
    Deferred(String),
    /// Refused for good: the reason.
    Refused(String),
}

/// The sender of emails.
#[derive(Clone, Debug)]
pub struct Sender {
    /// `From`.
    pub from: Mailbox,
    /// `Reply-To`: the shop's support.
    pub reply_to: Mailbox,
}

/// Servers repeat addresses in their reasons, and a reason may reach a log.
pub fn redact(reason: &str) -> String {
    let word = |word: &str| if word.contains('@') { "(address)".to_owned() } else { word.to_owned() };
    let words: Vec<String> = reason.split_whitespace().map(word).collect();
    words.join(" ").chars().filter(|c| !c.is_control()).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_holds_no_address() {
        assert_eq!(redact("550 5.1.1 <ada@acme.example>:\r\n no such user"), "550 5.1.1 (address) no such user");
    }
}
