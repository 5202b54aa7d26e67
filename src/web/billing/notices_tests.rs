//! Every sentence of PAGES.md's table of notices, and their order.

use super::*;
use crate::domain::{GrantId, Kind};
use crate::web::billing::balance::tests::acme;
use crate::web::ui::dates::Zone;

fn at(text: &str) -> Instant {
    text.parse().expect("an instant")
}

fn top_up(left: i64, expires_at: &str) -> Grant {
    let expires_at = at(expires_at);
    let id = GrantId::from_bytes(&[7; 16]).expect("sixteen bytes");
    Grant::new(id, Kind::TopUp, Credits::whole(left), expires_at - chrono::Months::new(12), expires_at)
}

fn meridian() -> Situation {
    Situation {
        balance: CustomerBalance {
            now: at("2026-11-22T13:05:00Z"),
            zone: Zone::named("Europe/Berlin"),
            available: Credits(80_000_625),
            left: Credits(57_750_625),
            bonus: vec![(Credits::whole(1_250), at("2026-12-31T11:00:00Z"))],
            plan: "Pro".into(),
            resets_at: at("2026-12-04T11:00:00Z"),
            ..acme()
        },
        reset_at: Some(at("2026-11-02T11:00:00Z")),
        may_buy: MayBuy::Yes,
        settling: false,
        grace_until: None,
        frozen: None,
        top_ups: vec![top_up(1_000, "2026-11-28T13:03:00Z"), top_up(20_000, "2027-03-14T09:22:00Z")],
        upgrade: "https://gleaner.example/plans".into(),
        forecast: Some(TopUpForecast::Untouched),
    }
}

fn check(change: impl FnOnce(&mut Situation), want: &str) {
    let mut situation = meridian();
    change(&mut situation);
    let said = situation.notice().map_or_else(String::new, |n| format!("**{}** {}", n.strong, n.text));
    assert_eq!(said, want);
}

#[test]
fn each_notice_has_its_words() {
    check(
        |s| s.balance.available = Credits::ZERO,
        "**You are out of credits. New requests are refused.** Buy a top-up, or wait for the reset on 4 Dec 2026.",
    );
    check(
        |s| s.grace_until = Some(at("2026-11-30T10:00:00Z")),
        "**The payment for Pro failed.** Pay by 30 Nov 2026 at 11:00 CET to keep the plan and its credits.",
    );
    check(|s| s.settling = true, "**Payment received. Your credits are being added.** Usually under a minute.");
    check(
        |s| s.frozen = Some((Credits::whole(1_000), at("2026-05-03T10:00:00Z"))),
        "**1,000 credits are frozen** while your bank reviews the payment of 3 May.",
    );
    check(
        |s| s.forecast = Some(TopUpForecast::Left(Credits::whole(640))),
        "**1,000 top-up credits expire in 6 days, on 28 Nov 2026 at 14:03 CET.** At your pace about 640 will be left. \
         Buying more does not extend them.",
    );
    check(
        |_| (),
        "**1,000 top-up credits expire in 6 days, on 28 Nov 2026 at 14:03 CET.** Plan credits are used first. \
         At your pace all 1,000 will expire unused. Buying more does not extend them.",
    );
    check(
        |s| s.forecast = Some(TopUpForecast::AllUsed),
        "**1,000 top-up credits expire in 6 days, on 28 Nov 2026 at 14:03 CET.** At your pace you will use them all. \
         Buying more does not extend them.",
    );
    check(
        |s| {
            s.balance.top_ups.paused = Credits::whole(1_000);
            s.balance.plan = "Free".into();
            s.top_ups = vec![top_up(1_000, "2027-05-03T10:00:00Z")];
        },
        "**1,000 top-up credits are paused on Free.** Upgrade to use them before 3 May 2027.",
    );
    check(
        |s| {
            s.balance.left = Credits::ZERO;
            s.balance.bonus.clear();
            s.top_ups = vec![top_up(1_000, "2027-05-03T10:00:00Z")];
        },
        "**Plan credits are used up. Top-ups are now in use.** Plan resets 4 Dec 2026.",
    );
    check(
        |s| {
            s.forecast = None;
            s.top_ups = vec![top_up(1_000, "2026-12-16T10:00:00Z")];
        },
        "**1,000 top-up credits expire in 24 days, on 16 Dec 2026.** Buying more does not extend them.",
    );
    check(
        |s| {
            s.reset_at = Some(at("2026-11-21T11:00:00Z"));
            s.top_ups = vec![top_up(1_000, "2027-05-03T10:00:00Z")];
        },
        "**Plan reset on 21 Nov.** 1,000 top-up credits carried over.",
    );
    check(|s| s.top_ups = vec![], "");
}

#[test]
fn the_last_two_days_are_named() {
    check(
        |s| {
            s.forecast = None;
            s.balance.now = at("2026-11-27T13:05:00Z");
        },
        "**1,000 top-up credits expire tomorrow, on 28 Nov 2026 at 14:03 CET.** Buying more does not extend them.",
    );
    check(
        |s| {
            s.forecast = None;
            s.balance.now = at("2026-11-28T07:05:00Z");
        },
        "**1,000 top-up credits expire today, on 28 Nov 2026 at 14:03 CET.** Buying more does not extend them.",
    );
}

#[test]
fn top_ups_that_end_on_one_day_are_announced_as_one() {
    check(
        |s| {
            s.forecast = None;
            s.top_ups = vec![top_up(1_000, "2026-11-28T13:03:00Z"), top_up(200, "2026-11-28T22:59:00Z")];
        },
        "**1,200 top-up credits expire in 6 days, on 28 Nov 2026 at 14:03 CET.** Buying more does not extend them.",
    );
}

#[test]
fn the_way_out_of_no_credits_depends_on_the_viewer() {
    let check_way = |may_buy, way: &str| {
        let want = format!("**You are out of credits. New requests are refused.** {way} for the reset on 4 Dec 2026.");
        check(|s| (s.balance.available, s.may_buy) = (Credits::ZERO, may_buy), &want);
    };
    let (upgrade, plan) = ("/plans".to_owned(), "Free".to_owned());
    check_way(MayBuy::PlanCannot { better: None, upgrade, left: Credits::ZERO, plan }, "Upgrade, or wait");
    check_way(MayBuy::Viewer, "Ask an owner or admin to buy, or wait");
    check_way(MayBuy::Off, "Wait");
}
