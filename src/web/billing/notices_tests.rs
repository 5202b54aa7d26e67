//! Every sentence of the notices, and their order.

use super::*;
use crate::domain::forecast::RunsOut;
use crate::domain::{GrantId, Kind, Money, Terms};
use crate::web::billing::balance::tests::acme;
use crate::web::ui::buy_form::BuyForm;
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
        way_out: buys(None),
        settling: false,
        grace_until: None,
        frozen: None,
        top_ups: vec![top_up(1_000, "2026-11-28T13:03:00Z"), top_up(20_000, "2027-03-14T09:22:00Z")],
        upgrade: "https://gleaner.example/plans".into(),
        forecast: Some(TopUpForecast::Untouched),
    }
}

/// The button of the package that fits.
fn buys(mix: Option<Text>) -> WayOut {
    let terms = Terms { credits: Credits::whole(5_000), amount: 3_000, currency: "usd".into(), months: 12 };
    let form = BuyForm { purchase: "pur_1".into(), package: "p5000".into(), terms, mac: String::new() };
    WayOut::Buy { credits: Credits::whole(5_000), price: Money::new(3_000, "usd"), form, mix }
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
        "**You're out of credits. New requests will fail.** Buy a top-up, or wait for the reset on 4 Dec 2026.",
    );
    check(
        |s| s.grace_until = Some(at("2026-11-30T10:00:00Z")),
        "**The payment for Pro failed.** Pay by 30 Nov 2026 at 11:00 CET to keep the plan and its credits.",
    );
    check(
        |s| s.settling = true,
        "**Payment received. We're adding your credits.** This usually takes less than a minute.",
    );
    check(
        |s| s.frozen = Some((Credits::whole(1_000), at("2026-05-03T10:00:00Z"))),
        "**1,000 credits are frozen** while your bank reviews the payment of 3 May.",
    );
    check(
        |s| s.forecast = Some(TopUpForecast::Left(Credits::whole(640))),
        "**1,000 top-up credits expire in 6 days, on 28 Nov 2026 at 14:03 CET.** At this pace about 640 will be left. \
         New purchases don't extend this date.",
    );
    check(
        |_| (),
        "**1,000 top-up credits expire in 6 days, on 28 Nov 2026 at 14:03 CET.** We use plan credits \
         first, so at this pace all 1,000 will expire unused. New purchases don't extend this date.",
    );
    check(
        |s| s.forecast = Some(TopUpForecast::AllUsed),
        "**1,000 top-up credits expire in 6 days, on 28 Nov 2026 at 14:03 CET.** At this pace you'll use them all. \
         New purchases don't extend this date.",
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
        "**Your plan credits are used up, so we're using your top-ups.** Your plan resets on 4 Dec 2026.",
    );
    check(
        |s| {
            s.forecast = None;
            s.top_ups = vec![top_up(1_000, "2026-12-16T10:00:00Z")];
        },
        "**1,000 top-up credits expire in 24 days, on 16 Dec 2026.** New purchases don't extend this date.",
    );
    check(
        |s| {
            s.reset_at = Some(at("2026-11-21T11:00:00Z"));
            s.top_ups = vec![top_up(1_000, "2027-05-03T10:00:00Z")];
        },
        "**Your plan reset on 21 Nov.** 1,000 top-up credits carried over.",
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
        "**1,000 top-up credits expire tomorrow, on 28 Nov 2026 at 14:03 CET.** New purchases don't extend this date.",
    );
    check(
        |s| {
            s.forecast = None;
            s.balance.now = at("2026-11-28T07:05:00Z");
        },
        "**1,000 top-up credits expire today, on 28 Nov 2026 at 14:03 CET.** New purchases don't extend this date.",
    );
}

#[test]
fn top_ups_that_end_on_one_day_are_announced_as_one() {
    check(
        |s| {
            s.forecast = None;
            s.top_ups = vec![top_up(1_000, "2026-11-28T13:03:00Z"), top_up(200, "2026-11-28T22:59:00Z")];
        },
        "**1,200 top-up credits expire in 6 days, on 28 Nov 2026 at 14:03 CET.** New purchases don't extend this date.",
    );
}

