//! The verifier against forged ledgers: chain and rows fit each lie.

use crate::history::history;
use crate::ledger::{HOUR, Ledger, at, charge, courtesy, id, lie, plain_lie, top_up};
use proptest::prelude::*;
use topup_domain::{Cause, Credits, Entry, EntryKind, Grant, GrantId, Hold, HoldId, Kind, PurchaseId, UsageId};

/// Two bonuses, a top-up, some charges: plan 2, bonus 1 with 4 until hour 5, bonus 2 with 4 until hour 9.
fn charged() -> Ledger {
    Ledger::of(false, |world| {
        courtesy(world, 1, 4, 5 * HOUR, 0);
        courtesy(world, 2, 4, 9 * HOUR, 0);
        top_up(world, 3, 10, 0);
        charge(world, 1, 1, HOUR);
        charge(world, 2, 3, 2 * HOUR);
        world.pass(at(6 * HOUR).timestamp_millis());
    })
}

#[test]
fn a_chain_that_does_not_hold_is_found_at_its_first_line() {
    let good = charged();
    plain_lie(&good, |l| l.entries[2].seq = 9, "entry 9: follows entry 2");
    plain_lie(&good, |l| l.cut(2), "entry 4: follows entry 2");
    plain_lie(&good, |l| l.entries[2].balance_after = Credits(1), "entry 3: balance_after");
    plain_lie(&good, |l| l.entries[2].note = Some([1; 32]), "entry 3: its hash");
    plain_lie(&good, |l| l.entries[2].hash = [1; 32], "entry 3: its hash");
    plain_lie(&good, |l| l.account.customer = "other".to_owned(), "the account is at entry");
    lie(&good, |l| l.entries[3].event_at = at(-1), "entry 4: event_at goes back");
    lie(&good, |l| l.entries[3].created_at = at(-1), "entry 4: created_at goes back");
    lie(&good, |l| l.line(EntryKind::Used, 0).event_at = at(HOUR + 1), "booked before it came about");
    lie(&good, |l| l.line(EntryKind::Used, 0).created_at = at(HOUR + 1), "booked later than it came about");
}

#[test]
fn lines_that_no_kind_allows_are_found() {
    let good = charged();
    lie(&good, |l| l.line(EntryKind::Used, 0).held_change = Credits(1), "`used` with amount");
    lie(&good, |l| l.line(EntryKind::Used, 0).frozen_change = Credits(1), "`used` with amount");
    lie(&good, |l| l.line(EntryKind::Used, 0).expires_at = Some(at(0)), "an expires_at");
    lie(&good, |l| l.line(EntryKind::Granted, 1).expires_at = None, "an expires_at");
    lie(&good, |l| l.line(EntryKind::Used, 0).cause = Cause::Hold(HoldId(id(1))), "`used` caused by hld_");
    lie(&good, |l| l.line(EntryKind::Granted, 1).cause = Cause::Grant(GrantId(id(2))), "`granted` caused by grt_");
    lie(&good, |l| l.line(EntryKind::Granted, 1).amount = Credits(0), "`granted` with amount 0");
    lie(&good, |l| l.line(EntryKind::Expired, 0).cause = Cause::Grant(GrantId(id(2))), "`expired` caused by");
}

#[test]
fn grants_begin_once_and_as_their_rows_say() {
    let good = charged();
    lie(&good, |l| l.cut(1), "no line `granted`");
    lie(&good, |l| l.rows.retain(|row| row.id != GrantId(id(2))), "there is no row of this grant");
    lie(&good, |l| l.entries.insert(2, l.entries[1].clone()), "granted twice");
    lie(&good, |l| l.row(GrantId(id(1))).kind = Kind::TopUp, "a `top_up` grant that grt_");
    lie(&good, |l| l.row(GrantId(id(3))).purchase = Some(PurchaseId(id(9))), "a `top_up` grant that pur_");
    lie(&good, |l| l.row(GrantId(id(1))).effective_at = at(-1), "effective_at is another instant");
    lie(&good, |l| l.line(EntryKind::Granted, 1).expires_at = Some(at(0)), "granted without a life");
    let second = |l: &mut Ledger| {
        let (mut entry, mut row) =
            (l.entries[0].clone(), l.rows.iter().find(|r| r.kind == Kind::Plan).unwrap().clone());
        (entry.grant, row.id) = (GrantId(id(8)), GrantId(id(8)));
        entry.cause = Cause::Grant(entry.grant);
        l.entries.insert(1, entry);
        l.rows.push(row);
    };
    lie(&good, second, "a second plan grant of one cycle");
}

#[test]
fn what_is_drawn_out_of_burn_order_is_found() {
    let good = charged();
    let plan = good.entries[0].grant;
    lie(&good, |l| l.line(EntryKind::Used, 0).grant = GrantId(id(1)), "comes first in burn order");
    lie(&good, |l| l.line(EntryKind::Used, 2).grant = GrantId(id(2)), "comes first in burn order");
    lie(&good, |l| l.line(EntryKind::Used, 2).grant = GrantId(id(3)), "comes first in burn order");
    // One credit too few from the first, one too many from the second.
    let shift = |l: &mut Ledger| {
        l.line(EntryKind::Used, 1).amount = Credits(-999);
        l.line(EntryKind::Used, 2).amount = Credits(-2_001);
        l.line(EntryKind::Expired, 0).amount = Credits(-1_999);
    };
    lie(&good, shift, &format!("drawn before {plan}"));
    // The lines of one usage may have any order, if no earlier grant has credits left.
    let mut swapped = good.clone();
    let place = good.place(EntryKind::Used, 1);
    swapped.entries.swap(place, place + 1);
    swapped.rechain();
    swapped.check().unwrap();
    let halves = |l: &mut Ledger| {
        l.line(EntryKind::Used, 0).amount = Credits(-500);
        l.entries.insert(place, l.entries[place - 1].clone());
    };
    lie(&good, halves, "two lines of one operation on one grant");
    lie(&good, |l| l.line(EntryKind::Used, 2).amount = Credits(-5_000), "more has left it than it had");
}

