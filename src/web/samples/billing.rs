//! Billing in every state.

use crate::domain::{Credits, Grant, Money, Package, PurchaseState, Terms};
use crate::web::samples::customers::{Sketch, at};
use crate::web::samples::prospect::Prospect;
use crate::web::samples::{Sample, customers};
use crate::web::view::balance::BalanceFacts;
use crate::web::view::billing::{BillingFacts, BillingView};
use crate::web::view::hint::HintFacts;
use crate::web::view::notices::Pace;
use crate::web::view::offers::{BuyForm, MayBuy};
use crate::web::view::outcome::{Outcome, OutcomeFacts};
use crate::web::view::purchases::PurchaseFact;
use crate::web::view::{purchases, status, top_ups};

/// Every state by name.
pub fn all() -> Vec<(&'static str, Sample)> {
    let mut all = vec![
        ("starter", page(customers::acme(), |_| ())),
        ("free", page(customers::fjord(), |v| v.may_buy = locked(Credits::ZERO))),
        ("free-leftovers", page(leftovers(), |v| v.may_buy = locked(Credits::whole(1_000)))),
        ("free-paused", page(waiting(), paused)),
        ("builder", page(customers::larch(), hinted)),
        ("pro", page(customers::meridian(), |v| v.pace = Some(Pace::PlanCoversIt))),
        ("pro-all", page(customers::meridian(), |v| v.all = true)),
        ("viewer", page(customers::meridian(), |v| v.may_buy = MayBuy::Viewer)),
        ("not-for-sale", page(customers::acme(), |v| v.may_buy = MayBuy::Off)),
        ("out-of-credits", page(empty(), |_| ())),
        ("adding", page(customers::acme(), |v| v.settling = true)),
        ("frozen", page(frozen(), |v| v.frozen = true)),
        ("unpaid", page(customers::acme(), |v| v.unpaid = true)),
        ("change-booked", page(booked(), |_| ())),
        ("all-used", page(used_up(), |_| ())),
        ("advice-buy", page(customers::acme(), |v| v.prospect = Some(Prospect::Buy))),
        ("advice-upgrade", page(customers::larch(), |v| v.prospect = Some(Prospect::Upgrade))),
        ("advice-enough", page(customers::meridian(), |v| v.prospect = Some(Prospect::Enough))),
        ("kept", page(kept(), |_| ())),
        ("unfinished", page(unfinished(), |_| ())),
    ];
    let outcomes = Outcome::ALL
        .into_iter()
        .map(|outcome| (outcome.code(), page(customers::acme(), |v| v.outcome = Some(outcome))));
    all.extend(outcomes);
    all
}

/// How a page differs from its customer's plain one.
struct Variation {
    may_buy: MayBuy,
    pace: Option<Pace>,
    settling: bool,
    frozen: bool,
    unpaid: bool,
    paused: bool,
    hint: bool,
    all: bool,
    prospect: Option<Prospect>,
    outcome: Option<Outcome>,
}

fn page(sketch: Sketch, vary: impl FnOnce(&mut Variation)) -> Sample {
    let mut v = Variation {
        may_buy: MayBuy::Yes,
        pace: None,
        settling: false,
        frozen: false,
        unpaid: false,
        paused: false,
        hint: false,
        all: false,
        prospect: None,
        outcome: None,
    };
    vary(&mut v);
    let name = sketch.name;
    Sample::Billing(name, Box::new(view(&sketch, &v)))
}

fn view(sketch: &Sketch, v: &Variation) -> BillingView {
    let packages = [(1_200, 900), (5_000, 3_000), (20_000, 10_500), (50_000, 22_500)];
    let package = |(credits, amount)| Package { id: format!("p{credits}"), credits, amount };
    let (live, ended) = parted(sketch);
    let shown = top_ups::window(live.len(), ended.len(), v.all.then_some(1)).ended;
    let (pending, counted) = purchases_of(sketch);
    let fates = v.prospect.map_or_else(Vec::new, |prospect| prospect.fates(&live));
    let (_, take, ..) = purchases::window(counted.len(), v.all.then_some(1));
    let facts = BillingFacts {
        balance: BalanceFacts { runs_out: v.prospect.map(Prospect::runs_out), ..sketch.balance.clone() },
        live: &live,
        ended: &ended[shown],
        ended_total: ended.len(),
        pending: &pending,
        purchases: &counted[..counted.len().min(take)],
        purchases_total: counted.len(),
        may_buy: v.may_buy.clone(),
        packages: &packages.map(package),
        currency: "usd",
        top_up_months: 12,
        credit_note: "Most pages cost 2 credits.",
        upgrade: "/plans".into(),
        reset_at: None,
        settling: v.settling,
        grace_until: v.unpaid.then(|| at("2026-11-30T10:00:00Z")),
        frozen: v.frozen.then(|| (Credits::whole(1_000), at("2026-05-03T10:00:00Z"))),
        paused: v.paused,
        pace: v.pace,
        fates: &fates,
        ahead: v.prospect.map(Prospect::ahead),
        outcome: v.outcome.map(|outcome| outcome.notice(outcome_facts(sketch))),
        hint: v.hint.then(|| hint(sketch)).flatten(),
        all_top_ups: v.all.then_some(1),
        all_purchases: v.all.then_some(1),
        seal: &|_, package, terms| sealed(package, terms),
    };
    facts.view()
}

