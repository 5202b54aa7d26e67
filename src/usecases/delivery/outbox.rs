//! The outbox: every mail is written in the transaction that causes it, and leaves later.
//!
//! Invariants: a key is mailed once; nothing is sent inside a transaction; a mail is claimed by moving its
//! due instant forward in a turn, so that two processes do not send it twice, and one that died is succeeded;
//! a token is in the mail alone, never in the table (it is minted when the mail leaves).
//!
//! *Not here:* how mail leaves (`mail`), what it says (`receipts`, `sign_in`, `members`).

use crate::args;
use crate::domain::Instant;
use crate::email::{Lane, Letter, Rendered, Sent};
use crate::ledger::WriteTransaction;
use crate::store::db::{DbError, Row};
use crate::usecases::access::{portal, sign_in};
use crate::usecases::customers::members;
use crate::usecases::delivery::failed_items;
use crate::usecases::delivery::failed_items::Failure;
use crate::usecases::notify::{emails, reminders};
use crate::usecases::{App, InternalError, alarms};
use chrono::TimeDelta;
use futures::StreamExt;
use tokio_util::sync::CancellationToken;

/// Sign-in links and invitations: somebody sits and waits for them.
const URGENT: [&str; 2] = [sign_in::KIND, members::KIND];

impl Lane {
    /// In which lane mails of a kind leave.
    fn of(kind: &str) -> Self {
        if URGENT.contains(&kind) { Self::Urgent } else { Self::Bulk }
    }

    /// The lane as its column has it.
    const fn urgent(self) -> i64 {
        match self {
            Self::Urgent => 1,
            Self::Bulk => 0,
        }
    }
}

/// How many mails one round claims, and how many leave at once. A round of the slowest server ends before
/// its claims do.
const ROUND_MAX: i64 = 20;
const AT_ONCE_MAX: usize = 4;
/// How many rounds follow each other before others have their turn.
const ROUNDS_MAX: usize = 50;
/// How long a claim holds: after that the process is taken for dead.
const CLAIM_MINUTES: i64 = 10;
/// How long a mail is tried.
const GIVE_UP_DAYS: i64 = 3;
/// A link that somebody asked for is of no use to anyone much later.
const SIGN_IN_GIVE_UP_MINUTES: i64 = 60;
/// After so many failures (two hours and more) a person hears of it, while it is still tried.
const ALARM_AT_ATTEMPT: i64 = 8;

/// A mail to be written.
#[derive(Clone, Debug)]
pub struct Mail {
    /// What it is about: a second mail of the same key is not written.
    pub key: String,
    /// Which customer's.
    pub customer_no: Option<i64>,
    /// To whom.
    pub recipient: String,
    /// What kind: `receipt`, `sign_in`, `invite`, …
    pub kind: &'static str,
    /// Its subject.
    pub subject: String,
    /// Its words.
    pub body: Rendered,
    /// The id of what caused it.
    pub cause: Option<[u8; 16]>,
    /// Where mails of its kind are switched off, where they may be.
    pub stop_url: Option<String>,
}

/// Writes a mail in the turn that causes it; its row, unless the key was mailed before.
///
/// # Errors
/// Whatever the database says.
pub async fn enqueue(tx: &mut WriteTransaction, mail: Mail) -> Result<Option<i64>, DbError> {
    let now = tx.now();
    let row = tx
        .db
        .fetch_optional(
            "insert into outbox (key, customer_no, recipient, kind, subject, body_text, body_html, cause, state,
               attempts, created_at, due_at, unsubscribe_url, urgent)
             values ($1, $2, $3, $4, $5, $6, $7, $8, 'queued', 0, $9, $9, $10, $11)
             on conflict (key) do nothing returning no",
            args![
                mail.key,
                mail.customer_no,
                mail.recipient,
                mail.kind,
                mail.subject,
                mail.body.text,
                mail.body.html,
                mail.cause,
                now,
                mail.stop_url,
                Lane::of(mail.kind).urgent()
            ],
        )
        .await?;
    row.map(|row| row.int("no")).transpose()
}

