//! The forecast (R16, R18): when credits run out, how many requests will find none, and how many credits each top-up
//! will lose.
//!
//! The forecast runs the account's own functions on a copy. [`Account::catch_up`] books resets, plan changes, expiries and
//! lapses; usage goes through the burn order. So the forecast equals the later ledger if the usage rate holds.
//!
//! *Not here:* the usage of the last days (the store has it), and words.

use crate::account::{Account, Changes};
use crate::amount::Credits;
use crate::catalog::Catalog;
use crate::grant::{Draw, Grant, Kind};
use crate::id::{GrantId, UsageId};
use crate::time::{Instant, far_future, to_millis};
use chrono::TimeDelta;
use std::collections::HashMap;

/// The days of usage that count.
pub const USAGE_RATE_DAYS: i64 = 30;
/// The days of data that a forecast needs.
pub const USAGE_RATE_DAYS_MIN: i64 = 7;

/// The usage rate: credits used evenly over a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageRate {
    used: Credits,
    over_ms: i64,
}

/// The forecast of top-ups, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopUpForecast {
    /// About this many credits will be left and expire, in two significant digits.
    Left(Credits),
    /// Other credits cover the days left: all of it will expire unused.
    Untouched,
    AllUsed,
}

impl UsageRate {
    /// The start of the usage that counts: 30 days ago, or the customer's start.
    #[must_use]
    pub fn since(customer_since: Instant, now: Instant) -> Instant {
        customer_since.max(now - TimeDelta::days(USAGE_RATE_DAYS))
    }

    /// The usage rate of a customer who has used `used` since [`UsageRate::since`], without voided usages. `None` with less
    /// than a week of data.
    #[must_use]
    pub fn new(used: Credits, customer_since: Instant, now: Instant) -> Option<Self> {
        let over = now - Self::since(customer_since, now);
        (over >= TimeDelta::days(USAGE_RATE_DAYS_MIN))
            .then(|| Self { used: used.max(Credits::ZERO), over_ms: over.num_milliseconds() })
    }

    /// The thousandths used in `[from, until)`. The n-th falls on the first millisecond at which the rate has reached
    /// n.
    fn before(self, from: Instant, until: Instant) -> i128 {
        let passed = (until - from).num_milliseconds();
        if passed <= 0 {
            return 0;
        }
        i128::from(self.used.0) * i128::from(passed - 1) / i128::from(self.over_ms)
    }

    /// The credits used on an average day.
    #[must_use]
    pub fn per_day(self) -> Credits {
        let day = i128::from(self.used.0) * 86_400_000 / i128::from(self.over_ms.max(1));
        Credits(i64::try_from(day).unwrap_or(i64::MAX))
    }

    /// The credits used in this many milliseconds.
    #[must_use]
    pub fn in_millis(self, millis: i64) -> Credits {
        let used = i128::from(self.used.0) * i128::from(millis.max(0)) / i128::from(self.over_ms.max(1));
        Credits(i64::try_from(used).unwrap_or(i64::MAX))
    }

    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.used.0 == 0
    }

    /// The first millisecond at which the rate has reached `n` thousandths since `from`.
    fn reaches(self, from: Instant, n: i128) -> Instant {
        let used = i128::from(self.used.0).max(1);
        let passed = (n * i128::from(self.over_ms) + used - 1) / used;
        i64::try_from(passed)
            .ok()
            .and_then(TimeDelta::try_milliseconds)
            .and_then(|passed| from.checked_add_signed(passed))
            .unwrap_or_else(far_future)
    }
}

/// The instants at which credits run out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunsOut {
    /// The end of plan credits, if it is before the cycle's end.
    pub plan: Option<Instant>,
    /// The first request that takes the last credit or finds none, if it is before the end of the forecast.
    pub all: Option<Instant>,
}

