//! The name of a top-up's state, and how soon it expires.

use crate::domain::{Credits, Grant, GrantState, Instant};
use crate::web::ui::badge::{Badge, Tone};
use crate::web::ui::dates::Zone;
use crate::web::ui::text::Text;

/// A top-up's place in line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrawOrder {
    /// The next charge draws from it.
    InUse,
    /// It is drawn from once the credits before it are used.
    Next,
    Later,
}

#[must_use]
pub fn top_up_badge(grant: &Grant, place: DrawOrder, paused: bool, now: Instant, zone: Zone) -> Badge {
    match grant.state(now, paused) {
        GrantState::Frozen => Badge::new(Tone::Warn, "Frozen"),
        GrantState::Exhausted => ended(grant),
        GrantState::Expired | GrantState::Voided => gone(grant),
        GrantState::Paused => Badge::new(Tone::Warn, "Paused"),
        GrantState::Pending | GrantState::Active if grant.is_kept(now) => Badge::new(Tone::Warn, "Kept"),
        GrantState::Pending | GrantState::Active => deadline(grant.expires_at, now, zone).unwrap_or(match place {
            DrawOrder::InUse => Badge::new(Tone::Good, "In use"),
            DrawOrder::Next => Badge::new(Tone::Plain, "Next"),
            DrawOrder::Later => Badge::new(Tone::Plain, "Active"),
        }),
    }
}

/// The days until its expiry, at most 30.
fn deadline(expires_at: Instant, now: Instant, zone: Zone) -> Option<Badge> {
    let clock = zone.clock(expires_at);
    match zone.days_until(now, expires_at) {
        i64::MIN..=0 => Some(Badge::new(Tone::Bad, Text::from("Today ").time(clock))),
        1 => Some(Badge::new(Tone::Bad, Text::from("Tomorrow ").time(clock))),
        days @ 2..=7 => Some(Badge::new(Tone::Bad, format!("{days} days left"))),
        days @ 8..=30 => Some(Badge::new(Tone::Warn, format!("{days} days left"))),
        _ => None,
    }
}

/// It was used up before its expiry date.
fn ended(grant: &Grant) -> Badge {
    let text = if grant.refunded.is_positive() {
        "Refunded"
    } else if grant.disputed.is_positive() {
        "Dispute lost"
    } else {
        "Used up"
    };
    Badge::new(Tone::Quiet, text)
}

/// Its expiry date has passed.
fn gone(grant: &Grant) -> Badge {
    let removed = grant.expired + grant.remaining();
    if removed.is_zero() {
        return ended(grant);
    }
    Badge::new(Tone::Quiet, Text::from("Expired · ").credits(removed).text(" removed"))
}

/// True if the top-up's credits can still be used, now or later.
#[must_use]
pub fn is_live(grant: &Grant, now: Instant) -> bool {
    grant.lives(now) && grant.has_something() || (grant.held > Credits::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{GrantId, Kind};
    use chrono::{DateTime, Months};

    fn at(text: &str) -> Instant {
        text.parse::<DateTime<chrono::Utc>>().expect("an instant")
    }

    fn bought(expires_at: &str) -> Grant {
        let expires_at = at(expires_at);
        let id = GrantId::from_bytes(&[7; 16]).expect("sixteen bytes");
        Grant::new(id, Kind::TopUp, Credits::whole(1_200), expires_at - Months::new(12), expires_at)
    }

    #[test]
    fn a_top_up_says_how_soon_it_ends() {
        let check = |expires_at: &str, place: DrawOrder, want: &str, tone: Tone| {
            let badge = top_up_badge(
                &bought(expires_at),
                place,
                false,
                at("2026-11-22T14:05:00Z"),
                Zone::named("Europe/Berlin"),
            );
            assert_eq!((badge.text.to_string().as_str(), badge.tone), (want, tone), "{expires_at}");
        };
        check("2026-11-22T21:03:00Z", DrawOrder::InUse, "Today 22:03", Tone::Bad);
        check("2026-11-23T13:03:00Z", DrawOrder::InUse, "Tomorrow 14:03", Tone::Bad);
        check("2026-11-24T13:03:00Z", DrawOrder::InUse, "2 days left", Tone::Bad);
        check("2026-11-29T13:03:00Z", DrawOrder::InUse, "7 days left", Tone::Bad);
        check("2026-11-30T13:03:00Z", DrawOrder::InUse, "8 days left", Tone::Warn);
        check("2026-12-22T13:03:00Z", DrawOrder::InUse, "30 days left", Tone::Warn);
        check("2026-12-23T13:03:00Z", DrawOrder::InUse, "In use", Tone::Good);
        check("2027-03-14T09:22:00Z", DrawOrder::Next, "Next", Tone::Plain);
        check("2027-03-14T09:22:00Z", DrawOrder::Later, "Active", Tone::Plain);
    }

    #[test]
    fn an_ended_top_up_says_what_became_of_it() {
        let now = at("2026-11-22T14:05:00Z");
        let check = |change: fn(&mut Grant), want: &str| {
            let mut grant = bought("2026-11-01T13:03:00Z");
            change(&mut grant);
            assert_eq!(top_up_badge(&grant, DrawOrder::Later, false, now, Zone::UTC).text.to_string(), want);
        };
        check(|g| (g.used, g.expired) = (Credits::whole(1_080), Credits::whole(120)), "Expired · 120 removed");
        check(|g| g.used = g.amount, "Used up");
        check(|g| g.refunded = g.amount, "Refunded");
        check(|g| g.frozen = g.amount, "Frozen");
    }
}
