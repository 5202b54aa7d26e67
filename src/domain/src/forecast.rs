//! What will be left of top-ups on their day, if a customer goes on as before (R16, R18).
//!
//! The future is played on a copy of the account by the account's own functions: resets, booked plans,
//! expiry and the end of holds come by [`Account::begin`], use goes through the burn order. So the forecast
//! cannot disagree with what will be booked, if the pace holds.
//!
//! *Not here:* how much was used (the store knows), the words.

use crate::account::{Account, Changes};
use crate::amount::Credits;
use crate::catalog::Catalog;
use crate::grant::{Draw, Grant};
use crate::id::{GrantId, UsageId};
use crate::time::{Instant, to_millis};
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
    let now = to_millis(now);
    let known = |id: &GrantId| account.grant(*id).filter(|grant| grant.frozen.is_zero());
    let ends: HashMap<GrantId, Instant> =
        grants.iter().filter_map(known).map(|grant| (grant.id, grant.expires_at)).collect();
    let mut future = account.clone();
    let mut left = HashMap::new();
    let mut at = now;
    // What was asked for and could not be had is lost, so only the total asked for is carried along.
    let mut asked = 0_i128;
    while let Some(end) = ends.iter().filter(|(id, _)| !left.contains_key(*id)).map(|(_, end)| *end).min() {
        let stop = future.next_due().min(end).max(at);
        let total = pace.before(now, stop);
        draw(&mut future, total - asked, at);
        asked = total;
        for (id, _) in ends.iter().filter(|(id, end)| **end <= stop && !left.contains_key(*id)).collect::<Vec<_>>() {
            left.insert(*id, future.grant(*id).map_or(Credits::ZERO, Grant::remaining));
        }
        at = future.begin(stop, catalog, &mut Changes::default());
        future.forget_closed();
    }
    grants.iter().filter_map(|id| left.get(id).map(|credits| (*id, *credits))).collect()
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
fn about(credits: Credits) -> Credits {
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
