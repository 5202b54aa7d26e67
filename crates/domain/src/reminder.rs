//! When a top-up's owners are told that it will expire (R16).
//!
//! Kinds are the catalogue's `reminder_days`: so many times 24 hours before `expires_at`. Late but useful: the
//! kind that counts is the shortest whose instant has passed, so that after an outage the 30-day mail goes out
//! while more than 7 days are left, and the 7-day mail while the grant lives.

use crate::grant::{Grant, Kind};
use crate::time::{Instant, far_future};
use chrono::TimeDelta;

/// What there is to do about a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Announce it, as the reminder of so many days.
    Announce(i64),
    /// Nothing before this instant.
    Wait(Instant),
    /// Nothing any more.
    Done,
}

/// When the reminder of so many days is due.
#[must_use]
pub fn due_at(expires_at: Instant, days: i64) -> Instant {
    TimeDelta::try_days(days).and_then(|days| expires_at.checked_sub_signed(days)).unwrap_or(expires_at)
}

/// How long a grant lives after its owners were told that it will end, in days (`require_notice`).
const NOTICE_DAYS: i64 = 7;

/// Until when a grant lives at least whose owners are told at `at` that it will end.
#[must_use]
pub fn notice_until(at: Instant) -> Instant {
    at.checked_add_signed(TimeDelta::days(NOTICE_DAYS)).unwrap_or_else(far_future)
}

/// When a grant must first be looked at; never, if it is no top-up or nothing is to be announced.
#[must_use]
pub fn first_look(grant: &Grant, reminder_days: &[i64]) -> Option<Instant> {
    let longest = reminder_days.iter().copied().max()?;
    (grant.kind == Kind::TopUp).then(|| due_at(grant.expires_at, longest))
}

/// What there is to do at `now` about a date of which `announced` are the reminders that were sent.
#[must_use]
pub fn look(expires_at: Instant, reminder_days: &[i64], announced: &[i64], now: Instant) -> Look {
    if now >= expires_at {
        return Look::Done;
    }
    let passed = reminder_days.iter().copied().filter(|days| due_at(expires_at, *days) <= now).min();
    let sent = announced.iter().copied().min();
    match passed {
        Some(days) if sent.is_none_or(|sent| sent > days) => Look::Announce(days),
        _ => {
            // A shorter one may have gone along with another grant of the same day.
            let open = reminder_days.iter().copied().filter(|days| sent.is_none_or(|sent| *days < sent));
            let next = open.map(|days| due_at(expires_at, days)).filter(|at| *at > now).min();
            next.map_or(Look::Done, Look::Wait)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reminder_is_due_once_and_late_ones_while_they_are_useful() {
        let ends: Instant = "2026-11-28T13:03:00.123Z".parse().expect("an instant");
        let check = |before: TimeDelta, announced: &[i64], want: Look| {
            assert_eq!(look(ends, &[30, 7], announced, ends - before), want, "{before} {announced:?}");
        };
        let (days, ms) = (TimeDelta::days, TimeDelta::milliseconds(1));
        check(days(31), &[], Look::Wait(ends - days(30)));
        check(days(30) + ms, &[], Look::Wait(ends - days(30)));
        check(days(30), &[], Look::Announce(30));
        check(days(30) - ms, &[30], Look::Wait(ends - days(7)));
        check(days(7) + ms, &[], Look::Announce(30));
        check(days(7), &[], Look::Announce(7));
        check(days(7), &[30], Look::Announce(7));
        check(ms, &[30], Look::Announce(7));
        check(days(6), &[30, 7], Look::Done);
        // The shorter one went along with another grant of that day.
        check(days(8), &[7], Look::Done);
        check(days(0), &[], Look::Done);
        check(-days(1), &[], Look::Done);
    }

    #[test]
    fn without_days_nothing_is_announced() {
        let ends: Instant = "2026-11-28T13:03:00Z".parse().expect("an instant");
        assert_eq!(look(ends, &[], &[], ends - TimeDelta::days(1)), Look::Done);
    }
}
