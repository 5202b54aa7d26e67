//! Retention: what is kept for a time and no longer. docs/operations.md has the times.
//!
//! Invariants: the books (entries, purchases and their timelines, usages), the audit, and who was mailed what and when
//! stay for ever. An email of sign-in is counted for an hour and tried for an hour (`sign_in`, `outbox`), so that a day
//! later nothing asks for it. An event's row outlives the 30 days in which Stripe can tell of it again.
//!
//! *Not here:* whether a link or a session works, which its own dates say (`portal`, `sessions`): nothing waits for
//! this.

use crate::args;
use crate::domain::Instant;
use crate::store::db::{Connection, DbError, Row, Value};
use crate::usecases::delivery::failed_items;
use crate::usecases::delivery::failed_items::ItemFailure;
use crate::usecases::delivery::rounds;
use crate::usecases::{App, InternalError};
use chrono::TimeDelta;

/// How many rows of one kind one sweep takes.
const SWEEP_MAX: i64 = 500;
/// How many at once where they are taken one by one.
const AT_ONCE_MAX: usize = 50;

/// Rows of a table that are kept for a time, by an instant of theirs.
struct Kept {
    /// Its name among failed items.
    name: &'static str,
    table: &'static str,
    key: &'static str,
    /// Which of its rows: what its partial index is on.
    which: &'static str,
    by: &'static str,
    /// For how long.
    hours: i64,
    /// The end of their time: deleted, or some columns blanked.
    set: Option<&'static str>,
}

const DAY: i64 = 24;
const KEPT: Kept = Kept { name: "", table: "", key: "no", which: "1 = 1", by: "", hours: 0, set: None };

const ALL: [Kept; 11] = [
    // An expired link is known for a day, so that its page can offer a new one; and the email that brought it.
    Kept { name: "links", table: "links", key: "token_hash", by: "expires_at", hours: DAY, ..KEPT },
    // A Checkout that saves a card is open for a day at most; what was agreed to stays in the consent.
    Kept {
        name: "auto_top_up_setups",
        table: "auto_top_up_setups",
        key: "id",
        by: "created_at",
        hours: 30 * DAY,
        ..KEPT
    },
    Kept { name: "sign_in", table: "outbox", which: "kind = 'sign_in'", by: "created_at", hours: DAY, ..KEPT },
    // So that a person comes in where they were last.
    Kept { name: "sessions", table: "sessions", key: "token_hash", by: "expires_at", hours: 30 * DAY, ..KEPT },
    Kept {
        name: "operator_sessions",
        table: "operator_sessions",
        key: "token_hash",
        by: "expires_at",
        hours: 30 * DAY,
        ..KEPT
    },
    // The key goes with it: what causes a message again is years away, or never comes.
    Kept {
        name: "accepted_hooks",
        table: "webhook_messages",
        which: "state = 'accepted'",
        by: "done_at",
        hours: 30 * DAY,
        ..KEPT
    },
    Kept {
        name: "refused_hooks",
        table: "webhook_messages",
        which: "state = 'refused'",
        by: "done_at",
        hours: 90 * DAY,
        ..KEPT
    },
    Kept {
        name: "inbox",
        table: "inbox",
        key: "id",
        which: "done_at is not null",
        by: "done_at",
        hours: 90 * DAY,
        ..KEPT
    },
    Kept {
        name: "bodies",
        table: "outbox",
        which: "body_text <> '' and done_at is not null",
        by: "done_at",
        // A receipt can be read for as long as its top-up lives, and a month longer.
        hours: 400 * DAY,
        set: Some("body_text = '', body_html = '', unsubscribe_url = null"),
        ..KEPT
    },
    Kept {
        name: "news",
        table: "balance_alerts",
        key: "customer_no, kind, seq",
        which: "emailed_at is not null",
        by: "emailed_at",
        hours: 90 * DAY,
        ..KEPT
    },
    Kept {
        name: "alarms",
        table: "alarms",
        which: "acknowledged_at is not null",
        by: "acknowledged_at",
        hours: 365 * DAY,
        ..KEPT
    },
];

impl Kept {
    fn before(&self, now: Instant) -> Instant {
        now - TimeDelta::hours(self.hours)
    }

