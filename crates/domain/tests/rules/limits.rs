//! R1's limits, and commands that no caller should send: refused, and nothing changes.

use topup_domain::SoldTopUp;
use topup_domain::account::{GRANTS_MAX, plan_grant_id, top_up_expiry};
use topup_domain::grant::Draw;
use topup_domain::hold::OPEN_HOLDS_MAX;
use topup_domain::time::from_millis;
use topup_domain::{
    Account, Balance, Catalog, Changes, Credits, EntryKind, GrantId, GrantState, HoldId, HoldState, Instant, Kind,
    PurchaseId, Refusal, UsageId,
};
use uuid::Uuid;

const DAY: i64 = 86_400_000;
const NOW: i64 = 1_772_000_000_000;

fn sample() -> Catalog {
    Catalog::parse(include_str!("../../../../catalog.toml")).expect("the sample")
}

fn at(later: i64) -> Instant {
    from_millis(NOW + later)
}

fn id(n: usize) -> Uuid {
    Uuid::from_u128(n as u128 + 1)
}

fn open(plan: &str) -> (Account, Catalog, Changes) {
    let catalog = sample();
    let (account, changes) = Account::open("acme", plan, at(0), at(0), &catalog).expect("a calendar");
    (account, catalog, changes)
}

fn courtesy(account: &mut Account, n: usize, credits: i64, life: i64, changes: &mut Changes) -> Result<(), Refusal> {
    account.grant_courtesy(GrantId(id(n)), Credits::whole(credits), at(life), None, at(0), changes)
}

#[test]
fn the_201st_open_grant_is_refused_unless_it_was_paid_for() {
    let (mut account, catalog, mut changes) = open("free");
    for n in 1..GRANTS_MAX {
        courtesy(&mut account, n, 1, DAY, &mut changes).unwrap();
    }
    let before = (account.clone(), changes.clone());
    assert_eq!(courtesy(&mut account, 999, 1, DAY, &mut changes), Err(Refusal::LimitReached("grants")));
    assert_eq!((account.clone(), changes.clone()), before, "a refusal changes nothing");
    account.grant_top_up(
        GrantId(id(999)),
        SoldTopUp::now(PurchaseId(id(1)), Credits::whole(5), &catalog),
        at(0),
        &catalog,
        &mut changes,
    );
    assert_eq!(account.grants.len(), GRANTS_MAX + 1);
    account.charge(UsageId(id(1)), Credits::whole(302), None, at(0), &mut changes).unwrap();
    let open = account.grants.iter().filter(|grant| grant.has_something()).count();
    assert_eq!(open, GRANTS_MAX - 2, "used up grants do not count");
    courtesy(&mut account, 1_000, 1, DAY, &mut changes).unwrap();
}

#[test]
fn the_1001st_open_hold_is_refused() {
    let (mut account, _, mut changes) = open("starter");
    for n in 0..OPEN_HOLDS_MAX {
        account.hold(HoldId(id(n)), Credits::whole(1), at(DAY), at(0), &mut changes).unwrap();
    }
    let more = account.hold(HoldId(id(9_999)), Credits::whole(1), at(DAY), at(0), &mut changes);
    assert_eq!(more, Err(Refusal::LimitReached("holds")));
    account.release(HoldId(id(0)), at(1), &mut changes).unwrap();
    account.hold(HoldId(id(9_999)), Credits::whole(1), at(DAY), at(1), &mut changes).unwrap();
}

#[test]
fn a_customer_has_at_most_nine_trillion_credits_by_courtesy() {
    let (mut account, _, mut changes) = open("free");
    account.balance = Credits::MAX_CUSTOMER - Credits::whole(2);
    assert_eq!(courtesy(&mut account, 1, 3, DAY, &mut changes), Err(Refusal::LimitReached("credits")));
    courtesy(&mut account, 1, 2, DAY, &mut changes).unwrap();
}

