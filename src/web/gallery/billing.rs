//! Billing in every state.

use crate::domain::catalog::Equivalent;
use crate::domain::forecast::TopUpForecast;
use crate::domain::{Credits, Grant, Money, Package, PurchaseState, Terms};
use crate::usecases::auto_top_up::AutoTopUp;
use crate::usecases::purchases::{CustomerPurchases, Purchase};
use crate::web::billing::auto_line::AutoLine;
use crate::web::billing::balance::CustomerBalance;
use crate::web::billing::low_mark::LowMark;
use crate::web::billing::may_buy::MayBuy;
use crate::web::billing::notices::Situation;
use crate::web::billing::offers::{OfferTerms, Offers, PackageCard, Shelf};
use crate::web::billing::page::Sections;
use crate::web::billing::purchases::PurchaseList;
use crate::web::billing::top_up_badge::is_live;
use crate::web::billing::top_ups::TopUpList;
use crate::web::billing::way_out::WayOut;
use crate::web::billing::{notices, purchases, top_ups};
use crate::web::gallery::customers::{Sketch, at};
use crate::web::gallery::forecast::Forecast;
use crate::web::gallery::{Sample, customers};
use crate::web::outcome::{Outcome, OutcomeDetails};
use crate::web::ui::badge::Tone;
use crate::web::ui::buy_form::BuyForm;
use crate::web::ui::notice::{Notice, NoticeAction};
use strum::IntoEnumIterator;

/// Every state by name.
pub fn all() -> Vec<(&'static str, Sample)> {
    let mut all = vec![
        ("starter", page(customers::acme(), |_| ())),
        ("free", page(customers::fjord(), |v| v.may_buy = locked(Credits::ZERO))),
        ("free-leftovers", page(leftovers(), |v| v.may_buy = locked(Credits::whole(1_000)))),
        ("free-paused", page(waiting(), |v| v.may_buy = locked(Credits::ZERO))),
        ("builder", page(customers::larch(), |v| v.forecast = Some(Forecast::Upgrade))),
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
        ("upgraded", page(customers::acme(), |v| v.wanted = true)),
        ("plenty", page(plenty(), |_| ())),
        ("advice-enough", page(customers::meridian(), |v| v.forecast = Some(Forecast::Enough))),
        ("kept", page(kept(), |_| ())),
        ("unfinished", page(unfinished(), |_| ())),
    ];
    let outcomes =
        Outcome::iter().map(|outcome| (outcome.code(), page(customers::acme(), |v| v.outcome = Some(outcome))));
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
    wanted: bool,
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
        wanted: false,
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
    let equivalent = Equivalent { unit: "pages".to_owned(), credits: 2 };
    let shelf = Shelf {
        packages: &packages,
        currency: "usd",
        equivalent: Some(&equivalent),
        fits: v.forecast.and_then(Forecast::fits),
    };
    let at_top = v.outcome.filter(|it| !it.is_of_low_mark());
    let of_low_mark = v.outcome.filter(|it| it.is_of_low_mark()).map(|outcome| (outcome, "many".to_owned()));
    let balance = CustomerBalance { runs_out: v.forecast.map(Forecast::runs_out), ..sketch.balance.clone() };
    Sections {
        outcome: at_top.map(|outcome| outcome.notice(outcome_details(&sketch))).or(v.wanted.then(wanted)),
        notice: if v.wanted { None } else { situation(&balance, &live, &v).notice() },
        offers: Offers {
            advice: v.forecast.and_then(|forecast| forecast.advice(balance.zone)),
            offers: PackageCard::list(&shelf, &v.may_buy, |package| signed(&package.id, terms(package))),
            upgrade: "/plans".to_owned(),
            terms: OfferTerms { months: 12, plus_tax: false },
            credit_note: "Most pages cost 2 credits.".to_owned(),
            low_mark: LowMark {
                credits: balance.low_mark,
                chosen: None,
                may_set: v.may_buy != MayBuy::Viewer,
                outcome: of_low_mark,
            },
            auto_top_up: auto_line(&v),
            may_buy: v.may_buy.clone(),
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

/// Off, where top-ups are for sale.
fn auto_line(v: &Variation) -> Option<AutoLine> {
    let sells = matches!(v.may_buy, MayBuy::Yes | MayBuy::Viewer);
    sells.then(|| AutoLine::new(&AutoTopUp::default(), v.may_buy == MayBuy::Yes, v.forecast.is_some()))
}

fn situation(balance: &CustomerBalance, live: &[Grant], v: &Variation) -> Situation {
    Situation {
        balance: balance.clone(),
        top_ups: Situation::usable(live, balance.now),
        may_buy: v.may_buy.clone(),
        way_out: way_out(v),
        reset_at: None,
        settling: v.settling,
        grace_until: v.unpaid.then(|| at("2026-11-30T10:00:00Z")),
        frozen: notices::frozen(live),
        upgrade: "/plans".into(),
        forecast: v.first,
    }
}

fn way_out(v: &Variation) -> WayOut {
    let plan = match (&v.may_buy, v.forecast) {
        (MayBuy::PlanCannot { .. }, _) => Some(("Upgrade".to_owned(), "/plans".to_owned())),
        (_, Some(Forecast::Upgrade)) => Some(("See Pro".to_owned(), "/plans".to_owned())),
        _ => None,
    };
    let (credits, price) = if v.forecast.is_some() { (5_000, 3_000) } else { (1_200, 900) };
    let buy = WayOut::Buy {
        credits: Credits::whole(credits),
        price: Money::new(price, "usd"),
        form: form(&format!("p{credits}"), price),
        mix: v.forecast.map(|_| "5,000 and 1,200 credits".into()),
    };
    WayOut::new(&v.may_buy, plan, Some(buy))
}

/// The offer after an upgrade.
fn wanted() -> Notice {
    let notice = Notice::new(Tone::Good, "You're on Starter. You can buy top-ups now.", "");
    notice.with(NoticeAction::buy("Buy 1,200 for $9", form("p1200", 900)))
}

/// Nothing to tell: most of the plan is left.
fn plenty() -> Sketch {
    let mut sketch = customers::acme();
    (sketch.balance.used, sketch.balance.left) = (Credits::whole(820), Credits::whole(4_180));
    sketch.balance.available = sketch.balance.left;
    sketch
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
        has_portal: v.may_buy == MayBuy::Yes && !sketch.purchases.is_empty(),
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
    sketch.balance.top_ups.had_any = true;
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
        left,
        plan: "Free".into(),
    }
}

fn leftovers() -> Sketch {
    let mut sketch = customers::fjord();
    sketch.grants = vec![customers::top_up(1, 1_200, Credits::whole(1_000), 0, "2026-05-03T10:00:00Z")];
    sketch.balance.top_ups.left = Credits::whole(1_000);
    sketch.balance.top_ups.had_any = true;
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
