//! Billing in every state.

use crate::domain::advice::Advice;
use crate::domain::forecast::TopUpForecast;
use crate::domain::{Credits, Grant, Money, Package, PurchaseState, Terms};
use crate::usecases::purchases::{CustomerPurchases, Purchase};
use crate::web::billing::balance::CustomerBalance;
use crate::web::billing::hint::{Hint, Plans};
use crate::web::billing::notices::Situation;
use crate::web::billing::offers::{MayBuy, Offer, Offers};
use crate::web::billing::purchases::PurchaseList;
use crate::web::billing::top_up_badge::is_live;
use crate::web::billing::top_ups::TopUpList;
use crate::web::billing::{Sections, notices, purchases, top_ups};
use crate::web::gallery::customers::{Sketch, at};
use crate::web::gallery::forecast::Forecast;
use crate::web::gallery::{Sample, customers};
use crate::web::outcome::{Outcome, OutcomeDetails};
use crate::web::ui::buy_form::BuyForm;

/// Every state by name.
pub fn all() -> Vec<(&'static str, Sample)> {
    let mut all = vec![
        ("starter", page(customers::acme(), |_| ())),
        ("free", page(customers::fjord(), |v| v.may_buy = locked(Credits::ZERO))),
        ("free-leftovers", page(leftovers(), |v| v.may_buy = locked(Credits::whole(1_000)))),
        ("free-paused", page(waiting(), |v| v.may_buy = locked(Credits::ZERO))),
        ("builder", page(customers::larch(), |v| v.hint = true)),
        ("pro", page(customers::meridian(), |v| v.first = Some(TopUpForecast::Untouched))),
        ("pro-all", page(customers::meridian(), |v| v.all = true)),
        ("viewer", page(customers::meridian(), |v| v.may_buy = MayBuy::Viewer)),
        ("not-for-sale", page(customers::acme(), |v| v.may_buy = MayBuy::Off)),
        ("out-of-credits", page(empty(), |_| ())),
        ("adding", page(customers::acme(), |v| v.settling = true)),
        ("frozen", page(frozen(), |_| ())),
        ("unpaid", page(customers::acme(), |v| v.unpaid = true)),
        ("change-booked", page(booked(), |_| ())),
        ("all-used", page(used_up(), |_| ())),
        ("advice-buy", page(customers::acme(), |v| v.forecast = Some(Forecast::Buy))),
        ("advice-upgrade", page(customers::larch(), |v| v.forecast = Some(Forecast::Upgrade))),
        ("advice-enough", page(customers::meridian(), |v| v.forecast = Some(Forecast::Enough))),
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
    /// The end of the top-ups that expire first.
    first: Option<TopUpForecast>,
    settling: bool,
    unpaid: bool,
    hint: bool,
    all: bool,
    forecast: Option<Forecast>,
    outcome: Option<Outcome>,
}

fn page(sketch: Sketch, vary: impl FnOnce(&mut Variation)) -> Sample {
    let mut v = Variation {
        may_buy: MayBuy::Yes,
        first: None,
        settling: false,
        unpaid: false,
        hint: false,
        all: false,
        forecast: None,
        outcome: None,
    };
    vary(&mut v);
    let name = sketch.name;
    Sample::Billing(name, Box::new(sections(sketch, v)))
}

fn sections(sketch: Sketch, v: Variation) -> Sections {
    let packages = [(1_200, 900), (5_000, 3_000), (20_000, 10_500), (50_000, 22_500)];
    let packages = packages.map(|(credits, amount)| Package { id: format!("p{credits}"), credits, amount });
    let terms = |package: &Package| {
        let (credits, amount) = (package.grants(), package.amount);
        Terms { credits, amount, currency: "usd".to_owned(), months: 12 }
    };
    let (live, mut ended) = parted(&sketch);
    let page = v.all.then_some(1);
    let (ended_total, shown) = (ended.len(), top_ups::window(live.len(), ended.len(), page).ended);
    ended = ended[shown].to_vec();
    let balance = CustomerBalance { runs_out: v.forecast.map(Forecast::runs_out), ..sketch.balance.clone() };
    Sections {
        outcome: v.outcome.map(|outcome| outcome.notice(outcome_details(&sketch))),
        notice: situation(&balance, &live, &v).notice(),
        hint: v.hint.then(|| hint(&sketch)).flatten(),
        offers: Offers {
            advice: v.forecast.map(Forecast::advice),
            offers: Offer::list(&packages, "usd", &v.may_buy, |package| signed(&package.id, terms(package))),
            may_buy: v.may_buy.clone(),
            months: 12,
            credit_note: "Most pages cost 2 credits.".to_owned(),
        },
        purchases: purchase_list(&sketch, &v, page),
        top_ups: TopUpList {
            now: balance.now,
            zone: balance.zone,
            paused: balance.top_ups.paused.is_positive(),
            in_use: balance.top_ups_in_use(),
            forecasts: v.forecast.map_or_else(Vec::new, |forecast| forecast.top_ups(&live)),
            live,
            ended,
            ended_total,
            page,
        },
        balance,
    }
}

fn situation(balance: &CustomerBalance, live: &[Grant], v: &Variation) -> Situation {
    Situation {
        balance: balance.clone(),
        top_ups: Situation::usable(live, balance.now),
        may_buy: v.may_buy.clone(),
        reset_at: None,
        settling: v.settling,
        grace_until: v.unpaid.then(|| at("2026-11-30T10:00:00Z")),
        frozen: notices::frozen(live),
        upgrade: "/plans".into(),
        forecast: v.first,
    }
}

fn purchase_list(sketch: &Sketch, v: &Variation, page: Option<usize>) -> PurchaseList {
    let (open, counted): (Vec<Purchase>, Vec<Purchase>) =
        sketch.purchases.iter().cloned().partition(|purchase| purchase.state == PurchaseState::Open);
    let (_, take, ..) = purchases::window(counted.len(), page);
    let open = open.into_iter().next();
    let terms = |purchase: &Purchase| Terms {
        credits: purchase.credits,
        amount: purchase.amount,
        currency: purchase.currency.clone(),
        months: 12,
    };
    let resume = open.as_ref().filter(|_| v.may_buy == MayBuy::Yes);
    PurchaseList {
        resume: resume.map(|purchase| signed(&purchase.package, terms(purchase))),
        listed: CustomerPurchases {
            paid: Vec::new(),
            open,
            total: i64::try_from(counted.len()).unwrap_or(0),
            page: counted[..counted.len().min(take)].to_vec(),
        },
        zone: sketch.balance.zone,
        page,
    }
}

/// A top-up whose reminder could not be delivered.
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
        sketch.grants.iter().cloned().partition(|grant| is_live(grant, sketch.balance.now));
    ended.sort_by_key(|grant| std::cmp::Reverse(grant.expires_at));
    (live, ended)
}

