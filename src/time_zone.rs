//! Instants as text in the customer's time zone, for pages and emails alike.
//!
//! *Not here:* arithmetic on instants (`domain::cycle`); reading the clock (`clock`).

use crate::domain::Instant;
use chrono::{DateTime, NaiveDate, Offset as _, SecondsFormat, TimeDelta, Utc};
use chrono_tz::{OffsetName, Tz};

/// An instant as text in UTC, with milliseconds if it has any.
#[must_use]
pub fn rfc3339(at: Instant) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// A customer's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone(Tz);

impl Zone {
    /// UTC, the default.
    pub const UTC: Self = Self(Tz::UTC);

    /// The zone of a name; an unknown one becomes UTC.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self(name.parse().unwrap_or(Tz::UTC))
    }

    fn local(self, at: Instant) -> DateTime<Tz> {
        at.with_timezone(&self.0)
    }

    fn format(self, at: Instant, pattern: &str) -> String {
        self.local(at).format(pattern).to_string()
    }

    /// `28 Nov 2026`
    #[must_use]
    pub fn day(self, at: Instant) -> String {
        self.format(at, "%-d %b %Y")
    }

    /// `28 Nov`
    #[must_use]
    pub fn short_day(self, at: Instant) -> String {
        self.format(at, "%-d %b")
    }

    /// `Nov 2026`
    #[must_use]
    pub fn month(self, at: Instant) -> String {
        self.format(at, "%b %Y")
    }

    /// `28 Nov 2026, 14:03`, below a heading that names the zone.
    #[must_use]
    pub fn minute(self, at: Instant) -> String {
        self.format(at, "%-d %b %Y, %H:%M")
    }

    /// `28 Nov 2026, 14:03 CET`
    #[must_use]
    pub fn full(self, at: Instant) -> String {
        format!("{} {}", self.minute(at), self.abbreviation(at))
    }

    /// `28 Nov 2026 at 14:03 CET`, inside a sentence.
    #[must_use]
    pub fn sentence(self, at: Instant) -> String {
        format!("{} at {} {}", self.day(at), self.clock(at), self.abbreviation(at))
    }

    /// `14:03`
    #[must_use]
    pub fn clock(self, at: Instant) -> String {
        self.format(at, "%H:%M")
    }

    /// `14:03:27 CET`
    #[must_use]
    pub fn second(self, at: Instant) -> String {
        format!("{} {}", self.format(at, "%H:%M:%S"), self.abbreviation(at))
    }

    /// `CET`, or `UTC−3` and `UTC+5:30` for zones without an abbreviation. Depends on the season.
    #[must_use]
    pub fn abbreviation(self, at: Instant) -> String {
        let local = self.local(at);
        match local.offset().abbreviation() {
            Some(name) if name.starts_with(|c: char| c.is_ascii_alphabetic()) => name.to_owned(),
            _ => from_utc(local.offset().fix().local_minus_utc() / 60),
        }
    }

    /// `UTC+1`
    #[must_use]
    pub fn offset(self, at: Instant) -> String {
        from_utc(self.local(at).offset().fix().local_minus_utc() / 60)
    }

    /// The start of a calendar day: midnight, or a little later if the clocks go forward then.
    #[must_use]
    pub fn day_start(self, day: NaiveDate) -> Option<Instant> {
        let quarter = |n| day.and_hms_opt(0, 0, 0)?.checked_add_signed(TimeDelta::minutes(15 * n));
        let local = (0..=96_i64).filter_map(quarter).find_map(|at| at.and_local_timezone(self.0).earliest());
        local.map(|at| at.with_timezone(&Utc))
    }

    /// The calendar day of an instant: `2026-11-28`.
    #[must_use]
    pub fn date(self, at: Instant) -> NaiveDate {
        self.local(at).date_naive()
    }

    /// Calendar days from `now` until `at`.
    #[must_use]
    pub fn days_until(self, now: Instant, at: Instant) -> i64 {
        (self.local(at).date_naive() - self.local(now).date_naive()).num_days()
    }

    /// `11 days before your reset`
    #[must_use]
    pub fn before_reset(self, at: Instant, resets_at: Instant) -> String {
        match self.days_until(at, resets_at) {
            i64::MIN..=0 => "just before your reset".to_owned(),
            1 => "1 day before your reset".to_owned(),
            days => format!("{days} days before your reset"),
        }
    }

    #[must_use]
    pub fn same_day(self, a: Instant, b: Instant) -> bool {
        self.days_until(a, b) == 0
    }
}