#[test]
fn the_way_out_of_no_credits_depends_on_the_viewer() {
    let check_way = |may_buy, way: &str| {
        let want = format!("**You're out of credits. New requests will fail.** {way} for the reset on 4 Dec 2026.");
        check(|s| (s.balance.available, s.may_buy) = (Credits::ZERO, may_buy), &want);
    };
    check_way(MayBuy::Yes, "Buy a top-up, or wait");
    let plan = "Free".to_owned();
    check_way(MayBuy::PlanCannot { better: None, left: Credits::ZERO, plan }, "Upgrade, or wait");
    check_way(MayBuy::Viewer, "Ask an owner or admin to buy, or wait");
    check_way(MayBuy::Off, "Wait");
}

/// Acme's notice: its tone, its words, its buttons.
fn acme_notice(change: impl FnOnce(&mut Situation)) -> (Tone, String, Vec<String>) {
    let mut situation = Situation { top_ups: vec![], forecast: None, reset_at: None, balance: acme(), ..meridian() };
    change(&mut situation);
    let notice = situation.notice().expect("a notice");
    let label = |action: &NoticeAction| match action {
        NoticeAction::Link { label, .. } | NoticeAction::MainLink { label, .. } => label.clone(),
        NoticeAction::Buy { label, .. } => label.to_string(),
    };
    let buttons = notice.actions.iter().map(label).collect();
    (notice.tone, format!("**{}** {}", notice.strong, notice.text).trim_end().to_owned(), buttons)
}

fn runs_out(at_text: &str) -> Option<RunsOut> {
    Some(RunsOut { plan: Some(at(at_text)), all: Some(at(at_text)) })
}

#[test]
fn running_out_before_the_reset_is_said_with_the_package_that_fits() {
    let (tone, words, buttons) = acme_notice(|s| s.balance.runs_out = runs_out("2026-11-23T15:00:00Z"));
    assert_eq!(words, "**About 180 credits left. At this pace they run out tomorrow, 11 days before your reset.**");
    assert_eq!((tone, buttons), (Tone::Bad, vec!["Buy 5,000 for $30".to_owned()]));
    let (tone, words, _) = acme_notice(|s| s.balance.runs_out = runs_out("2026-11-30T15:00:00Z"));
    assert_eq!(words, "**About 180 credits left. At this pace they run out around 30 Nov, 4 days before your reset.**");
    assert_eq!(tone, Tone::Warn);
    let (_, words, buttons) = acme_notice(|s| {
        s.balance.runs_out = runs_out("2026-11-22T20:00:00Z");
        (s.may_buy, s.way_out) = (MayBuy::Viewer, WayOut::Ask);
    });
    assert!(words.ends_with("run out today, 12 days before your reset.** Ask an owner or admin to buy."), "{words}");
    assert!(buttons.is_empty());
}

#[test]
fn a_low_balance_is_never_silent() {
    let low = "**Only 180 credits left.** Your plan resets on 4 Dec 2026.";
    let (tone, words, buttons) = acme_notice(|_| ());
    assert_eq!((tone, words.as_str(), buttons.len()), (Tone::Warn, low, 1));
    // They last until the reset, and are few.
    assert_eq!(acme_notice(|s| s.balance.runs_out = runs_out("2026-12-05T15:00:00Z")).1, low);
    let fine = Situation { top_ups: vec![], balance: acme(), ..meridian() };
    let fine = Situation { balance: CustomerBalance { low_mark: Credits::whole(100), ..acme() }, ..fine };
    assert_eq!(fine.notice(), None);
}

#[test]
fn the_first_part_of_a_mix_says_so() {
    let mix = Text::from("2 × 5,000 credits");
    let (_, words, _) = acme_notice(|s| s.way_out = buys(Some(mix)));
    assert!(words.ends_with("First part of the cheapest mix: 2 × 5,000 credits."), "{words}");
}

#[test]
fn where_a_larger_plan_is_cheaper_the_button_leads_there() {
    let way_out = WayOut::Plan { label: "See Pro".into(), href: "/plans".into() };
    assert_eq!(acme_notice(|s| s.way_out = way_out).2, ["See Pro"]);
}