/// When the next mail after `after` is due, where mail leaves at all.
///
/// # Errors
/// [`Fault`].
pub async fn next_due(app: &App, after: Instant) -> Result<Option<Instant>, InternalError> {
    if app.mailer.is_off() {
        return Ok(None);
    }
    let sql = "select min(due_at) as due from outbox where done_at is null and due_at > $1";
    let row = app.store.read().await?.fetch_optional(sql, args![after]).await?;
    Ok(row.map(|row| row.opt_at("due")).transpose()?.flatten())
}

async fn is_due(app: &App, lane: Lane) -> Result<bool, InternalError> {
    let sql = "select 1 as n from outbox where done_at is null and urgent = $1 and due_at <= $2 limit 1";
    Ok(app.store.read().await?.fetch_optional(sql, args![lane.urgent(), app.clock.now()]).await?.is_some())
}

/// Sends what is due and somebody waits for; see [`send_due`].
///
/// # Errors
/// [`Fault`] of the database; what the mail server says is a state of the mail.
pub async fn send_urgent(app: &App, stop: &CancellationToken) -> Result<(), InternalError> {
    send(app, stop, Lane::Urgent).await
}

/// Sends what is due, first what somebody waits for, and begins no further round once told to `stop`. When it returns,
/// what this process had claimed before has left as well.
///
/// # Errors
/// [`Fault`] of the database; what the mail server says is a state of the mail.
pub async fn send_due(app: &App, stop: &CancellationToken) -> Result<(), InternalError> {
    send(app, stop, Lane::Urgent).await?;
    send(app, stop, Lane::Bulk).await
}

async fn send(app: &App, stop: &CancellationToken, lane: Lane) -> Result<(), InternalError> {
    if app.mailer.is_off() {
        return Ok(());
    }
    let _round = app.mailer.round(lane).await;
    let mut failed = None;
    for _ in 0..ROUNDS_MAX {
        // Most ticks find nothing, and take no turn for it.
        if stop.is_cancelled() || !is_due(app, lane).await? {
            break;
        }
        let claimed = app.write(move |tx| Box::pin(claim(tx, lane))).await?;
        let sending = claimed.into_iter().map(|claimed| async move {
            let sent = app.mailer.send(&claimed.letter).await;
            mark(app, claimed, sent).await
        });
        let mut sending = futures::stream::iter(sending).buffer_unordered(AT_ONCE_MAX);
        while let Some(marked) = sending.next().await {
            failed = marked.err().or(failed);
        }
        if let Some(fault) = failed {
            return Err(fault);
        }
    }
    Ok(())
}

struct Claimed {
    letter: Letter,
    attempt: i64,
}

/// Takes some due mails: nobody else takes them while the claim holds. One that cannot be read or prepared is put off.
async fn claim(tx: &mut WriteTransaction, lane: Lane) -> Result<Vec<Claimed>, InternalError> {
    let now = tx.now();
    let until = now + TimeDelta::minutes(CLAIM_MINUTES);
    let sql = "update outbox set due_at = $1, attempts = attempts + 1
        where no in (select no from outbox where done_at is null and urgent = $4 and due_at <= $2
          order by due_at, no limit $3) and done_at is null and due_at <= $2
        returning no, kind, recipient, subject, body_text, body_html, created_at, attempts, unsubscribe_url";
    let rows = tx.db.fetch_all(sql, args![until, now, ROUND_MAX, lane.urgent()]).await?;
    let mut claimed = Vec::with_capacity(rows.len());
    for row in &rows {
        match prepared(tx, row).await {
            Ok(one) => claimed.push(one),
            Err(fault) if failed_items::may_pass(&fault) => return Err(fault),
            Err(fault) => unreadable(tx, row.int("no")?, row.int("attempts").unwrap_or(1), &fault).await?,
        }
    }
    claimed.sort_by_key(|claimed| claimed.letter.no);
    Ok(claimed)
}