/// The future of a customer on a copy of the account. Usage that finds no credits is lost.
struct Simulation {
    account: Account,
    rate: UsageRate,
    since: Instant,
    at: Instant,
    asked: i128,
    missing: i128,
    out: RunsOut,
    plan_until: Instant,
}

impl Simulation {
    fn new(account: &Account, rate: UsageRate, now: Instant) -> Self {
        let (account, since) = (account.clone(), to_millis(now));
        let plan_until = account.cycle.end;
        Self { account, rate, since, at: since, asked: 0, missing: 0, out: RunsOut::default(), plan_until }
    }

    /// Uses credits up to `end` or the next due instant, and returns that instant. Nothing due is booked yet.
    fn walk(&mut self, end: Instant) -> Instant {
        let stop = self.account.next_due().min(end).max(self.at);
        let total = self.rate.before(self.since, stop);
        let drawable = self.account.drawable(self.at);
        let there: Credits = drawable.iter().map(|grant| grant.remaining()).sum();
        let plan: Credits = drawable.iter().filter(|grant| grant.kind == Kind::Plan).map(|g| g.remaining()).sum();
        let asked = total - self.asked;
        if plan.is_positive() && asked >= i128::from(plan.0) && self.at < self.plan_until {
            let out = self.rate.reaches(self.since, self.asked + i128::from(plan.0));
            self.out.plan = self.out.plan.or(Some(out));
        }
        if asked > 0 && asked >= i128::from(there.0) {
            let out = self.rate.reaches(self.since, self.asked + i128::from(there.0.max(1)));
            self.out.all = self.out.all.or(Some(out));
        }
        self.missing += (asked - i128::from(there.0)).max(0);
        draw(&mut self.account, asked, self.at);
        self.asked = total;
        stop
    }

    /// Books everything due at `stop`.
    fn pass(&mut self, stop: Instant, catalog: &Catalog) {
        self.at = self.account.catch_up(stop, catalog, &mut Changes::default());
        self.account.forget_closed();
    }

    fn run_until(&mut self, end: Instant, catalog: &Catalog) {
        while self.at < end {
            let stop = self.walk(end);
            self.pass(stop, catalog);
        }
    }
}

/// The credits left in each of `grants` at its `expires_at`, in their order. The account is caught up to `now`
/// ([`Account::catch_up`]). Requests that find too little take the rest; open holds lapse. Frozen grants are left out,
/// because their date is unknown.
#[must_use]
pub fn left_at_expiry(
    account: &Account,
    catalog: &Catalog,
    rate: UsageRate,
    grants: &[GrantId],
    now: Instant,
) -> Vec<(GrantId, Credits)> {
    let with_date = |id: &GrantId| account.grant(*id).filter(|grant| grant.frozen.is_zero());
    let ends: HashMap<GrantId, Instant> =
        grants.iter().filter_map(with_date).map(|grant| (grant.id, grant.expires_at)).collect();
    let mut future = Simulation::new(account, rate, now);
    let mut left = HashMap::new();
    while let Some(end) = ends.iter().filter(|(id, _)| !left.contains_key(*id)).map(|(_, end)| *end).min() {
        let stop = future.walk(end);
        for (id, _) in ends.iter().filter(|(id, end)| **end <= stop && !left.contains_key(*id)).collect::<Vec<_>>() {
            left.insert(*id, future.account.grant(*id).map_or(Credits::ZERO, Grant::remaining));
        }
        future.pass(stop, catalog);
    }
    grants.iter().filter_map(|id| left.get(id).map(|credits| (*id, *credits))).collect()
}

/// The instants at which credits run out, up to `until`. Both are `None` without usage.
#[must_use]
pub fn runs_out(account: &Account, catalog: &Catalog, rate: UsageRate, now: Instant, until: Instant) -> RunsOut {
    let mut future = Simulation::new(account, rate, now);
    while future.at < until && future.out.all.is_none() {
        let stop = future.walk(until);
        future.pass(stop, catalog);
    }
    future.out
}

