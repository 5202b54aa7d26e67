//! Entries beside the other rows: each usage, hold, void and courtesy grant has its row.
//!
//! Lines of one kind and cause that stand side by side are one run. A run is compared once it has ended, so that it
//! may go over the edge of a page.

use crate::args;
use crate::domain::entry::{Hash, note_hash};
use crate::domain::{Cause, Entry, EntryKind, GrantId, HoldId, HoldState, Instant, Kind, UsageId};
use crate::ledger::usage_note;
use crate::store::db::{Connection, DbError, Row, Value};
use crate::store::entries;
use crate::store::statement_batch::placeholders;
use std::collections::HashMap;
use std::fmt::Display;
use uuid::Uuid;

/// Lines of one kind and cause.
struct UsageRun {
    kind: EntryKind,
    cause: Cause,
    at: Instant,
    note: Option<Hash>,
    /// Of which grant how much, as a positive number.
    draws: Vec<(GrantId, i64)>,
    /// It took credits that a hold had set aside.
    is_of_hold: bool,
}

impl UsageRun {
    fn sum(&self) -> i64 {
        self.draws.iter().fold(0, |sum: i64, (_, credits)| sum.saturating_add(*credits))
    }
}

/// The runs of one customer.
pub(crate) struct RunCheck<'a> {
    customer_no: i64,
    /// The grants' ids by the store's numbers, which the draws of holds are stored by.
    grants: &'a HashMap<i64, GrantId>,
    /// Nothing else compares these rows with one another.
    is_alone: bool,
    open: Option<UsageRun>,
    ended: Vec<UsageRun>,
}

type RunResult = Result<Result<(), String>, DbError>;

impl<'a> RunCheck<'a> {
    pub fn new(customer_no: i64, grants: &'a HashMap<i64, GrantId>, is_alone: bool) -> Self {
        Self { customer_no, grants, is_alone, open: None, ended: Vec::new() }
    }

    /// The next line.
    pub fn push(&mut self, entry: &Entry) {
        let credits = match (entry.kind, entry.cause) {
            (EntryKind::Used, _) => -entry.amount.0,
            (EntryKind::Held, _) => entry.held_change.0,
            (EntryKind::Released, _) => -entry.held_change.0,
            (EntryKind::Voided, Cause::Usage(_)) if entry.amount.0 > 0 => entry.amount.0,
            (EntryKind::Voided | EntryKind::Granted, Cause::Grant(_)) => entry.amount.0,
            _ => return self.end(),
        };
        let goes_on = |run: &&mut UsageRun| (run.kind, run.cause, run.at) == (entry.kind, entry.cause, entry.event_at);
        if let Some(run) = self.open.as_mut().filter(goes_on) {
            run.draws.push((entry.grant, credits));
            run.is_of_hold |= !entry.held_change.is_zero();
            return;
        }
        self.end();
        let (kind, cause, at, note) = (entry.kind, entry.cause, entry.event_at, entry.note);
        let is_of_hold = !entry.held_change.is_zero();
        self.open = Some(UsageRun { kind, cause, at, note, draws: vec![(entry.grant, credits)], is_of_hold });
    }

    /// No line of the open run follows.
    pub fn end(&mut self) {
        self.ended.extend(self.open.take());
    }

    /// Compares what has ended with its rows.
    pub async fn compare(&mut self, db: &mut Connection) -> RunResult {
        let ended = std::mem::take(&mut self.ended);
        for runs in ended.chunks(500) {
            let of = |kinds: &[EntryKind]| runs.iter().filter(|run| kinds.contains(&run.kind)).collect::<Vec<_>>();
            let usages: Vec<&UsageRun> = of(&[EntryKind::Used, EntryKind::Voided]);
            let (voids, usages): (Vec<_>, Vec<_>) =
                usages.into_iter().partition(|run| matches!(run.cause, Cause::Grant(_)));
            // Of courtesy credits a person says why; a plan that was not paid for ends by itself.
            let (voids, unpaid): (Vec<_>, Vec<_>) = voids.into_iter().partition(|run| run.note.is_some());
            let gifts: Vec<&UsageRun> =
                of(&[EntryKind::Granted]).into_iter().filter(|run| run.note.is_some()).collect();
            let holds = of(&[EntryKind::Held, EntryKind::Released]);
            for verdict in [
                self.usages(db, &usages).await?,
                self.holds(db, &holds).await?,
                self.reasons(db, &gifts, "given").await?,
                self.reasons(db, &voids, "voided").await?,
                self.unreasoned(db, &unpaid).await?,
            ] {
                if verdict.is_err() {
                    return Ok(verdict);
                }
            }
        }
        Ok(Ok(()))
    }

