//! "Your top-ups": what is left of each, until when, and whose turn it is.

use crate::domain::forecast::Outlook;
use crate::domain::{Credits, Grant, GrantId, Instant};
use crate::web::ui::dates::{Moment, Zone};
use crate::web::ui::text::Text;
use crate::web::view::status;
use crate::web::view::status::{Badge, Turn};
use std::ops::Range;

/// How many living top-ups show before "Show all".
pub const SHOWN: usize = 10;
/// How many rows a page has once all are shown.
pub const PAGE: usize = 50;

/// The section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopUpsView {
    /// The rows of this page.
    pub rows: Vec<TopUpRow>,
    /// The zone of the dates, where all rows share it.
    pub zone: Option<String>,
    /// How many more there are, living or ended.
    pub more: More,
}

/// What is not shown, and how to reach it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct More {
    /// Living ones left out.
    pub live: usize,
    /// Used and expired ones left out.
    pub ended: usize,
    /// Whether all are shown, page by page.
    pub all: bool,
    /// This page, from 1.
    pub page: usize,
    /// The last page.
    pub pages: usize,
}

/// One top-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopUpRow {
    /// Its purchase's page.
    pub href: Option<String>,
    /// When its credits came.
    pub bought: Moment,
    /// What is left of it.
    pub left: Credits,
    /// What it was.
    pub of: Credits,
    /// When it ends.
    pub expires: Moment,
    /// Its state.
    pub badge: Badge,
    /// What of it will expire unused.
    pub fate: Option<Text>,
    /// Whether it is over.
    pub ended: bool,
}

/// What the section is made of.
#[derive(Clone, Copy, Debug)]
pub struct TopUpsFacts<'a> {
    /// Every living top-up of the customer.
    pub live: &'a [Grant],
    /// The ended ones that [`window`] asks for, latest first.
    pub ended: &'a [Grant],
    /// How many ended ones there are.
    pub ended_total: usize,
    /// The instant of the page.
    pub now: Instant,
    /// The customer's zone.
    pub zone: Zone,
    /// Whether top-ups wait for a paid plan.
    pub paused: bool,
    /// Whether a charge of now would be drawn from top-ups.
    pub in_use: bool,
    /// How each will end at the customer's pace, where that is known.
    pub fates: &'a [(GrantId, Outlook)],
    /// Whether used and expired ones are shown too, and which page of them.
    pub all: Option<usize>,
}

/// Which rows a page shows: living ones come first, then the ended ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Of the living ones.
    pub live: Range<usize>,
    /// Of the ended ones.
    pub ended: Range<usize>,
    /// What is left out.
    pub more: More,
}

/// The rows of a page, of so many living and ended top-ups.
#[must_use]
pub fn window(live: usize, ended: usize, all: Option<usize>) -> Window {
    let Some(page) = all else {
        let shown = live.min(SHOWN);
        return Window { live: 0..shown, ended: 0..0, more: More { live: live - shown, ended, ..More::default() } };
    };
    let pages = (live + ended).div_ceil(PAGE).max(1);
    let page = page.clamp(1, pages);
    let (from, to) = ((page - 1) * PAGE, page * PAGE);
    Window {
        live: from.min(live)..to.min(live),
        ended: from.saturating_sub(live).min(ended)..to.saturating_sub(live).min(ended),
        more: More { all: true, page, pages, ..More::default() },
    }
}

impl TopUpsFacts<'_> {
    /// The section: living ones in burn order, then the ended ones, latest first.
    #[must_use]
    pub fn view(&self) -> TopUpsView {
        let mut live: Vec<&Grant> = self.live.iter().collect();
        live.sort_by_key(|grant| grant.burn_key());
        let turns = self.turns(&live);
        let Window { live: shown, more, .. } = window(live.len(), self.ended_total, self.all);
        let (skip, take) = (shown.start, shown.len());
        let living = live.iter().zip(turns).map(|(grant, turn)| self.row(grant, turn, false)).skip(skip).take(take);
        let rows: Vec<TopUpRow> =
            living.chain(self.ended.iter().map(|grant| self.row(grant, Turn::Later, true))).collect();
        TopUpsView { zone: self.shared_zone(&rows), rows, more }
    }

    /// Whose turn it is: the first that has something to draw, and the one after it.
    fn turns(&self, live: &[&Grant]) -> Vec<Turn> {
        let mut line = if self.in_use { vec![Turn::Next, Turn::InUse] } else { vec![Turn::Next] };
        let drawable = |grant: &Grant| grant.lives(self.now) && grant.remaining().is_positive();
        let mut turn = |grant: &&Grant| if drawable(grant) { line.pop().unwrap_or(Turn::Later) } else { Turn::Later };
        live.iter().map(&mut turn).collect()
    }

    fn row(&self, grant: &Grant, turn: Turn, ended: bool) -> TopUpRow {
        TopUpRow {
            href: grant.purchase.map(|id| format!("/purchases/{id}")),
            bought: self.zone.day(grant.effective_at),
            left: left(grant, ended),
            of: grant.amount,
            expires: self.zone.minute(grant.expires_at),
            badge: status::top_up(grant, turn, self.paused, self.now, self.zone),
            fate: self.fate(grant).filter(|_| !ended),
            ended,
        }
    }

    /// What of it will expire unused at the customer's pace; nothing where it will be used, or its date is not sure.
    fn fate(&self, grant: &Grant) -> Option<Text> {
        if self.paused || grant.is_kept(self.now) {
            return None;
        }
        let (_, outlook) = self.fates.iter().find(|(id, _)| *id == grant.id)?;
        match outlook {
            Outlook::AllUsed => None,
            Outlook::Left(about) => Some(Text::from("At your pace about ").credits(*about).text(" will expire unused")),
            Outlook::Untouched => Some("At your pace it will expire unused".into()),
        }
    }

    /// The one abbreviation of all dates; with summer and winter dates mixed there is none,
    /// and each date carries its own.
    fn shared_zone(&self, rows: &[TopUpRow]) -> Option<String> {
        self.zone.shared(rows.iter().map(|row| row.expires.at))
    }
}

