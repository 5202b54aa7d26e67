//! The names of states: what a badge says, and how loudly.

use crate::domain::{Credits, Grant, GrantState, Instant, PurchaseState};
use crate::web::ui::dates::Zone;
use crate::web::ui::text::Text;

pub use crate::web::ui::badge::{Badge, Tone};

/// Where a living top-up stands in line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is being drawn from now: nothing comes before it.
    InUse,
    /// It is drawn from as soon as what comes before it is used.
    Next,
    /// Further back.
    Later,
}

/// A top-up's badge.
#[must_use]
pub fn top_up(grant: &Grant, turn: Turn, paused: bool, now: Instant, zone: Zone) -> Badge {
    match grant.state(now, paused) {
        GrantState::Frozen => Badge::new(Tone::Warn, "Frozen"),
        GrantState::Exhausted => ended(grant),
        GrantState::Expired | GrantState::Voided => gone(grant),
        GrantState::Paused => Badge::new(Tone::Warn, "Paused"),
        GrantState::Pending | GrantState::Active if grant.is_kept(now) => Badge::new(Tone::Warn, "Kept"),
        GrantState::Pending | GrantState::Active => deadline(grant.expires_at, now, zone).unwrap_or(match turn {
            Turn::InUse => Badge::new(Tone::Good, "In use"),
            Turn::Next => Badge::new(Tone::Plain, "Next"),
            Turn::Later => Badge::new(Tone::Plain, "Active"),
        }),
    }
}

/// How soon it ends, where that is 30 days or less.
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

/// Nothing left before its time was over.
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

/// Its time is over.
fn gone(grant: &Grant) -> Badge {
    let removed = grant.expired + grant.remaining();
    if removed.is_zero() {
        return ended(grant);
    }
    Badge::new(Tone::Quiet, Text::from("Expired · ").credits(removed).text(" removed"))
}

/// What a purchase's badge depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PurchaseFacts {
    /// Its state.
    pub state: PurchaseState,
    /// Whether Stripe said "paid" and the credits are not there yet.
    pub paid: bool,
    /// Minor units paid.
    pub amount: i64,
    /// Minor units given back.
    pub refunded: i64,
    /// What the buyer's bank says.
    pub dispute: Dispute,
}

/// What the buyer's bank says of a payment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dispute {
    /// Nothing, or it was settled for the shop.
    #[default]
    None,
    /// Under review.
    Open,
    /// The money went back.
    Lost,
}

/// A purchase's badge.
#[must_use]
pub fn purchase(facts: &PurchaseFacts) -> Badge {
    match (facts.state, facts.dispute) {
        (PurchaseState::Credited, Dispute::Lost) => Badge::new(Tone::Quiet, "Dispute lost"),
        (PurchaseState::Credited, Dispute::Open) => Badge::new(Tone::Warn, "Disputed"),
        (PurchaseState::Credited, Dispute::None) => match facts.refunded {
            i64::MIN..=0 => Badge::new(Tone::Good, "Credited"),
            part if part < facts.amount => Badge::new(Tone::Quiet, "Partly refunded"),
            _ => Badge::new(Tone::Quiet, "Refunded"),
        },
        (PurchaseState::Review, _) => Badge::new(Tone::Warn, "In review"),
        _ if facts.paid => Badge::new(Tone::Info, "Adding credits"),
        (PurchaseState::Created | PurchaseState::Open, _) => Badge::new(Tone::Quiet, "Not finished"),
        (PurchaseState::Processing, _) => Badge::new(Tone::Warn, "Processing"),
        (PurchaseState::Failed, _) => Badge::new(Tone::Bad, "Failed"),
        (PurchaseState::Expired, _) => Badge::new(Tone::Quiet, "Not paid"),
    }
}

/// Whether anything of a top-up can still be used, or will be again.
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
        let check = |expires_at: &str, turn: Turn, want: &str, tone: Tone| {
            let badge =
                top_up(&bought(expires_at), turn, false, at("2026-11-22T14:05:00Z"), Zone::named("Europe/Berlin"));
            assert_eq!((badge.text.to_string().as_str(), badge.tone), (want, tone), "{expires_at}");
        };
        check("2026-11-22T21:03:00Z", Turn::InUse, "Today 22:03", Tone::Bad);
        check("2026-11-23T13:03:00Z", Turn::InUse, "Tomorrow 14:03", Tone::Bad);
        check("2026-11-24T13:03:00Z", Turn::InUse, "2 days left", Tone::Bad);
        check("2026-11-29T13:03:00Z", Turn::InUse, "7 days left", Tone::Bad);
        check("2026-11-30T13:03:00Z", Turn::InUse, "8 days left", Tone::Warn);
        check("2026-12-22T13:03:00Z", Turn::InUse, "30 days left", Tone::Warn);
        check("2026-12-23T13:03:00Z", Turn::InUse, "In use", Tone::Good);
        check("2027-03-14T09:22:00Z", Turn::Next, "Next", Tone::Plain);
        check("2027-03-14T09:22:00Z", Turn::Later, "Active", Tone::Plain);
    }

    #[test]
    fn an_ended_top_up_says_what_became_of_it() {
        let now = at("2026-11-22T14:05:00Z");
        let check = |change: fn(&mut Grant), want: &str| {
            let mut grant = bought("2026-11-01T13:03:00Z");
            change(&mut grant);
            assert_eq!(top_up(&grant, Turn::Later, false, now, Zone::UTC).text.to_string(), want);
        };
        check(|g| (g.used, g.expired) = (Credits::whole(1_080), Credits::whole(120)), "Expired · 120 removed");
        check(|g| g.used = g.amount, "Used up");
        check(|g| g.refunded = g.amount, "Refunded");
        check(|g| g.frozen = g.amount, "Frozen");
    }

    #[test]
    fn a_purchase_has_one_name_for_each_state() {
        let check = |state, paid, refunded, dispute, want: &str| {
            let facts = PurchaseFacts { state, paid, amount: 900, refunded, dispute };
            assert_eq!(purchase(&facts).text.to_string(), want);
        };
        check(PurchaseState::Created, false, 0, Dispute::None, "Not finished");
        check(PurchaseState::Open, false, 0, Dispute::None, "Not finished");
        check(PurchaseState::Open, true, 0, Dispute::None, "Adding credits");
        check(PurchaseState::Processing, false, 0, Dispute::None, "Processing");
        check(PurchaseState::Credited, true, 0, Dispute::None, "Credited");
        check(PurchaseState::Credited, true, 450, Dispute::None, "Partly refunded");
        check(PurchaseState::Credited, true, 900, Dispute::None, "Refunded");
        check(PurchaseState::Credited, true, 0, Dispute::Open, "Disputed");
        check(PurchaseState::Credited, true, 0, Dispute::Lost, "Dispute lost");
        check(PurchaseState::Failed, false, 0, Dispute::None, "Failed");
        check(PurchaseState::Expired, false, 0, Dispute::None, "Not paid");
        check(PurchaseState::Review, true, 0, Dispute::None, "In review");
    }
}
