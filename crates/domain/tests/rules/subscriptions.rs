//! The effect of subscriptions on a plan: every status from every state, the grace, its end, and a late payment.

use topup_domain::account::ControllingSubscription;
use topup_domain::time::from_millis;
use topup_domain::{
    Account, Balance, Catalog, Changes, Credits, EntryKind, HoldId, Instant, Kind, Subscription,
    SubscriptionStatus as Status, UsageId,
};
use uuid::Uuid;

const DAY: i64 = 86_400_000;
const NOW: i64 = 1_772_000_000_000;

fn at(days: i64) -> Instant {
    from_millis(NOW + days * DAY)
}

fn sample() -> Catalog {
    Catalog::parse(include_str!("../../../../catalog.toml")).expect("the sample")
}

pub fn subscription(status: Status, plan: &str) -> Subscription {
    Subscription {
        id: "sub_1".to_owned(),
        status,
        plan: Some(plan.to_owned()),
        created_at: at(0),
        anchor: at(0),
        ends_at: None,
        owes: None,
        past_due_since: None,
    }
}

fn past_due(since: i64) -> Subscription {
    Subscription { past_due_since: Some(at(since)), ..subscription(Status::PastDue, "starter") }
}

/// A customer on the free plan since day 0, and the catalogue.
struct Shop {
    account: Account,
    catalog: Catalog,
    changes: Changes,
}

impl Shop {
    fn open() -> Self {
        let catalog = sample();
        let (account, changes) = Account::open("acme", "free", at(0), at(0), &catalog).expect("a calendar");
        Self { account, catalog, changes }
    }

    fn pass(&mut self, day: i64) -> &mut Self {
        self.account.catch_up(at(day), &self.catalog, &mut self.changes);
        self
    }

    fn follow(&mut self, day: i64, all: &[Subscription]) -> &mut Self {
        self.pass(day);
        self.account.follow(all, at(day), &self.catalog, &mut self.changes);
        let once = self.account.clone();
        self.account.follow(all, at(day), &self.catalog, &mut self.changes);
        assert_eq!(self.account, once, "said twice, it changes nothing");
        self
    }

    fn charge(&mut self, credits: i64, day: i64) -> &mut Self {
        self.pass(day);
        let id = UsageId(Uuid::from_u128(self.account.seq as u128 + 1));
        self.account.charge(id, Credits::whole(credits), None, at(day), &mut self.changes).expect("enough");
        self
    }

    /// The plan, the next plan, the plan credits left, whether a subscription controls the plan.
    fn stands(&self) -> (&str, Option<&str>, i64, bool) {
        let left = Balance::of(&self.account, self.account.last_at).plan.remaining;
        (&self.account.plan, self.account.next_plan.as_deref(), left.0 / 1000, self.account.controlled_by.is_some())
    }

    fn kinds(&self) -> Vec<&str> {
        self.changes.entries.iter().map(|line| line.kind.name()).collect()
    }
}

/// The state before an update.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Before {
    Nothing,
    /// Active; 1,000 of 5,000 credits are used.
    Live,
    /// Past due since day 3.
    Grace,
    /// The grace ended on day 10.
    GraceOver,
}

fn before(before: Before) -> Shop {
    let mut shop = Shop::open();
    if before == Before::Nothing {
        return shop;
    }
    shop.follow(1, &[subscription(Status::Active, "starter")]).charge(1_000, 2);
    if before != Before::Live {
        shop.follow(3, &[past_due(3)]);
    }
    shop.pass(if before == Before::GraceOver { 12 } else { 5 });
    shop
}

#[test]
fn every_status_from_every_state() {
    use Before::{Grace, GraceOver, Live, Nothing};
    let kept = ("starter", None, 4_000, true);
    let booked = ("starter", Some("free"), 4_000, false);
    let (over, still) = (("free", None, 300, false), ("free", None, 300, true));
    // (from, status, owes) → (plan, next, left, controlled)
    let check = |from: Before, status: Status, owes: Option<bool>, expected: (&str, Option<&str>, i64, bool)| {
        let mut shop = before(from);
        let since = matches!(from, Grace | GraceOver).then(|| at(3)).or((status == Status::PastDue).then(|| at(5)));
        let one = Subscription { owes, past_due_since: since, ..subscription(status, "starter") };
        let day = if from == GraceOver { 12 } else { 5 };
        shop.follow(day, &[one]);
        assert_eq!(shop.stands(), expected, "{from:?} {status:?} {owes:?}");
        shop.account.catch_up(at(day) + chrono::TimeDelta::milliseconds(1), &shop.catalog, &mut Changes::default());
    };
    for owes in [None, Some(true), Some(false)] {
        for status in Status::ALL {
            let expected = |from: Before| match (from, status) {
                (Nothing, Status::Active | Status::Trialing | Status::PastDue) => ("starter", None, 5_000, true),
                (Nothing, _) => over,
                // Credits used before the end count, the free plan's among them.
                (GraceOver, Status::Active | Status::Trialing) => kept,
                (_, Status::Active | Status::Trialing) => kept,
                (GraceOver, Status::PastDue) => still,
                (_, Status::PastDue) => kept,
                (GraceOver, _) => over,
                (_, Status::Unpaid | Status::Paused | Status::IncompleteExpired) => over,
                (Grace, Status::Canceled) if owes != Some(false) => over,
                (_, Status::Canceled) if owes == Some(true) => over,
                // Paid: until the cycle's end.
                (_, Status::Canceled) => booked,
                // A subscription cannot return to its first payment. If Stripe reported that, nothing would say that it
                // is unpaid.
                (_, Status::Incomplete) => booked,
            };
            for from in [Nothing, Live, Grace, GraceOver] {
                check(from, status, owes, expected(from));
            }
        }
    }
}

