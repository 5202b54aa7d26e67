//! An email as an RFC 5322 message with text and HTML.

use crate::email::letter::{Letter, Sender};
use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use std::time::SystemTime;

/// Builds the message.
///
/// # Errors
/// The recipient is not an email address.
pub fn compose(sender: &Sender, letter: &Letter) -> Result<Message, String> {
    let to = letter.recipient.parse().map_err(|e| format!("the recipient is not an email address: {e}"))?;
    // The same row is the same message, however often it is sent.
    let id = format!("<{}.{}@{}>", letter.no, letter.at.timestamp_millis(), sender.from.email.domain());
    let mut message = Message::builder()
        .from(sender.from.clone())
        .reply_to(sender.reply_to.clone())
        .to(Mailbox::new(None, to))
        .subject(letter.subject.clone())
        .date(SystemTime::from(letter.at))
        .message_id(Some(id))
        .multipart(MultiPart::alternative_plain_html(letter.text.clone(), letter.html.clone()))
        .map_err(|e| e.to_string())?;
    let mut header = |name: &'static str, value: String| {
        message.headers_mut().insert_raw(HeaderValue::new(HeaderName::new_from_ascii_str(name), value));
    };
    header("Auto-Submitted", "auto-generated".to_owned());
    if let Some(url) = &letter.stop_url {
        header("List-Unsubscribe", format!("<{url}>"));
        header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned());
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::email::mailbox;

    fn letter(subject: &str) -> Letter {
        Letter {
            no: 12,
            kind: "receipt".into(),
            recipient: "ada@acme.example".into(),
            subject: subject.into(),
            text: "1,200 credits".into(),
            html: "<p>1,200 credits</p>".into(),
            at: "2026-11-22T14:03:00.5Z".parse().expect("an instant"),
            stop_url: None,
        }
    }

    fn composed(subject: &str) -> String {
        let sender = Sender {
            from: mailbox("billing@gleaner.example", "Gleaner").expect("a mailbox"),
            reply_to: mailbox("help@gleaner.example", "Gleaner").expect("a mailbox"),
        };
        String::from_utf8(compose(&sender, &letter(subject)).expect("a message").formatted()).expect("text")
    }

    #[test]
    fn a_letter_has_both_forms_and_an_id_of_its_row() {
        let text = composed("1,200 credits added: receipt");
        for want in [
            "Message-ID: <12.1795356180500@gleaner.example>\r\n",
            "From: Gleaner <billing@gleaner.example>\r\n",
            "Reply-To: Gleaner <help@gleaner.example>\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "Subject: 1,200 credits added: receipt\r\n",
            "Date: Sun, 22 Nov 2026 14:03:00 +0000\r\n",
            "multipart/alternative",
            "text/plain",
            "text/html",
        ] {
            assert!(text.contains(want), "{want:?} in\n{text}");
        }
    }

    #[test]
    fn a_subject_cannot_bring_headers_of_its_own() {
        let text = composed("Sign in\r\nBcc: eve@evil.example");
        assert!(!text.contains("\nBcc:"), "{text}");
    }
}
