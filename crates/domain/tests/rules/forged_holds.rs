//! The verifier against forged holds, voids, pauses and removals.

use crate::ledger::{HOUR, Ledger, at, charge, courtesy, hold, id, lie, settle, top_up};
use topup_domain::grant::Draw;
use topup_domain::{Cause, Credits, Entry, EntryKind, GrantId, HoldId, Kind, PurchaseId, UsageId};

/// Plan 2, bonus 1 with 4; one hold over both, settled in part; one settled whole, one open.
fn held() -> Ledger {
    Ledger::of(false, |world| {
        courtesy(world, 1, 4, 9 * HOUR, 0);
        top_up(world, 3, 10, 0);
        hold(world, 1, 5, 3 * HOUR, 0);
        settle(world, 1, 3, HOUR);
        hold(world, 2, 3, 4 * HOUR, 2 * HOUR);
        settle(world, 2, 3, 3 * HOUR);
        hold(world, 4, 2, 8 * HOUR, 3 * HOUR);
        charge(world, 5, 1, 4 * HOUR);
    })
}

#[test]
fn a_settle_that_is_not_its_hold_in_burn_order_is_found() {
    let good = held();
    // Plan 2 and bonus 3 were held; 3 were used. Taking all from the bonus is out of order.
    let other_way = |l: &mut Ledger| {
        let place = l.place(EntryKind::Used, 0);
        l.entries[place + 1].amount = Credits(-3_000);
        l.entries[place + 1].held_change = Credits(-3_000);
        l.entries[place + 2].grant = l.entries[place].grant;
        l.entries[place + 2].held_change = Credits(-2_000);
        l.entries.remove(place);
    };
    lie(&good, other_way, "was not consumed in burn order");
    let less = |l: &mut Ledger| l.line(EntryKind::Released, 0).held_change = Credits(-1_000);
    lie(&good, less, "is not what hld_");
    lie(&good, |l| l.line(EntryKind::Released, 0).cause = Cause::Hold(HoldId(id(7))), "is not open");
    let none = |l: &mut Ledger| l.cut(l.place(EntryKind::Released, 0));
    lie(&good, none, "what no open hold has drawn");
    let apart = |l: &mut Ledger| {
        let place = l.place(EntryKind::Released, 0);
        l.entries[place].event_at = at(HOUR + 1);
        l.entries[place].created_at = at(HOUR + 1);
    };
    lie(&good, apart, "what no open hold has drawn");
}

#[test]
fn a_usage_that_takes_from_no_hold_is_found() {
    let good = held();
    let last = |l: &mut Ledger| {
        let place = l.place(EntryKind::Used, 3);
        l.entries[place].held_change = Credits(-1_000);
    };
    lie(&good, last, "what no open hold has drawn");
}

#[test]
fn holds_are_opened_once_and_stored_as_they_are() {
    let good = held();
    let twice = |l: &mut Ledger| {
        let last = l.place(EntryKind::Used, 3);
        let mut again = l.entries.iter().rfind(|e| e.kind == EntryKind::Held).unwrap().clone();
        (again.event_at, again.created_at) = (at(4 * HOUR), at(4 * HOUR));
        l.entries.insert(last, again);
    };
    lie(&good, twice, "is opened twice");
    let plain = |edit: &dyn Fn(&mut Ledger), reason: &str| {
        let mut forged = good.clone();
        edit(&mut forged);
        let broken = forged.check().expect_err(reason);
        assert!(broken.to_string().contains(reason), "{broken}, not: {reason}");
    };
    plain(&|l| l.holds.clear(), "open holds have drawn 0");
    plain(&|l| l.holds[0].expires_at = at(9 * HOUR), "other draws or another lapse");
    plain(&|l| l.holds[0].id = HoldId(id(2)), "is stored as open, and is not");
    plain(&|l| l.account.last_at = at(8 * HOUR), "was due to lapse");
}