/// `UTC+5:30`; `minutes` count east.
fn from_utc(minutes: i32) -> String {
    let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
    let sign = if minutes < 0 { '\u{2212}' } else { '+' };
    match (hours, rest) {
        (0, 0) => "UTC".to_owned(),
        (_, 0) => format!("UTC{sign}{hours}"),
        _ => format!("UTC{sign}{hours}:{rest:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        text.parse().expect("an instant")
    }

    #[test]
    fn dates_are_read_in_the_customers_zone() {
        let berlin = Zone::named("Europe/Berlin");
        let expiry = at("2026-11-28T13:03:00.123Z");
        assert_eq!(berlin.full(expiry), "28 Nov 2026, 14:03 CET");
        assert_eq!(berlin.sentence(expiry), "28 Nov 2026 at 14:03 CET");
        assert_eq!(berlin.abbreviation(at("2026-07-01T00:00:00Z")), "CEST");
        assert_eq!(Zone::named("no such zone"), Zone::UTC);
        assert_eq!(Zone::UTC.full(expiry), "28 Nov 2026, 13:03 UTC");
    }

    #[test]
    fn a_day_begins_at_midnight_or_where_the_clocks_leave_it() {
        let check = |zone: &str, day: &str, want: &str| {
            let day = day.parse().expect("a day");
            assert_eq!(Zone::named(zone).day_start(day), Some(at(want)), "{zone} {day}");
        };
        check("Europe/Berlin", "2026-11-28", "2026-11-27T23:00:00Z");
        check("UTC", "2024-02-29", "2024-02-29T00:00:00Z");
        check("America/Santiago", "2026-09-06", "2026-09-06T04:00:00Z");
        check("America/Havana", "2026-11-01", "2026-11-01T04:00:00Z");
        check("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z");
    }

    #[test]
    fn a_zone_without_letters_is_named_by_its_offset() {
        let check = |zone: &str, want: &str| {
            assert_eq!(Zone::named(zone).abbreviation(at("2026-11-28T13:03:00Z")), want, "{zone}");
        };
        check("Asia/Dubai", "UTC+4");
        check("Asia/Kathmandu", "UTC+5:45");
        check("America/Sao_Paulo", "UTC\u{2212}3");
        check("Pacific/Marquesas", "UTC\u{2212}9:30");
        check("Pacific/Kiritimati", "UTC+14");
        check("Asia/Kolkata", "IST");
    }

    #[test]
    fn every_zone_has_a_name_in_both_seasons() {
        let seasons = [at("2026-01-15T12:00:00Z"), at("2026-07-15T12:00:00Z")];
        for zone in chrono_tz::TZ_VARIANTS {
            for at in seasons {
                let name = Zone(zone).abbreviation(at);
                let digits = name.strip_prefix("UTC+").or(name.strip_prefix("UTC\u{2212}"));
                let is_offset = digits.is_some_and(|digits| {
                    let (hours, rest) = digits.split_once(':').unwrap_or((digits, "30"));
                    hours.parse::<u8>().is_ok_and(|hours| hours <= 14) && matches!(rest, "15" | "30" | "45")
                });
                let is_letters = name.len() >= 2 && name.chars().all(|c| c.is_ascii_alphabetic());
                assert!(is_letters || is_offset, "{zone}: {name:?}");
            }
        }
        // Its summer is that of Greenwich.
        assert_eq!(Zone::named("Atlantic/Azores").abbreviation(seasons[1]), "UTC");
    }

    #[test]
    fn days_are_counted_on_the_customers_calendar() {
        let new_york = Zone::named("America/New_York");
        // 23:30 on the 22nd in New York is the 23rd in UTC.
        let now = at("2026-11-23T04:30:00Z");
        let expiry = at("2026-11-23T12:00:00Z");
        assert_eq!(new_york.days_until(now, expiry), 1);
        assert_eq!(Zone::UTC.days_until(now, expiry), 0);
        assert!(Zone::UTC.same_day(now, expiry));
    }
}