/// A Buy form without a valid signature.
pub fn form(package: &str, price: i64) -> BuyForm {
    let currency = "usd".to_owned();
    signed(package, Terms { credits: Credits::whole(1_200), amount: price, currency, months: 12 })
}

fn signed(package: &str, terms: Terms) -> BuyForm {
    let purchase = "pur_01920000000070008000000000000001".into();
    BuyForm { purchase, package: package.into(), terms, mac: "0".repeat(64) }
}

fn outcome_details(sketch: &Sketch) -> OutcomeDetails {
    OutcomeDetails {
        offer: Some((Credits::whole(1_200), Money::new(1_000, "usd"))),
        bought_at: Some(sketch.balance.zone.clock(at("2026-11-22T19:03:00Z"))),
        form: Some(form("p1200", 900)),
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

fn hint(sketch: &Sketch) -> Option<Hint> {
    let advice = Advice { plan: "pro".into(), cycles: 3, top_ups: 67_500, difference: 17_000, still: 0 };
    let plans = Plans { plan: "Builder", better: "Pro", currency: "usd", upgrade: "/plans" };
    Hint::new(&advice, plans, Some(sketch.balance.zone.short_day(sketch.balance.resets_at)))
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
    sketch.purchases[0].dispute = Some("needs_response".to_owned());
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
