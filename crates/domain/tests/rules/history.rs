//! Random histories: the steps of a customer, and the time before each.

use crate::calendar::{DAY, Date, HOUR, MINUTE, days_in_month};
use proptest::prelude::*;

/// The move of time before a step.
#[derive(Clone, Copy, Debug)]
pub enum Jump {
    Stay,
    /// Forward, or back (another process's clock).
    By(i64),
    /// To the next due instant, or some milliseconds beside it.
    Due(i64),
}

/// A step. Amounts are in tokens; `which` picks one of the present ones.
#[derive(Clone, Copy, Debug)]
pub enum Op {
    Charge(i64),
    /// Charges all available credits, and perhaps one more.
    Drain(i64),
    Hold(i64, i64),
    /// Settles for a percentage of the hold, also more than 100.
    Settle(usize, i64),
    Release(usize),
    VoidUsage(usize),
    Courtesy(i64, i64),
    VoidGrant(usize),
    /// A reminder of a top-up reached its owners.
    Notice(usize),
    TopUp(i64),
    Plan(usize),
    Anchor(i64),
    Catalog(usize),
    Nothing,
}

#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub jump: Jump,
    pub op: Op,
    /// Random bits for ids, so that their order is not the order of creation.
    pub salt: u64,
}

#[derive(Clone, Debug)]
pub struct History {
    /// Thousandths in a token; 1 comes with plans without credits.
    pub quantum: i64,
    /// Which of the two catalogues comes first, and whether it pauses top-ups.
    pub catalog: usize,
    pub pauses: bool,
    /// The first catalogue has `require_notice`.
    pub notices: bool,
    pub plan: usize,
    pub start: i64,
    pub anchor: i64,
    pub steps: Vec<Step>,
}

fn jump() -> impl Strategy<Value = Jump> {
    prop_oneof![
        12 => Just(Jump::Stay),
        6 => (1..2_000_i64).prop_map(Jump::By),
        2 => (-5 * MINUTE..0).prop_map(Jump::By),
        12 => (1..2 * HOUR).prop_map(Jump::By),
        4 => (1..3 * DAY).prop_map(Jump::By),
        2 => (DAY..40 * DAY).prop_map(Jump::By),
        1 => (30 * DAY..430 * DAY).prop_map(Jump::By),
        8 => (-1..=1_i64).prop_map(Jump::Due),
    ]
}

/// Lives that often end at one instant: whole hours beside odd ones.
fn life() -> impl Strategy<Value = i64> {
    prop_oneof![
        2 => Just(HOUR),
        2 => (1..5_i64).prop_map(|hours| hours * 6 * HOUR),
        2 => 1..3 * DAY,
        1 => DAY..400 * DAY,
        1 => Just(1_i64),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let tokens = || prop_oneof![3 => 1..7_i64, 1 => 5..30_i64];
    let ttl = prop_oneof![Just(HOUR), Just(6 * HOUR), 1..DAY];
    let percent = prop_oneof![1 => Just(0), 2 => Just(100), 4 => 1..100_i64, 4 => 100..250_i64];
    prop_oneof![
        8 => tokens().prop_map(Op::Charge),
        1 => (0..2_i64).prop_map(Op::Drain),
        9 => (tokens(), ttl).prop_map(|(tokens, ttl)| Op::Hold(tokens, ttl)),
        8 => (any::<usize>(), percent).prop_map(|(which, percent)| Op::Settle(which, percent)),
        2 => any::<usize>().prop_map(Op::Release),
        4 => any::<usize>().prop_map(Op::VoidUsage),
        6 => (tokens(), life()).prop_map(|(tokens, life)| Op::Courtesy(tokens, life)),
        3 => any::<usize>().prop_map(Op::VoidGrant),
        3 => tokens().prop_map(Op::TopUp),
        2 => any::<usize>().prop_map(Op::Notice),
        4 => (0..4_usize).prop_map(Op::Plan),
        1 => anchor_shift().prop_map(Op::Anchor),
        1 => (0..2_usize).prop_map(Op::Catalog),
        1 => Just(Op::Nothing),
    ]
}

/// The anchor's distance from the start: up to forty months either way.
fn anchor_shift() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), -40 * 30 * DAY..40 * 30 * DAY]
}

/// An instant at about this time, on one of the last days of a month.
fn late_in_month(at: i64, day: i64) -> i64 {
    let date = crate::calendar::date(at);
    let last = days_in_month(date.year, date.month);
    Date { day: (27 + day).min(last), ..date }.ms()
}

pub fn history(steps: usize) -> impl Strategy<Value = History> {
    let step = (jump(), op(), any::<u64>()).prop_map(|(jump, op, salt)| Step { jump, op, salt });
    let start = (0..4 * 365 * DAY, any::<bool>())
        .prop_map(|(into, odd)| 1_767_225_600_000 + if odd { into } else { into / HOUR * HOUR });
    let quantum = prop_oneof![1 => Just(1_i64), 2 => Just(125), 2 => Just(250), 1 => Just(1_000)];
    (
        (quantum, 0..2_usize, any::<bool>(), any::<bool>(), 0..4_usize),
        (start, anchor_shift(), prop_oneof![Just(None), (1..5_i64).prop_map(Some)]),
        proptest::collection::vec(step, 1..steps),
    )
        .prop_map(|((quantum, catalog, pauses, notices, plan), (start, shift, late), steps)| {
            let anchor = late.map_or(start + shift, |day| late_in_month(start + shift, day));
            History { quantum, catalog, pauses, notices, plan, start, anchor, steps }
        })
}
