//! Buy or upgrade over the coming months (R18), compared with every plan and every basket.

use crate::for_all;
use crate::forecasts::{Present, account, presents, walk};
use proptest::prelude::*;
use topup_domain::advice::{Basket, look_ahead};
use topup_domain::cycle::add_months;
use topup_domain::forecast::UsageRate;
use topup_domain::time::from_millis;
use topup_domain::{Account, Catalog, Changes, Credits, Instant, Kind};

const START: i64 = 1_790_000_000_000;

/// Plans from the smallest, each larger and dearer; packages from the smallest, never dearer per credit.
#[derive(Clone, Debug)]
pub struct Prices {
    fees: [i64; 3],
    sells: [bool; 2],
    packages: Vec<(i64, i64)>,
}

pub fn prices() -> impl Strategy<Value = Prices> {
    let fees = [1..60_i64, 1..60, 1..60];
    let packages = prop::collection::vec((1..4_i64, 1..30_i64), 0..4);
    (fees, [any::<bool>(), any::<bool>()], packages).prop_map(|(fees, sells, raw)| {
        let (mut packages, mut size, mut price): (Vec<(i64, i64)>, i64, i64) = (Vec::new(), 0, 0);
        for (more, amount) in raw {
            let larger = size + more;
            price = if size == 0 { amount + 1 } else { (price * larger / size).min(price + amount) };
            size = larger;
            packages.push((size, price));
        }
        Prices { fees: [fees[0], fees[0] + fees[1], fees[0] + fees[1] + fees[2]], sells, packages }
    })
}

pub fn catalog(prices: &Prices, present: &Present) -> Catalog {
    let lapsed = if present.paused { "paused" } else { "usable" };
    // Prices may be tiny: Stripe publishes no least charge for this currency.
    let mut text = format!(
        "[shop]\nname = \"S\"\nsupport_email = \"s@s.example\"\nhome_url = \"https://s.example\"\n\
         terms_url = \"https://s.example/t\"\ncurrency = \"all\"\n\
         [rules]\ntop_up_months = {}\nlapsed_top_ups = \"{lapsed}\"\n",
        present.months
    );
    let [big, more, most] = prices.fees;
    let plans = [("free", 0, 1, false), ("big", big, 2, true), ("more", more, 3, prices.sells[0])];
    for (id, amount, credits, sells) in plans.into_iter().chain([("most", most, 5, prices.sells[1])]) {
        text += &format!(
            "[[plan]]\nid = \"{id}\"\nname = \"P\"\namount = {amount}\ncredits = {credits}\ntop_ups = {sells}\n"
        );
    }
    for (credits, amount) in &prices.packages {
        text += &format!("[[package]]\nid = \"p{credits}\"\ncredits = {credits}\namount = {amount}\n");
    }
    Catalog::parse(&text).expect("a good catalogue")
}

/// The least price of `need` thousandths, by trying every basket.
fn least(packages: &[(i64, i64)], need: i64) -> Option<i64> {
    if need <= 0 {
        return Some(0);
    }
    let (credits, amount) = *packages.last()?;
    let most = (need + 999) / 1_000 / credits + 1;
    let tries = (0..=most).filter_map(|n| {
        let rest = need - n * credits * 1_000;
        Some(n * amount + least(&packages[..packages.len() - 1], rest)?)
    });
    tries.min()
}

struct Tried {
    missing: i64,
    cost: Option<i64>,
}

fn tried(
    prices: &Prices,
    present: &Present,
    plan: &str,
    account: &Account,
    catalog: &Catalog,
    times: (i64, i64, i64),
) -> Tried {
    let missing = walk(present, account, catalog, times, 0).missing;
    let may_buy = catalog.plan(plan).expect("a plan").top_ups;
    let cost = if may_buy { least(&prices.packages, missing) } else { (missing == 0).then_some(0) };
    Tried { missing, cost }
}

