//! The second model: a journal of moves between buckets.
//!
//! Each credit comes from its lot's source and is in one bucket: free, held by a hold, used by a usage, gone. All figures
//! are sums of the journal, computed for each question. It has its own calendar and shares no line with the product.

use super::calendar::months_after;

/// Name, allowance in thousandths, whether it may buy; smallest first. As in the sample catalogue.
pub const PLANS: [(&str, i64, bool); 4] =
    [("free", 300_000, false), ("starter", 5_000_000, true), ("builder", 25_000_000, true), ("pro", 100_000_000, true)];
pub const KINDS: [&str; 3] = ["plan", "courtesy", "top_up"];
pub const PLAN: usize = 0;
pub const COURTESY: usize = 1;
pub const TOP_UP: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    Source,
    Free,
    Held(usize),
    Used(usize),
    Gone,
}

#[derive(Debug)]
pub struct Lot {
    /// As the product named it, once it did.
    pub id: Option<String>,
    pub kind: usize,
    pub from: i64,
    pub until: i64,
    pub voided: bool,
}

#[derive(Debug)]
pub struct Move {
    pub lot: usize,
    pub from: Bucket,
    pub to: Bucket,
    pub amount: i64,
}

#[derive(Debug)]
pub struct Hold {
    pub id: String,
    pub until: i64,
    pub amount: i64,
    pub state: &'static str,
}

#[derive(Debug)]
pub struct Usage {
    pub id: String,
    pub draws: Draws,
    pub voided: bool,
}

/// A line of the ledger.
#[derive(Debug)]
pub struct Line {
    pub kind: &'static str,
    pub lot: usize,
    pub amount: i64,
    pub held: i64,
    pub at: i64,
}

/// Lots and what was taken from each.
pub type Draws = Vec<(usize, i64)>;

/// Status and code.
pub type Refusal = (u16, &'static str);

#[derive(Debug)]
pub struct Customer {
    pub id: String,
    pub plan: usize,
    pub next: Option<usize>,
    pub anchor: i64,
    pub cycle: i64,
    pub closed: bool,
    pub lots: Vec<Lot>,
    pub moves: Vec<Move>,
    pub holds: Vec<Hold>,
    pub usages: Vec<Usage>,
    pub lines: Vec<Line>,
}

/// The five numbers of an answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Five {
    pub available: i64,
    pub plan: i64,
    pub courtesy: i64,
    pub top_up: i64,
    pub held: i64,
}

impl Customer {
    pub fn new(id: &str, plan: usize, now: i64) -> Self {
        let mut new = Self {
            id: id.to_owned(),
            plan,
            next: None,
            anchor: now,
            cycle: 0,
            closed: false,
            lots: Vec::new(),
            moves: Vec::new(),
            holds: Vec::new(),
            usages: Vec::new(),
            lines: Vec::new(),
        };
        new.fill_plan(now);
        new
    }

    pub fn sum(&self, which: impl Fn(&Move) -> bool) -> i64 {
        self.moves.iter().filter(|m| which(m)).map(|m| m.amount).sum()
    }

    pub fn inside(&self, lot: usize, bucket: Bucket) -> i64 {
        self.within(lot, |other| other == bucket)
    }

    pub fn within(&self, lot: usize, which: impl Fn(Bucket) -> bool) -> i64 {
        self.sum(|m| m.lot == lot && which(m.to)) - self.sum(|m| m.lot == lot && which(m.from))
    }

    pub fn go(&mut self, lot: usize, from: Bucket, to: Bucket, amount: i64) {
        assert!(from == Bucket::Source || self.inside(lot, from) >= amount, "the model itself is wrong");
        self.moves.push(Move { lot, from, to, amount });
    }

    pub fn line(&mut self, kind: &'static str, lot: usize, amount: i64, held: i64, at: i64) {
        self.lines.push(Line { kind, lot, amount, held, at });
    }