#[test]
fn of_two_holds_alike_any_one_may_have_been_settled_whole() {
    let good = Ledger::of(false, |world| {
        top_up(world, 3, 10, 0);
        charge(world, 9, 2, 0);
        for n in [1, 2, 4] {
            hold(world, n, 3, (4 + n as i64) * HOUR, 1);
        }
        settle(world, 2, 3, HOUR);
        world.pass(at(5 * HOUR).timestamp_millis());
    });
    let report = good.check().unwrap();
    assert_eq!((report.open_holds, report.used), (1, Credits::whole(5)));
    // If the lapsed hold had been settled too, three would be gone and one stored as open.
    let mut forged = good.clone();
    forged.holds.clear();
    forged.refigure();
    assert!(forged.check().is_err());
    let unlapsed = |l: &mut Ledger| l.cut(l.place(EntryKind::Released, 0));
    let mut forged = good;
    unlapsed(&mut forged);
    forged.rechain();
    forged.refigure();
    forged.holds.push(topup_domain::Hold {
        id: HoldId(id(1)),
        draws: vec![Draw { grant: GrantId(id(3)), kind: Kind::TopUp, credits: Credits::whole(3) }],
        expires_at: at(5 * HOUR),
    });
    assert!(forged.check().unwrap_err().to_string().contains("stored as open, and is not"));
}

#[test]
fn a_lapse_at_another_instant_or_out_of_order_is_found() {
    let good = Ledger::of(false, |world| {
        charge(world, 9, 2, 0);
        courtesy(world, 5, 9, 3 * HOUR, 0);
        hold(world, 1, 2, 3 * HOUR, 1);
        hold(world, 2, 2, 3 * HOUR, 1);
        hold(world, 3, 2, 2 * HOUR, 1);
        world.pass(at(4 * HOUR).timestamp_millis());
    });
    let early = |l: &mut Ledger| l.line(EntryKind::Released, 0).event_at = at(2 * HOUR - 1);
    lie(&good, early, "lapses at");
    let late = |l: &mut Ledger| l.line(EntryKind::Released, 0).event_at = at(2 * HOUR + 1);
    lie(&good, late, "was due to lapse at");
    let swapped = |l: &mut Ledger| {
        let place = l.place(EntryKind::Released, 1);
        l.entries.swap(place, place + 1);
    };
    lie(&good, swapped, "out of the order");
    let expiry_first = |l: &mut Ledger| {
        let (place, last) = (l.place(EntryKind::Released, 2), l.entries.len() - 1);
        l.entries[last].amount = Credits(-7_000);
        l.entries.swap(place, last);
        let back = Entry { amount: Credits(-2_000), ..l.entries[place].clone() };
        l.entries.push(Entry { cause: l.entries[last].cause, ..back });
    };
    lie(&good, expiry_first, "out of the order");
}

#[test]
fn what_comes_back_to_an_ended_grant_must_end_with_it() {
    let good = Ledger::of(false, |world| {
        charge(world, 9, 2, 0);
        courtesy(world, 5, 9, 3 * HOUR, 0);
        courtesy(world, 6, 9, 5 * HOUR, 0);
        hold(world, 1, 2, 4 * HOUR, 1);
        let draws = world.act(|a, _, c| a.charge(UsageId(id(7)), Credits::whole(1), None, at(2), c)).unwrap();
        world.pass(at(4 * HOUR).timestamp_millis());
        world.adopt(&[GrantId(id(5))]);
        world.act(|a, _, c| a.void_usage(UsageId(id(7)), &draws, None, at(4 * HOUR), c)).unwrap();
        charge(world, 8, 1, 5 * HOUR - 1);
    });
    for nth in [1, 2] {
        let kept = |l: &mut Ledger| l.cut(l.place(EntryKind::Expired, nth));
        lie(&good, kept, "was due to be booked away");
        let less = |l: &mut Ledger| l.line(EntryKind::Expired, nth).amount += Credits(1);
        lie(&good, less, "leaves something behind");
    }
}