#[test]
fn amounts_below_or_at_nothing_change_nothing() {
    let (mut account, _, mut changes) = open("starter");
    account.hold(HoldId(id(1)), Credits::whole(5), at(DAY), at(0), &mut changes).unwrap();
    let before = (account.clone(), changes.clone());
    let minus = Credits::whole(-1);
    let needed = Err(Refusal::Insufficient { needed: minus });
    assert_eq!(account.charge(UsageId(id(1)), minus, None, at(0), &mut changes).map(drop), needed);
    assert_eq!(account.hold(HoldId(id(2)), minus, at(DAY), at(0), &mut changes).map(drop), needed);
    assert_eq!(account.settle(HoldId(id(1)), UsageId(id(1)), minus, None, at(0), &mut changes).map(drop), needed);
    assert!(courtesy(&mut account, 1, 0, DAY, &mut changes).is_err());
    assert!(courtesy(&mut account, 1, -1, DAY, &mut changes).is_err());
    assert_eq!((account, changes), before);
}

#[test]
fn what_would_be_over_before_it_began_is_refused() {
    let (mut account, _, mut changes) = open("starter");
    let before = (account.clone(), changes.clone());
    assert_eq!(courtesy(&mut account, 1, 1, 0, &mut changes), Err(Refusal::GrantEnded));
    let hold = account.hold(HoldId(id(1)), Credits::whole(1), at(0), at(0), &mut changes);
    assert_eq!(hold, Err(Refusal::HoldClosed(HoldState::Lapsed)));
    assert_eq!((account, changes), before);
}

#[test]
fn a_void_of_what_is_not_there_changes_nothing() {
    let (mut account, _, mut changes) = open("starter");
    let plan = account.plan_grant().unwrap().id;
    let before = (account.clone(), changes.clone());
    let draw = |grant, credits| [Draw { grant, kind: Kind::Plan, credits: Credits::whole(credits) }];
    let unknown = draw(GrantId(id(77)), 1);
    assert_eq!(account.void_usage(UsageId(id(1)), &unknown, None, at(0), &mut changes), Err(Refusal::Unknown));
    assert_eq!(account.void_usage(UsageId(id(1)), &draw(plan, 1), None, at(0), &mut changes), Err(Refusal::Unknown));
    assert_eq!(account.void_grant(GrantId(id(77)), None, at(0), &mut changes), Err(Refusal::Unknown));
    assert_eq!(account.void_grant(plan, None, at(0), &mut changes), Err(Refusal::GrantNotCourtesy));
    assert_eq!(account.release(HoldId(id(1)), at(0), &mut changes), Err(Refusal::Unknown));
    assert_eq!((account, changes), before);
}

#[test]
fn a_voided_grant_keeps_nothing_that_comes_back_to_it() {
    let (mut account, _, mut changes) = open("free");
    account.charge(UsageId(id(9)), Credits::whole(300), None, at(0), &mut changes).unwrap();
    courtesy(&mut account, 1, 10, DAY, &mut changes).unwrap();
    let grant = GrantId(id(1));
    let draws = account.charge(UsageId(id(1)), Credits::whole(2), None, at(0), &mut changes).unwrap();
    account.hold(HoldId(id(1)), Credits::whole(3), at(DAY), at(0), &mut changes).unwrap();
    account.void_grant(grant, None, at(1), &mut changes).unwrap();
    assert_eq!(account.void_grant(grant, None, at(1), &mut changes), Err(Refusal::AlreadyVoided));
    account.release(HoldId(id(1)), at(2), &mut changes).unwrap();
    account.void_usage(UsageId(id(1)), &draws, None, at(3), &mut changes).unwrap();
    let row = account.grant(grant).unwrap();
    assert_eq!((row.voided, row.used, row.held, row.remaining()), (row.amount, Credits(0), Credits(0), Credits(0)));
    let lines: Vec<_> =
        changes.entries[4..].iter().map(|e| (e.kind, e.amount.0 / 1_000, e.held_change.0 / 1_000)).collect();
    assert_eq!(
        lines,
        [
            (EntryKind::Held, 0, 3),
            (EntryKind::Voided, -5, 0),
            (EntryKind::Released, 0, -3),
            (EntryKind::Voided, -3, 0),
            (EntryKind::Voided, 2, 0),
            (EntryKind::Voided, -2, 0),
        ]
    );
    assert_eq!(account.balance, Credits::ZERO);
}