    async fn usages(&self, db: &mut Connection, runs: &[&UsageRun]) -> RunResult {
        let sql = "select u.id, u.customer_no, u.credits, u.lines, u.created_at, u.voided_at, u.source, u.metadata,
            u.salt, u.void_reason, u.void_salt, u.hold, u.first_row, c.closed_at, h.usage as hold_usage,
            e.cause as first_cause
            from usages u join customers c on c.no = u.customer_no left join holds h on h.id = u.hold
              left join entries e on e.row_no = u.first_row and e.customer_no = u.customer_no
            where u.id in";
        let rows = rows_by_id(db, sql, runs).await?;
        for run in runs {
            let said = |reason: String| format!("usage {}: {reason}", UsageId(Uuid::from_bytes(run.cause.bytes())));
            let Some(row) = rows.get(&run.cause.bytes()) else {
                return Ok(Err(said("it has entries but no row".to_owned())));
            };
            let broken = if run.kind == EntryKind::Used { self.usage(run, row)? } else { self.undone(run, row)? };
            let broken = match broken {
                None if self.is_alone => self.linked(db, run, row).await?,
                broken => broken,
            };
            if let Some(reason) = broken {
                return Ok(Err(said(reason)));
            }
        }
        Ok(Ok(()))
    }

    /// The error in what a usage's row leads to.
    async fn linked(&self, db: &mut Connection, run: &UsageRun, row: &Row) -> Result<Option<String>, DbError> {
        if row.opt_blob("first_cause")?.as_deref() != Some(run.cause.bytes().as_slice()) {
            return Ok(Some("its row does not point to its first entry".to_owned()));
        }
        if run.kind == EntryKind::Used {
            let is_own = if run.is_of_hold {
                row.opt_blob("hold_usage")?.as_deref() == Some(run.cause.bytes().as_slice())
            } else {
                row.opt_blob("hold")?.is_none()
            };
            return Ok((!is_own).then(|| "its row and its hold do not name each other".to_owned()));
        }
        let drawn = entries::fetch_usage_entries(db, row.int("first_row")?, row.int("lines")?).await?;
        let mut drawn: Vec<_> = drawn.iter().map(|entry| (entry.grant, -entry.amount.0)).collect();
        let mut given = run.draws.clone();
        drawn.sort_unstable();
        given.sort_unstable();
        Ok((drawn != given).then(|| "it was not returned to the grants that it drew on".to_owned()))
    }

    /// The error in a usage's row.
    fn usage(&self, run: &UsageRun, row: &Row) -> Result<Option<String>, DbError> {
        let lines = i64::try_from(run.draws.len()).unwrap_or(i64::MAX);
        let (source, metadata) = (row.opt_text("source")?, row.opt_text("metadata")?);
        let text = (source.is_some() || metadata.is_some()).then(|| usage_note(source.as_deref(), metadata.as_deref()));
        Ok(value_difference("customer", row.int("customer_no")?, self.customer_no)
            .or(value_difference("credits", row.int("credits")?, run.sum()))
            .or(value_difference("lines", row.int("lines")?, lines))
            .or(value_difference("created_at", row.int("created_at")?, run.at.timestamp_millis()))
            .or(note_difference(row, run.note, text, "salt")?))
    }

    /// The error in the row of a usage that was undone.
    fn undone(&self, run: &UsageRun, row: &Row) -> Result<Option<String>, DbError> {
        Ok(value_difference("credits", row.int("credits")?, run.sum())
            .or(value_difference("voided_at", row.opt_int("voided_at")?.unwrap_or(0), run.at.timestamp_millis()))
            .or(note_difference(row, run.note, row.opt_text("void_reason")?, "void_salt")?))
    }

    async fn holds(&self, db: &mut Connection, runs: &[&UsageRun]) -> RunResult {
        let sql = "select h.id, h.customer_no, h.credits, h.draws, h.created_at, h.expires_at, h.state, h.closed_at
            from holds h where h.id in";
        let rows = rows_by_id(db, sql, runs).await?;
        for run in runs {
            let said = |reason: String| format!("hold {}: {reason}", HoldId(Uuid::from_bytes(run.cause.bytes())));
            let Some(row) = rows.get(&run.cause.bytes()) else {
                return Ok(Err(said("it has entries but no row".to_owned())));
            };
            let broken = if run.kind == EntryKind::Held { self.held(run, row)? } else { check_returned(run, row)? };
            if let Some(reason) = broken {
                return Ok(Err(said(reason)));
            }
        }
        Ok(Ok(()))
    }

