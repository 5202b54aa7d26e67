//! When credits run out, what will be missing, and what will be left of top-ups on their day, if a customer goes on
//! as before (R16, R18).
//!
//! The future is played on a copy of the account by the account's own functions: resets, booked plans,
//! expiry and the end of holds come by [`Account::begin`], use goes through the burn order. So the forecast
//! cannot disagree with what will be booked, if the pace holds.
//!
//! *Not here:* how much was used (the store knows), the words.

use crate::account::{Account, Changes};
use crate::amount::Credits;
use crate::catalog::Catalog;
use crate::grant::{Draw, Grant, Kind};
use crate::id::{GrantId, UsageId};
use crate::time::{Instant, far_future, to_millis};
use chrono::TimeDelta;
use std::collections::HashMap;

/// How far back use is looked at, in days.
pub const PACE_DAYS: i64 = 30;
/// How many days of data a forecast needs.
pub const PACE_DAYS_MIN: i64 = 7;

/// How fast credits are used: so much, evenly, over so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    used: Credits,
    over_ms: i64,
}

/// What will become of top-ups at a customer's pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// About so much will be left, and expire: two significant digits.
    Left(Credits),
    /// Other credits cover the days that are left: all of it will expire unused.
    Untouched,
    /// All of it will be used.
    AllUsed,
}

impl Pace {
    /// From when on use counts for a customer who came at `customer_since`: the last 30 days, or all there is.
    #[must_use]
    pub fn since(customer_since: Instant, now: Instant) -> Instant {
        customer_since.max(now - TimeDelta::days(PACE_DAYS))
    }

    /// The pace of a customer who came at `customer_since` and used `used` (voids taken off) from
    /// [`Pace::since`] to `now`. `None` with less than a week of data.
    #[must_use]
    pub fn of(used: Credits, customer_since: Instant, now: Instant) -> Option<Self> {
        let over = now - Self::since(customer_since, now);
        (over >= TimeDelta::days(PACE_DAYS_MIN))
            .then(|| Self { used: used.max(Credits::ZERO), over_ms: over.num_milliseconds() })
    }

    /// What is asked for from `from` up to, and not at, `until`: the n-th thousandth comes at the first
    /// millisecond at which the pace has made n of them.
    fn before(self, from: Instant, until: Instant) -> i128 {
        let passed = (until - from).num_milliseconds();
        if passed <= 0 {
            return 0;
        }
        i128::from(self.used.0) * i128::from(passed - 1) / i128::from(self.over_ms)
    }

    /// Whether anything was used.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.used.0 == 0
    }

    /// The first millisecond at which the pace has made `n` thousandths since `from`.
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

/// When credits run out, if a customer goes on as before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunsOut {
    /// When the plan's are used up, if that is before the cycle ends.
    pub plan: Option<Instant>,
    /// When a request takes the last of everything, or finds nothing, for the first time; if that is within the time
    /// that was looked at.
    pub all: Option<Instant>,
}

/// A customer's future on a copy of the account. What was asked for and could not be had is lost.
struct Future {
    account: Account,
    pace: Pace,
    since: Instant,
    at: Instant,
    asked: i128,
    missing: i128,
    out: RunsOut,
    plan_until: Instant,
}

impl Future {
    fn new(account: &Account, pace: Pace, now: Instant) -> Self {
        let (account, since) = (account.clone(), to_millis(now));
        let plan_until = account.cycle.end;
        Self { account, pace, since, at: since, asked: 0, missing: 0, out: RunsOut::default(), plan_until }
    }

    /// Use up to `end`, or to whatever falls due before it: that instant. What falls due is not booked yet.
    fn walk(&mut self, end: Instant) -> Instant {
        let stop = self.account.next_due().min(end).max(self.at);
        let total = self.pace.before(self.since, stop);
        let drawable = self.account.drawable(self.at);
        let there: Credits = drawable.iter().map(|grant| grant.remaining()).sum();
        let plan: Credits = drawable.iter().filter(|grant| grant.kind == Kind::Plan).map(|g| g.remaining()).sum();
        let asked = total - self.asked;
        if plan.is_positive() && asked >= i128::from(plan.0) && self.at < self.plan_until {
            let out = self.pace.reaches(self.since, self.asked + i128::from(plan.0));
            self.out.plan = self.out.plan.or(Some(out));
        }
        if asked > 0 && asked >= i128::from(there.0) {
            let out = self.pace.reaches(self.since, self.asked + i128::from(there.0.max(1)));
            self.out.all = self.out.all.or(Some(out));
        }
        self.missing += (asked - i128::from(there.0)).max(0);
        draw(&mut self.account, asked, self.at);
        self.asked = total;
        stop
    }