#[test]
fn a_settle_draws_its_own_hold_in_burn_order_and_then_what_lives() {
    let (mut account, catalog, mut changes) = open("free");
    account.grant_top_up(
        GrantId(id(5)),
        SoldTopUp::now(PurchaseId(id(5)), Credits::whole(10), &catalog),
        at(0),
        &catalog,
        &mut changes,
    );
    account.hold(HoldId(id(1)), Credits::whole(304), at(DAY), at(0), &mut changes).unwrap();
    // A bonus comes while the job runs. It burns before the top-up, but not before the hold's draws.
    courtesy(&mut account, 1, 2, DAY, &mut changes).unwrap();
    changes.entries.clear();
    let settled =
        account.settle(HoldId(id(1)), UsageId(id(1)), Credits::whole(308), None, at(1), &mut changes).unwrap();
    let plan = plan_grant_id("acme", account.cycle.start);
    let draws: Vec<_> = settled.draws.iter().map(|draw| (draw.grant, draw.credits.0 / 1_000)).collect();
    assert_eq!(draws, [(plan, 300), (GrantId(id(5)), 6), (GrantId(id(1)), 2)]);
    let lines: Vec<_> = changes.entries.iter().map(|e| (e.kind, e.amount.0 / 1_000, e.held_change.0 / 1_000)).collect();
    assert_eq!(lines, [(EntryKind::Used, -300, -300), (EntryKind::Used, -6, -4), (EntryKind::Used, -2, 0)]);
    assert_eq!(settled.released, Credits::ZERO);
}

#[test]
fn a_lapse_at_the_end_of_its_grant_leaves_the_line_to_the_expiry() {
    let (mut account, catalog, mut changes) = open("free");
    account.charge(UsageId(id(9)), Credits::whole(300), None, at(0), &mut changes).unwrap();
    courtesy(&mut account, 1, 10, DAY, &mut changes).unwrap();
    account.hold(HoldId(id(1)), Credits::whole(3), at(DAY), at(0), &mut changes).unwrap();
    account.hold(HoldId(id(2)), Credits::whole(4), at(DAY), at(0), &mut changes).unwrap();
    changes.entries.clear();
    account.catch_up(at(DAY), &catalog, &mut changes);
    let lines: Vec<_> = changes
        .entries
        .iter()
        .map(|e| (e.cause.to_string(), e.kind, e.amount.0 / 1_000, e.held_change.0 / 1_000))
        .collect();
    assert_eq!(
        lines,
        [
            (HoldId(id(1)).to_string(), EntryKind::Released, 0, -3),
            (HoldId(id(2)).to_string(), EntryKind::Released, 0, -4),
            (GrantId(id(1)).to_string(), EntryKind::Expired, -10, 0),
        ]
    );
}

