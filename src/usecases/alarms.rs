//! Alarms: what needs a person. One row for each subject, counted when it recurs.

use super::Fault;
use crate::args;
use crate::domain::Instant;
use crate::ledger::Turn;
use crate::store::Store;
use crate::store::db::DbError;

/// An alarm that nobody has acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// What kind: `review`, `stripe_key`, `wrong_mode`, …
    pub kind: String,
    /// Whom or what it is about.
    pub subject: String,
    /// What was seen.
    pub detail: String,
    /// Since when.
    pub raised_at: Instant,
    /// How often.
    pub times: i64,
}

/// Raises an alarm in the turn that causes it.
///
/// # Errors
/// Whatever the database says.
pub async fn raise(turn: &mut Turn, kind: &str, subject: &str, detail: &str) -> Result<(), DbError> {
    let now = turn.now();
    tracing::warn!(kind, subject, detail, "alarm");
    turn.link
        .run(
            "insert into alarms (key, kind, subject, detail, raised_at, times) values ($1, $2, $3, $4, $5, 1)
             on conflict (key) do update set times = alarms.times + 1, detail = excluded.detail, acknowledged_at = null",
            args![format!("{kind}:{subject}"), kind, subject, detail, now],
        )
        .await?;
    Ok(())
}

/// All alarms that nobody has acknowledged, oldest first.
///
/// # Errors
/// Whatever the database says.
pub async fn open(store: &Store) -> Result<Vec<Alarm>, Fault> {
    let sql = "select kind, subject, detail, raised_at, times from alarms where acknowledged_at is null order by no";
    let rows = store.read().await?.all(sql, Vec::new()).await?;
    let alarm = |row: &crate::store::db::Row| {
        Ok(Alarm {
            kind: row.text("kind")?,
            subject: row.text("subject")?,
            detail: row.text("detail")?,
            raised_at: row.at("raised_at")?,
            times: row.int("times")?,
        })
    };
    rows.iter().map(alarm).collect::<Result<_, DbError>>().map_err(Fault::from)
}
