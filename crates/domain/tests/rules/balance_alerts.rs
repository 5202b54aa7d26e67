//! Balance alerts: once for each crossing.

use topup_domain::SoldTopUp;
use topup_domain::balance_alert::{self, AlertKind, AlertState};
use topup_domain::time::from_millis;
use topup_domain::{Account, Catalog, Changes, Credits, GrantId, HoldId, Instant, PurchaseId, UsageId};

const DAY: i64 = 86_400_000;
const START: i64 = 1_790_000_000_000;

/// A customer with the alerts sent so far; each step is a batch.
struct Heard {
    account: Account,
    catalog: Catalog,
    told: AlertState,
    set: Option<Credits>,
    now: Instant,
    next: u128,
}

impl Heard {
    fn new() -> Self {
        let catalog = Catalog::parse(include_str!("../../../../catalog.toml")).expect("a good catalogue");
        let now = from_millis(START);
        let (account, _) = Account::open("acme", "starter", now, now, &catalog).expect("a calendar");
        Self { account, catalog, told: AlertState::default(), set: None, now, next: 1 }
    }

    fn step(
        &mut self,
        command: impl FnOnce(&mut Account, Instant, &Catalog, &mut Changes, u128),
    ) -> Vec<(AlertKind, i64)> {
        let mut changes = Changes::default();
        let at = self.account.catch_up(self.now, &self.catalog, &mut changes);
        self.next += 1;
        command(&mut self.account, at, &self.catalog, &mut changes, self.next);
        let (told, news) = balance_alert::due_alerts(&self.account, &changes, self.told, self.set);
        self.told = told;
        self.account.forget_closed();
        news.into_iter().map(|news| (news.kind, news.credits.0 / 1_000)).collect()
    }

    fn use_up(&mut self, credits: i64) -> Vec<(AlertKind, i64)> {
        self.step(|account, at, _, changes, id| {
            let usage = UsageId(uuid::Uuid::from_u128(id));
            account.charge(usage, Credits::whole(credits), None, at, changes).expect("enough");
        })
    }

    fn buy(&mut self, credits: i64) -> Vec<(AlertKind, i64)> {
        self.step(|account, at, catalog, changes, id| {
            let (grant, purchase) = (GrantId(uuid::Uuid::from_u128(id)), PurchaseId(uuid::Uuid::from_u128(id)));
            account.grant_top_up(
                grant,
                SoldTopUp::now(purchase, Credits::whole(credits), catalog),
                at,
                catalog,
                changes,
            );
        })
    }

    fn pass(&mut self, days: i64) -> Vec<(AlertKind, i64)> {
        self.now = from_millis(self.now.timestamp_millis() + days * DAY);
        self.step(|_, _, _, _, _| {})
    }
}

#[test]
fn each_crossing_is_told_once_until_credits_are_added() {
    let mut acme = Heard::new();
    assert_eq!(acme.use_up(4_400), []);
    assert_eq!(acme.use_up(100), [(AlertKind::Low, 500)]);
    assert_eq!(acme.use_up(100), []);
    assert_eq!(acme.use_up(400), [(AlertKind::Out, 0)]);
    assert_eq!(acme.buy(1_200), []);
    assert_eq!(acme.use_up(1), [], "the plan was used up before, and that was told");
    assert_eq!(acme.use_up(699), [(AlertKind::Low, 500)], "armed by the purchase");
    assert_eq!(acme.use_up(500), [(AlertKind::Out, 0)]);
    acme.pass(31);
    assert_eq!(acme.use_up(5_000), [(AlertKind::Out, 0)], "armed by the reset");
}

#[test]
fn plan_credits_used_up_with_top_ups_behind_them() {
    let mut acme = Heard::new();
    assert_eq!(acme.buy(20_000), []);
    assert_eq!(acme.use_up(4_999), []);
    assert_eq!(acme.use_up(2), [(AlertKind::PlanUsedUp, 19_999)]);
    assert_eq!(acme.use_up(2), []);
    acme.buy(1_200);
    assert_eq!(acme.use_up(2), [], "another top-up uses up no plan");
    acme.pass(31);
    assert_eq!(acme.use_up(5_000), [(AlertKind::PlanUsedUp, 21_195)]);
}

#[test]
fn the_mark_is_what_people_set() {
    let mut acme = Heard::new();
    acme.set = Some(Credits::whole(4_000));
    assert_eq!(acme.use_up(1_000), [(AlertKind::Low, 4_000)]);
    acme.set = Some(Credits::ZERO);
    acme.pass(31);
    assert_eq!(acme.use_up(4_999), [], "zero is never");
    assert_eq!(acme.use_up(1), [(AlertKind::Out, 0)]);
}

#[test]
fn a_hold_that_takes_everything_tells_nothing_and_what_it_returns_arms_nothing() {
    let mut acme = Heard::new();
    let hold = HoldId(uuid::Uuid::from_u128(7));
    let held = acme.step(|account, at, _, changes, _| {
        account.hold(hold, Credits::whole(5_000), at + chrono::TimeDelta::hours(1), at, changes).expect("enough");
    });
    assert_eq!(held, []);
    let usage = UsageId(uuid::Uuid::from_u128(8));
    let settled = acme.step(|account, at, _, changes, _| {
        account.settle(hold, usage, Credits::whole(5_000), None, at, changes).expect("held");
    });
    assert_eq!(settled, [(AlertKind::Out, 0)]);
    let grant = acme.account.grants[0].id;
    let draw = topup_domain::Draw { grant, kind: topup_domain::Kind::Plan, credits: Credits::whole(5_000) };
    let voided = acme.step(|account, at, _, changes, _| {
        account.void_usage(usage, &[draw], None, at, changes).expect("used");
    });
    assert_eq!(voided, []);
    assert_eq!(acme.use_up(5_000), [], "nothing was added since");
}

#[test]
fn what_expires_is_told_with_its_amount() {
    let mut acme = Heard::new();
    acme.buy(1_200);
    acme.buy(1_200);
    let told: Vec<_> = (0..400).flat_map(|_| acme.pass(1)).collect();
    assert_eq!(told, [(AlertKind::Expired, 2_400)], "two of one instant, once; nothing of plan credits");
}
