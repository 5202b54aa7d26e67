//! An independent calendar: months counted from an instant, clamped to the month's last day, in UTC.

const DAY: i64 = 86_400_000;

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        1 => 28 + i64::from(is_leap(year)),
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

/// `months` after `at`, both in milliseconds since 1970. Months are counted from 0.
pub fn months_after(at: i64, months: i64) -> i64 {
    let (mut days, time) = (at.div_euclid(DAY), at.rem_euclid(DAY));
    let (mut year, mut month) = (1970, 0);
    while days >= days_in(year, month) {
        days -= days_in(year, month);
        (year, month) = if month == 11 { (year + 1, 0) } else { (year, month + 1) };
    }
    let (then_year, then_month) = ((year * 12 + month + months).div_euclid(12), (month + months).rem_euclid(12));
    let day = days.min(days_in(then_year, then_month) - 1);
    let before: i64 = (1970 * 12..then_year * 12 + then_month).map(|m| days_in(m / 12, m % 12)).sum();
    (before + day) * DAY + time
}

#[test]
fn the_models_calendar_clamps_and_counts_from_the_anchor() {
    let at = |text: &str| text.parse::<topup::domain::Instant>().unwrap().timestamp_millis();
    let anchor = at("2027-01-31T23:59:59.999Z");
    for (months, want) in [
        (0, "2027-01-31"),
        (1, "2027-02-28"),
        (2, "2027-03-31"),
        (3, "2027-04-30"),
        (11, "2027-12-31"),
        (13, "2028-02-29"),
        (25, "2029-02-28"),
    ] {
        assert_eq!(months_after(anchor, months), at(&format!("{want}T23:59:59.999Z")), "{months}");
    }
    assert_eq!(months_after(at("2028-02-29T00:00:00Z"), 12), at("2029-02-28T00:00:00Z"));
}