async fn prepared(tx: &mut WriteTransaction, row: &Row) -> Result<Claimed, InternalError> {
    let mut claimed = claimed_of(row)?;
    if claimed.letter.kind == sign_in::KIND {
        let token = portal::mint_sign_in(tx, &claimed.letter.recipient).await?;
        sign_in::put_token(&mut claimed.letter, &token);
    }
    Ok(claimed)
}

/// A mail that cannot leave as it is written: tried later, and a person hears of it.
async fn unreadable(
    tx: &mut WriteTransaction,
    no: i64,
    attempt: i64,
    fault: &InternalError,
) -> Result<(), InternalError> {
    let (reason, now) = (failed_items::plain(&fault.to_string()), tx.now());
    let due = now + TimeDelta::seconds(failed_items::wait_seconds(attempt, failed_items::dice()?));
    let sql = "update outbox set state = 'deferred', due_at = $1, last_error = $2 where no = $3 and done_at is null";
    tx.db.execute(sql, args![due, &reason, no]).await?;
    alarms::raise(tx, "mail", &no.to_string(), &format!("an email cannot be read, and is retried: {reason}")).await?;
    Ok(())
}

fn claimed_of(row: &Row) -> Result<Claimed, DbError> {
    let letter = Letter {
        no: row.int("no")?,
        kind: row.text("kind")?,
        recipient: row.text("recipient")?,
        subject: row.text("subject")?,
        text: row.text("body_text")?,
        html: row.text("body_html")?,
        at: row.at("created_at")?,
        stop_url: row.opt_text("unsubscribe_url")?,
    };
    Ok(Claimed { letter, attempt: row.int("attempts")? })
}

async fn mark(app: &App, claimed: Claimed, sent: Sent) -> Result<(), InternalError> {
    // The demo's mailbox shows mails as they were sent, links and all.
    let shown = app.settings.demo;
    let no = claimed.letter.no;
    let reminder = sent == Sent::Accepted && claimed.letter.kind == emails::reminders::KIND;
    let again = reminder.then(|| (claimed.letter.clone(), claimed.attempt));
    let job = app.write(move |tx| {
        Box::pin(async move {
            let Claimed { letter, attempt } = claimed;
            match sent {
                Sent::Accepted => {
                    if accepted(tx, &letter, attempt, shown).await? && reminder {
                        reminders::delivered(tx, letter.no).await?;
                    }
                    Ok(())
                }
                Sent::Refused(reason) => give_up(tx, &letter, &reason).await,
                Sent::Deferred(reason) if tx.now() - letter.at >= patience(&letter.kind) => {
                    give_up(tx, &letter, &reason).await
                }
                Sent::Deferred(reason) => deferred(tx, &letter, attempt, &reason).await,
            }
        })
    });
    match (job.await, again) {
        (Err(fault), Some((letter, attempt))) if !failed_items::may_pass(&fault) => {
            // An account that cannot be told of its reminder must not have it sent once more.
            let failure = Failure::from(&fault);
            app.write(move |tx| {
                Box::pin(async move {
                    accepted(tx, &letter, attempt, shown).await?;
                    failed_items::fail(tx, failed_items::NOTICES, &no.to_string(), &failure).await
                })
            })
            .await
        }
        (marked, _) => marked,
    }
}

fn patience(kind: &str) -> TimeDelta {
    if kind == sign_in::KIND { TimeDelta::minutes(SIGN_IN_GIVE_UP_MINUTES) } else { TimeDelta::days(GIVE_UP_DAYS) }
}