#[test]
fn what_was_bought_is_not_voided_and_nothing_twice() {
    let good = Ledger::of(false, |world| {
        charge(world, 9, 2, 0);
        courtesy(world, 5, 9, 3 * HOUR, 0);
        top_up(world, 6, 5, 0);
        hold(world, 1, 2, 4 * HOUR, 1);
        world.pass(at(3).timestamp_millis());
        world.act(|a, _, c| a.void_grant(GrantId(id(5)), None, at(3), c)).unwrap();
        world.act(|a, _, c| a.release(HoldId(id(1)), at(3), c)).unwrap();
    });
    let other = |l: &mut Ledger| {
        let line = Entry { amount: Credits(-5_000), ..l.line(EntryKind::Voided, 0).clone() };
        let place = l.place(EntryKind::Voided, 0);
        l.entries[place] = Entry { grant: GrantId(id(6)), cause: Cause::Grant(GrantId(id(6))), ..line };
    };
    lie(&good, other, "voided, and was bought");
    let twice = |l: &mut Ledger| l.line(EntryKind::Voided, 1).cause = Cause::Grant(GrantId(id(5)));
    lie(&good, twice, "was due to be booked away");
    let kept = |l: &mut Ledger| l.cut(l.entries.len() - 1);
    lie(&good, kept, "its row voids it, its lines do not");
    let used = |l: &mut Ledger| {
        let usage = Cause::Usage(UsageId(id(4)));
        *l.entries.last_mut().unwrap() = Entry { kind: EntryKind::Used, cause: usage, ..l.last() };
    };
    lie(&good, used, "was due to be booked away");
}

#[test]
fn top_ups_drawn_while_the_plan_pauses_them_are_found() {
    let good = Ledger::of(true, |world| {
        top_up(world, 6, 5, 0);
        charge(world, 1, 4, 1);
    });
    let paused = |l: &mut Ledger| {
        l.plans[0].pauses_top_ups = true;
        l.account.top_ups_paused = true;
    };
    lie(&good, paused, "while the plan pauses top-ups");
    // A pause after the lines is fine.
    let mut later = good.clone();
    later.plans.push(topup_domain::account::PlanChange { pauses_top_ups: true, after_seq: 4, ..good.plans[0].clone() });
    later.account.top_ups_paused = true;
    later.check().unwrap();
}

/// A line of a removal or a dispute, which these rules do not book yet.
fn line(l: &Ledger, kind: EntryKind, amount: i64, frozen: i64, when: i64) -> Entry {
    Entry {
        kind,
        grant: GrantId(id(6)),
        amount: Credits::whole(amount),
        held_change: Credits::ZERO,
        frozen_change: Credits::whole(frozen),
        expires_at: None,
        event_at: at(when),
        created_at: at(when),
        cause: Cause::Purchase(PurchaseId(id(6))),
        note: None,
        ..l.last()
    }
}

#[test]
fn removals_freezes_and_moved_dates_are_replayed() {
    let good = Ledger::of(false, |world| {
        charge(world, 1, 2, 0);
        top_up(world, 6, 5, 0);
        world.pass(at(HOUR).timestamp_millis());
    });
    let mut ledger = good.clone();
    let dies = good.rows.iter().find(|row| row.id == GrantId(id(6))).unwrap().expires_at;
    let mut add = |kind, amount, frozen| {
        let entry = line(&ledger, kind, amount, frozen, HOUR);
        ledger.entries.push(entry);
    };
    add(EntryKind::Frozen, 0, 3);
    add(EntryKind::Thawed, 0, -3);
    add(EntryKind::Refunded, -2, 0);
    add(EntryKind::Restored, 1, 0);
    add(EntryKind::Disputed, -1, 0);
    let moved =
        Entry { expires_at: Some(dies + chrono::TimeDelta::days(1)), ..line(&ledger, EntryKind::Extended, 0, 0, HOUR) };
    ledger.entries.push(moved);
    ledger.rechain();
    ledger.refigure();
    assert_eq!(ledger.check().unwrap().balance, Credits::whole(3));
    lie(&ledger, |l| l.line(EntryKind::Thawed, 0).frozen_change = Credits::whole(-4), "`frozen` falls below zero");
    lie(&ledger, |l| l.line(EntryKind::Restored, 0).amount = Credits::whole(3), "falls below zero");
    lie(&ledger, |l| l.line(EntryKind::Refunded, 0).amount = Credits::whole(-6), "");
    lie(&ledger, |l| l.line(EntryKind::Extended, 0).expires_at = Some(dies), "extended backwards");
    lie(&ledger, |l| l.line(EntryKind::Frozen, 0).frozen_change = Credits::whole(6), "more has left it");
}
