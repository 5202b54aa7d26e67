//! Calendar days of customers, for every day of 2024 to 2048, against offsets written down here from the laws, without the
//! zones' own database.

use topup::domain::time::from_millis;
use topup::time_zone::Zone;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970 of a date.
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let years: i64 = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 }).sum();
    years + (1..month).map(|month| days_in(year, month)).sum::<i64>() + day - 1
}

/// The n-th Sunday of a month, or its last for 0: days since 1970, which began on a Thursday.
fn sunday(year: i64, month: i64, nth: i64) -> i64 {
    let from = if nth == 0 {
        day_number(year, month, days_in(year, month) - 6)
    } else {
        day_number(year, month, 1 + 7 * (nth - 1))
    };
    from + (10 - from % 7) % 7
}

/// Minutes east of Greenwich at an instant of a year.
fn offset(zone: &str, year: i64, at: i64) -> i64 {
    let between =
        |from: i64, until: i64, inside: i64, outside: i64| if from <= at && at < until { inside } else { outside };
    match zone {
        // The last Sundays of March and October, 01:00 UTC.
        "Europe/Berlin" => between(sunday(year, 3, 0) * DAY + HOUR, sunday(year, 10, 0) * DAY + HOUR, 120, 60),
        // The second Sunday of March and the first of November, 02:00 of the clock that ends.
        "America/New_York" => {
            between(sunday(year, 3, 2) * DAY + 7 * HOUR, sunday(year, 11, 1) * DAY + 6 * HOUR, -240, -300)
        }
        "America/St_Johns" => between(
            sunday(year, 3, 2) * DAY + 5 * HOUR + 30 * MINUTE,
            sunday(year, 11, 1) * DAY + 4 * HOUR + 30 * MINUTE,
            -150,
            -210,
        ),
        // Winter lies within the year: first Sunday of April to first of October, half an hour.
        "Australia/Lord_Howe" => {
            between(sunday(year, 4, 1) * DAY - 9 * HOUR, sunday(year, 10, 1) * DAY - 8 * HOUR - 30 * MINUTE, 630, 660)
        }
        // First Sunday of April to last of September, at 14:00 UTC of the Saturday.
        "Pacific/Chatham" => {
            between(sunday(year, 4, 1) * DAY - 10 * HOUR, sunday(year, 9, 0) * DAY - 10 * HOUR, 765, 825)
        }
        "Asia/Kathmandu" => 345,
        "Asia/Kolkata" => 330,
        "Pacific/Kiritimati" => 840,
        _ => 0,
    }
}

const ZONES: [&str; 9] = [
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Pacific/Kiritimati",
    "UTC",
];

#[test]
fn every_day_of_2024_to_2048_begins_where_the_laws_of_nine_zones_say() {
    for name in ZONES {
        let zone = Zone::named(name);
        for year in 2024..2049 {
            let (first, last) = (day_number(year, 1, 1), day_number(year, 12, 31));
            // A day's edge at new year lies in the year before or after: the offset there is that of winter or summer alike.
            for day in first + 1..last {
                // Midnight as the clock of that morning has it; no law above moves the clock at midnight.
                let noon = day * DAY + 12 * HOUR;
                let guess = day * DAY - offset(name, year, noon) * MINUTE;
                let midnight = day * DAY - offset(name, year, guess) * MINUTE;
                let before = from_millis(midnight - 1);
                let (start, mid) = (from_millis(midnight), from_millis(noon - offset(name, year, noon) * MINUTE));
                assert!(zone.same_day(start, mid), "{name} {start}");
                assert!(!zone.same_day(before, start), "{name} {start}");
                assert_eq!(zone.days_until(before, mid), 1, "{name} {start}");
                assert_eq!(zone.clock(start), "00:00", "{name} {start}");
                assert_eq!(zone.clock(mid), "12:00", "{name} {mid}");
            }
        }
    }
}

#[test]
fn days_of_23_and_25_hours_are_one_day_each() {
    for (name, day, hours) in [
        ("Europe/Berlin", day_number(2027, 3, 28), 23),
        ("Europe/Berlin", day_number(2027, 10, 31), 25),
        ("America/New_York", day_number(2027, 3, 14), 23),
        ("America/New_York", day_number(2027, 11, 7), 25),
    ] {
        let zone = Zone::named(name);
        let midnight = day * DAY - offset(name, 2027, day * DAY - 12 * HOUR) * MINUTE;
        let at = |ms: i64| from_millis(midnight + ms);
        assert!(zone.same_day(at(0), at(hours * HOUR - 1)), "{name}");
        assert!(!zone.same_day(at(0), at(hours * HOUR)), "{name}");
    }
}
