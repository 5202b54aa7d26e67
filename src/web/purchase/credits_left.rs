//! The sentence about the credits of a purchase: left, held, frozen, taken back, and their expiry date.

use crate::domain::{Credits, Grant, Instant};
use crate::web::billing::top_up_badge::is_live;
use crate::web::ui::dates::Zone;
use crate::web::ui::text::Text;

/// `1,000 of 1,200 left · Expires 28 Nov 2026, 14:03 CET`
#[must_use]
pub fn credits_left(grant: &Grant, now: Instant, zone: Zone) -> Text {
    let left = if is_live(grant, now) { grant.remaining() } else { Credits::ZERO };
    let part = |text: Text, credits: Credits, fate: &str| {
        if credits.is_positive() { text.text(" · ").credits(credits).text(fate) } else { text }
    };
    let text = Text::new().credits(left).text(" of ").credits(grant.amount).text(" left");
    let text = part(text, grant.held, " held by running jobs");
    let text = part(text, grant.frozen, " frozen while your bank reviews the payment");
    let text = part(text, grant.refunded, " refunded");
    let text = part(text, grant.disputed, " removed after the bank review");
    let text = text.then(expiry(grant, left, now, zone));
    if grant.is_kept(now) { text.text(", or 7 days after a reminder is delivered, if that is later") } else { text }
}

/// Credits that were taken back before their expiry date have none any more.
fn expiry(grant: &Grant, left: Credits, now: Instant, zone: Zone) -> Text {
    let is_gone = (left + grant.held + grant.frozen).is_zero();
    if is_gone && (grant.refunded + grant.disputed).is_positive() {
        return Text::new();
    }
    if grant.frozen.is_positive() && grant.expires_at <= now {
        return " · Does not expire meanwhile".into();
    }
    let verb = if grant.expires_at <= now { " · Expired " } else { " · Expires " };
    Text::from(verb).time(zone.full(grant.expires_at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{GrantId, Kind};

    fn at(text: &str) -> Instant {
        text.parse().expect("an instant")
    }

    #[test]
    fn the_page_says_what_became_of_the_credits() {
        let said = |change: fn(&mut Grant)| {
            let id = GrantId::from_bytes(&[7; 16]).expect("sixteen bytes");
            let (start, end) = (at("2025-11-28T13:03:00Z"), at("2026-11-28T13:03:00Z"));
            let mut grant = Grant::new(id, Kind::TopUp, Credits::whole(1_200), start, end);
            change(&mut grant);
            credits_left(&grant, at("2026-11-22T13:03:00Z"), Zone::named("Europe/Berlin")).to_string()
        };
        assert_eq!(said(|_| ()), "1,200 of 1,200 left · Expires 28 Nov 2026, 14:03 CET");
        assert_eq!(
            said(|grant| grant.frozen = grant.amount),
            "0 of 1,200 left · 1,200 frozen while your bank reviews the payment · Expires 28 Nov 2026, 14:03 CET"
        );
        assert_eq!(
            said(|grant| grant.refunded = Credits::whole(200)),
            "1,000 of 1,200 left · 200 refunded · Expires 28 Nov 2026, 14:03 CET"
        );
        assert_eq!(said(|grant| grant.refunded = grant.amount), "0 of 1,200 left · 1,200 refunded");
        assert_eq!(
            said(|grant| grant.disputed = grant.amount),
            "0 of 1,200 left · 1,200 removed after the bank review"
        );
        assert_eq!(
            said(|grant| (grant.used, grant.held) = (Credits::whole(1_000), Credits::whole(200))),
            "0 of 1,200 left · 200 held by running jobs · Expires 28 Nov 2026, 14:03 CET"
        );
    }
}