#[test]
fn a_grace_ends_at_its_instant_and_free_runs_to_the_cycles_end() {
    let mut shop = Shop::open();
    shop.follow(1, &[subscription(Status::Active, "starter")]).charge(1_000, 2).follow(3, &[past_due(3)]);
    assert_eq!(shop.account.next_due(), at(10), "seven days");
    shop.account.catch_up(from_millis(NOW + 10 * DAY - 1), &shop.catalog, &mut shop.changes);
    assert_eq!(shop.stands(), ("starter", None, 4_000, true));
    // Without a catch-up until day 20, the due lines are booked with their own instants.
    shop.pass(20);
    assert_eq!(shop.stands(), ("free", None, 300, true));
    assert_eq!(shop.kinds(), ["granted", "granted", "used", "voided", "granted"]);
    let voided = &shop.changes.entries[3];
    assert_eq!((voided.event_at, voided.created_at, voided.amount), (at(10), at(20), Credits::whole(-4_000)));
    let free = shop.account.plan_grant().expect("one");
    assert_eq!(
        (free.amount, free.effective_at, free.expires_at),
        (Credits::whole(300), at(10), shop.account.cycle.end)
    );
    shop.pass(40);
    assert_eq!(shop.stands(), ("free", None, 300, true), "the next cycle is free's, the subscription still the master");
}

#[test]
fn a_grace_that_ends_with_the_cycle_takes_the_rest_and_the_next_one_is_frees() {
    let mut shop = Shop::open();
    shop.follow(1, &[subscription(Status::Active, "starter")]);
    let end = shop.account.cycle.end;
    let since = end - chrono::TimeDelta::days(7);
    shop.follow(25, &[Subscription { past_due_since: Some(since), ..past_due(0) }]);
    shop.pass(40);
    assert_eq!(shop.kinds(), ["granted", "granted", "voided", "granted"]);
    assert_eq!(shop.changes.entries[2].event_at, end);
    assert_eq!(shop.stands(), ("free", None, 300, true));
}

#[test]
fn who_pays_after_all_has_the_plan_again_and_no_more_than_it() {
    let mut shop = before(Before::GraceOver);
    shop.charge(200, 12);
    assert_eq!(shop.stands(), ("free", None, 100, true));
    shop.follow(13, &[subscription(Status::Active, "starter")]);
    // 5,000 less the 1,000 used before and the 200 of the free plan.
    assert_eq!(shop.stands(), ("starter", None, 3_800, true));
    let used: Credits = shop.account.grants.iter().filter(|g| g.kind == Kind::Plan).map(|g| g.used).sum();
    assert_eq!(used + Credits::whole(3_800), Credits::whole(5_000));
}

#[test]
fn what_a_hold_returns_to_an_unpaid_plan_is_voided() {
    let mut shop = Shop::open();
    shop.follow(1, &[subscription(Status::Active, "starter")]);
    let hold = HoldId(Uuid::from_u128(7));
    shop.account.hold(hold, Credits::whole(500), at(20), at(1), &mut shop.changes).expect("enough");
    shop.follow(2, &[subscription(Status::Unpaid, "starter")]);
    assert_eq!(shop.stands(), ("free", None, 300, false));
    shop.account.release(hold, at(2), &mut shop.changes).expect("open");
    assert_eq!(shop.stands(), ("free", None, 300, false));
    let last = shop.changes.entries.last().expect("one");
    assert_eq!((last.kind, last.amount), (EntryKind::Voided, Credits::whole(-500)));
}

#[test]
fn a_change_of_price_follows_the_rule_of_a_change_of_plan() {
    let mut shop = Shop::open();
    shop.follow(1, &[subscription(Status::Active, "starter")]);
    shop.follow(2, &[subscription(Status::Active, "builder")]);
    assert_eq!(shop.stands(), ("builder", None, 25_000, true), "up at once");
    shop.follow(3, &[subscription(Status::Active, "starter")]);
    assert_eq!(shop.stands(), ("builder", Some("starter"), 25_000, true), "down at the cycle's end");
    shop.pass(40);
    assert_eq!(shop.stands(), ("starter", None, 5_000, true));
}