#[test]
fn burn_order_is_the_kind_then_the_expiry_then_the_beginning_then_the_id() {
    let good = Ledger::of(false, |world| {
        charge(world, 9, 2, 0);
        courtesy(world, 4, 1, 8 * HOUR, 1);
        courtesy(world, 3, 1, 8 * HOUR, 2);
        courtesy(world, 2, 1, 8 * HOUR, 2);
        courtesy(world, 1, 1, 7 * HOUR, 3);
        top_up(world, 5, 1, 4);
        charge(world, 10, 5, 5);
    });
    let order: Vec<_> = good.entries.iter().filter(|e| e.kind == EntryKind::Used).map(|e| e.grant).skip(1).collect();
    assert_eq!(order, [1, 4, 2, 3, 5].map(|n| GrantId(id(n))));
    for nth in 2..=5 {
        // Each line but the first, alone, is out of order.
        let alone = |l: &mut Ledger| {
            let keep = l.line(EntryKind::Used, nth).grant;
            l.entries
                .retain(|e| e.kind != EntryKind::Used || e.cause != Cause::Usage(UsageId(id(10))) || e.grant == keep);
        };
        lie(&good, alone, "comes first in burn order");
    }
}

#[test]
fn dates_that_are_not_kept_are_found() {
    let good = charged();
    lie(&good, |l| l.line(EntryKind::Expired, 0).event_at = at(5 * HOUR - 1), "expired at another instant");
    lie(&good, |l| l.line(EntryKind::Expired, 0).event_at = at(5 * HOUR + 1), "was due to be booked away");
    lie(&good, |l| l.line(EntryKind::Expired, 0).amount = Credits(-1), "leaves something behind");
    lie(&good, |l| l.cut(l.entries.len() - 1), "was due to be booked away");
    let drawn_late = |l: &mut Ledger| {
        let expired = l.last();
        let line =
            Entry { kind: EntryKind::Used, cause: Cause::Usage(UsageId(id(7))), created_at: at(5 * HOUR), ..expired };
        *l.entries.last_mut().unwrap() = line;
    };
    lie(&good, drawn_late, "was due to be booked away");
    plain_lie(&good, |l| l.account.last_at = at(9 * HOUR), "was due to be booked away");
    plain_lie(&good, |l| l.account.last_at = at(5 * HOUR), "booked after the account's last_at");
    plain_lie(&good, |l| l.account.last_at = l.account.cycle.end, "cycle is not the one");
    plain_lie(&good, |l| l.row(GrantId(id(2))).expires_at = at(8 * HOUR), "its row has expires_at");
}

#[test]
fn rows_that_differ_from_their_lines_are_found() {
    let good = charged();
    plain_lie(&good, |l| l.row(GrantId(id(1))).used += Credits(1), "its row has used");
    plain_lie(&good, |l| l.row(GrantId(id(1))).expired -= Credits(1), "its row has expired");
    plain_lie(&good, |l| l.row(GrantId(id(1))).refunded += Credits(1), "its row has refunded + disputed");
    plain_lie(&good, |l| l.row(GrantId(id(2))).is_voided = true, "its row voids it");
    plain_lie(&good, |l| l.rows.push(l.rows[0].clone()), "two rows");
    let idle = |l: &mut Ledger| l.rows.push(Grant::new(GrantId(id(99)), Kind::Courtesy, Credits(1), at(0), at(1)));
    plain_lie(&good, idle, "it has a row and no line");
    plain_lie(&good, |l| l.account.balance += Credits(1), "the account has");
    plain_lie(&good, |l| l.account.seq += 1, "the account is at entry");
    plain_lie(&good, |l| l.account.hash = [0; 32], "the account is at entry");
    plain_lie(&good, |l| l.account.plan = "plan2".to_owned(), "its last change of plan");
    plain_lie(&good, |l| l.row(GrantId(id(2))).held = Credits(1), "its row has held");
    let more = |l: &mut Ledger| {
        l.holds.push(Hold { id: HoldId(id(1)), draws: Vec::new(), expires_at: at(9 * HOUR) });
    };
    plain_lie(&good, more, "is stored as open, and is not");
}

#[test]
fn a_line_dropped_doubled_or_changed_by_a_thousandth_never_passes() {
    let change = (any::<prop::sample::Index>(), 0..4_u8);
    crate::for_all(20, (history(20), change), |(history, (which, how))| {
        let mut ledger = Ledger::from(crate::histories::played(&history));
        if ledger.entries.is_empty() {
            return;
        }
        let place = which.index(ledger.entries.len());
        match how {
            0 => ledger.cut(place),
            1 => ledger.entries.insert(place, ledger.entries[place].clone()),
            2 => {
                let entry = &mut ledger.entries[place];
                let moved = if entry.amount.is_zero() { &mut entry.held_change } else { &mut entry.amount };
                *moved += Credits(1);
            }
            _ => ledger.entries[place].created_at += chrono::TimeDelta::milliseconds(1),
        }
        if how < 3 {
            ledger.rechain();
        }
        assert!(ledger.check().is_err(), "{place} {how}");
    });
}