/// The credits that requests will lack in `[now, until)`.
#[must_use]
pub fn missing_credits(account: &Account, catalog: &Catalog, rate: UsageRate, now: Instant, until: Instant) -> Credits {
    let mut future = Simulation::new(account, rate, now);
    future.run_until(until, catalog);
    Credits(i64::try_from(future.missing).unwrap_or(i64::MAX))
}

/// Uses up to `credits` in burn order.
fn draw(future: &mut Account, credits: i128, at: Instant) {
    let there: Credits = future.drawable(at).iter().map(|grant| grant.remaining()).sum();
    let credits = Credits(i64::try_from(credits).unwrap_or(i64::MAX)).min(there);
    if credits.is_positive() {
        // The copy is thrown away, so any id does.
        let usage = UsageId(uuid::Uuid::nil());
        let _all_there: Result<Vec<Draw>, _> = future.charge(usage, credits, None, at, &mut Changes::default());
    }
}

/// The forecast of all `grants` together, for the page and the email about one day. `None` if none of them has credits
/// left.
#[must_use]
pub fn top_ups_together(
    account: &Account,
    catalog: &Catalog,
    rate: UsageRate,
    grants: &[GrantId],
    now: Instant,
) -> Option<TopUpForecast> {
    let left = left_at_expiry(account, catalog, rate, grants, now);
    let has: Credits = left.iter().filter_map(|(id, _)| account.grant(*id)).map(Grant::remaining).sum();
    let left: Credits = left.iter().map(|(_, credits)| *credits).sum();
    top_up_forecast(has, left)
}

/// The forecast of each of `grants` that has credits left.
#[must_use]
pub fn each_top_up(
    account: &Account,
    catalog: &Catalog,
    rate: UsageRate,
    grants: &[GrantId],
    now: Instant,
) -> Vec<(GrantId, TopUpForecast)> {
    let has = |id| account.grant(id).map_or(Credits::ZERO, Grant::remaining);
    let left = left_at_expiry(account, catalog, rate, grants, now);
    left.into_iter().filter_map(|(id, left)| Some((id, top_up_forecast(has(id), left)?))).collect()
}

fn top_up_forecast(has: Credits, left: Credits) -> Option<TopUpForecast> {
    if !has.is_positive() {
        return None;
    }
    Some(match left {
        left if left >= has => TopUpForecast::Untouched,
        left => match about(left) {
            about if !about.is_positive() => TopUpForecast::AllUsed,
            // Rounding must not turn some usage into none.
            about if about >= has => TopUpForecast::Left(left),
            about => TopUpForecast::Left(about),
        },
    })
}

/// Two significant digits of whole credits; less than half a credit is 0.
#[must_use]
pub fn about(credits: Credits) -> Credits {
    let mut unit = 1_000;
    while credits.0 / unit >= 100 {
        unit *= 10;
    }
    Credits(credits.0.saturating_add(unit / 2) / unit * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_has_two_significant_digits() {
        let check = |thousandths, want| assert_eq!(about(Credits(thousandths)), Credits::whole(want), "{thousandths}");
        check(0, 0);
        check(499, 0);
        check(500, 1);
        check(99_499, 99);
        check(99_500, 100);
        check(639_583, 640);
        check(644_999, 640);
        check(645_000, 650);
        check(996_000, 1_000);
        check(19_543_125, 20_000);
    }

    #[test]
    fn a_pace_needs_a_week_and_looks_back_thirty_days() {
        let now: Instant = "2026-11-22T14:03:00Z".parse().expect("an instant");
        let check = |days: i64, since_days: Option<i64>| {
            let came = now - TimeDelta::days(days);
            let rate = UsageRate::new(Credits::whole(10), came, now);
            assert_eq!(rate.map(|rate| rate.over_ms / 86_400_000), since_days, "{days}");
        };
        check(6, None);
        check(7, Some(7));
        check(30, Some(30));
        check(400, Some(30));
    }
}