    /// Books what is due at `stop`.
    fn pass(&mut self, stop: Instant, catalog: &Catalog) {
        self.at = self.account.begin(stop, catalog, &mut Changes::default());
        self.account.forget_closed();
    }

    /// All of it, up to `end`.
    fn go(&mut self, end: Instant, catalog: &Catalog) {
        while self.at < end {
            let stop = self.walk(end);
            self.pass(stop, catalog);
        }
    }
}

/// What will be left of each of `grants` at its `expires_at`, from an account that was brought up to `now`
/// ([`Account::begin`]). Requests that find too little take what there is. Holds that are open lapse.
/// A grant that is frozen is left out: its day is not known. Order and length are those of `grants` otherwise.
#[must_use]
pub fn forecast(
    account: &Account,
    catalog: &Catalog,
    pace: Pace,
    grants: &[GrantId],
    now: Instant,
) -> Vec<(GrantId, Credits)> {
    let known = |id: &GrantId| account.grant(*id).filter(|grant| grant.frozen.is_zero());
    let ends: HashMap<GrantId, Instant> =
        grants.iter().filter_map(known).map(|grant| (grant.id, grant.expires_at)).collect();
    let mut future = Future::new(account, pace, now);
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

/// When credits run out, looking ahead to `until`. Nothing without use.
#[must_use]
pub fn runs_out(account: &Account, catalog: &Catalog, pace: Pace, now: Instant, until: Instant) -> RunsOut {
    let mut future = Future::new(account, pace, now);
    while future.at < until && future.out.all.is_none() {
        let stop = future.walk(until);
        future.pass(stop, catalog);
    }
    future.out
}

/// How much requests will ask for up to, and not at, `until` and not find.
#[must_use]
pub fn missing(account: &Account, catalog: &Catalog, pace: Pace, now: Instant, until: Instant) -> Credits {
    let mut future = Future::new(account, pace, now);
    future.go(until, catalog);
    Credits(i64::try_from(future.missing).unwrap_or(i64::MAX))
}

/// Uses up to `credits` in burn order.
fn draw(future: &mut Account, credits: i128, at: Instant) {
    let there: Credits = future.drawable(at).iter().map(|grant| grant.remaining()).sum();
    let credits = Credits(i64::try_from(credits).unwrap_or(i64::MAX)).min(there);
    if credits.is_positive() {
        // No id is needed: nothing of this is kept.
        let usage = UsageId(uuid::Uuid::nil());
        let _all_there: Result<Vec<Draw>, _> = future.charge(usage, credits, None, at, &mut Changes::default());
    }
}

/// The forecast in words' terms, for all of `grants` together: what the page and the mail say of what
/// expires on one day. `None` where none of them has anything left.
#[must_use]
pub fn outlook(account: &Account, catalog: &Catalog, pace: Pace, grants: &[GrantId], now: Instant) -> Option<Outlook> {
    let left = forecast(account, catalog, pace, grants, now);
    let has: Credits = left.iter().filter_map(|(id, _)| account.grant(*id)).map(Grant::remaining).sum();
    let left: Credits = left.iter().map(|(_, credits)| *credits).sum();
    fate(has, left)
}

/// The forecast in words' terms, for each of `grants` that has anything left.
#[must_use]
pub fn fates(
    account: &Account,
    catalog: &Catalog,
    pace: Pace,
    grants: &[GrantId],
    now: Instant,
) -> Vec<(GrantId, Outlook)> {
    let has = |id| account.grant(id).map_or(Credits::ZERO, Grant::remaining);
    let left = forecast(account, catalog, pace, grants, now);
    left.into_iter().filter_map(|(id, left)| Some((id, fate(has(id), left)?))).collect()
}

fn fate(has: Credits, left: Credits) -> Option<Outlook> {
    if !has.is_positive() {
        return None;
    }
    Some(match left {
        left if left >= has => Outlook::Untouched,
        left => match about(left) {
            about if !about.is_positive() => Outlook::AllUsed,
            // Rounding must not say that nothing will be used.
            about if about >= has => Outlook::Left(left),
            about => Outlook::Left(about),
        },
    })
}

/// Two significant digits, of whole credits: less than half a credit is nothing.
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
            let pace = Pace::of(Credits::whole(10), came, now);
            assert_eq!(pace.map(|pace| pace.over_ms / 86_400_000), since_days, "{days}");
        };
        check(6, None);
        check(7, Some(7));
        check(30, Some(30));
        check(400, Some(30));
    }
}
