//! The outbox: every mail is written in the transaction that causes it, and leaves later.
//!
//! Invariants: a key is mailed once; nothing is sent inside a transaction; a mail is claimed by moving its
//! due instant forward in a turn, so that two processes do not send it twice, and one that died is succeeded;
//! a token is in the mail alone, never in the table (it is minted when the mail leaves).
//!
//! *Not here:* how mail leaves (`mail`), what it says (`receipts`, `sign_in`, `members`).

use super::attempts::{self, Failure};
use super::mails::reminder;
use super::{Fault, Services, alarms, flat, members, portal, reminders, sign_in};
use crate::args;
use crate::domain::Instant;
use crate::ledger::Turn;
use crate::mail::{Lane, Letter, Rendered, Sent};
use crate::store::db::{DbError, Row};
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
pub async fn enqueue(turn: &mut Turn, mail: Mail) -> Result<Option<i64>, DbError> {
    let now = turn.now();
    let row = turn
        .link
        .one(
            "insert into outbox (key, customer_no, recipient, kind, subject, body_text, body_html, cause, state,
               attempts, created_at, due_at, stop_url, urgent)
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
pub async fn next_due(services: &Services, after: Instant) -> Result<Option<Instant>, Fault> {
    if services.mailer.is_off() {
        return Ok(None);
    }
    let sql = "select min(due_at) as due from outbox where done_at is null and due_at > $1";
    let row = services.store.read().await?.one(sql, args![after]).await?;
    Ok(row.map(|row| row.opt_at("due")).transpose()?.flatten())
}

async fn is_due(services: &Services, lane: Lane) -> Result<bool, Fault> {
    let sql = "select 1 as n from outbox where done_at is null and urgent = $1 and due_at <= $2 limit 1";
    Ok(services.store.read().await?.one(sql, args![lane.urgent(), services.clock.now()]).await?.is_some())
}

/// Sends what is due and somebody waits for; see [`send_due`].
///
/// # Errors
/// [`Fault`] of the database; what the mail server says is a state of the mail.
pub async fn send_urgent(services: &Services, stop: &CancellationToken) -> Result<(), Fault> {
    send(services, stop, Lane::Urgent).await
}

/// Sends what is due, first what somebody waits for, and begins no further round once told to `stop`. When it returns,
/// what this process had claimed before has left as well.
///
/// # Errors
/// [`Fault`] of the database; what the mail server says is a state of the mail.
pub async fn send_due(services: &Services, stop: &CancellationToken) -> Result<(), Fault> {
    send(services, stop, Lane::Urgent).await?;
    send(services, stop, Lane::Bulk).await
}

async fn send(services: &Services, stop: &CancellationToken, lane: Lane) -> Result<(), Fault> {
    if services.mailer.is_off() {
        return Ok(());
    }
    let _round = services.mailer.round(lane).await;
    let mut failed = None;
    for _ in 0..ROUNDS_MAX {
        // Most ticks find nothing, and take no turn for it.
        if stop.is_cancelled() || !is_due(services, lane).await? {
            break;
        }
        let claimed = flat(services.ledger.job(move |turn| Box::pin(claim(turn, lane))).await)?;
        let sending = claimed.into_iter().map(|claimed| async move {
            let sent = services.mailer.send(&claimed.letter).await;
            mark(services, claimed, sent).await
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
async fn claim(turn: &mut Turn, lane: Lane) -> Result<Vec<Claimed>, Fault> {
    let now = turn.now();
    let until = now + TimeDelta::minutes(CLAIM_MINUTES);
    let sql = "update outbox set due_at = $1, attempts = attempts + 1
        where no in (select no from outbox where done_at is null and urgent = $4 and due_at <= $2
          order by due_at, no limit $3) and done_at is null and due_at <= $2
        returning no, kind, recipient, subject, body_text, body_html, created_at, attempts, stop_url";
    let rows = turn.link.all(sql, args![until, now, ROUND_MAX, lane.urgent()]).await?;
    let mut claimed = Vec::with_capacity(rows.len());
    for row in &rows {
        match prepared(turn, row).await {
            Ok(one) => claimed.push(one),
            Err(fault) if attempts::may_pass(&fault) => return Err(fault),
            Err(fault) => unreadable(turn, row.int("no")?, row.int("attempts").unwrap_or(1), &fault).await?,
        }
    }
    claimed.sort_by_key(|claimed| claimed.letter.no);
    Ok(claimed)
}

async fn prepared(turn: &mut Turn, row: &Row) -> Result<Claimed, Fault> {
    let mut claimed = claimed_of(row)?;
    if claimed.letter.kind == sign_in::KIND {
        let token = portal::mint_sign_in(turn, &claimed.letter.recipient).await?;
        sign_in::put_token(&mut claimed.letter, &token);
    }
    Ok(claimed)
}

/// A mail that cannot leave as it is written: tried later, and a person hears of it.
async fn unreadable(turn: &mut Turn, no: i64, attempt: i64, fault: &Fault) -> Result<(), Fault> {
    let (reason, now) = (attempts::plain(&fault.to_string()), turn.now());
    let due = now + TimeDelta::seconds(attempts::wait_seconds(attempt, attempts::dice()?));
    let sql = "update outbox set state = 'deferred', due_at = $1, last_error = $2 where no = $3 and done_at is null";
    turn.link.run(sql, args![due, &reason, no]).await?;
    alarms::raise(turn, "mail", &no.to_string(), &format!("an email cannot be read, and is retried: {reason}")).await?;
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
        stop_url: row.opt_text("stop_url")?,
    };
    Ok(Claimed { letter, attempt: row.int("attempts")? })
}

async fn mark(services: &Services, claimed: Claimed, sent: Sent) -> Result<(), Fault> {
    // The demo's mailbox shows mails as they were sent, links and all.
    let shown = services.settings.demo;
    let no = claimed.letter.no;
    let reminder = sent == Sent::Accepted && claimed.letter.kind == reminder::KIND;
    let again = reminder.then(|| (claimed.letter.clone(), claimed.attempt));
    let job = services.ledger.job(move |turn| {
        Box::pin(async move {
            let Claimed { letter, attempt } = claimed;
            match sent {
                Sent::Accepted => {
                    if accepted(turn, &letter, attempt, shown).await? && reminder {
                        reminders::delivered(turn, letter.no).await?;
                    }
                    Ok(())
                }
                Sent::Refused(reason) => give_up(turn, &letter, &reason).await,
                Sent::Deferred(reason) if turn.now() - letter.at >= patience(&letter.kind) => {
                    give_up(turn, &letter, &reason).await
                }
                Sent::Deferred(reason) => deferred(turn, &letter, attempt, &reason).await,
            }
        })
    });
    match (flat(job.await), again) {
        (Err(fault), Some((letter, attempt))) if !attempts::may_pass(&fault) => {
            // An account that cannot be told of its reminder must not have it sent once more.
            let failure = Failure::from(&fault);
            let job = services.ledger.job(move |turn| {
                Box::pin(async move {
                    accepted(turn, &letter, attempt, shown).await?;
                    attempts::fail(turn, attempts::NOTICES, &no.to_string(), &failure).await
                })
            });
            flat(job.await)
        }
        (marked, _) => marked,
    }
}

fn patience(kind: &str) -> TimeDelta {
    if kind == sign_in::KIND { TimeDelta::minutes(SIGN_IN_GIVE_UP_MINUTES) } else { TimeDelta::days(GIVE_UP_DAYS) }
}

async fn accepted(turn: &mut Turn, letter: &Letter, attempt: i64, shown: bool) -> Result<bool, Fault> {
    let now = turn.now();
    let (text, html) = (shown.then(|| letter.text.clone()), shown.then(|| letter.html.clone()));
    let sql = "update outbox set state = 'accepted', done_at = $1, last_error = null,
        body_text = coalesce($2, body_text), body_html = coalesce($3, body_html) where no = $4 and done_at is null";
    let first = turn.link.run(sql, args![now, text, html, letter.no]).await? > 0;
    alarms::end(turn, "mail", "server").await?;
    if attempt > 1 {
        alarms::end(turn, "mail", &letter.no.to_string()).await?;
    }
    tracing::info!(mail = letter.no, kind = letter.kind, "a mail was accepted");
    Ok(first)
}

async fn deferred(turn: &mut Turn, letter: &Letter, attempt: i64, reason: &str) -> Result<(), Fault> {
    let due = turn.now() + TimeDelta::seconds(attempts::wait_seconds(attempt, attempts::dice()?));
    // Only if the claim is still ours.
    let sql = "update outbox set state = 'deferred', due_at = $1, last_error = $2
        where no = $3 and done_at is null and attempts = $4";
    turn.link.run(sql, args![due, reason, letter.no, attempt]).await?;
    tracing::warn!(mail = letter.no, kind = letter.kind, attempt, reason, "a mail is tried again later");
    if attempt == ALARM_AT_ATTEMPT {
        alarms::raise(turn, "mail", "server", &format!("mails have been deferred for hours: {reason}")).await?;
    }
    Ok(())
}

async fn give_up(turn: &mut Turn, letter: &Letter, reason: &str) -> Result<(), Fault> {
    let now = turn.now();
    let sql = "update outbox set state = 'refused', done_at = $1, last_error = $2 where no = $3 and done_at is null";
    if turn.link.run(sql, args![now, reason, letter.no]).await? > 0 {
        let subject = format!("{} {}", letter.kind, letter.no);
        alarms::raise(turn, "mail", &subject, &format!("a mail was given up: {reason}")).await?;
    }
    Ok(())
}

/// How many mails have not left, by state: `queued`, `deferred`.
///
/// # Errors
/// [`Fault`].
pub async fn waiting(services: &Services) -> Result<Vec<(String, i64)>, Fault> {
    let mut counts = vec![("queued".to_owned(), 0), ("deferred".to_owned(), 0)];
    let sql = "select state, count(*) as n from outbox where done_at is null group by state";
    for row in services.store.read().await?.all(sql, Vec::new()).await? {
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
pub async fn newest(services: &Services, limit: i64) -> Result<Vec<Shown>, Fault> {
    let sql = "select no, recipient, kind, subject, body_text, state, created_at from outbox
        order by created_at desc, no desc limit $1";
    let rows = services.store.read().await?.all(sql, args![limit]).await?;
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
    rows.iter().map(shown).collect::<Result<_, DbError>>().map_err(Fault::from)
}
