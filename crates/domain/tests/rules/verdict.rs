//! One verdict of two comparisons: it is the cheaper way by the sums that are shown, and no sum beside it says another.

use crate::ahead::{catalog, prices};
use crate::for_all;
use crate::forecasts::{account, presents};
use proptest::prelude::*;
use topup_domain::Credits;
use topup_domain::advice::{Advice, Ahead, Choice, PastCycle, Verdict, advise, look_ahead};
use topup_domain::forecast::UsageRate;
use topup_domain::time::from_millis;

const START: i64 = 1_790_000_000_000;

fn cycles() -> impl Strategy<Value = Vec<PastCycle>> {
    let cycle = (0..9_000_i64, any::<bool>(), 0..200_i64);
    let cycle = cycle.prop_map(|(used, ran_out, bought)| PastCycle { used: Credits(used), ran_out, bought });
    prop::collection::vec(cycle, 2..5)
}

/// The way that two sums of a page point to: a plan, or none.
fn cheaper(packages: Option<i64>, plan: Option<(&str, i64)>) -> Option<String> {
    plan.filter(|(_, cost)| packages.is_none_or(|packages| *cost < packages)).map(|(id, _)| id.to_owned())
}

fn sound(verdict: &Verdict) {
    let plan = match &verdict.choice {
        Choice::Plan(id) => Some(id.clone()),
        Choice::Enough | Choice::TopUps => None,
    };
    let sums_ahead = |ahead: &Ahead| {
        let upgrade = ahead.upgrade.as_ref().map(|upgrade| (upgrade.plan.as_str(), upgrade.cost()));
        cheaper(ahead.buy.as_ref().map(|basket| basket.amount), upgrade)
    };
    // Less than half a credit is missing: nothing is advised.
    let ahead = verdict.ahead.as_ref().filter(|ahead| ahead.missing >= Credits(500));
    if let Some(ahead) = ahead {
        assert_eq!(plan, sums_ahead(ahead), "{verdict:?}");
    }
    let enough = verdict.ahead.is_some() && ahead.is_none();
    assert_eq!(enough, verdict.choice == Choice::Enough, "{verdict:?}");
    let sums_back = |back: &Advice| cheaper(Some(back.top_ups), Some((back.plan.as_str(), back.more())));
    if let Some(back) = verdict.agreeing_back() {
        assert_eq!(plan, sums_back(back), "the second line says another way: {verdict:?}");
    }
    // It is kept quiet only where it would say another way.
    if let Some(back) = verdict.back.as_ref().filter(|_| verdict.agreeing_back().is_none()) {
        assert_ne!(plan, sums_back(back), "{verdict:?}");
    }
}

#[test]
fn the_two_halves_of_the_advice_never_contradict_each_other() {
    for_all(100, (prices(), presents(), cycles(), 0..9_000_i64), |(prices, mut present, cycles, pace)| {
        present.rate = pace;
        let catalog = catalog(&prices, &present);
        let (account, now) = account(&present, &catalog);
        let rate = UsageRate::new(Credits(present.rate), from_millis(START), now).expect("three weeks of data");
        let ahead = look_ahead(&account, &catalog, rate, now);
        let back = advise(&catalog, &account.plan, &cycles);
        let verdict = Verdict::new(ahead.clone(), back.clone());
        assert!(verdict.is_some() || ahead.is_none_or(|ahead| ahead.upgrade.is_none()) && back.is_none());
        verdict.iter().for_each(sound);
    });
}