    pub fn cycle_end(&self) -> i64 {
        months_after(self.anchor, self.cycle + 1)
    }

    pub fn plan_lot(&self) -> Option<usize> {
        let end = self.cycle_end();
        self.lots.iter().position(|lot| lot.kind == PLAN && lot.until == end)
    }

    pub fn granted(&self, lot: usize) -> i64 {
        self.sum(|m| m.lot == lot && m.from == Bucket::Source)
    }

    pub fn dead(&self, lot: usize, at: i64) -> bool {
        self.lots[lot].voided || self.lots[lot].until <= at
    }

    pub fn in_burn_order(&self, mut lots: Vec<usize>) -> Vec<usize> {
        lots.sort_by_key(|lot| {
            let lot = &self.lots[*lot];
            (lot.kind, lot.until, lot.from, lot.id.clone())
        });
        lots
    }

    pub fn drawable(&self, now: i64) -> Vec<usize> {
        let open = |lot: &usize| !self.dead(*lot, now) && self.inside(*lot, Bucket::Free) > 0;
        self.in_burn_order((0..self.lots.len()).filter(open).collect())
    }

    pub fn available(&self, now: i64) -> i64 {
        self.drawable(now).into_iter().map(|lot| self.inside(lot, Bucket::Free)).sum()
    }

    pub fn cover(&self, amount: i64, now: i64) -> Result<Draws, Refusal> {
        let (mut draws, mut missing) = (Draws::new(), amount);
        for lot in self.drawable(now) {
            let take = missing.min(self.inside(lot, Bucket::Free));
            if take > 0 {
                draws.push((lot, take));
                missing -= take;
            }
        }
        if missing == 0 { Ok(draws) } else { Err((402, "insufficient_credits")) }
    }

    /// The draws of a hold, in burn order.
    pub fn held_by(&self, hold: usize) -> Draws {
        let lots = self.in_burn_order((0..self.lots.len()).collect());
        let draws = lots.into_iter().map(|lot| (lot, self.inside(lot, Bucket::Held(hold))));
        draws.filter(|(_, amount)| *amount > 0).collect()
    }

    pub fn of_kind(&self, kind: usize, now: i64, what: impl Fn(usize) -> i64) -> i64 {
        let live = |lot: &usize| self.lots[*lot].kind == kind && !self.dead(*lot, now);
        (0..self.lots.len()).filter(live).map(what).sum()
    }

    pub fn held_of(&self, lot: usize) -> i64 {
        self.within(lot, |bucket| matches!(bucket, Bucket::Held(_)))
    }

    pub fn held(&self, kind: usize, now: i64) -> i64 {
        self.of_kind(kind, now, |lot| self.held_of(lot))
    }

    /// Of the current plan lot: allowance, used, held.
    pub fn plan_figures(&self) -> (i64, i64, i64) {
        let Some(lot) = self.plan_lot() else { return (0, 0, 0) };
        let used = self.within(lot, |bucket| matches!(bucket, Bucket::Used(_)));
        (self.granted(lot), used, self.held_of(lot))
    }

    /// When top-ups expire next, and how much.
    pub fn next_expiry(&self, now: i64) -> Option<(i64, i64)> {
        let top_ups: Vec<usize> = self.drawable(now).into_iter().filter(|lot| self.lots[*lot].kind == TOP_UP).collect();
        let at = top_ups.iter().map(|lot| self.lots[*lot].until).min()?;
        let then = top_ups.into_iter().filter(|lot| self.lots[*lot].until == at);
        Some((at, then.map(|lot| self.inside(lot, Bucket::Free)).sum()))
    }

    pub fn five(&self, now: i64) -> Five {
        let free = |kind| self.of_kind(kind, now, |lot| self.inside(lot, Bucket::Free));
        let held = (0..self.lots.len()).map(|lot| self.held_of(lot)).sum();
        Five { available: self.available(now), plan: free(PLAN), courtesy: free(COURTESY), top_up: free(TOP_UP), held }
    }
}
