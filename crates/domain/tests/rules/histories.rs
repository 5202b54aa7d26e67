//! Random histories: the rules and the second model agree at every step, and the verifier accepts.

use crate::calendar::HOUR;
use crate::history::{History, Jump, history};
use crate::pair::Pair;
use crate::world::World;
use proptest::prelude::*;
use topup_domain::{Entry, Kind};
use uuid::Uuid;

fn agree(history: History) {
    let (half, steps) = (history.steps.len() / 2, history.steps.clone());
    let mut pair = Pair::open(history);
    pair.same(pair.now);
    for (i, step) in steps.into_iter().enumerate() {
        pair.step(step);
        if i == half {
            pair.replays();
        }
    }
    pair.replays();
}

/// Runs a history with the account alone, with catch-ups in between by `splits`.
fn alone(history: &History, splits: impl Fn(i64, i64) -> Vec<i64>) -> World {
    let mut pair = Pair::open(history.clone());
    for step in &history.steps {
        let to = match step.jump {
            Jump::Stay => pair.now,
            Jump::By(ms) => pair.now + ms,
            Jump::Due(beside) => pair.world.account.next_due().timestamp_millis() + beside,
        };
        for at in splits(pair.now, to) {
            pair.world.pass(at);
        }
        pair.model.pass(to);
        pair.now = pair.world.pass(to);
        let at = pair.now;
        let id = Uuid::from_u128(u128::from(step.salt) << 64 | pair.world.entries.len() as u128);
        pair.command(step.op, id, at);
    }
    pair.world
}

pub fn played(history: &History) -> World {
    alone(history, |_, _| Vec::new())
}

/// A world without the parts that only the time of booking decides.
fn timeless(world: &World) -> (Vec<Entry>, Vec<topup_domain::Grant>, topup_domain::Account) {
    let blank = |entry: &Entry| Entry { created_at: entry.event_at, hash: [0; 32], ..entry.clone() };
    let mut rows = world.grant_rows();
    rows.sort_by_key(|grant| grant.id);
    let mut account = world.account.clone();
    account.hash = [0; 32];
    account.grants.sort_by_key(|grant| grant.id);
    account.holds.sort_by_key(|hold| hold.id);
    (world.entries.iter().map(blank).collect(), rows, account)
}

#[test]
fn short_histories_agree_with_the_second_model() {
    crate::for_all(50, history(14), agree);
}

#[test]
fn long_histories_agree_with_the_second_model() {
    crate::for_all(50, history(48), agree);
}

#[test]
fn catch_up_in_any_split_is_catch_up_in_one_go() {
    crate::for_all(20, (history(20), 2..7_i64, any::<u32>()), |(history, parts, salt)| {
        let random = |from: i64, to: i64| {
            let (part, salt) = ((to - from) / parts, i64::from(salt));
            (1..parts).map(|n| from + part * n + salt % part.abs().max(1)).collect()
        };
        assert_eq!(timeless(&alone(&history, random)), timeless(&alone(&history, |_, _| Vec::new())));
    });
}

#[test]
fn catch_up_every_hour_is_catch_up_in_one_go() {
    crate::for_all(1, history(12), |history| {
        let hourly = |from: i64, to: i64| (from..to).step_by(HOUR as usize).collect();
        assert_eq!(timeless(&alone(&history, hourly)), timeless(&alone(&history, |_, _| Vec::new())));
    });
}

/// The random histories must cover these cases, or their agreement means little.
#[test]
fn random_histories_reach_the_corners() {
    let seen: std::cell::RefCell<std::collections::BTreeMap<&str, u32>> = Default::default();
    let run = |history: History| {
        let world = played(&history);
        let note = |what, is: bool| *seen.borrow_mut().entry(what).or_default() += u32::from(is);
        for pair in world.entries.windows(2) {
            let ([before, line], kind) = ([&pair[0], &pair[1]], pair[1].kind.name());
            let (cause, late) = (line.cause.to_string(), line.event_at < line.created_at);
            let plan = world.rows[&line.grant].kind == Kind::Plan;
            let goes_on = before.cause == line.cause && before.event_at == line.event_at;
            note("three grants for one usage", goes_on && kind == "used" && before.kind == line.kind && line.seq > 2);
            note(
                "a settle beyond its hold",
                kind == "used" && line.held_change.0 < 0 && line.amount < line.held_change,
            );
            note(
                "a settle with a rest",
                kind == "released" && before.kind.name() == "used" && before.held_change.0 < 0,
            );
            note("a lapse booked late", kind == "released" && late);
            note("a return to an ended grant", kind == "expired" && cause.starts_with("hld_"));
            note("a return to an ended plan grant", kind == "expired" && cause.starts_with("hld_") && plan);
            note("a void to an ended grant", kind == "expired" && cause.starts_with("use_"));
            note("a return to a voided grant", kind == "voided" && cause.starts_with("hld_"));
            note("a void to a voided grant", kind == "voided" && cause.starts_with("use_") && line.amount.0 < 0);
            note("a grant voided", kind == "voided" && cause.starts_with("grt_"));
            note("a plan that grows", kind == "granted" && plan && line.seq > world.rows.len() as i64 && !late);
            note("a top-up that expires", kind == "expired" && world.rows[&line.grant].kind == Kind::TopUp);
            note("a top-up that lives on", kind == "extended" && cause.starts_with("grt_") && late);
            note("a return to a top-up that lives on", kind == "extended" && !cause.starts_with("grt_"));
            note(
                "two things due at one instant",
                late && before.event_at == line.event_at && before.cause != line.cause,
            );
            let lapse = before.kind.name() == "released" && kind == "expired" && cause.starts_with("grt_");
            note(
                "a lapse where its grant ends",
                lapse && before.grant == line.grant && before.event_at == line.event_at,
            );
        }
        note("a pause that came with the catalogue", world.plans.windows(2).any(|pair| pair[0].plan == pair[1].plan));
        note("a change down", world.plans.iter().any(|change| change.after_seq > 0));
        note("holds that are open at the end", world.open_holds.len() > 1);
    };
    crate::for_the_same(20, history(48), run);
    let seen = seen.into_inner();
    let rare: Vec<_> = seen.iter().filter(|(_, times)| **times < 1).collect();
    assert!(rare.is_empty() || std::env::var("PROPTEST_CASES").is_ok(), "{rare:?} of {seen:?}");
}
