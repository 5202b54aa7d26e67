//! Random subscriptions among charges, holds and resets: the verifier accepts the result, and the time of each catch-up
//! makes no difference.

use crate::history::History;
use crate::world::{CUSTOMER, World};
use proptest::prelude::*;
use topup_domain::SoldTopUp;
use topup_domain::time::from_millis;
use topup_domain::{
    Changes, Credits, Entry, EntryKind, HoldId, Kind, Replay, Subscription, SubscriptionStatus as Status, UsageId,
};
use uuid::Uuid;

const HOUR: i64 = 3_600_000;
const START: i64 = 1_772_000_000_000;

#[derive(Clone, Debug)]
enum Op {
    /// An update of a subscription: which one, its status, its plan, whether it owes, hours until its end.
    Hear(usize, usize, Option<usize>, Option<bool>, Option<i64>),
    Charge(i64),
    Hold(i64, i64),
    Release(usize),
    VoidUsage,
    TopUp(i64),
}

fn op() -> impl Strategy<Value = Op> {
    let plan = prop_oneof![6 => (0..4_usize).prop_map(Some), 1 => Just(None)];
    let ends = prop_oneof![3 => Just(None), 1 => (-100..1_500_i64).prop_map(Some)];
    prop_oneof![
        8 => (0..2_usize, 0..8_usize, plan, any::<Option<bool>>(), ends)
            .prop_map(|(which, status, plan, owes, ends)| Op::Hear(which, status, plan, owes, ends)),
        6 => (1..6_i64).prop_map(Op::Charge),
        3 => (1..4_i64, 1..300_i64).prop_map(|(credits, hours)| Op::Hold(credits, hours)),
        2 => (0..3_usize).prop_map(Op::Release),
        2 => Just(Op::VoidUsage),
        1 => (1..9_i64).prop_map(Op::TopUp),
    ]
}

#[derive(Clone, Debug)]
struct Life {
    catalog: usize,
    plan: usize,
    steps: Vec<(i64, Op)>,
}

fn life() -> impl Strategy<Value = Life> {
    let hours = prop_oneof![2 => Just(0), 3 => 1..30_i64, 2 => Just(168), 1 => 100..1_000_i64];
    (0..2_usize, 0..4_usize, prop::collection::vec((hours, op()), 1..30)).prop_map(|(catalog, plan, steps)| Life {
        catalog,
        plan,
        steps,
    })
}

/// Plays a life with `looks` catch-ups between two steps.
fn play(life: &Life, looks: i64) -> World {
    let (start, steps) = (START, Vec::new());
    let history = History {
        quantum: 1_000,
        catalog: life.catalog,
        pauses: true,
        notices: false,
        plan: life.plan,
        start,
        anchor: start,
        steps,
    };
    let mut world = World::open(&history);
    let mut all: Vec<Subscription> = Vec::new();
    let mut used = Vec::new();
    let (mut now, mut n) = (start, 0_u128);
    for (hours, op) in &life.steps {
        n += 1;
        for look in 1..=looks {
            world.pass(now + hours * HOUR * look / (looks + 1));
        }
        now += hours * HOUR;
        world.pass(now);
        let (at, id) = (from_millis(now), Uuid::from_u128(n));
        match op {
            Op::Hear(which, status, plan, owes, ends) => {
                hear(&mut all, *which, Status::ALL[*status], *plan, *owes, ends.map(|hours| now + hours * HOUR), now);
                world.act(|a, catalog, changes| a.follow(&all, at, catalog, changes));
                let before = world.account.clone();
                let mut reversed = all.clone();
                reversed.reverse();
                let mut changes = Changes::default();
                world.account.follow(&reversed, at, &world.catalogs[world.catalog], &mut changes);
                assert_eq!(world.account, before, "once more, in another order: nothing");
                assert_eq!(changes, Changes::default());
            }
            Op::Charge(credits) => {
                let charged =
                    world.act(|a, _, changes| a.charge(UsageId(id), Credits::whole(*credits), None, at, changes));
                used.extend(charged.ok().map(|draws| (UsageId(id), draws)));
            }
            Op::Hold(credits, hours) => {
                let until = from_millis(now + hours * HOUR);
                let _ = world.act(|a, _, changes| a.hold(HoldId(id), Credits::whole(*credits), until, at, changes));
            }
            Op::Release(which) => {
                if let Some(hold) = world.account.holds.get(*which).map(|hold| hold.id) {
                    world.act(|a, _, changes| a.release(hold, at, changes)).expect("open");
                }
            }
            Op::VoidUsage => {
                if let Some((usage, draws)) = used.pop() {
                    world.adopt(&draws.iter().map(|draw| draw.grant).collect::<Vec<_>>());
                    world.act(|a, _, changes| a.void_usage(usage, &draws, None, at, changes)).expect("once");
                }
            }
            Op::TopUp(credits) => {
                let (grant, purchase) = (topup_domain::GrantId(id), topup_domain::PurchaseId(id));
                world.act(|a, catalog, changes| {
                    a.grant_top_up(
                        grant,
                        SoldTopUp::now(purchase, Credits::whole(*credits), catalog),
                        at,
                        catalog,
                        changes,
                    )
                });
            }
        }
    }
    world
}

