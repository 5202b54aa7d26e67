//! Automatic top-ups against a naive model: the number of packages by counting up, the cap over every window of any
//! history, a dead card over any history of switching off and on.

use crate::for_all;
use proptest::prelude::*;
use topup_domain::auto_top_up::{
    Agreement, AsleepReason, CardAnswer, CardHistory, Circumstances, Consequence, Decision, Present, RETRY_AFTER,
    SpentPurchase, SuspendedReason, decide, fits_cap, spent,
};
use topup_domain::time::from_millis;
use topup_domain::{Credits, Instant, Package};

const HOUR: i64 = 3_600_000;
const WINDOW: i64 = 30 * 24 * HOUR;
const START: i64 = 1_790_000_000_000;

fn package() -> Package {
    Package { id: "p1200".to_owned(), credits: 1_200, amount: 900 }
}

fn agreement(threshold: i64, cap: i64) -> Agreement {
    let (package, currency) = ("p1200".to_owned(), "usd".to_owned());
    Agreement { package, price: 900, currency, threshold: Credits(threshold), cap }
}

fn awake(package: &Package) -> Circumstances<'_> {
    Circumstances {
        is_closed: false,
        buying_on: true,
        plan_may_buy: true,
        has_manager: true,
        package: Some(package),
        currency: "usd",
        unit_total: None,
        tax_known: true,
        packages_max: 10,
    }
}

fn present(available: i64, refused: Option<i64>, purchases: &[SpentPurchase]) -> Present<'_> {
    let (available, refused) = (Credits(available), refused.map(Credits));
    Present { now: from_millis(START), available, refused, in_progress: false, purchases }
}

/// R20's "how much", by counting up.
fn naive(agreed: &Agreement, available: i64, refused: Option<i64>, room: i64) -> Decision {
    let reach = |goal: i64| (0..).find(|n| available + n * 1_200_000 >= goal).expect("some number");
    let most = (0..=10).rev().find(|n| n * 900 <= room).unwrap_or(0);
    let with_refused = reach(agreed.threshold.0.max(refused.unwrap_or(0)));
    let without = reach(agreed.threshold.0);
    let wanted = if most > 0 && with_refused > most { without } else { with_refused };
    match (wanted, most) {
        (0, _) => Decision::Nothing,
        (_, 0) => Decision::Blocked,
        (wanted, most) => Decision::Buy(wanted.min(most)),
    }
}

#[test]
fn the_number_of_packages_is_the_smallest_that_reaches_the_goal_within_cap_and_maximum() {
    let numbers =
        (0..3_000_000_i64, prop::option::of(1..30_000_000_i64), 1..20_000_000_i64, 900..20_000_i64, 0..20_000_i64);
    for_all(100, numbers, |(available, refused, threshold, cap, before)| {
        let (agreed, package) = (agreement(threshold, cap), package());
        let purchases = [SpentPurchase { created_at: from_millis(START - HOUR), total: before.min(cap) }];
        let got = decide(&agreed, &awake(&package), &present(available, refused, &purchases));
        assert_eq!(got, naive(&agreed, available, refused, cap - before.min(cap)));
    });
}

#[test]
fn a_refused_charge_out_of_reach_is_left_out_of_the_sum() {
    let (agreed, package) = (agreement(500_000, 50_000), package());
    let ask = |available, refused| decide(&agreed, &awake(&package), &present(available, Some(refused), &[]));
    assert_eq!(ask(0, 12_000_000), Decision::Buy(10));
    assert_eq!(ask(0, 12_000_001), Decision::Buy(1), "for the threshold alone");
    assert_eq!(ask(600_000, 12_700_000), Decision::Nothing, "no purchase helps");
}

#[test]
fn where_the_tax_is_known_the_cap_counts_the_price_with_it() {
    let (agreed, package) = (agreement(5_000_000, 2_800), package());
    let ask = |unit_total| decide(&agreed, &Circumstances { unit_total, ..awake(&package) }, &present(0, None, &[]));
    assert_eq!(ask(None), Decision::Buy(3));
    assert_eq!(ask(Some(934)), Decision::Buy(2));
    assert_eq!(ask(Some(2_801)), Decision::Blocked);
    assert_eq!(ask(Some(800)), Decision::Buy(3), "never less than the price");
}

