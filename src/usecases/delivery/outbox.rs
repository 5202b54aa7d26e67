//! The outbox: every email is written in the transaction that causes it, and leaves later.
//!
//! Invariants: a key is written once; a token is in the email alone, never in the table (it is minted as the email
//! leaves).
//!
//! *Not here:* claims and retries (`queue`), SMTP (`email`), the text of each email (`notify`, `access`, `customers`).

use crate::args;
use crate::domain::Instant;
use crate::email::{Lane, Letter, Sent};
use crate::ledger::WriteTransaction;
pub use crate::usecases::outgoing::NewEmail;
pub use crate::usecases::outgoing::enqueue_email;

use crate::store::db::{DbError, Row};
use crate::usecases::delivery::failed_items::{FailedItemList, NOTICES, RETRIES};
use crate::usecases::delivery::queue;
use crate::usecases::delivery::queue::{Attempt, Channel, ClaimedItem, Policy};
use crate::usecases::{App, InternalError};
use chrono::TimeDelta;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

/// Days that an email is tried.
const GIVE_UP_DAYS: i64 = 3;

const BULK: Policy = Policy {
    table: "outbox",
    metric: "email",
    condition: " and urgent = 0",
    columns: "kind, recipient, subject, body_text, body_html, created_at, unsubscribe_url",
    round_max: 20,
    at_once_max: 4,
    claim_minutes: 10,
    backoff: RETRIES,
    alarm_at_attempt: 8,
    alarm: "mail",
    receiver: "server",
    noun: "an email",
    deferred: "emails have been deferred for hours",
    given_up_hint: "",
};
const URGENT: Policy = Policy { condition: " and urgent = 1", ..BULK };

/// The part of an email's writer when the email leaves.
pub trait Writers: Clone + Send + Sync + 'static {
    /// Adds text that exists only as the email leaves.
    fn complete<'a>(
        &'a self,
        tx: &'a mut WriteTransaction,
        letter: &'a mut Letter,
    ) -> BoxFuture<'a, Result<(), InternalError>>;

    /// How long an email of this kind is of use, where that is shorter than usual.
    fn useful_for(&self, kind: &str) -> Option<TimeDelta>;

    /// True if something is to be done when an email of this kind is accepted.
    fn follows(&self, kind: &str) -> bool;

    /// Does that.
    fn follow_up<'a>(&'a self, tx: &'a mut WriteTransaction, no: i64) -> BoxFuture<'a, Result<(), InternalError>>;
}

#[derive(Clone)]
struct Emails<W> {
    lane: Lane,
    writers: W,
    /// The demo's mailbox shows emails as they were sent, links included.
    keeps_text: bool,
}

impl<W: Writers> Channel for Emails<W> {
    type Message = Letter;

    fn policy(&self) -> &'static Policy {
        match self.lane {
            Lane::Urgent => &URGENT,
            Lane::Bulk => &BULK,
        }
    }

    fn prepare<'a>(
        &'a self,
        tx: &'a mut WriteTransaction,
        row: &'a Row,
    ) -> BoxFuture<'a, Result<Letter, InternalError>> {
        Box::pin(async move {
            let mut letter = letter_of(row)?;
            self.writers.complete(tx, &mut letter).await?;
            Ok(letter)
        })
    }

    fn send<'a>(&'a self, app: &'a App, letter: &'a Letter) -> BoxFuture<'a, Attempt> {
        let sent = app.mailer.send(letter).map(|sent| match sent {
            Sent::Accepted => Attempt::Accepted,
            Sent::Deferred(reason) => Attempt::Deferred(reason),
            Sent::Refused(reason) => Attempt::Refused(reason),
        });
        Box::pin(sent)
    }

    fn patience(&self, letter: &Letter) -> (Instant, TimeDelta) {
        (letter.at, self.writers.useful_for(&letter.kind).unwrap_or(TimeDelta::days(GIVE_UP_DAYS)))
    }

    fn kind<'a>(&self, letter: &'a Letter) -> &'a str {
        &letter.kind
    }

    fn subject(&self, claimed: &ClaimedItem<Letter>) -> String {
        format!("{} {}", claimed.message.kind, claimed.no)
    }

    fn ended_alarms(&self, claimed: &ClaimedItem<Letter>) -> Vec<String> {
        let own = (claimed.attempt > 1).then(|| claimed.no.to_string());
        std::iter::once("server".to_owned()).chain(own).collect()
    }

    fn follow_up<'a>(
        &'a self,
        tx: &'a mut WriteTransaction,
        claimed: &'a ClaimedItem<Letter>,
    ) -> BoxFuture<'a, Result<(), InternalError>> {
        Box::pin(async move {
            let letter = &claimed.message;
            if self.keeps_text {
                let sql = "update outbox set body_text = $1, body_html = $2 where no = $3";
                tx.db.execute(sql, args![letter.text.clone(), letter.html.clone(), claimed.no]).await?;
            }
            if self.writers.follows(&letter.kind) {
                self.writers.follow_up(tx, claimed.no).await?;
            }
            Ok(())
        })
    }

    fn follow_up_list(&self, letter: &Letter) -> Option<FailedItemList> {
        self.writers.follows(&letter.kind).then_some(NOTICES)
    }
}

