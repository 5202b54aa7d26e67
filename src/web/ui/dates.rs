//! Instants in a customer's time zone, for people and with the machine's form beside.

use crate::domain::Instant;
use crate::time_zone;
use chrono::SecondsFormat;
use leptos::prelude::*;

/// An instant and its words: `<time datetime="…">28 Nov 2026</time>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    pub at: Instant,
    pub text: String,
}

impl Moment {
    /// RFC 3339 in UTC, to the second: the `datetime` attribute.
    #[must_use]
    pub fn machine(&self) -> String {
        self.at.to_rfc3339_opts(SecondsFormat::Secs, true)
    }
}

/// An instant: `<time datetime="…">28 Nov 2026</time>`.
#[component]
pub fn When(moment: Moment) -> impl IntoView {
    let machine = moment.machine();
    view! { <time datetime=machine>{moment.text}</time> }
}

/// A customer's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone(time_zone::Zone);

impl Zone {
    /// For customers without a zone of their own.
    pub const UTC: Self = Self(time_zone::Zone::UTC);

    #[must_use]
    pub fn named(name: &str) -> Self {
        Self(time_zone::Zone::named(name))
    }

    /// `28 Nov 2026`
    #[must_use]
    pub fn day(self, at: Instant) -> Moment {
        Moment { at, text: self.0.day(at) }
    }

    /// `28 Nov`, for days whose year goes without saying.
    #[must_use]
    pub fn short_day(self, at: Instant) -> Moment {
        Moment { at, text: self.0.short_day(at) }
    }

    /// About when, no more precisely than can be known: `28 Nov` within six weeks of `now`, else `Mar 2027`.
    #[must_use]
    pub fn about(self, now: Instant, at: Instant) -> Moment {
        let near = self.days_until(now, at) <= 42;
        Moment { at, text: if near { self.0.short_day(at) } else { self.0.month(at) } }
    }

    /// `28 Nov 2026, 14:03`, where a heading names the zone.
    #[must_use]
    pub fn minute(self, at: Instant) -> Moment {
        Moment { at, text: self.0.minute(at) }
    }

    /// `28 Nov 2026, 14:03 CET`
    #[must_use]
    pub fn full(self, at: Instant) -> Moment {
        Moment { at, text: self.0.full(at) }
    }

    /// `28 Nov 2026 at 14:03 CET`, inside a sentence.
    #[must_use]
    pub fn sentence(self, at: Instant) -> Moment {
        Moment { at, text: self.0.sentence(at) }
    }

    /// `14:03`
    #[must_use]
    pub fn clock(self, at: Instant) -> Moment {
        Moment { at, text: self.0.clock(at) }
    }

    /// `14:03:27 CET`
    #[must_use]
    pub fn second(self, at: Instant) -> Moment {
        Moment { at, text: self.0.second(at) }
    }

    /// `CET`, or `UTC+5:30` where a zone has no letters of its own.
    #[must_use]
    pub fn abbreviation(self, at: Instant) -> String {
        self.0.abbreviation(at)
    }

    /// `UTC+1`
    #[must_use]
    pub fn offset(self, at: Instant) -> String {
        self.0.offset(at)
    }

    /// The one abbreviation of all these instants, for a heading; none where summer and winter are mixed, and each
    /// instant carries its own ([`Zone::full`]).
    #[must_use]
    pub fn shared(self, instants: impl IntoIterator<Item = Instant>) -> Option<String> {
        let mut names = instants.into_iter().map(|at| self.abbreviation(at));
        let first = names.next()?;
        names.all(|name| name == first).then_some(first)
    }

    /// Calendar days from `now` until `at`, as the customer's wall calendar counts them.
    #[must_use]
    pub fn days_until(self, now: Instant, at: Instant) -> i64 {
        self.0.days_until(now, at)
    }

    /// `11 days before your reset`
    #[must_use]
    pub fn before_reset(self, at: Instant, resets_at: Instant) -> String {
        self.0.before_reset(at, resets_at)
    }

    /// When a day of the customer's calendar begins.
    #[must_use]
    pub fn day_start(self, day: chrono::NaiveDate) -> Option<Instant> {
        self.0.day_start(day)
    }

    /// True if both fall on one day of the customer's calendar.
    #[must_use]
    pub fn same_day(self, a: Instant, b: Instant) -> bool {
        self.0.same_day(a, b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_carries_the_machines_form_beside_the_words() {
        let moment = Zone::named("Europe/Berlin").full("2026-11-28T13:03:00.123Z".parse().expect("an instant"));
        assert_eq!(moment.text, "28 Nov 2026, 14:03 CET");
        assert_eq!(moment.machine(), "2026-11-28T13:03:00Z");
    }
}