#[test]
fn nothing_is_bought_beside_a_purchase_in_progress() {
    let (agreed, package) = (agreement(500_000, 50_000), package());
    let busy = Present { in_progress: true, ..present(0, Some(1), &[]) };
    assert_eq!(decide(&agreed, &awake(&package), &busy), Decision::Nothing);
}

#[test]
fn a_window_ends_after_exactly_thirty_days_of_24_hours() {
    let made = |ago: i64| SpentPurchase { created_at: from_millis(START - ago), total: 900 };
    let sum = |ago| spent(&[made(ago)], from_millis(START));
    assert_eq!([sum(0), sum(WINDOW - 1), sum(WINDOW)], [900, 900, 0]);
    let agreed = agreement(1, 1_800);
    assert!(fits_cap(&agreed, 900, &[made(1)], from_millis(START)));
    assert!(!fits_cap(&agreed, 901, &[made(1)], from_millis(START)), "tax is inside the cap");
}

/// A step of a history: so many milliseconds later, so many credits are used, and so many were refused.
fn steps() -> impl Strategy<Value = Vec<(i64, i64, Option<i64>)>> {
    let step = (0..5 * 24 * HOUR, 0..4_000_000_i64, prop::option::of(1..15_000_000_i64));
    prop::collection::vec(step, 1..60)
}

#[test]
fn the_cap_holds_in_every_window_and_what_is_wanted_is_bought_whenever_it_is_asked() {
    for_all(20, (steps(), 1..5_000_000_i64, 900..30_000_i64), |(steps, threshold, cap)| {
        let (agreed, package) = (agreement(threshold, cap), package());
        let (mut now, mut available, mut made) = (START, 2_000_000_i64, Vec::<SpentPurchase>::new());
        for (later, used, refused) in steps {
            now += later;
            available = (available - used).max(0);
            let present = Present { now: from_millis(now), ..present(available, refused, &made) };
            match decide(&agreed, &awake(&package), &present) {
                Decision::Buy(n) => {
                    made.push(SpentPurchase { created_at: from_millis(now), total: n * 900 });
                    available += n * 1_200_000;
                }
                Decision::Nothing => {
                    let reachable = refused.is_none_or(|refused| refused <= available);
                    assert!(available >= threshold, "it is wanted and not bought");
                    assert!(reachable || refused.is_some(), "{refused:?}");
                }
                Decision::Blocked => assert!(spent(&made, from_millis(now)) + 900 > cap),
                Decision::Asleep(reason) => panic!("{reason:?}"),
            }
        }
        for last in &made {
            let end = last.created_at.timestamp_millis();
            let inside = |one: &&SpentPurchase| {
                let at = one.created_at.timestamp_millis();
                at <= end && at > end - WINDOW
            };
            assert!(made.iter().filter(inside).map(|one| one.total).sum::<i64>() <= cap);
        }
    });
}

#[test]
fn each_circumstance_puts_the_rule_to_sleep_with_its_reason() {
    let (agreed, package) = (agreement(500_000, 50_000), package());
    let (dearer, cheaper) = (Package { amount: 901, ..package.clone() }, Package { amount: 800, ..package.clone() });
    let awake = awake(&package);
    let cases = [
        (Circumstances { is_closed: true, ..awake }, Some(AsleepReason::CustomerClosed)),
        (Circumstances { buying_on: false, ..awake }, Some(AsleepReason::BuyingOff)),
        (Circumstances { plan_may_buy: false, ..awake }, Some(AsleepReason::PlanCannotBuy)),
        (Circumstances { has_manager: false, ..awake }, Some(AsleepReason::Nobody)),
        (Circumstances { package: None, ..awake }, Some(AsleepReason::PackageGone)),
        (Circumstances { package: Some(&dearer), ..awake }, Some(AsleepReason::PriceChanged)),
        (Circumstances { package: Some(&cheaper), ..awake }, None),
        (Circumstances { currency: "eur", ..awake }, Some(AsleepReason::PriceChanged)),
        (Circumstances { tax_known: false, ..awake }, Some(AsleepReason::TaxUnknown)),
        (awake, None),
    ];
    for (around, want) in cases {
        assert_eq!(agreed.asleep(&around), want);
        let decision = decide(&agreed, &around, &present(0, None, &[]));
        assert_eq!(decision, want.map_or(Decision::Buy(1), Decision::Asleep));
    }
}