async fn accepted(
    tx: &mut WriteTransaction,
    letter: &Letter,
    attempt: i64,
    shown: bool,
) -> Result<bool, InternalError> {
    let now = tx.now();
    let (text, html) = (shown.then(|| letter.text.clone()), shown.then(|| letter.html.clone()));
    let sql = "update outbox set state = 'accepted', done_at = $1, last_error = null,
        body_text = coalesce($2, body_text), body_html = coalesce($3, body_html) where no = $4 and done_at is null";
    let first = tx.db.execute(sql, args![now, text, html, letter.no]).await? > 0;
    alarms::end(tx, "mail", "server").await?;
    if attempt > 1 {
        alarms::end(tx, "mail", &letter.no.to_string()).await?;
    }
    tracing::info!(mail = letter.no, kind = letter.kind, "a mail was accepted");
    Ok(first)
}

async fn deferred(tx: &mut WriteTransaction, letter: &Letter, attempt: i64, reason: &str) -> Result<(), InternalError> {
    let due = tx.now() + TimeDelta::seconds(failed_items::wait_seconds(attempt, failed_items::dice()?));
    // Only if the claim is still ours.
    let sql = "update outbox set state = 'deferred', due_at = $1, last_error = $2
        where no = $3 and done_at is null and attempts = $4";
    tx.db.execute(sql, args![due, reason, letter.no, attempt]).await?;
    tracing::warn!(mail = letter.no, kind = letter.kind, attempt, reason, "a mail is tried again later");
    if attempt == ALARM_AT_ATTEMPT {
        alarms::raise(tx, "mail", "server", &format!("mails have been deferred for hours: {reason}")).await?;
    }
    Ok(())
}

async fn give_up(tx: &mut WriteTransaction, letter: &Letter, reason: &str) -> Result<(), InternalError> {
    let now = tx.now();
    let sql = "update outbox set state = 'refused', done_at = $1, last_error = $2 where no = $3 and done_at is null";
    if tx.db.execute(sql, args![now, reason, letter.no]).await? > 0 {
        let subject = format!("{} {}", letter.kind, letter.no);
        alarms::raise(tx, "mail", &subject, &format!("a mail was given up: {reason}")).await?;
    }
    Ok(())
}

/// How many mails have not left, by state: `queued`, `deferred`.
///
/// # Errors
/// [`Fault`].
pub async fn waiting(app: &App) -> Result<Vec<(String, i64)>, InternalError> {
    let mut counts = vec![("queued".to_owned(), 0), ("deferred".to_owned(), 0)];
    let sql = "select state, count(*) as n from outbox where done_at is null group by state";
    for row in app.store.read().await?.fetch_all(sql, Vec::new()).await? {
        let state = row.text("state")?;
        counts.retain(|(known, _)| *known != state);
        counts.push((state, row.int("n")?));
    }
    Ok(counts)
}

/// A mail as the demo's mailbox shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its row.
    pub no: i64,
    /// To whom.
    pub recipient: String,
    /// What kind.
    pub kind: String,
    /// Its subject.
    pub subject: String,
    /// Its words.
    pub text: String,
    /// `queued`, `deferred`, `accepted`, `refused`.
    pub state: String,
    /// When it was caused.
    pub created_at: Instant,
}

/// The newest mails, newest first.
///
/// # Errors
/// [`Fault`].
pub async fn newest(app: &App, limit: i64) -> Result<Vec<Shown>, InternalError> {
    let sql = "select no, recipient, kind, subject, body_text, state, created_at from outbox
        order by created_at desc, no desc limit $1";
    let rows = app.store.read().await?.fetch_all(sql, args![limit]).await?;
    let shown = |row: &Row| {
        Ok(Shown {
            no: row.int("no")?,
            recipient: row.text("recipient")?,
            kind: row.text("kind")?,
            subject: row.text("subject")?,
            text: row.text("body_text")?,
            state: row.text("state")?,
            created_at: row.at("created_at")?,
        })
    };
    rows.iter().map(shown).collect::<Result<_, DbError>>().map_err(InternalError::from)
}