#[test]
fn plans_go_up_at_once_and_down_at_the_cycles_end_by_what_was_in_force() {
    let (mut account, catalog, mut changes) = open("starter");
    account.change_plan("free", at(1), &catalog, &mut changes);
    assert_eq!((account.plan.as_str(), account.next_plan.as_deref()), ("starter", Some("free")));
    account.change_plan("pro", at(2), &catalog, &mut changes);
    assert_eq!((account.plan.as_str(), account.next_plan.as_deref()), ("pro", None));
    account.change_plan("builder", at(3), &catalog, &mut changes);
    account.change_plan("pro", at(3), &catalog, &mut changes);
    assert_eq!(account.next_plan, None, "back to the plan in force cancels what was booked");
    account.change_plan("starter", at(4), &catalog, &mut changes);
    assert_eq!(account.plan_grant().unwrap().amount, Credits::whole(100_000));
    // A catalogue that changes meanwhile does not turn a smaller plan into a larger one.
    let text = include_str!("../../../../catalog.toml")
        .replace("credits = 100000", "credits = 10")
        .replace("\"usable\"", "\"paused\"");
    let changed = Catalog::parse(&text).unwrap();
    account.change_plan("builder", at(5), &changed, &mut changes);
    assert_eq!((account.plan.as_str(), account.next_plan.as_deref()), ("pro", Some("builder")));
    account.change_plan("free", at(6), &changed, &mut changes);
    assert!(!account.top_ups_paused);
    let end = account.cycle.end;
    account.catch_up(end, &changed, &mut changes);
    assert!(account.top_ups_paused, "the changed catalogue acts from the next cycle");
    assert_eq!(account.plan_grant().unwrap().amount, Credits::whole(300));
    let last = changes.plan_changes.last().unwrap();
    assert_eq!((last.plan.as_str(), last.at, last.pauses_top_ups), ("free", end, true));
    assert_eq!(last.after_seq, account.seq - 1, "between the cycle's end and its start");
}

#[test]
fn a_catalogue_that_pauses_top_ups_acts_from_the_next_cycle_without_a_change_of_plan() {
    let (mut account, catalog, mut changes) = open("free");
    account.grant_top_up(
        GrantId(id(5)),
        SoldTopUp::now(PurchaseId(id(5)), Credits::whole(10), &catalog),
        at(0),
        &catalog,
        &mut changes,
    );
    let paused = Catalog::parse(&include_str!("../../../../catalog.toml").replace("\"usable\"", "\"paused\"")).unwrap();
    account.catch_up(at(DAY), &paused, &mut changes);
    assert_eq!(Balance::of(&account, at(DAY)).available, Credits::whole(310));
    let end = account.cycle.end;
    account.catch_up(end, &paused, &mut changes);
    let balance = Balance::of(&account, end);
    assert_eq!((balance.available, balance.top_up.paused), (Credits::whole(300), Credits::whole(10)));
    assert_eq!(balance.grants[1].state, GrantState::Paused);
    assert_eq!(changes.plan_changes.len(), 2);
}

#[test]
fn a_clock_that_is_behind_never_reopens_the_past() {
    let (mut account, catalog, mut changes) = open("free");
    assert_eq!(account.catch_up(at(DAY), &catalog, &mut changes), at(DAY));
    assert_eq!(account.catch_up(at(5), &catalog, &mut changes), at(DAY));
    assert_eq!(account.last_at, at(DAY));
    assert_eq!(top_up_expiry(at(0), catalog.rules.top_up_months), from_millis(NOW + 365 * DAY));
}

#[test]
fn instants_finer_than_a_millisecond_are_cut() {
    let catalog = sample();
    let fine = |ms| at(ms) + chrono::TimeDelta::nanoseconds(999_999);
    let (mut account, mut changes) = Account::open("acme", "free", fine(0), fine(7), &catalog).unwrap();
    assert_eq!((account.anchor, account.last_at, account.cycle.start), (at(0), at(7), at(0)));
    assert_eq!(account.catch_up(fine(8), &catalog, &mut changes), at(8));
    account.hold(HoldId(id(1)), Credits::whole(1), fine(9), at(8), &mut changes).unwrap();
    assert_eq!(account.holds[0].expires_at, at(9));
    account.grant_courtesy(GrantId(id(1)), Credits::whole(1), fine(9), None, at(8), &mut changes).unwrap();
    assert_eq!(account.grant(GrantId(id(1))).unwrap().expires_at, at(9));
}