#[test]
fn only_more_needs_a_new_consent() {
    let agreed = agreement(500_000, 5_000);
    assert!(agreed.covers(&agreement(500_000, 5_000)));
    assert!(agreed.covers(&agreement(400_000, 4_000)));
    assert!(!agreed.covers(&agreement(500_001, 5_000)));
    assert!(!agreed.covers(&agreement(500_000, 5_001)));
    assert!(!agreed.covers(&Agreement { price: 901, ..agreed.clone() }));
    assert!(!agreed.covers(&Agreement { package: "p5000".to_owned(), ..agreed.clone() }));
}

#[test]
fn stripes_words_tell_a_card_that_may_pay_from_one_that_will_not() {
    let cases = [
        ("card_declined", Some("insufficient_funds"), Some("try_again_later"), CardAnswer::SoftDecline),
        ("card_declined", Some("generic_decline"), None, CardAnswer::SoftDecline),
        ("card_declined", Some("generic_decline"), Some("do_not_try_again"), CardAnswer::HardDecline),
        ("card_declined", Some("lost_card"), None, CardAnswer::HardDecline),
        ("expired_card", None, None, CardAnswer::HardDecline),
        ("card_declined", Some("fraudulent"), None, CardAnswer::HardDecline),
        ("authentication_required", Some("authentication_required"), None, CardAnswer::AuthenticationRequired),
        ("card_declined", Some("authentication_required"), None, CardAnswer::AuthenticationRequired),
    ];
    for (code, decline, advice, want) in cases {
        assert_eq!(CardAnswer::from_stripe(code, decline, advice), want, "{code} {decline:?}");
    }
}

#[test]
fn a_soft_decline_is_tried_again_after_an_hour_and_a_day_and_then_ends_the_rule() {
    let first = from_millis(START);
    let mut card = CardHistory::default();
    for (tries, after) in (1..).zip(RETRY_AFTER) {
        card = card.after(CardAnswer::SoftDecline);
        assert_eq!(card.consequence(CardAnswer::SoftDecline, tries, first), Consequence::RetryAt(first + after));
    }
    card = card.after(CardAnswer::SoftDecline);
    let end = Consequence::Suspend(SuspendedReason::Declined);
    assert_eq!(card.consequence(CardAnswer::SoftDecline, 3, first), end);
    let dead = CardHistory::default().after(CardAnswer::HardDecline);
    assert_eq!(dead.consequence(CardAnswer::HardDecline, 1, first), end, "at once");
    let asks = CardHistory::default().after(CardAnswer::AuthenticationRequired);
    let until = Consequence::AskUntil(first + RETRY_AFTER[1]);
    assert_eq!(asks.consequence(CardAnswer::AuthenticationRequired, 1, first), until);
}

/// What may happen to a rule with a card that declines: a try comes due, or a person switches it off or on.
#[derive(Clone, Copy, Debug)]
enum Event {
    Try,
    Off,
    On,
}

#[test]
fn a_dead_card_is_charged_at_most_three_times_over_any_history_of_off_and_on() {
    let event = prop_oneof![Just(Event::Try), Just(Event::Off), Just(Event::On)];
    let answer = prop_oneof![Just(CardAnswer::SoftDecline), Just(CardAnswer::HardDecline)];
    let history = (prop::collection::vec(event, 1..200), prop::collection::vec(answer, 3));
    for_all(20, history, |(events, answers)| {
        let (mut card, mut is_on, mut charges) = (CardHistory::default(), true, 0_usize);
        let (mut tries, first): (usize, Instant) = (0, from_millis(START));
        for event in events {
            match event {
                Event::On if !is_on => is_on = card.may_be_agreed(false),
                Event::Off => (is_on, tries) = (false, 0),
                Event::Try if is_on && !card.is_spent() => {
                    let answer = answers[charges];
                    (charges, tries) = (charges + 1, tries + 1);
                    card = card.after(answer);
                    match card.consequence(answer, tries, first) {
                        Consequence::Suspend(_) => is_on = false,
                        Consequence::GiveUp => tries = 0,
                        _ => {}
                    }
                }
                Event::Try | Event::On => {}
            }
            assert!(charges <= 3, "{charges}");
        }
        assert!(!card.is_spent() || !card.may_be_agreed(false));
        assert!(card.may_be_agreed(true), "a person paid with it");
    });
}