    /// The error in a hold's row.
    fn held(&self, run: &UsageRun, row: &Row) -> Result<Option<String>, DbError> {
        let stored: Vec<(i64, i64)> = serde_json::from_str(&row.text("draws")?).unwrap_or_default();
        let stored: Vec<_> = stored.iter().map(|(no, credits)| (self.grants.get(no).copied(), *credits)).collect();
        let lines: Vec<_> = run.draws.iter().map(|(grant, credits)| (Some(*grant), *credits)).collect();
        Ok(value_difference("customer", row.int("customer_no")?, self.customer_no)
            .or(value_difference("credits", row.int("credits")?, run.sum()))
            .or(value_difference("created_at", row.int("created_at")?, run.at.timestamp_millis()))
            .or((stored != lines).then(|| "its row and its entries have different draws".to_owned())))
    }

    /// A void without a reason is a plan's.
    async fn unreasoned(&self, db: &mut Connection, runs: &[&UsageRun]) -> RunResult {
        let rows = rows_by_id(db, "select g.id, g.kind from grants g where g.id in", runs).await?;
        for run in runs {
            let kind = rows.get(&run.cause.bytes()).map(|row| row.int("kind")).transpose()?;
            if kind != Some(i64::from(Kind::Plan.code())) {
                let id = GrantId(Uuid::from_bytes(run.cause.bytes()));
                return Ok(Err(format!("grant {id}: voided without a reason")));
            }
        }
        Ok(Ok(()))
    }

    /// Why a courtesy grant was given or taken back is what the chain has the hash of.
    async fn reasons(&self, db: &mut Connection, runs: &[&UsageRun], what: &str) -> RunResult {
        let sql = "select closed_at from customers where no = $1";
        let row = db.fetch_optional(sql, args![self.customer_no]).await?;
        let closed = row.map(|row| row.opt_int("closed_at")).transpose()?.flatten().is_some();
        let sql = format!(
            "select g.id, n.reason, n.salt from grants g join grant_notes n on n.grant_no = g.no and n.kind = '{what}'
             where g.id in"
        );
        let rows = rows_by_id(db, &sql, runs).await?;
        for run in runs {
            let broken = match rows.get(&run.cause.bytes()) {
                None if closed => None,
                None => Some("the reason is missing"),
                Some(row) => {
                    let hash = note_hash(&row.blob("salt")?, &row.text("reason")?);
                    (run.note != Some(hash)).then_some("the reason differs from the chain's")
                }
            };
            if let Some(reason) = broken {
                let id = GrantId(Uuid::from_bytes(run.cause.bytes()));
                return Ok(Err(format!("grant {id}: {reason} ({what})")));
            }
        }
        Ok(Ok(()))
    }
}

/// The error in the row of a hold that has given something back.
fn check_returned(run: &UsageRun, row: &Row) -> Result<Option<String>, DbError> {
    let state = HoldState::from_code(row.int("state")?);
    let whole = match state {
        Some(HoldState::Released | HoldState::Lapsed) => true,
        Some(HoldState::Settled) => false,
        Some(HoldState::Open) | None => return Ok(Some("its entries close it, its row does not".to_owned())),
    };
    let lapsed = state == Some(HoldState::Lapsed);
    Ok(value_difference("closed_at", row.opt_int("closed_at")?.unwrap_or(0), run.at.timestamp_millis())
        .or(if whole { value_difference("credits", row.int("credits")?, run.sum()) } else { None })
        .or(if lapsed {
            value_difference("expires_at", row.int("expires_at")?, run.at.timestamp_millis())
        } else {
            None
        }))
}

fn value_difference<T: PartialEq + Display>(what: &str, stored: T, lines: T) -> Option<String> {
    (stored != lines).then(|| format!("its row has {what} {stored}, its entries have {lines}"))
}

/// Free text is what the chain has the hash of; of a closed customer it is erased, with its salt.
fn note_difference(row: &Row, note: Option<Hash>, text: Option<String>, salt: &str) -> Result<Option<String>, DbError> {
    let salt = row.opt_blob(salt)?;
    let closed = row.opt_int("closed_at")?.is_some();
    let good = match (note, text, salt) {
        (None, None, None) => true,
        (Some(_), None, None) => closed,
        (Some(note), Some(text), Some(salt)) => note == note_hash(&salt, &text),
        _ => false,
    };
    Ok((!good).then(|| "its free text differs from the chain's hash".to_owned()))
}

/// The rows of the runs' causes by their ids.
async fn rows_by_id(db: &mut Connection, sql: &str, runs: &[&UsageRun]) -> Result<HashMap<[u8; 16], Row>, DbError> {
    if runs.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<Value> = runs.iter().map(|run| Value::from(run.cause.bytes())).collect();
    let rows = db.fetch_all(format!("{sql} ({})", placeholders(1, ids.len())), ids).await?;
    rows.into_iter().map(|row| Ok((row.bytes("id")?, row))).collect()
}
