//! The balance card's words, bar and figures.

use super::*;
use crate::web::billing::balance_card::BalanceCard;
use crate::web::document::without_marks;
use leptos::prelude::*;

pub fn acme() -> CustomerBalance {
    CustomerBalance {
        now: "2026-11-22T19:05:00Z".parse().expect("an instant"),
        zone: Zone::named("America/New_York"),
        available: Credits::whole(180),
        plan: "Starter".into(),
        change_plan: Some("/plans".into()),
        low_mark: Credits::whole(500),
        price: Money::new(1_900, "usd"),
        allowance: Credits::whole(5_000),
        used: Credits::whole(4_820),
        held: Credits::ZERO,
        left: Credits::whole(180),
        resets_at: "2026-12-04T14:00:00Z".parse().expect("an instant"),
        next: None,
        bonus: vec![],
        bonus_held: Credits::ZERO,
        top_ups: TopUpSums::default(),
        runs_out: None,
    }
}

#[test]
fn the_card_says_what_is_left_and_until_when() {
    let balance = acme();
    assert_eq!(balance.usage().to_string(), "4,820 used");
    assert_eq!(balance.spoken(), "4,820 used, 180 left of 5,000");
    assert_eq!(balance.bar(), BalanceBar { used: 964, held: 0 });
    assert_eq!(balance.notes(), vec![Text::from("Used when plan credits hit 0")]);
    let html = without_marks(&Owner::new_root(None).with(|| view! { <BalanceCard balance /> }.to_html()));
    assert!(html.contains(">14:05</time>"), "{html}");
    assert!(html.contains("Resets <time datetime=\"2026-12-04T14:00:00Z\">4 Dec 2026</time>"), "{html}");
}

#[test]
fn held_credits_and_bonus_credits_are_named() {
    let mut balance = acme();
    balance.used = Credits(40_999_375);
    balance.held = Credits::whole(1_250);
    balance.allowance = Credits::whole(100_000);
    balance.left = Credits(57_750_625);
    let until = "2026-12-31T12:00:00Z".parse().expect("an instant");
    balance.bonus = vec![(Credits::whole(1_250), until)];
    assert_eq!(balance.usage().to_string(), "40,999.375 used · 1,250 held by running jobs");
    let bonus = |balance: &CustomerBalance| balance.bonus_line().map(|(credits, text)| format!("{credits}: {text}"));
    assert_eq!(bonus(&balance).as_deref(), Some("1250: Until 31 Dec 2026"));
    balance.bonus.push((Credits::whole(50), until));
    assert_eq!(bonus(&balance).as_deref(), Some("1300: 1,250 of them until 31 Dec 2026"));
}

#[test]
fn top_ups_in_use_say_since_when() {
    let mut balance = acme();
    balance.left = Credits::ZERO;
    balance.top_ups.left = Credits(53_172_500);
    balance.top_ups.held = Credits::whole(240);
    balance.top_ups.in_use_since = Some("2026-11-12T12:00:00Z".parse().expect("an instant"));
    assert_eq!(balance.notes()[0].to_string(), "In use since 12 Nov · 240 held");
}

#[test]
fn how_long_credits_last_is_said_no_more_precisely_than_it_is_known() {
    let mut balance = acme();
    let at = |text: &str| Some(text.parse().expect("an instant"));
    balance.runs_out = Some(RunsOut::default());
    let lasts = |balance: &CustomerBalance| balance.lasts().map(|words| words.to_string());
    assert_eq!(lasts(&balance).as_deref(), Some("At this pace, they last until the reset"));
    balance.runs_out = Some(RunsOut { plan: at("2026-11-29T03:00:00Z"), all: at("2027-03-04T12:00:00Z") });
    assert_eq!(lasts(&balance).as_deref(), Some("At this pace, they run out around 28 Nov"));
    assert_eq!(balance.notes().len(), 1, "there are none");
    balance.top_ups.left = Credits::whole(9_000);
    assert_eq!(balance.notes()[1].to_string(), "At this pace, they run out around Mar 2027");
    balance.left = Credits::ZERO;
    assert_eq!(lasts(&balance), None);
}

#[test]
fn a_bar_is_full_only_when_nothing_is_left() {
    let bar = |used: i64, held: i64, left: i64| {
        let mut plan = acme();
        (plan.used, plan.held, plan.left) = (Credits(used), Credits(held), Credits(left));
        plan.allowance = Credits(used + held + left);
        plan.bar()
    };
    assert_eq!(bar(1, 0, 999_999), BalanceBar { used: 4, held: 0 });
    assert_eq!(bar(999_999, 0, 1), BalanceBar { used: 996, held: 0 });
    assert_eq!(bar(5, 0, 0), BalanceBar { used: 1_000, held: 0 });
    assert_eq!(bar(900, 100, 0), BalanceBar { used: 900, held: 100 });
    assert_eq!(bar(0, 0, 0), BalanceBar { used: 0, held: 0 });
}

#[test]
fn the_bar_turns_with_the_low_mark_and_at_zero() {
    let level = |left: i64, mark: i64| {
        let balance = CustomerBalance { left: Credits(left), low_mark: Credits(mark), ..acme() };
        balance.level()
    };
    assert_eq!(level(501, 500), Level::Fine);
    assert_eq!(level(500, 500), Level::Low);
    assert_eq!(level(0, 500), Level::Out);
    assert_eq!(level(1, 0), Level::Fine);
}

#[test]
fn the_figures_add_up_to_what_is_available() {
    let mut balance = acme();
    balance.bonus = vec![(Credits::whole(1_250), "2026-12-31T12:00:00Z".parse().expect("an instant"))];
    balance.top_ups.left = Credits::whole(21_000);
    balance.available = Credits::whole(22_430);
    let bonus = balance.bonus_line().map_or(Credits::ZERO, |(credits, _)| credits);
    assert_eq!(balance.left + bonus + balance.top_ups.left, balance.available);
}
