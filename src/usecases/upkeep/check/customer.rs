//! One customer: its lines, replayed, and every row that belongs to them.

use super::days::{DayCheck, DayState};
use super::heads::{CustomerState, VerifiedHead};
use super::rows::{CheckedGrant, CustomerRows, check_working_set, fetch_customer_rows};
use super::runs::RunCheck;
use crate::args;
use crate::domain::replay::{Replay, Report};
use crate::domain::{Account, Entry, Grant, GrantId, Instant, Kind, balance_alert};
use crate::store::daily_usage::day_number;
use crate::store::db::DbError;
use crate::store::{Store, entries};
use crate::usecases::InternalError;
use std::collections::HashMap;

/// Entries that one step reads.
const STEP: i64 = 2_000;

/// What a good check has found of a customer.
pub(super) struct Verified {
    pub customer: String,
    pub report: Report,
    /// Lines that it went through.
    pub lines: i64,
    /// What it knows now, unless an earlier check knew the same.
    pub head: Option<VerifiedHead>,
}

/// Verifies a customer: from its first line on, or since the last good check.
pub(super) async fn check_customer(
    store: &Store,
    no: i64,
    is_since: bool,
) -> Result<Result<Verified, String>, InternalError> {
    let Some(mut rows) = fetch_customer_rows(store, no, is_since).await? else {
        return Ok(Err("has no account".to_owned()));
    };
    if let Err(reason) = check_working_set(&rows) {
        return Ok(Err(reason));
    }
    // What nobody can go on from is made anew by a check of everything.
    if rows.head.take_if(|head| !head.is_intact).is_some() && is_since {
        return Ok(Err(
            "what the last good check knew of it was changed: run `topup check`, which replays all".to_owned()
        ));
    }
    let known = rows.known.take();
    if let Err(reason) = check_head(store, no, &rows, known.as_ref()).await? {
        return Ok(Err(reason));
    }
    if is_since && let Err(reason) = check_marks(store, no, known.as_ref(), rows.loaded.account.seq).await? {
        return Ok(Err(reason));
    }
    let grants: Vec<Grant> = rows.grants.iter().map(|row| row.grant.clone()).collect();
    let mut lines = match Lines::begin(no, &rows, &grants, known, is_since) {
        Ok(lines) => lines,
        Err(reason) => return Ok(Err(reason)),
    };
    let from = lines.after;
    if let Err(reason) = lines.check(store, &rows).await? {
        return Ok(Err(reason));
    }
    // The sources of a closed customer are blanked, perhaps while this ran.
    let sql = "select count(*) as n from customers where no = $1 and closed_at is null";
    let is_open = store.read().await?.fetch_optional(sql, args![no]).await?.map_or(Ok(0), |row| row.int("n"))? == 1;
    let days = lines.days.finish(&rows.days, &rows.metrics, is_open, day_number(rows.loaded.account.last_at));
    Ok(days.and_then(|days| compare_end(lines.replay, &rows, &grants, days, from)))
}

/// A walk through the lines of a customer.
struct Lines<'a> {
    no: i64,
    /// The last line so far.
    after: i64,
    replay: Replay,
    runs: RunCheck<'a>,
    days: DayCheck,
    kinds: HashMap<GrantId, Kind>,
    top_ups_since: Option<Instant>,
}

impl<'a> Lines<'a> {
    fn begin(
        no: i64,
        rows: &'a CustomerRows,
        grants: &[Grant],
        known: Option<CustomerState>,
        is_since: bool,
    ) -> Result<Self, String> {
        let account = &rows.loaded.account;
        let runs = RunCheck::new(no, &rows.grant_nos, is_since);
        let kinds: HashMap<GrantId, Kind> = grants.iter().map(|grant| (grant.id, grant.kind)).collect();
        let days = |known| DayCheck::new(no, account.cycle.start, kinds.clone(), known);
        let Some(CustomerState { replay, days: known, top_ups_since }) = known else {
            let replay = Replay::new(&account.customer).with_terms(grants, &rows.plans);
            return Ok(Self { no, after: 0, replay, runs, days: days(None), kinds, top_ups_since: None });
        };
        let after = replay.head().seq;
        let replay = Replay::resume(&account.customer, replay, grants, &rows.plans).map_err(|e| e.to_string())?;
        Ok(Self { no, after, replay, runs, days: days(Some(known)), kinds, top_ups_since })
    }