#[test]
fn an_upgrade_that_is_not_paid_gives_nothing_until_it_is() {
    let mut shop = Shop::open();
    shop.follow(1, &[subscription(Status::Active, "starter")]);
    let unpaid = Subscription { plan: Some("pro".to_owned()), ..past_due(2) };
    shop.follow(2, std::slice::from_ref(&unpaid));
    assert_eq!(shop.stands(), ("starter", None, 5_000, true));
    shop.follow(3, &[subscription(Status::Active, "pro")]);
    assert_eq!(shop.stands(), ("pro", None, 100_000, true));
}

#[test]
fn an_end_that_is_foreseen_is_booked_for_the_cycle_that_it_falls_into() {
    let mut shop = Shop::open();
    // A year paid at once, ended after it.
    let year = Subscription { ends_at: Some(at(365)), ..subscription(Status::Active, "starter") };
    shop.follow(1, std::slice::from_ref(&year));
    assert_eq!(shop.stands().1, None);
    shop.pass(340);
    assert_eq!(shop.stands(), ("starter", Some("free"), 5_000, true));
    shop.follow(341, &[subscription(Status::Active, "starter")]);
    assert_eq!(shop.stands().1, None, "thought better of");
    shop.follow(342, &[year]).pass(366);
    assert_eq!(shop.stands(), ("free", None, 300, false), "without a word from Stripe");
}

#[test]
fn a_cycle_that_began_after_the_end_is_taken_back() {
    let mut shop = Shop::open();
    shop.follow(1, &[subscription(Status::Active, "starter")]).pass(35);
    let start = shop.account.cycle.start;
    let ended = Subscription { ends_at: Some(start), owes: Some(false), ..subscription(Status::Canceled, "starter") };
    shop.follow(35, &[ended]);
    assert_eq!(shop.stands(), ("free", None, 300, false));
}

#[test]
fn of_several_a_paid_one_rules_then_the_largest() {
    let mut shop = Shop::open();
    let other = |id: &str, one: Subscription| Subscription { id: id.to_owned(), ..one };
    let mut all = vec![
        other("sub_2", subscription(Status::Active, "starter")),
        other("sub_3", Subscription { past_due_since: Some(at(1)), ..subscription(Status::PastDue, "pro") }),
        other("sub_4", subscription(Status::Active, "builder")),
        other("sub_5", subscription(Status::Canceled, "pro")),
        other("sub_6", Subscription { plan: None, ..subscription(Status::Active, "pro") }),
    ];
    shop.follow(1, &all);
    all.reverse();
    shop.follow(1, &all);
    assert_eq!(shop.stands(), ("builder", None, 25_000, true));
    let ruled = |shop: &Shop| {
        shop.account.controlled_by.clone().map(|ControllingSubscription { subscription, .. }| subscription)
    };
    assert_eq!(ruled(&shop).as_deref(), Some("sub_4"));
    // The controlling one is never paid: the other takes over at once.
    all[2].status = Status::Unpaid;
    shop.follow(2, &all);
    assert_eq!(ruled(&shop).as_deref(), Some("sub_2"));
    assert_eq!(shop.stands(), ("starter", None, 5_000, true));
}

#[test]
fn an_unknown_price_leaves_the_plan_alone() {
    let mut shop = Shop::open();
    shop.follow(1, &[Subscription { plan: None, ..subscription(Status::Active, "x") }]);
    assert_eq!(shop.stands(), ("free", None, 300, false));
}

#[test]
fn the_subscriptions_anchor_acts_from_the_next_boundary() {
    let mut shop = Shop::open();
    let (start, end) = (shop.account.cycle.start, shop.account.cycle.end);
    shop.follow(5, &[Subscription { anchor: at(5), ..subscription(Status::Active, "starter") }]);
    assert_eq!((shop.account.cycle.start, shop.account.cycle.end), (start, end));
    shop.pass(31);
    assert_eq!(shop.account.cycle.start, end);
    assert_eq!(shop.account.cycle.end, topup_domain::cycle::next_boundary(at(5), end).expect("a calendar"));
}

#[test]
fn only_the_subscriptions_own_plan_and_anchor_may_be_set() {
    let mut shop = Shop::open();
    assert!(shop.account.may_set(Some("pro"), Some(at(9))));
    shop.follow(1, &[subscription(Status::Active, "starter")]);
    assert!(shop.account.may_set(Some("starter"), Some(at(0))) && shop.account.may_set(None, None));
    assert!(!shop.account.may_set(Some("pro"), None) && !shop.account.may_set(None, Some(at(9))));
    shop.follow(2, &[subscription(Status::Canceled, "starter")]);
    assert!(shop.account.may_set(Some("pro"), None));
}