    /// The keys of rows whose time is over.
    fn over(&self, what: &str) -> String {
        let Self { table, which, by, .. } = self;
        format!("select {what} from {table} where {which} and {by} <= $1 order by {by} limit $2")
    }

    /// The values of a row's key.
    fn key_of(&self, row: &Row) -> Result<Vec<Value>, DbError> {
        let value = |column: &str| match column {
            "token_hash" => row.blob(column).map(Value::from),
            "id" | "kind" => row.text(column).map(Value::from),
            _ => row.int(column).map(Value::from),
        };
        self.key.split(", ").map(value).collect()
    }

    /// The statement for rows that match a condition.
    fn act(&self, condition: &str) -> String {
        let table = self.table;
        match self.set {
            Some(set) => format!("update {table} set {set} where {condition}"),
            None => format!("delete from {table} where {condition}"),
        }
    }
}

/// How many rows' time is over, as far as one sweep of each kind counts.
pub async fn retention_backlog(app: &App) -> Result<i64, InternalError> {
    let (mut db, now) = (app.store.read().await?, app.clock.now());
    let mut sum = 0;
    for kept in &ALL {
        sum += rows_to_delete(&mut db, kept, now).await?;
    }
    Ok(sum)
}

async fn rows_to_delete(db: &mut Connection, kept: &Kept, now: Instant) -> Result<i64, DbError> {
    let sql = format!("select count(*) as n from ({}) over_by_now", kept.over("1 as one"));
    let row = db.fetch_optional(sql, args![kept.before(now), SWEEP_MAX]).await?;
    row.map_or(Ok(0), |row| row.int("n"))
}

/// Takes some of what is over, and says how many rows; the next sweep goes on. Most sweeps find nothing, and take no
/// turn for it. A kind whose rows cannot all be taken keeps none of the others, and is retried later.
pub async fn sweep_expired(app: &App) -> Result<u64, InternalError> {
    let resting = failed_items::waiting_for_retry(app, failed_items::TIDY).await?;
    let (mut taken, mut served, mut failed) = (0, Vec::new(), Vec::new());
    for kept in ALL.iter().filter(|kept| !resting.contains(kept.name)) {
        let waiting = rows_to_delete(&mut app.store.read().await?, kept, app.clock.now()).await?;
        let (rows, failure) = if waiting == 0 { (0, None) } else { delete_rows(app, kept).await? };
        taken += rows;
        match failure {
            Some(failure) => failed.push((kept.name.to_owned(), failure)),
            None => served.push(kept.name.to_owned()),
        }
    }
    failed_items::record_failures(app, failed_items::TIDY, served, failed).await?;
    Ok(taken)
}

/// Takes rows all at once, or where that fails one by one; how many, and why one stays.
async fn delete_rows(app: &App, kept: &'static Kept) -> Result<(u64, Option<ItemFailure>), InternalError> {
    let job = app.write(move |tx| {
        Box::pin(async move {
            let sql = kept.act(&format!("({}) in ({})", kept.key, kept.over(kept.key)));
            let before = kept.before(tx.now());
            Ok(tx.db.execute(sql, args![before, SWEEP_MAX]).await?)
        })
    });
    match job.await {
        Ok(rows) => return Ok((rows, None)),
        Err(fault) if failed_items::may_pass(&fault) => return Err(fault),
        Err(_) => {}
    }
    let args = args![kept.before(app.clock.now()), SWEEP_MAX];
    let rows = app.store.read().await?.fetch_all(kept.over(kept.key), args).await?;
    let keys: Vec<Vec<Value>> = rows.iter().map(|row| kept.key_of(row)).collect::<Result<_, _>>()?;
    let act = |key: Vec<Value>| async move {
        app.write(move |tx| {
            Box::pin(async move {
                let columns = kept.key.split(", ").zip(1..);
                let is_it: Vec<String> = columns.map(|(column, n)| format!("{column} = ${n}")).collect();
                Ok(tx.db.execute(kept.act(&is_it.join(" and ")), key).await?)
            })
        })
        .await
    };
    let round = rounds::run_round(keys, AT_ONCE_MAX, act).await;
    match round.stopped {
        Some(fault) => Err(fault),
        None => Ok((round.done, round.failed.into_iter().next().map(|(_, failure)| failure))),
    }
}
