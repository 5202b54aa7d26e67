//! Email: how it is worded in two forms ([`Draft`]) and how it leaves ([`Mailer`]).
//!
//! Invariants: a letter's Message-ID comes from its row of the outbox, so that one sent twice is seen once; no
//! reason holds an address; each transport answers within a minute.
//!
//! *Not here:* which email is due and what becomes of it (`usecases::outbox`), the words of each (`usecases`).

mod draft;
mod files;
mod message;
mod smtp;

pub use draft::{Draft, Rendered};
pub use smtp::Smtp;

use crate::domain::Instant;
use lettre::message::Mailbox;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{Mutex, MutexGuard, Notify};

/// An email that is ready to leave.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Its row in the outbox.
    pub no: i64,
    /// What kind it is: `receipt`, `sign_in`, …
    pub kind: String,
    /// Where it goes.
    pub recipient: String,
    pub subject: String,
    /// As plain text.
    pub text: String,
    /// As HTML.
    pub html: String,
    /// When it was caused: its date.
    pub at: Instant,
    /// Where emails of its kind are switched off, where they may be.
    pub stop_url: Option<String>,
}

/// The result of sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The next server, or the folder, has it.
    Accepted,
    /// Not now: again later.
    Deferred(String),
    /// Never.
    Refused(String),
}

/// How email leaves.
#[derive(Clone)]
pub enum Transport {
    /// To a server.
    Smtp(Box<Smtp>),
    /// Into a folder, a file each.
    Files(PathBuf),
    /// Not at all: emails wait in the outbox.
    Off,
}

/// Whom emails come from.
#[derive(Clone, Debug)]
pub struct Sender {
    /// `From`.
    pub from: Mailbox,
    /// `Reply-To`: the shop's support.
    pub reply_to: Mailbox,
}

/// Which emails follow each other. What somebody waits for never queues behind thousands that nobody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// What somebody waits for.
    Urgent,
    /// All else.
    Bulk,
}

#[derive(Default)]
struct Queue {
    round: Mutex<()>,
    waiting: Notify,
}

struct Parts {
    transport: Transport,
    sender: Sender,
    urgent: Queue,
    bulk: Queue,
}

/// The post office. Clones share it.
#[derive(Clone)]
pub struct Mailer(Arc<Parts>);

impl Mailer {
    /// Makes one.
    #[must_use]
    pub fn new(transport: Transport, sender: Sender) -> Self {
        Self(Arc::new(Parts { transport, sender, urgent: Queue::default(), bulk: Queue::default() }))
    }

    fn queue(&self, lane: Lane) -> &Queue {
        match lane {
            Lane::Urgent => &self.0.urgent,
            Lane::Bulk => &self.0.bulk,
        }
    }

    /// Whether email leaves at all.
    #[must_use]
    pub fn is_off(&self) -> bool {
        matches!(self.0.transport, Transport::Off)
    }

    /// Whether a letter would be taken: the server is greeted, or the folder written to. Nothing is sent.
    ///
    /// # Errors
    /// Why not, in words without an address.
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
            Transport::Off => Err("mail is switched off".to_owned()),
        }
    }

    /// Sends one letter. Never called inside a transaction.
    pub async fn send(&self, letter: &Letter) -> Sent {
        let message = match message::compose(&self.0.sender, letter) {
            Ok(message) => message,
            Err(reason) => return Sent::Refused(redact(&reason)),
        };
        match &self.0.transport {
            Transport::Smtp(smtp) => smtp.send(message).await,
            Transport::Files(folder) => files::write(folder, letter, &message.formatted()).await,
            Transport::Off => Sent::Deferred("mail is switched off".to_owned()),
        }
    }

    /// Rounds of one process and lane follow each other: whoever waited finds done what the one before did.
    pub async fn round(&self, lane: Lane) -> MutexGuard<'_, ()> {
        self.queue(lane).round.lock().await
    }

    /// Says that an email waits which should not wait long.
    pub fn nudge(&self) {
        self.0.urgent.waiting.notify_one();
        self.0.bulk.waiting.notify_one();
    }

    /// Until somebody nudges.
    pub async fn nudged(&self, lane: Lane) {
        self.queue(lane).waiting.notified().await;
    }
}

/// A mailbox such as `help@shop.example` or `Shop <help@shop.example>`; `name` stands in where none is given.
#[must_use]
pub fn mailbox(text: &str, name: &str) -> Option<Mailbox> {
    let mut mailbox: Mailbox = text.trim().parse().ok()?;
    mailbox.email = spelled(mailbox.email.as_ref())?.parse().ok()?;
    if mailbox.name.is_none() && !name.is_empty() {
        mailbox.name = Some(name.to_owned());
    }
    Some(mailbox)
}

/// A person's address as it is kept: lower case, nothing around it, its domain in ASCII. `None` if no email could be
/// sent there.
#[must_use]
pub fn address(text: &str) -> Option<String> {
    spelled(text).map(|text| text.to_lowercase())
}

/// The same in the letters that were given, where they are ASCII.
///
/// A domain beyond ASCII is written as DNS has it (IDNA), so that one address is one text. A name before the `@` beyond
/// ASCII is refused: few servers deliver to one.
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

/// Servers repeat addresses in their reasons, and a reason may reach a log.
fn redact(reason: &str) -> String {
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

    #[test]
    fn addresses_are_kept_in_lower_case_and_only_if_mail_could_reach_them() {
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
