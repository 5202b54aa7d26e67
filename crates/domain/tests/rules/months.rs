//! Months, compared with a calendar that counts days.

use crate::calendar::{DAY, Date, HOUR, MINUTE, a_year_after, boundary_after, boundary_before, days_in_month};
use topup_domain::account::top_up_expiry;
use topup_domain::cycle::{add_months, next_boundary};
use topup_domain::time::from_millis;
use topup_domain::{Catalog, Cycle};

/// Past, present and far future: months of 31 days, so that an anchor on any day exists.
const ANCHOR_MONTHS: [(i64, i64); 4] = [(1999, 12), (2024, 1), (2036, 8), (2071, 5)];
const TIMES: [i64; 3] = [0, 14 * HOUR + 3 * MINUTE + 123, DAY - 1];

/// Every boundary of an anchor on `day` from 2023 to 2050, found by walking over all days.
fn boundaries(day: i64, into: i64) -> Vec<i64> {
    let mut date = Date { year: 2023, month: 1, day: 1, into };
    let mut out = Vec::new();
    while date.year < 2051 {
        let last = days_in_month(date.year, date.month);
        if date.day == day.min(last) {
            out.push(date.ms());
        }
        date = date.tomorrow();
    }
    out
}

fn millis(cycle: Cycle) -> (i64, i64) {
    (cycle.start.timestamp_millis(), cycle.end.timestamp_millis())
}

#[test]
fn every_day_of_2024_to_2048_lies_in_the_cycle_that_counting_days_finds() {
    let first = Date { year: 2024, month: 1, day: 1, into: 0 };
    let days = 25 * 365 + 7;
    for (turn, into) in (28..=31).flat_map(|turn| TIMES.map(|into| (turn, into))) {
        let table = boundaries(turn, into);
        let mut place = 0;
        for (day, beside) in (0..days).flat_map(|day| [into - 1, into, into + DAY / 2].map(|beside| (day, beside))) {
            let at = first.ms() + day * DAY + beside;
            place = (place.max(1) - 1..table.len()).find(|i| table[*i] <= at && at < table[i + 1]).unwrap();
            let expected = (table[place], table[place + 1]);
            for (year, month) in ANCHOR_MONTHS {
                let anchor = from_millis(Date { year, month, day: turn, into }.ms());
                assert_eq!(Cycle::containing(anchor, from_millis(at)).map(millis), Some(expected));
                assert_eq!(next_boundary(anchor, from_millis(at)), Some(from_millis(expected.1)));
            }
        }
    }
}

#[test]
fn cycles_follow_one_another_through_the_whole_table() {
    for turn in 28..=31 {
        let table = boundaries(turn, TIMES[1]);
        let anchor = from_millis(Date { year: 2024, month: 1, day: turn, into: TIMES[1] }.ms());
        let mut cycle = Cycle::containing(anchor, from_millis(table[0])).unwrap();
        for pair in table.windows(2) {
            assert_eq!(millis(cycle), (pair[0], pair[1]));
            cycle = cycle.next(anchor).unwrap();
        }
    }
}

#[test]
fn a_changed_anchor_acts_from_the_next_boundary() {
    let at = |year, month, day| from_millis(Date { year, month, day, into: HOUR }.ms());
    let cycle = Cycle { start: at(2026, 1, 4), end: at(2026, 2, 4) };
    let next = cycle.next(at(2019, 5, 20)).unwrap();
    assert_eq!(next, Cycle { start: at(2026, 2, 4), end: at(2026, 2, 20) });
    assert_eq!(next.next(at(2019, 5, 20)).unwrap().end, at(2026, 3, 20));
}

#[test]
fn a_top_up_bought_on_any_day_of_2024_to_2048_dies_twelve_months_later_to_the_millisecond() {
    let catalog = Catalog::parse(include_str!("../../../../catalog.toml")).unwrap();
    let mut date = Date { year: 2024, month: 1, day: 1, into: TIMES[1] };
    while date.year < 2049 {
        let dies = top_up_expiry(from_millis(date.ms()), catalog.rules.top_up_months);
        assert_eq!(dies.timestamp_millis(), a_year_after(date.ms()), "{date:?}");
        date = date.tomorrow();
    }
    let leap = Date { year: 2028, month: 2, day: 29, into: DAY - 1 };
    let dies = top_up_expiry(from_millis(leap.ms()), catalog.rules.top_up_months);
    assert_eq!(dies.to_string(), "2029-02-28 23:59:59.999 UTC");
}

#[test]
fn any_anchor_and_any_instant_agree_with_counting_days() {
    // The second calendar begins in 1970, and walks back a month.
    let instants = || 100 * DAY..130 * 365 * DAY;
    crate::for_all(20, (instants(), instants()), |(anchor, at)| {
        let cycle = Cycle::containing(from_millis(anchor), from_millis(at)).map(millis);
        assert_eq!(cycle, Some((boundary_before(anchor, at), boundary_after(anchor, at))));
        assert_eq!(next_boundary(from_millis(anchor), from_millis(at)), Some(from_millis(boundary_after(anchor, at))));
    });
}

#[test]
fn a_calendar_that_ends_says_so() {
    let end = chrono::DateTime::<chrono::Utc>::MAX_UTC;
    assert_eq!(add_months(end, 1), None);
    assert_eq!(next_boundary(from_millis(0), end), None);
    assert_eq!(Cycle::containing(from_millis(0), end), None);
}

#[test]
fn the_second_calendar_agrees_with_itself_and_with_known_dates() {
    assert_eq!(crate::calendar::date(951_782_400_000), Date { year: 2000, month: 2, day: 29, into: 0 });
    assert_eq!(crate::calendar::date(4_107_542_400_000), Date { year: 2100, month: 3, day: 1, into: 0 });
    let mut date = Date { year: 1970, month: 1, day: 1, into: 7 };
    for day in 0..60_000 {
        assert_eq!((date.ms(), crate::calendar::date(day * DAY + 7)), (day * DAY + 7, date));
        assert_eq!(date.tomorrow().yesterday(), date);
        date = date.tomorrow();
    }
}

#[test]
fn reminders_of_every_day_of_2024_to_2048_are_due_at_their_own_millisecond() {
    use topup_domain::reminder::{ReminderStep, due_at, reminder_step};
    let mut date = Date { year: 2024, month: 1, day: 1, into: TIMES[1] };
    while date.year < 2049 {
        // By counting milliseconds: 30 and 7 times 24 hours, in any month.
        let ends = a_year_after(date.ms());
        for days in [30, 7] {
            let due = ends - days * 24 * HOUR;
            assert_eq!(due_at(from_millis(ends), days).timestamp_millis(), due);
            let sent: &[i64] = if days == 30 { &[] } else { &[30] };
            let at = |ms: i64| reminder_step(from_millis(ends), &[30, 7], sent, from_millis(ms));
            assert_eq!(
                (at(due - 1), at(due)),
                (ReminderStep::Wait(from_millis(due)), ReminderStep::Announce(days)),
                "{date:?}"
            );
        }
        assert_eq!(reminder_step(from_millis(ends), &[30, 7], &[30], from_millis(ends)), ReminderStep::Done);
        date = date.tomorrow();
    }
}
