//! Email: its content in two forms ([`Draft`]) and its transport ([`Mailer`]).
//!
//! The Message-ID comes from the outbox row, so that an email sent twice is shown once. No reason has an address. Each
//! transport answers within a minute. The queue is `usecases::delivery::outbox`.

mod draft;
mod files;
mod layout;
mod letter;
mod message;
mod smtp;

pub use draft::{Draft, Look, Rendered};
pub use letter::{Letter, Sender, Sent};
pub use smtp::Smtp;

use crate::email::letter::redact;
use lettre::message::Mailbox;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{Mutex, MutexGuard, Notify};

/// The transport.
#[derive(Clone)]
pub enum Transport {
    /// An SMTP server.
    Smtp(Box<Smtp>),
    /// A folder, a file each.
    Files(PathBuf),
    /// None: emails wait in the outbox.
    Off,
}

/// The lane of an email: urgent ones never queue behind bulk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Emails that somebody waits for.
    Urgent,
    /// All others.
    Bulk,
}

#[derive(Default)]
struct Queue {
    round: Mutex<()>,
    waiting: Notify,
}

struct MailerParts {
    transport: Transport,
    sender: Sender,
    urgent: Queue,
    bulk: Queue,
}

/// Sends emails. Clones share it.
#[derive(Clone)]
pub struct Mailer(Arc<MailerParts>);

impl Mailer {
    #[must_use]
    pub fn new(transport: Transport, sender: Sender) -> Self {
        Self(Arc::new(MailerParts { transport, sender, urgent: Queue::default(), bulk: Queue::default() }))
    }

    fn queue(&self, lane: Lane) -> &Queue {
        match lane {
            Lane::Urgent => &self.0.urgent,
            Lane::Bulk => &self.0.bulk,
        }
    }

    /// True if no email leaves.
    #[must_use]
    pub fn is_off(&self) -> bool {
        matches!(self.0.transport, Transport::Off)
    }

    /// Connects to the server, or writes to the folder. Sends nothing.
    ///
    /// # Errors
    /// The reason, without an address.
    pub async fn test(&self) -> Result<(), String> {
        match &self.0.transport {
            Transport::Smtp(smtp) => smtp.test().await.map_err(|reason| redact(&reason)),
            Transport::Files(folder) => {
                let probe = folder.join(".topup-doctor");
                let written = async {
                    tokio::fs::write(&probe, b"").await?;
                    tokio::fs::remove_file(&probe).await
                };
                written.await.map_err(|e| format!("MAIL_DIR {}: {e}", folder.display()))
            }
            Transport::Off => Err("email is off".to_owned()),
        }
    }

    /// Sends one email; never inside a transaction.
    pub async fn send(&self, letter: &Letter) -> Sent {
        let message = match message::compose(&self.0.sender, letter) {
            Ok(message) => message,
            Err(reason) => return Sent::Refused(redact(&reason)),
        };
        match &self.0.transport {
            Transport::Smtp(smtp) => smtp.send(message).await,
            Transport::Files(folder) => files::write(folder, letter, &message.formatted()).await,
            Transport::Off => Sent::Deferred("email is off".to_owned()),
        }
    }

    /// The lock of one round of a lane in this process.
    pub async fn round(&self, lane: Lane) -> MutexGuard<'_, ()> {
        self.queue(lane).round.lock().await
    }

    /// Wakes the job for a waiting email.
    pub fn nudge(&self) {
        self.0.urgent.waiting.notify_one();
        self.0.bulk.waiting.notify_one();
    }

    /// Waits for [`Self::nudge`].
    pub async fn nudged(&self, lane: Lane) {
        self.queue(lane).waiting.notified().await;
    }
}

/// A mailbox such as `help@shop.example` or `Shop <help@shop.example>`; `name` is its default name.
#[must_use]
pub fn mailbox(text: &str, name: &str) -> Option<Mailbox> {
    let mut mailbox: Mailbox = text.trim().parse().ok()?;
    mailbox.email = spelled(mailbox.email.as_ref())?.parse().ok()?;
    if mailbox.name.is_none() && !name.is_empty() {
        mailbox.name = Some(name.to_owned());
    }
    Some(mailbox)
}

/// An address as it is stored: trimmed, lower case, its domain in ASCII. `None` if it is invalid.
#[must_use]
pub fn address(text: &str) -> Option<String> {
    spelled(text).map(|text| text.to_lowercase())
}

/// An address in its own case.
///
/// A domain beyond ASCII becomes IDNA, so that one address has one spelling. A name before the `@` beyond ASCII is refused,
/// since few servers deliver to one.
#[must_use]
pub fn spelled(text: &str) -> Option<String> {
    let (name, domain) = text.trim().rsplit_once('@')?;
    let domain = match domain.is_ascii() {
        true => domain.to_owned(),
        false => idna::domain_to_ascii_strict(domain).ok()?,
    };
    let text = format!("{name}@{domain}");
    let odd = |c: char| !c.is_ascii_graphic() || "<>,;\"()".contains(c);
    (text.len() <= 254 && !text.contains(odd) && text.parse::<lettre::Address>().is_ok()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_stored_in_lower_case_if_they_are_valid() {
        let check = |text: &str, want: Option<&str>| assert_eq!(address(text).as_deref(), want, "{text:?}");
        check(" Ada@Acme.Example ", Some("ada@acme.example"));
        check("ada+billing@acme.example", Some("ada+billing@acme.example"));
        check("ada", None);
        check("ada@", None);
        check("ada@acme.example, eve@evil.example", None);
        check("ada@acme.example\r\nBcc: eve@evil.example", None);
        check("Ada <ada@acme.example>", None);
    }

    #[test]
    fn a_domain_beyond_ascii_is_kept_as_dns_has_it_and_a_name_beyond_ascii_is_none() {
        let check = |text: &str, want: Option<&str>| assert_eq!(address(text).as_deref(), want, "{text:?}");
        check("ada@MÜNCHEN.example", Some("ada@xn--mnchen-3ya.example"));
        check("ada@münchen.example", Some("ada@xn--mnchen-3ya.example"));
        check("ada@mu\u{308}nchen.example", Some("ada@xn--mnchen-3ya.example"));
        check("ada@XN--MNCHEN-3YA.example", Some("ada@xn--mnchen-3ya.example"));
        check("ada@例え.テスト", Some("ada@xn--r8jz45g.xn--zckzah"));
        check("ada@acme\u{3002}example", Some("ada@acme.example"));
        check("ada@ＡＣＭＥ.example", Some("ada@acme.example"));
        check("ada@straße.example", Some("ada@xn--strae-oqa.example"));
        check(&format!("ada@{}.example", "ü".repeat(70)), None);
        check("ada@mün\u{202e}chen.example", None);
        check("ada@mün chen.example", None);
        check("ada@münchen..example", None);
        check("ädä@acme.example", None);
        check("ädä@münchen.example", None);
        check("ada\u{200b}@acme.example", None);
        check("ada\0@acme.example", None);
        assert_eq!(spelled("Ada@Acme.Example").as_deref(), Some("Ada@Acme.Example"));
        assert_eq!(
            mailbox("Hilfe <hilfe@münchen.example>", "").map(|it| it.email.to_string()).as_deref(),
            Some("hilfe@xn--mnchen-3ya.example")
        );
        assert!(mailbox("hälp@acme.example", "").is_none());
    }
}
