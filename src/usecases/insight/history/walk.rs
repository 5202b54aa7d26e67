//! Where a customer's lines are looked for: only where the filter can find something.
//!
//! Sorts that are no usage are found by their kind. Usage of an operation or a source is looked for on the days whose
//! totals name it, and where something was undone later; what touched a grant, from its last line back to its first.

use crate::args;
use crate::domain::time::from_millis;
use crate::domain::{Entry, EntryKind, Instant};
use crate::store::daily_usage::{DAY_MS, DAYS_AT_ONCE, day_number};
use crate::store::db::{Connection, DbError};
use crate::store::{daily_usage, entries};
use crate::usecases::insight::history::filter::{Filter, Sort};

/// Lines that the first step reads: a page's worth. Later ones read more.
const STEP: i64 = 64;
const STEP_MAX: i64 = 256;

/// Lines from the newest to the oldest, step by step.
pub struct Walk {
    customer_no: i64,
    /// Lines below this are still to be looked at.
    pub top: i64,
    /// Lines looked at.
    pub looked: i64,
    step: i64,
    days: Option<DayCursor>,
}

impl Walk {
    /// From below `before`, or from the newest on.
    pub async fn begin(
        db: &mut Connection,
        customer_no: i64,
        filter: &Filter,
        before: Option<i64>,
    ) -> Result<Self, DbError> {
        let mut top = match before {
            Some(before) => before,
            None => entries::last_seq_of(db, customer_no).await? + 1,
        };
        if let Some(until) = filter.until {
            top = top.min(entries::seq_from(db, customer_no, until).await?);
        }
        if let Some(grant) = filter.grant {
            let sql = "select last_seq from grants where id = $1 and customer_no = $2";
            let row = db.fetch_optional(sql, args![grant.bytes(), customer_no]).await?;
            let last = row.map(|row| row.opt_int("last_seq")).transpose()?.flatten();
            top = top.min(last.unwrap_or(0) + 1);
        }
        let names = filter.operation.is_some() || filter.source.is_some();
        let days = if names { Some(DayCursor::begin(db, customer_no, filter).await?) } else { None };
        Ok(Self { customer_no, top, looked: 0, step: STEP, days })
    }

    /// The next lines, newest first; none where there can be no more.
    pub async fn step(&mut self, db: &mut Connection, filter: &Filter) -> Result<Option<Vec<Entry>>, DbError> {
        if self.top <= 1 {
            return Ok(None);
        }
        let step = self.step;
        self.step = (step * 2).min(STEP_MAX);
        if let Some(kinds) = filter.sort.and_then(Sort::entry_kinds) {
            let found = entries::fetch_by_kind(db, self.customer_no, kinds, self.top, step).await?;
            let full = found.len() == usize::try_from(step).unwrap_or(0);
            self.top = found.last().filter(|_| full).map_or(1, |entry| entry.seq);
            self.looked += step;
            return Ok(Some(found));
        }
        if let Some(days) = &mut self.days {
            self.top = days.skip(db, self.customer_no, self.top).await?;
            if self.top <= 1 {
                return Ok(None);
            }
        }
        let after = (self.top - 1 - step).max(0);
        let mut found = entries::fetch_page(db, self.customer_no, after, self.top - 1 - after).await?;
        found.reverse();
        self.looked += self.top - 1 - after;
        self.top = after + 1;
        if let (Some(days), Some(last)) = (&mut self.days, found.last()) {
            days.at = day_number(last.event_at);
        }
        Ok(Some(found))
    }
}

/// The days whose totals name an operation or a source, read as far back as was looked.
struct DayCursor {
    operation: Option<String>,
    source: Option<String>,
    /// The day of the last line that was looked at: those below are of this day or before it.
    at: i64,
    /// Newest first; those behind `unread` are not known yet.
    known: Vec<i64>,
    unread: i64,
    /// The customer's first.
    first: i64,
}

impl DayCursor {
    async fn begin(db: &mut Connection, customer_no: i64, filter: &Filter) -> Result<Self, DbError> {
        let sql =
            "select c.created_at, a.last_at from customers c join accounts a on a.customer_no = c.no where c.no = $1";
        let row = db.fetch_optional(sql, args![customer_no]).await?;
        let (mut first, mut last) = match row {
            Some(row) => (row.at("created_at")?, row.at("last_at")?),
            None => (Instant::MIN_UTC, Instant::MIN_UTC),
        };
        first = filter.from.map_or(first, |from| from.max(first));
        last = filter.until.map_or(last, |until| until.min(last));
        let (first, last) = (day_number(first), day_number(last));
        let (operation, source) = (filter.operation.clone(), filter.source.clone());
        Ok(Self { operation, source, at: last, known: Vec::new(), unread: last, first })
    }

    /// Where to go on below `top`: behind the days that name neither, but not behind what was undone in them.
    async fn skip(&mut self, db: &mut Connection, customer_no: i64, top: i64) -> Result<i64, DbError> {
        let day = self.named(db, customer_no).await?;
        if day == Some(self.at) {
            return Ok(top);
        }
        let until = match day {
            Some(day) => entries::seq_from(db, customer_no, from_millis((day + 1) * DAY_MS)).await?.min(top),
            None => 1,
        };
        if until >= top {
            return Ok(top);
        }
        let undone = entries::fetch_by_kind(db, customer_no, &[EntryKind::Voided], top, 1).await?;
        Ok(undone.first().map_or(until, |entry| until.max(entry.seq + 1)))
    }

    /// The newest day that names them, of those from where we are on.
    async fn named(&mut self, db: &mut Connection, customer_no: i64) -> Result<Option<i64>, DbError> {
        loop {
            if let Some(day) = self.known.iter().find(|day| **day <= self.at) {
                return Ok(Some(*day));
            }
            if self.unread < self.first {
                return Ok(None);
            }
            let from = (self.unread - i64::try_from(DAYS_AT_ONCE).unwrap_or(0) + 1).max(self.first);
            let (operation, source) = (self.operation.as_deref(), self.source.as_deref());
            self.known = daily_usage::matching_days(db, customer_no, (from, self.unread), operation, source).await?;
            self.unread = from - 1;
        }
    }
}