fn hear(
    all: &mut Vec<Subscription>,
    which: usize,
    status: Status,
    plan: Option<usize>,
    owes: Option<bool>,
    ends: Option<i64>,
    now: i64,
) {
    let id = format!("sub_{which}");
    let before = all.iter().find(|one| one.id == id).and_then(|one| one.past_due_since);
    all.retain(|one| one.id != id);
    all.push(Subscription {
        id,
        status,
        plan: plan.map(|plan| format!("plan{plan}")),
        created_at: from_millis(START),
        anchor: from_millis(START + which as i64 * 50 * HOUR),
        ends_at: ends.map(from_millis),
        owes,
        past_due_since: (status == Status::PastDue).then(|| before.unwrap_or(from_millis(now))),
    });
}

fn verified(world: &World) {
    let rows = world.grant_rows();
    let mut replay = Replay::new(CUSTOMER).with_terms(&rows, &world.plans);
    for entry in &world.entries {
        replay.push(entry).expect("a good line");
    }
    replay.finish(&rows, &world.hold_rows(), &world.account).expect("good rows");
    let mut plain = Replay::new(CUSTOMER);
    assert!(world.entries.iter().try_for_each(|entry| plain.push(entry)).is_ok(), "also without terms");
    for row in &rows {
        assert!(row.remaining() >= Credits::ZERO);
        assert!(!row.is_voided || row.remaining().is_zero(), "what ended unpaid keeps nothing");
    }
}

/// The parts that do not depend on the time of booking.
fn timeless(world: &World) -> (Vec<Entry>, topup_domain::Account) {
    let blank = |entry: &Entry| Entry { created_at: entry.event_at, hash: [0; 32], ..entry.clone() };
    let mut account = world.account.clone();
    account.hash = [0; 32];
    account.grants.sort_by_key(|grant| grant.id);
    account.holds.sort_by_key(|hold| hold.id);
    (world.entries.iter().map(blank).collect(), account)
}

#[test]
fn lives_of_subscriptions_are_accepted_by_the_verifier() {
    crate::for_all(30, life(), |life| verified(&play(&life, 0)));
}

#[test]
fn when_a_subscribed_account_is_looked_at_makes_no_difference() {
    crate::for_all(20, (life(), 1..6_i64), |(life, looks)| {
        assert_eq!(timeless(&play(&life, looks)), timeless(&play(&life, 0)));
    });
}

/// The random lives must cover these cases, or their agreement means little.
#[test]
fn random_lives_reach_the_corners() {
    let seen: std::cell::RefCell<std::collections::BTreeMap<&str, u32>> = Default::default();
    crate::for_the_same(20, life(), |life| {
        let world = play(&life, 0);
        let note = |what, is: bool| *seen.borrow_mut().entry(what).or_default() += u32::from(is);
        for (i, line) in world.entries.iter().enumerate() {
            let (plan, late) = (world.rows[&line.grant].kind == Kind::Plan, line.event_at < line.created_at);
            let taken = line.kind == EntryKind::Voided && line.amount < Credits::ZERO && plan;
            let own = line.cause == topup_domain::Cause::Grant(line.grant);
            note("a grace that ended late", taken && own && late);
            note("an end at once", taken && own && !late);
            note("a return to a plan that ended unpaid", taken && !own);
            note(
                "a second grant of a cycle",
                line.kind == EntryKind::Granted && plan && i > 0 && {
                    let before = &world.rows[&world.entries[i - 1].grant];
                    before.is_voided && before.expires_at == world.rows[&line.grant].expires_at
                },
            );
        }
        note(
            "a voided grant of which nothing was left",
            world.rows.values().any(|g| g.is_voided && g.voided.is_zero()),
        );
        note("a master at the end", world.account.controlled_by.is_some());
        note("a grace at the end", world.account.controlled_by.as_ref().is_some_and(|it| it.grace_until.is_some()));
    });
    let seen = seen.into_inner();
    let rare: Vec<_> = seen.iter().filter(|(_, times)| **times < 1).collect();
    assert!(rare.is_empty() || std::env::var("PROPTEST_CASES").is_ok(), "{rare:?} of {seen:?}");
}
