//! Alarms: what needs a person. One row for each subject, counted when it recurs, until somebody has acknowledged
//! it: the row then stays as it is, and what comes back is a new one.

use crate::args;
use crate::domain::Instant;
use crate::ledger::WriteTransaction;
use crate::store::Store;
use crate::store::db::{Connection, DbError, Row};
use crate::usecases::InternalError;
use announcements::Opened;
use std::fmt;

mod announcements;

pub use announcements::{TITLES, WEBHOOK, is_notice, title};

/// An alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Its number, by which it is acknowledged.
    pub no: i64,
    /// `review`, `stripe_key`, `wrong_mode`, …
    pub kind: String,
    /// Its subject.
    pub subject: String,
    /// The finding.
    pub detail: String,
    pub raised_at: Instant,
    pub times: i64,
    /// The deadline, where there is one.
    pub due_at: Option<Instant>,
    /// The person who acknowledged it, and when.
    pub acknowledged: Option<(String, Instant)>,
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |at: Instant| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let Self { no, kind, subject, detail, times, .. } = self;
        write!(f, "{no} {} {kind} {subject}: {detail} (times: {times})", at(self.raised_at))?;
        if let Some(due) = self.due_at {
            write!(f, " (due {})", at(due))?;
        }
        match &self.acknowledged {
            Some((by, when)) if by == ENDED => write!(f, " (ended by itself at {})", at(*when)),
            Some((by, when)) => write!(f, " (acknowledged by {by} at {})", at(*when)),
            None => Ok(()),
        }
    }
}

/// Raises an alarm in the transaction that causes it. A new one is announced by email and webhook; one that is open
/// already is counted.
pub async fn raise_alarm(tx: &mut WriteTransaction, kind: &str, subject: &str, detail: &str) -> Result<(), DbError> {
    raise_alarm_until(tx, kind, subject, detail, None).await
}

/// The same, with a deadline.
pub async fn raise_alarm_until(
    tx: &mut WriteTransaction,
    kind: &str,
    subject: &str,
    detail: &str,
    due_at: Option<Instant>,
) -> Result<(), DbError> {
    let new = write_alarm(tx, kind, subject, detail, due_at).await?;
    if let Some(no) = new {
        announcements::write(tx, &Opened { no, kind, subject, detail, due_at }).await?;
    }
    Ok(())
}

/// The same, on the operators' pages alone: about an email or a webhook that itself announces an alarm.
pub async fn raise_unannounced_alarm(
    tx: &mut WriteTransaction,
    kind: &str,
    subject: &str,
    detail: &str,
) -> Result<(), DbError> {
    write_alarm(tx, kind, subject, detail, None).await.map(drop)
}

/// Writes an alarm, or counts it where it is open; the number of a new one.
async fn write_alarm(
    tx: &mut WriteTransaction,
    kind: &str,
    subject: &str,
    detail: &str,
    due_at: Option<Instant>,
) -> Result<Option<i64>, DbError> {
    let now = tx.now();
    tracing::warn!(kind, subject, detail, "alarm");
    let sql = "insert into alarms (key, kind, subject, detail, raised_at, times, due_at)
        values ($1, $2, $3, $4, $5, 1, $6)
        on conflict (key) where acknowledged_at is null
          do update set times = alarms.times + 1, detail = excluded.detail, due_at = excluded.due_at
        returning no, times";
    let values = args![format!("{kind}:{subject}"), kind, subject, detail, now, due_at];
    let Some(row) = tx.db.fetch_optional(sql, values).await? else { return Ok(None) };
    Ok((row.int("times")? == 1).then_some(row.int("no")?))
}

/// Sets the deadline of an open alarm, or takes it away.
pub async fn set_alarm_deadline(
    tx: &mut WriteTransaction,
    kind: &str,
    subject: &str,
    due_at: Option<Instant>,
) -> Result<(), DbError> {
    let sql = "update alarms set due_at = $1 where key = $2 and acknowledged_at is null";
    tx.db.execute(sql, args![due_at, format!("{kind}:{subject}")]).await?;
    Ok(())
}

/// Stands for a person's name where an alarm ended because its cause did.
pub const ENDED: &str = "(ended)";

/// Ends an alarm whose cause is gone, in the transaction that finds it gone; nothing where there is none.
pub async fn end_alarm(tx: &mut WriteTransaction, kind: &str, subject: &str) -> Result<(), DbError> {
    let now = tx.now();
    let sql = "update alarms set acknowledged_at = $1, acknowledged_by = $2 where key = $3 and acknowledged_at is null";
    tx.db.execute(sql, args![now, ENDED, format!("{kind}:{subject}")]).await?;
    Ok(())
}

/// All alarms that nobody has acknowledged, oldest first.
pub async fn open_alarms(store: &Store) -> Result<Vec<Alarm>, InternalError> {
    let sql = format!("{ALARM} where acknowledged_at is null order by no");
    let rows = store.read().await?.fetch_all(sql, Vec::new()).await?;
    rows.iter().map(alarm_of).collect::<Result<_, DbError>>().map_err(InternalError::from)
}

/// How many alarms nobody has acknowledged.
pub async fn count_open(store: &Store) -> Result<i64, InternalError> {
    let sql = "select count(*) as n from alarms where acknowledged_at is null";
    Ok(store.read().await?.fetch_optional(sql, Vec::new()).await?.map_or(Ok(0), |row| row.int("n"))?)
}

/// All alarms that are kept, oldest first.
pub async fn all_alarms(store: &Store) -> Result<Vec<Alarm>, InternalError> {
    let rows = store.read().await?.fetch_all(format!("{ALARM} order by no"), Vec::new()).await?;
    rows.iter().map(alarm_of).collect::<Result<_, DbError>>().map_err(InternalError::from)
}

const ALARM: &str =
    "select no, kind, subject, detail, raised_at, times, due_at, acknowledged_at, acknowledged_by from alarms";

fn alarm_of(row: &Row) -> Result<Alarm, DbError> {
    let by = row.opt_text("acknowledged_by")?.unwrap_or_default();
    Ok(Alarm {
        no: row.int("no")?,
        kind: row.text("kind")?,
        subject: row.text("subject")?,
        detail: row.text("detail")?,
        raised_at: row.at("raised_at")?,
        times: row.int("times")?,
        due_at: row.opt_at("due_at")?,
        acknowledged: row.opt_at("acknowledged_at")?.map(|at| (by, at)),
    })
}

/// Acknowledges an alarm, beside a running `serve` if need be: a write transaction of its own, in which nothing of the ledger is
/// written. Who was first stays. Returns the alarm as it is then; nothing where there is none of this number.
pub async fn acknowledge_alarm(store: &Store, no: i64, by: &str, at: Instant) -> Result<Option<Alarm>, InternalError> {
    let mut db = store.begin_write().await?;
    let alarm = acknowledge_alarm_on(&mut db, no, by, at).await?;
    db.commit().await?;
    Ok(alarm)
}

/// The same on a transaction at hand.
pub(crate) async fn acknowledge_alarm_on(
    db: &mut Connection,
    no: i64,
    by: &str,
    at: Instant,
) -> Result<Option<Alarm>, DbError> {
    let sql = "update alarms set acknowledged_at = $1, acknowledged_by = $2 where no = $3 and acknowledged_at is null";
    db.execute(sql, args![at, by, no]).await?;
    let row = db.fetch_optional(format!("{ALARM} where no = $1"), args![no]).await?;
    row.as_ref().map(alarm_of).transpose()
}
