//! The four sample customers.

use crate::domain::{Credits, Cycle, Grant, GrantId, Instant, Kind, Money, PurchaseId, PurchaseState};
use crate::usecases::insight::cycles::Cycles;
use crate::usecases::purchases::Purchase;
use crate::web::billing::balance::{CustomerBalance, TopUpSums};
use crate::web::ui::dates::Zone;
use crate::web::ui::purchase_badge::example;

/// The instant of all samples.
pub fn now() -> Instant {
    at("2026-11-22T13:05:00Z")
}

/// An instant from its text.
pub fn at(text: &str) -> Instant {
    text.parse().unwrap_or_default()
}

/// Meridian's billing cycles.
pub fn cycles() -> Cycles {
    let cycle = |start, end| Cycle { start: at(start), end: at(end) };
    Cycles {
        this: cycle("2026-11-02T11:00:00Z", "2026-12-02T11:00:00Z"),
        last: Some(cycle("2026-10-02T11:00:00Z", "2026-11-02T11:00:00Z")),
        customer_since: at("2025-09-02T11:00:00Z"),
    }
}

/// A customer's data.
pub struct Sketch {
    pub name: &'static str,
    pub balance: CustomerBalance,
    pub grants: Vec<Grant>,
    pub purchases: Vec<Purchase>,
}

/// A top-up with `left` of `credits`.
pub fn top_up(n: u8, credits: i64, left: Credits, held: i64, bought: &str) -> Grant {
    let effective_at = at(bought);
    let id = GrantId::from_bytes(&[n; 16]).unwrap_or(GrantId(uuid::Uuid::nil()));
    let expires_at = effective_at + chrono::Months::new(12);
    let mut grant = Grant::new(id, Kind::TopUp, Credits::whole(credits), effective_at, expires_at);
    grant.held = Credits::whole(held);
    grant.used = grant.amount - left - grant.held;
    grant.purchase = Some(PurchaseId(uuid::Uuid::from_bytes([n; 16])));
    grant
}

/// A purchase.
pub fn purchase(n: u8, credits: i64, amount: i64, state: PurchaseState, on: &str) -> Purchase {
    Purchase { state, ..example(n, credits, amount, on) }
}

fn balance(
    zone: &str,
    plan: &str,
    price: i64,
    allowance: i64,
    used: Credits,
    held: i64,
    resets: &str,
) -> CustomerBalance {
    let left = Credits::whole(allowance) - used - Credits::whole(held);
    CustomerBalance {
        now: now(),
        zone: Zone::named(zone),
        available: left,
        plan: plan.into(),
        change_plan: Some("/plans".into()),
        low_mark: Credits::whole(allowance / 10),
        price: Money::new(price, "usd"),
        allowance: Credits::whole(allowance),
        used,
        held: Credits::whole(held),
        left,
        resets_at: at(resets),
        next: None,
        bonus: vec![],
        bonus_held: Credits::ZERO,
        top_ups: TopUpSums::default(),
        runs_out: None,
    }
}

/// Free, nearly used up, never bought.
pub fn fjord() -> Sketch {
    let balance = balance("Europe/Oslo", "Free", 0, 300, Credits::whole(262), 0, "2026-12-04T08:00:00Z");
    Sketch { name: "Fjord Notes", balance, grants: vec![], purchases: vec![] }
}

/// Starter, nearly used up, never bought.
pub fn acme() -> Sketch {
    let balance =
        balance("America/New_York", "Starter", 1_900, 5_000, Credits::whole(4_820), 0, "2026-12-04T14:00:00Z");
    Sketch { name: "Acme Data", balance, grants: vec![], purchases: vec![] }
}

/// Builder at 0, top-ups in use.
pub fn larch() -> Sketch {
    let mut balance = balance("UTC", "Builder", 7_900, 25_000, Credits::whole(25_000), 0, "2026-12-04T00:00:00Z");
    balance.available = Credits(53_172_500);
    balance.top_ups = TopUpSums {
        left: Credits(53_172_500),
        held: Credits::whole(240),
        in_use_since: Some(at("2026-11-12T09:00:00Z")),
        had_any: true,
        ..TopUpSums::default()
    };
    let purchases = vec![
        purchase(3, 50_000, 22_500, PurchaseState::Failed, "2026-11-11T09:40:00Z"),
        purchase(2, 50_000, 22_500, PurchaseState::Credited, "2026-11-11T09:45:00Z"),
        purchase(1, 20_000, 10_500, PurchaseState::Credited, "2026-10-22T09:14:00Z"),
    ];
    let grants = vec![
        top_up(1, 20_000, Credits(3_172_500), 240, "2026-10-22T09:14:00Z"),
        top_up(2, 50_000, Credits::whole(50_000), 0, "2026-11-11T09:46:00Z"),
    ];
    Sketch { name: "Larch Research", balance, grants, purchases }
}

/// Pro, a long name, fractions, everything at once.
pub fn meridian() -> Sketch {
    let mut balance =
        balance("Europe/Berlin", "Pro", 24_900, 100_000, Credits(40_999_375), 1_250, "2026-12-02T11:00:00Z");
    balance.available = Credits(80_000_625);
    balance.bonus = vec![(Credits::whole(1_250), at("2026-12-31T11:00:00Z"))];
    balance.top_ups.left = Credits::whole(21_000);
    balance.top_ups.had_any = true;
    let mut expired = top_up(7, 1_200, Credits::ZERO, 0, "2025-09-04T10:00:00Z");
    (expired.used, expired.expired) = (Credits::whole(1_080), Credits::whole(120));
    let grants = vec![
        top_up(1, 1_200, Credits::whole(1_000), 0, "2025-11-28T13:03:00Z"),
        top_up(2, 20_000, Credits::whole(20_000), 0, "2026-03-14T09:22:00Z"),
        top_up(5, 1_200, Credits::ZERO, 0, "2025-12-19T10:00:00Z"),
        top_up(6, 5_000, Credits::ZERO, 0, "2026-01-12T10:00:00Z"),
        expired,
    ];
    let old = ["2026-01-12T10:00:00Z", "2025-12-19T10:00:00Z", "2025-09-04T10:00:00Z"];
    let mut purchases = vec![
        purchase(9, 5_000, 3_000, PurchaseState::Processing, "2026-11-21T10:00:00Z"),
        purchase(2, 20_000, 10_500, PurchaseState::Credited, "2026-03-14T09:22:00Z"),
    ];
    purchases.extend((5..).zip(old).map(|(n, on)| purchase(n, 1_200, 900, PurchaseState::Credited, on)));
    purchases.insert(4, purchase(1, 1_200, 900, PurchaseState::Credited, "2025-11-28T13:03:00Z"));
    Sketch { name: "Meridian Retail Intelligence GmbH", balance, grants, purchases }
}
