//! Daily totals of usage: what charts, `/api/usage-stats` and "used in this cycle" read.
//!
//! A row is one customer's day (UTC) of one operation and one source in one billing cycle. A batch adds to
//! each row once, in the charges' own transaction, without reading it. Rows lie by day first: the pages that
//! charges write are today's, however long the history. An undone usage is taken off the day it was on, so
//! that totals are always the sum of the usages that stand.

use super::bulk::{Script, places};
use super::db::{DbError, Link, Row, Value};
use crate::args;
use crate::domain::{Credits, Draw, Instant, Kind};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400_000;
/// How many days one statement asks for: a fixed number, so that it stays prepared.
pub const DAYS_AT_ONCE: usize = 64;

/// The number of an instant's day: days since 1970, in UTC.
#[must_use]
pub fn day_of(at: Instant) -> i64 {
    at.timestamp_millis().div_euclid(DAY_MS)
}

/// Which row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DayKey {
    /// Days since 1970.
    pub day: i64,
    /// The store's number of the customer.
    pub customer_no: i64,
    /// What was done; empty where nobody said.
    pub operation: String,
    /// The SaaS's own name of who did it; empty where nobody said.
    pub source: String,
    /// When the billing cycle began that the usages were in: a boundary falls into a day.
    pub cycle_start: i64,
}

/// What a row adds up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Usages.
    pub usages: i64,
    /// Credits of the plan.
    pub plan: Credits,
    /// Courtesy credits.
    pub courtesy: Credits,
    /// Credits of top-ups.
    pub top_up: Credits,
    /// `quantities.requests`.
    pub requests: i64,
    /// `quantities.crawls`.
    pub crawls: i64,
    /// `quantities.tokens`.
    pub tokens: i64,
    /// `quantities.captchas`.
    pub captchas: i64,
    /// The sum of `quantities.latency_ms`.
    pub latency_ms: i64,
    /// Usages that said a latency.
    pub latencies: i64,
}

/// `quantities` as it is stored.
#[derive(Default, Deserialize)]
struct Quantities {
    requests: Option<i64>,
    crawls: Option<i64>,
    tokens: Option<i64>,
    captchas: Option<i64>,
    latency_ms: Option<i64>,
}

impl Totals {
    /// What one usage adds.
    #[must_use]
    pub fn of(draws: &[Draw], quantities: Option<&str>) -> Self {
        let said = quantities.and_then(|json| serde_json::from_str::<Quantities>(json).ok()).unwrap_or_default();
        let mut totals = Self {
            usages: 1,
            requests: said.requests.unwrap_or(0),
            crawls: said.crawls.unwrap_or(0),
            tokens: said.tokens.unwrap_or(0),
            captchas: said.captchas.unwrap_or(0),
            latency_ms: said.latency_ms.unwrap_or(0),
            latencies: i64::from(said.latency_ms.is_some()),
            ..Self::default()
        };
        for draw in draws {
            totals.draw(draw.kind, draw.credits);
        }
        totals
    }

    /// Adds what was taken from one grant.
    pub fn draw(&mut self, kind: Kind, credits: Credits) {
        match kind {
            Kind::Plan => self.plan += credits,
            Kind::Courtesy => self.courtesy += credits,
            Kind::TopUp => self.top_up += credits,
        }
    }

    /// All credits.
    #[must_use]
    pub fn credits(&self) -> Credits {
        self.plan + self.courtesy + self.top_up
    }

    /// Adds other usages.
    pub fn add(&mut self, other: &Self) {
        let sum = i64::saturating_add;
        *self = Self {
            usages: sum(self.usages, other.usages),
            plan: Credits(sum(self.plan.0, other.plan.0)),
            courtesy: Credits(sum(self.courtesy.0, other.courtesy.0)),
            top_up: Credits(sum(self.top_up.0, other.top_up.0)),
            requests: sum(self.requests, other.requests),
            crawls: sum(self.crawls, other.crawls),
            tokens: sum(self.tokens, other.tokens),
            captchas: sum(self.captchas, other.captchas),
            latency_ms: sum(self.latency_ms, other.latency_ms),
            latencies: sum(self.latencies, other.latencies),
        };
    }

    /// What takes these usages off again.
    #[must_use]
    pub fn undone(&self) -> Self {
        Self {
            usages: -self.usages,
            plan: -self.plan,
            courtesy: -self.courtesy,
            top_up: -self.top_up,
            requests: -self.requests,
            crawls: -self.crawls,
            tokens: -self.tokens,
            captchas: -self.captchas,
            latency_ms: -self.latency_ms,
            latencies: -self.latencies,
        }
    }
}

/// The columns that are added up, in the order of [`row`].
const SUMS: &str = "usages, plan, courtesy, top_up, requests, crawls, tokens, captchas, latency_ms, latencies";

/// Adds to the days, each row once, when the script is written.
pub fn add(script: &mut Script, days: BTreeMap<DayKey, Totals>) {
    script.insert(
        "insert into usage_days (day, customer_no, operation, source, cycle_start, usages, plan, courtesy, top_up, requests,
           crawls, tokens, captchas, latency_ms, latencies)",
        "on conflict (day, customer_no, operation, source, cycle_start) do update set
           usages = usage_days.usages + excluded.usages, plan = usage_days.plan + excluded.plan,
           courtesy = usage_days.courtesy + excluded.courtesy, top_up = usage_days.top_up + excluded.top_up,
           requests = usage_days.requests + excluded.requests, crawls = usage_days.crawls + excluded.crawls,
           tokens = usage_days.tokens + excluded.tokens, captchas = usage_days.captchas + excluded.captchas,
           latency_ms = usage_days.latency_ms + excluded.latency_ms, latencies = usage_days.latencies + excluded.latencies",
        days.into_iter().map(row).collect(),
    );
}

