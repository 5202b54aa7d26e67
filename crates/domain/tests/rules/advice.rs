//! Buy or upgrade (R17, R18), compared with brute force.

use crate::for_all;
use proptest::collection::vec;
use proptest::prelude::*;
use topup_domain::advice::{PastCycle, advise, cheapest};
use topup_domain::{Catalog, Credits, Package};

const SHOP: &str = "[shop]\nname = \"S\"\nsupport_email = \"s@s.example\"\nhome_url = \"https://s.example\"\n\
    terms_url = \"https://s.example/t\"\ncurrency = \"usd\"\n[rules]\ntop_up_months = 3\n";

fn catalog(plans: &[(&str, i64, i64)], packages: &[(i64, i64)]) -> Catalog {
    let mut text = SHOP.to_owned();
    for (id, amount, credits) in plans {
        text +=
            &format!("[[plan]]\nid = \"{id}\"\nname = \"P\"\namount = {amount}\ncredits = {credits}\ntop_ups = true\n");
    }
    for (credits, amount) in packages {
        text += &format!("[[package]]\nid = \"p{credits}\"\ncredits = {credits}\namount = {amount}\n");
    }
    Catalog::parse(&text).expect("a good catalogue")
}

pub fn sample() -> Catalog {
    let plans = [("free", 0, 300), ("starter", 1_900, 5_000), ("builder", 7_900, 25_000), ("pro", 24_900, 100_000)];
    catalog(&plans, &[(1_200, 900), (5_000, 3_000), (20_000, 10_500), (50_000, 22_500)])
}

#[test]
fn the_cheapest_basket_is_what_trying_everything_finds() {
    // Prices per credit only fall, as in a catalogue.
    let packages = vec((1..40_i64, 0..30_i64), 1..4).prop_map(|raw| {
        let (mut out, mut size, mut price): (Vec<Package>, i64, i64) = (Vec::new(), 0, 0);
        for (more, amount) in raw {
            let larger = size + more;
            price = if size == 0 { amount + 1 } else { (price * larger / size).min(price + amount) };
            size = larger;
            out.push(Package { id: format!("p{size}"), credits: size, amount: price });
        }
        out
    });
    for_all(20, (packages, 1..130_i64), |(packages, need)| {
        let got = cheapest(&packages, Credits::whole(need)).expect("something is for sale");
        // best[n]: the least price of n credits or more.
        let mut best = vec![0_i64; 1];
        for n in 1..=usize::try_from(need).expect("small") {
            let ways = packages.iter().map(|p| p.amount + best[n.saturating_sub(p.credits as usize)]);
            best.push(ways.min().expect("a package"));
        }
        assert_eq!(got.amount, best[need as usize], "{packages:?} {need}");
        assert!(got.credits >= Credits::whole(need));
        let sum = |f: fn(&Package) -> i64| -> i64 {
            got.packages.iter().map(|(id, n)| n * f(packages.iter().find(|p| p.id == *id).expect("known"))).sum()
        };
        assert_eq!((sum(|p| p.amount), Credits::whole(sum(|p| p.credits))), (got.amount, got.credits));
    });
}

#[test]
fn fifty_thousand_beat_forty_five_thousand() {
    let packages = sample().packages;
    let check = |need: Credits, amount: i64, want: &[(&str, i64)]| {
        let basket = cheapest(&packages, need).expect("for sale");
        let got: Vec<(&str, i64)> = basket.packages.iter().map(|(id, n)| (id.as_str(), *n)).collect();
        assert_eq!((basket.amount, got.as_slice()), (amount, want), "{need}");
    };
    check(Credits::whole(45_000), 22_500, &[("p50000", 1)]);
    check(Credits(1), 900, &[("p1200", 1)]);
    check(Credits::whole(41_200), 21_900, &[("p20000", 2), ("p1200", 1)]);
    check(Credits::whole(1_000_000_000), 20_000 * 22_500, &[("p50000", 20_000)]);
    check(Credits::ZERO, 0, &[]);
    assert_eq!(cheapest(&[], Credits::whole(1)), None);
}

#[test]
fn the_hint_compares_what_was_paid_with_the_next_plan() {
    let cycle = |used: i64, ran_out: bool, bought: i64| PastCycle { used: Credits::whole(used), ran_out, bought };
    let larch = [cycle(58_000, true, 33_000), cycle(75_000, true, 34_500), cycle(70_000, true, 0)];
    let advice = advise(&sample(), "builder", &larch).expect("a hint");
    assert_eq!((advice.plan.as_str(), advice.cycles, advice.top_ups, advice.difference), ("pro", 3, 67_500, 17_000));
    assert_eq!((advice.more(), advice.saved()), (51_000, 16_500));
    // The next plan needs packages too: 40,000 credits beyond Pro are two packages of 20,000.
    let more = [cycle(140_000, true, 67_500), cycle(75_000, true, 0), cycle(70_000, true, 0)];
    assert_eq!(advise(&sample(), "builder", &more).expect("a hint").saved(), 67_500 - 51_000 - 21_000);
    // One cycle is not enough; refunds reduce the price; no plan is above Pro.
    let once = [cycle(58_000, true, 33_000), cycle(9_000, false, 0), cycle(9_000, false, 0)];
    assert_eq!(advise(&sample(), "builder", &once), None);
    let free = [cycle(58_000, true, 0), cycle(75_000, true, 0)];
    assert_eq!(advise(&sample(), "builder", &free), None);
    assert_eq!(advise(&sample(), "pro", &larch), None);
    assert_eq!(advise(&sample(), "no such plan", &larch), None);
}
