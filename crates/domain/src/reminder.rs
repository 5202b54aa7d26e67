//! Reminders before a top-up expires (R16).
//!
//! A kind is a number of the catalogue's `reminder_days`: that many times 24 hours before `expires_at`. After an outage
//! the shortest kind that is due counts: the 30-day email goes out while more than 7 days are left, and the 7-day email
//! while the grant lives.

use crate::grant::{Grant, Kind};
use crate::time::{Instant, far_future};
use chrono::TimeDelta;

/// The next step for an expiry date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReminderStep {
    /// Send the reminder of this many days.
    Announce(i64),
    /// Nothing is due before this instant.
    Wait(Instant),
    Done,
}

/// The instant at which the reminder of `days` is due.
#[must_use]
pub fn due_at(expires_at: Instant, days: i64) -> Instant {
    TimeDelta::try_days(days).and_then(|days| expires_at.checked_sub_signed(days)).unwrap_or(expires_at)
}

/// Days that a grant lives after a reminder reached its owners (`require_notice`, R9).
const NOTICE_DAYS: i64 = 7;

/// The earliest expiry of a grant whose owners get a reminder at `at`.
#[must_use]
pub fn notice_until(at: Instant) -> Instant {
    at.checked_add_signed(TimeDelta::days(NOTICE_DAYS)).unwrap_or_else(far_future)
}

/// The instant of a top-up's first reminder; `None` for other kinds.
#[must_use]
pub fn first_reminder_at(grant: &Grant, reminder_days: &[i64]) -> Option<Instant> {
    let longest = reminder_days.iter().copied().max()?;
    (grant.kind == Kind::TopUp).then(|| due_at(grant.expires_at, longest))
}

/// The next step at `now`, after the reminders in `announced`.
#[must_use]
pub fn reminder_step(expires_at: Instant, reminder_days: &[i64], announced: &[i64], now: Instant) -> ReminderStep {
    if now >= expires_at {
        return ReminderStep::Done;
    }
    let passed = reminder_days.iter().copied().filter(|days| due_at(expires_at, *days) <= now).min();
    let sent = announced.iter().copied().min();
    match passed {
        Some(days) if sent.is_none_or(|sent| sent > days) => ReminderStep::Announce(days),
        _ => {
            // A shorter kind may have been sent with another grant of the same day.
            let open = reminder_days.iter().copied().filter(|days| sent.is_none_or(|sent| *days < sent));
            let next = open.map(|days| due_at(expires_at, days)).filter(|at| *at > now).min();
            next.map_or(ReminderStep::Done, ReminderStep::Wait)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reminder_is_due_once_and_late_ones_while_they_are_useful() {
        let ends: Instant = "2026-11-28T13:03:00.123Z".parse().expect("an instant");
        let check = |before: TimeDelta, announced: &[i64], want: ReminderStep| {
            assert_eq!(reminder_step(ends, &[30, 7], announced, ends - before), want, "{before} {announced:?}");
        };
        let (days, ms) = (TimeDelta::days, TimeDelta::milliseconds(1));
        check(days(31), &[], ReminderStep::Wait(ends - days(30)));
        check(days(30) + ms, &[], ReminderStep::Wait(ends - days(30)));
        check(days(30), &[], ReminderStep::Announce(30));
        check(days(30) - ms, &[30], ReminderStep::Wait(ends - days(7)));
        check(days(7) + ms, &[], ReminderStep::Announce(30));
        check(days(7), &[], ReminderStep::Announce(7));
        check(days(7), &[30], ReminderStep::Announce(7));
        check(ms, &[30], ReminderStep::Announce(7));
        check(days(6), &[30, 7], ReminderStep::Done);
        // The shorter kind was sent with another grant of that day.
        check(days(8), &[7], ReminderStep::Done);
        check(days(0), &[], ReminderStep::Done);
        check(-days(1), &[], ReminderStep::Done);
    }

    #[test]
    fn without_days_nothing_is_announced() {
        let ends: Instant = "2026-11-28T13:03:00Z".parse().expect("an instant");
        assert_eq!(reminder_step(ends, &[], &[], ends - TimeDelta::days(1)), ReminderStep::Done);
    }
}