    /// Goes on to the account's last line.
    async fn check(&mut self, store: &Store, rows: &CustomerRows) -> Result<Result<(), String>, DbError> {
        let last = rows.loaded.account.seq;
        while self.after < last {
            let mut db = store.read().await?;
            let page = entries::fetch_page(&mut db, self.no, self.after, STEP.min(last - self.after)).await?;
            if page.is_empty() {
                return Ok(Err(format!("entry {} is missing", self.after + 1)));
            }
            for entry in &page {
                if let Err(reason) = self.push(entry, rows.head.as_ref()) {
                    return Ok(Err(reason));
                }
            }
            if self.after == last {
                self.runs.end();
            }
            if let Err(reason) = self.runs.compare(&mut db).await? {
                return Ok(Err(reason));
            }
            self.days.push(&mut db, &page).await?;
        }
        if self.top_ups_since != rows.loaded.top_ups_since {
            return Ok(Err("since when top-ups are drawn from is not what the entries say".to_owned()));
        }
        Ok(Ok(()))
    }

    fn push(&mut self, entry: &Entry, head: Option<&VerifiedHead>) -> Result<(), String> {
        self.after = entry.seq;
        self.replay.push(entry).map_err(|broken| broken.to_string())?;
        if head.is_some_and(|head| head.seq == entry.seq && head.hash != entry.hash) {
            return Err(other_hash(entry.seq));
        }
        self.runs.push(entry);
        if let Some(kind) = self.kinds.get(&entry.grant) {
            self.top_ups_since = balance_alert::top_ups_since(self.top_ups_since, entry, *kind);
        }
        Ok(())
    }
}

/// The rows at the end, and what is known then.
fn compare_end(
    mut replay: Replay,
    rows: &CustomerRows,
    grants: &[Grant],
    days: DayState,
    from: i64,
) -> Result<Verified, String> {
    let account = &rows.loaded.account;
    let state = replay.state().map_err(|broken| broken.to_string())?;
    for CheckedGrant { grant, last_seq, .. } in &rows.grants {
        let last = replay.last_seq_of(grant.id);
        if last != *last_seq {
            return Err(format!("grant {}: its row names entry {last_seq} as its last, which is {last}", grant.id));
        }
    }
    let report = replay.finish(grants, &account.holds, account).map_err(|broken| broken.to_string())?;
    let (seq, hash) = (account.seq, account.hash);
    let state = CustomerState { replay: state, days, top_ups_since: rows.loaded.top_ups_since };
    let state = serde_json::to_string(&state).map_err(|e| format!("what is known of it cannot be written: {e}"))?;
    let is_new = rows.head.as_ref().is_none_or(|head| head.state != state);
    let head = is_new.then_some(VerifiedHead { seq, hash, state, is_intact: true });
    Ok(Verified { customer: account.customer.clone(), report, lines: account.seq - from, head })
}

fn other_hash(seq: i64) -> String {
    format!("entry {seq}: its hash is another than at the last good check: lines up to it were written anew")
}

/// The line that the last good check ended with is there, and unchanged if this check goes on from it.
async fn check_head(
    store: &Store,
    no: i64,
    rows: &CustomerRows,
    known: Option<&CustomerState>,
) -> Result<Result<(), String>, DbError> {
    let (Some(head), Account { seq, customer, .. }) = (&rows.head, &rows.loaded.account) else { return Ok(Ok(())) };
    if *seq < head.seq {
        return Ok(Err(format!("ends with entry {seq}, and the last good check saw entry {}", head.seq)));
    }
    let Some(known) = known else { return Ok(Ok(())) };
    let mut db = store.read().await?;
    let page = entries::fetch_page(&mut db, no, (head.seq - 2).max(0), head.seq.min(2)).await?;
    if let Some((last, before)) = page.split_last() {
        if last.hash != head.hash {
            return Ok(Err(other_hash(head.seq)));
        }
        let previous = before.last().map_or([0; 32], |entry| entry.hash);
        if last.chained(customer, &previous) != last.hash || last.balance_after != known.replay.head().balance {
            return Ok(Err(format!("entry {}: it is another than at the last good check", head.seq)));
        }
    } else if head.seq > 0 {
        return Ok(Err(format!("entry {} is missing", head.seq)));
    }
    Ok(Ok(()))
}

/// The marks of new lines lead to them.
async fn check_marks(
    store: &Store,
    no: i64,
    known: Option<&CustomerState>,
    last: i64,
) -> Result<Result<(), String>, DbError> {
    let from = known.map_or(0, |known| known.replay.head().seq);
    let sql = "select count(*) as n from entry_marks m left join entries e on e.row_no = m.row_no
        where m.customer_no = $1 and m.seq > $2 and m.seq <= $3
          and (e.row_no is null or e.customer_no <> m.customer_no or e.seq <> m.seq)";
    let lost = store.read().await?.fetch_optional(sql, args![no, from, last]).await?;
    let lost = lost.map_or(Ok(0), |row| row.int("n"))?;
    Ok(if lost > 0 { Err(format!("{lost} marks that do not point to their entry")) } else { Ok(()) })
}