/// A top-up of which nobody could be told.
fn kept() -> Sketch {
    let mut sketch = customers::acme();
    let mut grant = customers::top_up(1, 1_200, Credits::whole(1_000), 0, "2025-11-21T10:00:00Z");
    grant.expires_at = at("2026-11-28T10:00:00Z");
    grant.awaits_notice = true;
    sketch.balance.top_ups.left = Credits::whole(1_000);
    sketch.balance.available = Credits::whole(1_180);
    sketch.purchases = vec![customers::purchase(1, 1_200, 900, PurchaseState::Credited, "2025-11-21T10:00:00Z")];
    sketch.grants = vec![grant];
    sketch
}

/// Living and ended top-ups.
fn parted(sketch: &Sketch) -> (Vec<Grant>, Vec<Grant>) {
    let (live, mut ended): (Vec<Grant>, Vec<Grant>) =
        sketch.grants.iter().cloned().partition(|grant| status::is_live(grant, sketch.balance.now));
    ended.sort_by_key(|grant| std::cmp::Reverse(grant.expires_at));
    (live, ended)
}

/// Purchases that are not done, and the others.
fn purchases_of(sketch: &Sketch) -> (Vec<PurchaseFact>, Vec<PurchaseFact>) {
    let seen = sketch.purchases.iter().filter(|purchase| purchase.open() || purchase.counts()).cloned();
    seen.partition(PurchaseFact::open)
}

/// A Buy form whose seal fits nothing.
pub fn form(package: &str, price: i64) -> BuyForm {
    let currency = "usd".to_owned();
    sealed(package, Terms { credits: Credits::whole(1_200), amount: price, currency, months: 12 })
}

fn sealed(package: &str, terms: Terms) -> BuyForm {
    let purchase = "pur_01920000000070008000000000000001".into();
    BuyForm { purchase, package: package.into(), terms, mac: "0".repeat(64) }
}

fn outcome_facts(sketch: &Sketch) -> OutcomeFacts {
    OutcomeFacts {
        offer: Some((Credits::whole(1_200), Money::new(1_000, "usd"))),
        bought_at: Some(sketch.balance.zone.clock(at("2026-11-22T19:03:00Z"))),
        again: Some(form("p1200", 900)),
    }
}

fn locked(left: Credits) -> MayBuy {
    MayBuy::PlanCannot {
        better: Some(("Starter".into(), Credits::whole(5_000), Money::new(1_900, "usd"))),
        upgrade: "/plans".into(),
        left,
        plan: "Free".into(),
    }
}

fn paused(v: &mut Variation) {
    v.may_buy = locked(Credits::ZERO);
    v.paused = true;
}

fn hinted(v: &mut Variation) {
    v.hint = true;
}

fn hint(sketch: &Sketch) -> Option<crate::web::view::HintView> {
    let facts = HintFacts {
        plan: "Builder".into(),
        better: "Pro".into(),
        cycles: 3,
        top_ups: Money::new(67_500, "usd"),
        difference: Money::new(17_000, "usd"),
        upgrade: "/plans".into(),
        still: Money::new(0, "usd"),
        hide_until: Some(sketch.balance.zone.short_day(sketch.balance.resets_at)),
    };
    facts.view()
}

fn leftovers() -> Sketch {
    let mut sketch = customers::fjord();
    sketch.grants = vec![customers::top_up(1, 1_200, Credits::whole(1_000), 0, "2026-05-03T10:00:00Z")];
    sketch.balance.top_ups.left = Credits::whole(1_000);
    sketch.balance.available = Credits::whole(1_038);
    sketch.purchases = vec![customers::purchase(1, 1_200, 900, PurchaseState::Credited, "2026-05-03T10:00:00Z")];
    sketch
}

fn waiting() -> Sketch {
    let mut sketch = leftovers();
    sketch.balance.available = sketch.balance.left;
    (sketch.balance.top_ups.left, sketch.balance.top_ups.paused) = (Credits::ZERO, Credits::whole(1_000));
    sketch
}

fn empty() -> Sketch {
    let mut sketch = customers::acme();
    (sketch.balance.available, sketch.balance.left) = (Credits::ZERO, Credits::ZERO);
    sketch.balance.used = sketch.balance.allowance;
    sketch
}

fn frozen() -> Sketch {
    let mut sketch = customers::acme();
    let mut grant = customers::top_up(1, 1_200, Credits::whole(1_000), 0, "2026-05-03T10:00:00Z");
    grant.frozen = Credits::whole(1_000);
    sketch.balance.top_ups.frozen = grant.frozen;
    sketch.grants = vec![grant];
    sketch.purchases = vec![customers::purchase(1, 1_200, 900, PurchaseState::Credited, "2026-05-03T10:00:00Z")];
    sketch.purchases[0].facts.dispute = crate::web::view::status::Dispute::Open;
    sketch
}

fn booked() -> Sketch {
    let mut sketch = customers::acme();
    sketch.balance.next = Some(("Free".into(), sketch.balance.resets_at));
    sketch
}

fn used_up() -> Sketch {
    let mut sketch = customers::acme();
    sketch.grants = vec![
        customers::top_up(1, 1_200, Credits::ZERO, 0, "2026-05-03T10:00:00Z"),
        customers::top_up(2, 1_200, Credits::ZERO, 0, "2026-06-03T10:00:00Z"),
    ];
    sketch
}

fn unfinished() -> Sketch {
    let mut sketch = customers::meridian();
    sketch.purchases.insert(0, customers::purchase(8, 1_200, 900, PurchaseState::Open, "2026-11-22T12:55:00Z"));
    sketch
}