/// What is left of a top-up: frozen credits are still the customer's, held ones are at work.
#[must_use]
pub fn left(grant: &Grant, ended: bool) -> Credits {
    if ended { Credits::ZERO } else { grant.remaining() + grant.frozen }
}

impl TopUpsView {
    /// Gives each date its own zone where they do not share one.
    #[must_use]
    pub fn dated(mut self, zone: Zone) -> Self {
        if self.zone.is_none() {
            for row in &mut self.rows {
                row.expires = zone.full(row.expires.at);
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Kind;

    fn grant(n: u8, credits: i64, used: i64, expires_at: &str) -> Grant {
        let expires_at: Instant = expires_at.parse().expect("an instant");
        let id = GrantId::from_bytes(&[n; 16]).expect("sixteen bytes");
        let effective_at = expires_at - chrono::Months::new(12);
        let mut grant = Grant::new(id, Kind::TopUp, Credits::whole(credits), effective_at, expires_at);
        grant.used = Credits::whole(used);
        grant
    }

    fn view(grants: &[Grant], in_use: bool, all: Option<usize>) -> TopUpsView {
        let now = "2026-11-22T13:05:00Z".parse().expect("an instant");
        let zone = Zone::named("Europe/Berlin");
        let (live, ended): (Vec<Grant>, Vec<Grant>) =
            grants.iter().cloned().partition(|grant| status::is_live(grant, now));
        let part = window(live.len(), ended.len(), all).ended;
        let (ended_total, ended) = (ended.len(), &ended[part]);
        TopUpsFacts { live: &live, ended, ended_total, now, zone, paused: false, in_use, fates: &[], all }
            .view()
            .dated(zone)
    }

    fn badges(view: &TopUpsView) -> Vec<String> {
        view.rows.iter().map(|row| row.badge.text.to_string()).collect()
    }

    #[test]
    fn the_soonest_to_expire_stands_first_and_is_used_first() {
        let grants = [
            grant(1, 50_000, 0, "2027-11-11T10:00:00Z"),
            grant(2, 20_000, 16_000, "2027-10-22T09:14:00Z"),
            grant(3, 1_200, 0, "2027-11-12T10:00:00Z"),
        ];
        assert_eq!(badges(&view(&grants, true, None)), ["In use", "Next", "Active"]);
        assert_eq!(badges(&view(&grants, false, None)), ["Next", "Active", "Active"]);
    }

    #[test]
    fn used_and_expired_ones_wait_behind_a_link() {
        let grants = [
            grant(1, 1_200, 200, "2027-11-11T10:00:00Z"),
            grant(2, 1_200, 1_200, "2027-11-11T10:00:00Z"),
            grant(3, 1_200, 1_080, "2026-11-01T10:00:00Z"),
        ];
        let bounded = view(&grants, false, None);
        assert_eq!((bounded.rows.len(), bounded.more.ended), (1, 2));
        let all = view(&grants, false, Some(1));
        assert_eq!(badges(&all), ["Next", "Used up", "Expired · 120 removed"]);
        assert!(all.more.all);
    }

    #[test]
    fn a_list_is_bounded() {
        let grants: Vec<Grant> = (1..=120).map(|n| grant(n, 1_200, 0, "2027-11-11T10:00:00Z")).collect();
        let bounded = view(&grants, false, None);
        assert_eq!((bounded.rows.len(), bounded.more.live), (SHOWN, 110));
        let last = view(&grants, false, Some(99));
        assert_eq!((last.rows.len(), last.more.page, last.more.pages), (20, 3, 3));
    }

    #[test]
    fn pages_go_from_the_living_to_the_ended_without_a_gap() {
        let check = |live, ended, page, want: (Range<usize>, Range<usize>), pages| {
            let window = window(live, ended, Some(page));
            assert_eq!(((window.live, window.ended), window.more.pages), (want, pages), "{live} {ended} {page}");
        };
        check(10, 120, 1, (0..10, 0..40), 3);
        check(10, 120, 2, (10..10, 40..90), 3);
        check(10, 120, 3, (10..10, 90..120), 3);
        check(60, 0, 2, (50..60, 0..0), 2);
        check(0, 0, 7, (0..0, 0..0), 1);
    }

    #[test]
    fn mixed_zones_are_named_on_each_date() {
        let winter = view(&[grant(1, 1, 0, "2027-11-11T10:00:00Z")], false, None);
        assert_eq!(winter.zone.as_deref(), Some("CET"));
        assert_eq!(winter.rows[0].expires.text, "11 Nov 2027, 11:00");
        let mixed =
            view(&[grant(1, 1, 0, "2027-11-11T10:00:00Z"), grant(2, 1, 0, "2027-07-11T10:00:00Z")], false, None);
        assert_eq!(mixed.zone, None);
        assert_eq!(mixed.rows[0].expires.text, "11 Jul 2027, 12:00 CEST");
    }
}