fn letter_of(row: &Row) -> Result<Letter, DbError> {
    Ok(Letter {
        no: row.int("no")?,
        kind: row.text("kind")?,
        recipient: row.text("recipient")?,
        subject: row.text("subject")?,
        text: row.text("body_text")?,
        html: row.text("body_html")?,
        at: row.at("created_at")?,
        stop_url: row.opt_text("unsubscribe_url")?,
    })
}

/// Sends the due emails that somebody waits for, and begins no further round after `stop`. When it returns, the emails
/// that this process had claimed before have left as well.
///
/// # Errors
/// Those of the database; an answer of the mail server is a state of the email.
pub async fn send_urgent_emails<W: Writers>(
    app: &App,
    writers: W,
    stop: &CancellationToken,
) -> Result<(), InternalError> {
    send_emails(app, Emails { lane: Lane::Urgent, writers, keeps_text: app.settings.demo }, stop).await
}

/// Sends all due emails, first those of [`send_urgent_emails`].
///
/// # Errors
/// As [`send_urgent_emails`].
pub async fn send_due_emails<W: Writers>(app: &App, writers: W, stop: &CancellationToken) -> Result<(), InternalError> {
    send_urgent_emails(app, writers.clone(), stop).await?;
    send_emails(app, Emails { lane: Lane::Bulk, writers, keeps_text: app.settings.demo }, stop).await
}

async fn send_emails<W: Writers>(app: &App, emails: Emails<W>, stop: &CancellationToken) -> Result<(), InternalError> {
    if app.mailer.is_off() {
        return Ok(());
    }
    let _round = app.mailer.round(emails.lane).await;
    queue::send_due_items(app, &emails, stop).await?;
    Ok(())
}

/// When the next email after `after` is due, where emails leave at all.
pub async fn next_email_due(app: &App, after: Instant) -> Result<Option<Instant>, InternalError> {
    if app.mailer.is_off() {
        return Ok(None);
    }
    let sql = "select min(due_at) as due from outbox where done_at is null and due_at > $1";
    let row = app.store.read().await?.fetch_optional(sql, args![after]).await?;
    Ok(row.map(|row| row.opt_at("due")).transpose()?.flatten())
}

/// How many emails have not left, by state: `queued`, `deferred`.
pub async fn waiting_emails(app: &App) -> Result<Vec<(String, i64)>, InternalError> {
    let mut counts = vec![("queued".to_owned(), 0), ("deferred".to_owned(), 0)];
    let sql = "select state, count(*) as n from outbox where done_at is null group by state";
    for row in app.store.read().await?.fetch_all(sql, Vec::new()).await? {
        let state = row.text("state")?;
        counts.retain(|(other, _)| *other != state);
        counts.push((state, row.int("n")?));
    }
    Ok(counts)
}

/// An email as the demo's mailbox shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxEmail {
    pub no: i64,
    pub recipient: String,
    pub kind: String,
    pub subject: String,
    pub text: String,
    /// `queued`, `deferred`, `accepted`, `refused`.
    pub state: String,
    /// When it was caused.
    pub created_at: Instant,
}

/// The newest emails, newest first.
pub async fn newest_emails(app: &App, limit: i64) -> Result<Vec<OutboxEmail>, InternalError> {
    let sql = "select no, recipient, kind, subject, body_text, state, created_at from outbox
        order by created_at desc, no desc limit $1";
    let rows = app.store.read().await?.fetch_all(sql, args![limit]).await?;
    let email = |row: &Row| {
        Ok(OutboxEmail {
            no: row.int("no")?,
            recipient: row.text("recipient")?,
            kind: row.text("kind")?,
            subject: row.text("subject")?,
            text: row.text("body_text")?,
            state: row.text("state")?,
            created_at: row.at("created_at")?,
        })
    };
    rows.iter().map(email).collect::<Result<_, DbError>>().map_err(InternalError::from)
}
