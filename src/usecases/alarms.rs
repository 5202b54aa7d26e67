//! Alarms: what needs a person. One row for each subject, counted when it recurs, until somebody has acknowledged
//! it: the row then stays as it is, and what comes back is a new one.

use crate::args;
use crate::domain::Instant;
use crate::ledger::WriteTransaction;
use crate::store::Store;
use crate::store::db::{Connection, DbError, Row};
use crate::usecases::InternalError;
use std::fmt;

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
    /// The person who acknowledged it, and when.
    pub acknowledged: Option<(String, Instant)>,
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |at: Instant| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let Self { no, kind, subject, detail, times, .. } = self;
        write!(f, "{no} {} {kind} {subject}: {detail} (times: {times})", at(self.raised_at))?;
        match &self.acknowledged {
            Some((by, when)) if by == ENDED => write!(f, " (ended by itself at {})", at(*when)),
            Some((by, when)) => write!(f, " (acknowledged by {by} at {})", at(*when)),
            None => Ok(()),
        }
    }
}

/// Raises an alarm in the transaction that causes it.
pub async fn raise_alarm(tx: &mut WriteTransaction, kind: &str, subject: &str, detail: &str) -> Result<(), DbError> {
    let now = tx.now();
    tracing::warn!(kind, subject, detail, "alarm");
    tx.db
        .execute(
            "insert into alarms (key, kind, subject, detail, raised_at, times) values ($1, $2, $3, $4, $5, 1)
             on conflict (key) where acknowledged_at is null
               do update set times = alarms.times + 1, detail = excluded.detail",
            args![format!("{kind}:{subject}"), kind, subject, detail, now],
        )
        .await?;
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

const ALARM: &str = "select no, kind, subject, detail, raised_at, times, acknowledged_at, acknowledged_by from alarms";

fn alarm_of(row: &Row) -> Result<Alarm, DbError> {
    let by = row.opt_text("acknowledged_by")?.unwrap_or_default();
    Ok(Alarm {
        no: row.int("no")?,
        kind: row.text("kind")?,
        subject: row.text("subject")?,
        detail: row.text("detail")?,
        raised_at: row.at("raised_at")?,
        times: row.int("times")?,
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