fn row((key, sum): (DayKey, Totals)) -> Vec<Value> {
    args![
        key.day,
        key.customer_no,
        key.operation,
        key.source,
        key.cycle_start,
        sum.usages,
        sum.plan,
        sum.courtesy,
        sum.top_up,
        sum.requests,
        sum.crawls,
        sum.tokens,
        sum.captchas,
        sum.latency_ms,
        sum.latencies
    ]
}

/// The rows of a customer from day `first` to day `last`, both in it, by day. Rows of nothing are left out.
///
/// # Errors
/// Whatever the database says.
pub async fn read(link: &mut Link, customer_no: i64, first: i64, last: i64) -> Result<Vec<(DayKey, Totals)>, DbError> {
    let sql = format!(
        "select day, operation, source, cycle_start, {SUMS} from usage_days
         where customer_no = $1 and usages <> 0 and day in ({})",
        places(2, DAYS_AT_ONCE)
    );
    let mut out = Vec::new();
    for values in asked(customer_no, first, last) {
        for row in link.all(sql.as_str(), values).await? {
            out.push(day_row(&row, customer_no)?);
        }
    }
    out.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    Ok(out)
}

/// What a customer used of each day from `first` to `last`, both in it, by when the cycle began.
///
/// # Errors
/// Whatever the database says.
pub async fn used(
    link: &mut Link,
    customer_no: i64,
    first: i64,
    last: i64,
) -> Result<Vec<(i64, i64, Credits)>, DbError> {
    let sql = format!(
        "select day, cycle_start, cast(sum(plan + courtesy + top_up) as bigint) as used from usage_days
         where customer_no = $1 and day in ({}) group by day, cycle_start",
        places(2, DAYS_AT_ONCE)
    );
    let mut out = Vec::new();
    for values in asked(customer_no, first, last) {
        for row in link.all(sql.as_str(), values).await? {
            out.push((row.int("day")?, row.int("cycle_start")?, row.credits("used")?));
        }
    }
    Ok(out)
}

/// The days from `first` to `last`, at most [`DAYS_AT_ONCE`], on which a customer's usage was of this operation and by
/// this source, so far as they are named; undone usage too. Newest first.
///
/// # Errors
/// Whatever the database says.
pub async fn days_of(
    link: &mut Link,
    customer_no: i64,
    (first, last): (i64, i64),
    operation: Option<&str>,
    source: Option<&str>,
) -> Result<Vec<i64>, DbError> {
    let sql = format!(
        "select day from usage_days where ($1 = '' or operation = $1) and ($2 = '' or source = $2) and customer_no = $3
           and day in ({}) group by day order by day desc",
        places(4, DAYS_AT_ONCE)
    );
    let mut values = args![operation.unwrap_or_default(), source.unwrap_or_default()];
    values.extend(asked(customer_no, first, last).pop().unwrap_or_default());
    link.all(sql, values).await?.iter().map(|row| row.int("day")).collect()
}

/// The values of statements that each ask for [`DAYS_AT_ONCE`] days; the last day fills the places that are left.
fn asked(customer_no: i64, first: i64, last: i64) -> Vec<Vec<Value>> {
    let days: Vec<i64> = (first..=last).collect();
    let values = |days: &[i64]| {
        let filled = days.iter().copied().chain(std::iter::repeat(last)).take(DAYS_AT_ONCE);
        std::iter::once(customer_no).chain(filled).map(Value::from).collect()
    };
    days.chunks(DAYS_AT_ONCE).map(values).collect()
}

fn day_row(row: &Row, customer_no: i64) -> Result<(DayKey, Totals), DbError> {
    let key = DayKey {
        day: row.int("day")?,
        customer_no,
        operation: row.text("operation")?,
        source: row.text("source")?,
        cycle_start: row.int("cycle_start")?,
    };
    let sum = Totals {
        usages: row.int("usages")?,
        plan: row.credits("plan")?,
        courtesy: row.credits("courtesy")?,
        top_up: row.credits("top_up")?,
        requests: row.int("requests")?,
        crawls: row.int("crawls")?,
        tokens: row.int("tokens")?,
        captchas: row.int("captchas")?,
        latency_ms: row.int("latency_ms")?,
        latencies: row.int("latencies")?,
    };
    Ok((key, sum))
}

/// When the cycle began that a usage of this day was booked in.
///
/// # Errors
/// Whatever the database says.
pub async fn cycle_of(link: &mut Link, key: &DayKey, at: Instant) -> Result<Option<i64>, DbError> {
    let sql = "select max(cycle_start) as n from usage_days
         where day = $1 and customer_no = $2 and operation = $3 and source = $4 and cycle_start <= $5";
    let args = args![key.day, key.customer_no, &key.operation, &key.source, at];
    link.one(sql, args).await?.map_or(Ok(None), |row| row.opt_int("n"))
}

/// Forgets who did it, for the days from `first` to `last`: what names a source is added to what names none.
///
/// # Errors
/// Whatever the database says.
pub async fn blank_sources(link: &mut Link, customer_no: i64, first: i64, last: i64) -> Result<(), DbError> {
    let mut nameless = BTreeMap::new();
    for (key, sum) in read(link, customer_no, first, last).await? {
        if !key.source.is_empty() {
            let key = DayKey { source: String::new(), ..key };
            nameless.entry(key).or_insert_with(Totals::default).add(&sum);
        }
    }
    let sql = format!(
        "delete from usage_days where customer_no = $1 and source <> '' and day in ({})",
        places(2, DAYS_AT_ONCE)
    );
    for values in asked(customer_no, first, last) {
        link.run(sql.as_str(), values).await?;
    }
    let mut script = Script::default();
    add(&mut script, nameless);
    script.write(link).await
}
