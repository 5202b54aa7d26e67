//! The rows of the table: their order, their bounds, their zone.

use super::*;
use crate::domain::Kind;
use crate::web::billing::top_up_badge::is_live;

fn grant(n: u8, credits: i64, used: i64, expires_at: &str) -> Grant {
    let expires_at: Instant = expires_at.parse().expect("an instant");
    let id = GrantId::from_bytes(&[n; 16]).expect("sixteen bytes");
    let effective_at = expires_at - chrono::Months::new(12);
    let mut grant = Grant::new(id, Kind::TopUp, Credits::whole(credits), effective_at, expires_at);
    grant.used = Credits::whole(used);
    grant
}

fn list(grants: &[Grant], in_use: bool, page: Option<usize>) -> TopUpList {
    let now = "2026-11-22T13:05:00Z".parse().expect("an instant");
    let zone = Zone::named("Europe/Berlin");
    let (live, ended): (Vec<Grant>, Vec<Grant>) = grants.iter().cloned().partition(|grant| is_live(grant, now));
    let part = window(live.len(), ended.len(), page).ended;
    let (ended_total, ended) = (ended.len(), ended[part].to_vec());
    TopUpList { live, ended, ended_total, now, zone, paused: false, in_use, forecasts: vec![], page }
}

fn badges(list: &TopUpList) -> Vec<String> {
    list.rows().iter().map(|row| list.badge(row).text.to_string()).collect()
}

#[test]
fn the_soonest_to_expire_stands_first_and_is_used_first() {
    let grants = [
        grant(1, 50_000, 0, "2027-11-11T10:00:00Z"),
        grant(2, 20_000, 16_000, "2027-10-22T09:14:00Z"),
        grant(3, 1_200, 0, "2027-11-12T10:00:00Z"),
    ];
    assert_eq!(badges(&list(&grants, true, None)), ["In use", "Next", "Active"]);
    assert_eq!(badges(&list(&grants, false, None)), ["Next", "Active", "Active"]);
}

#[test]
fn used_and_expired_ones_wait_behind_a_link() {
    let grants = [
        grant(1, 1_200, 200, "2027-11-11T10:00:00Z"),
        grant(2, 1_200, 1_200, "2027-11-11T10:00:00Z"),
        grant(3, 1_200, 1_080, "2026-11-01T10:00:00Z"),
    ];
    let bounded = list(&grants, false, None);
    assert_eq!((bounded.rows().len(), bounded.window().more.ended), (1, 2));
    let all = list(&grants, false, Some(1));
    assert_eq!(badges(&all), ["Next", "Used up", "Expired · 120 removed"]);
    assert!(all.window().more.all);
}

#[test]
fn a_list_is_bounded() {
    let grants: Vec<Grant> = (1..=120).map(|n| grant(n, 1_200, 0, "2027-11-11T10:00:00Z")).collect();
    let bounded = list(&grants, false, None);
    assert_eq!((bounded.rows().len(), bounded.window().more.live), (SHOWN, 110));
    let last = list(&grants, false, Some(99));
    assert_eq!((last.rows().len(), last.window().more.page, last.window().more.pages), (20, 3, 3));
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
    let winter = list(&[grant(1, 1, 0, "2027-11-11T10:00:00Z")], false, None);
    assert_eq!(winter.shared_zone().as_deref(), Some("CET"));
    assert_eq!(winter.expiry(winter.rows()[0].grant, true).text, "11 Nov 2027, 11:00");
    let mixed = list(&[grant(1, 1, 0, "2027-11-11T10:00:00Z"), grant(2, 1, 0, "2027-07-11T10:00:00Z")], false, None);
    assert_eq!(mixed.shared_zone(), None);
    assert_eq!(mixed.expiry(mixed.rows()[0].grant, false).text, "11 Jul 2027, 12:00 CEST");
}