fn agrees(prices: &Prices, present: &Present) {
    let catalog = catalog(prices, present);
    let (account, now) = account(present, &catalog);
    let came = from_millis(START);
    let rate = UsageRate::new(Credits(present.rate), came, now).expect("three weeks of data");
    let over = (now - UsageRate::since(came, now)).num_milliseconds();
    let got = look_ahead(&account, &catalog, rate, now);
    if present.rate == 0 || account.next_plan.is_some() {
        assert_eq!(got, None);
        return;
    }
    let got = got.expect("use, and no change booked");
    let months = present.months.min(3);
    let until = add_months(now, months).expect("a calendar");
    let times = (now.timestamp_millis(), over, until.timestamp_millis());
    let stay = tried(prices, present, &account.plan, &account, &catalog, times);
    assert_eq!((got.missing, i64::from(months)), (Credits(stay.missing), got.months));
    assert_eq!(got.buy.as_ref().map(|basket| basket.amount), stay.cost);
    let own = catalog.plan(&account.plan).expect("a plan");
    let fee = |plan: &topup_domain::Plan| (plan.amount - own.amount) * i64::from(months);
    let larger = catalog.plans.iter().filter(|plan| plan.credits > own.credits && stay.missing > 0);
    let costs: Vec<i64> = larger
        .filter_map(|plan| {
            let on_it = upgraded(&account, &plan.id, now, &catalog);
            Some(fee(plan) + tried(prices, present, &plan.id, &on_it, &catalog, times).cost?)
        })
        .collect();
    let best = costs.iter().copied().min();
    assert_eq!(got.upgrade.as_ref().map(|upgrade| upgrade.cost()), best);
    let cheaper = best.is_some_and(|best| stay.cost.is_none_or(|stay| best < stay));
    assert_eq!(got.better().is_some(), cheaper, "never the dearer choice, nor one as dear");
    if let Some(basket) = got.buy.filter(|_| stay.missing > 0) {
        covers(present, &account, &catalog, times, stay.missing, &basket);
    }
}

fn upgraded(account: &Account, plan: &str, now: Instant, catalog: &Catalog) -> Account {
    let mut on_it = account.clone();
    on_it.change_plan(plan, now, catalog, &mut Changes::default());
    on_it
}

/// With the basket nothing is missing; with a thousandth less than the missing credits a thousandth is.
fn covers(
    present: &Present,
    account: &Account,
    catalog: &Catalog,
    times: (i64, i64, i64),
    missing: i64,
    basket: &Basket,
) {
    assert_eq!(walk(present, account, catalog, times, basket.credits.0).missing, 0);
    assert_eq!(walk(present, account, catalog, times, missing - 1).missing, 1);
}

#[test]
fn buy_or_upgrade_is_what_trying_everything_finds() {
    let small = (prices(), presents(), 0..2_500_i64).prop_map(|(prices, mut present, rate)| {
        present.rate = rate;
        (prices, present)
    });
    for_all(100, small, |(prices, present)| agrees(&prices, &present));
}

/// A customer of the sample shop on Builder, with `rate` credits a month and nothing else.
fn builder(rate: i64) -> topup_domain::advice::Ahead {
    let catalog = crate::advice::sample();
    let start = from_millis(START);
    let (mut account, mut changes) = Account::open("acme", "builder", start, start, &catalog).expect("a calendar");
    let now = account.catch_up(start + chrono::TimeDelta::days(30), &catalog, &mut changes);
    assert!(account.grants.iter().all(|grant| grant.kind == Kind::Plan));
    let rate = UsageRate::new(Credits::whole(rate), start, now).expect("a month of data");
    look_ahead(&account, &catalog, rate, now).expect("use")
}

#[test]
fn the_sample_shop_is_advised_by_its_own_prices() {
    let quiet = builder(20_000);
    assert_eq!((quiet.missing, quiet.better(), &quiet.upgrade), (Credits::ZERO, None, &None));
    // Three months of 92 days at 30,000 in 30 days: 17,000 beyond three allowances and today's cycle.
    let some = builder(30_000);
    assert!(some.missing.is_positive() && some.better().is_none(), "{some:?}");
    let much = builder(90_000);
    let pro = much.better().expect("cheaper");
    assert_eq!((pro.plan.as_str(), pro.difference, pro.fees, pro.still.amount), ("pro", 17_000, 51_000, 0));
    assert!(much.buy.expect("for sale").amount > 51_000);
}
