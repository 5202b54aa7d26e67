//! The second model: a journal of moves between buckets, and nothing else.
//!
//! Every credit comes out of a lot's source and lies in a bucket: free, held by a hold, used by a usage, gone. What a
//! customer has is a sum over the journal, made anew for each question. Slow, plain, with a calendar of its own; it
//! shares no line with the product.

use super::calendar::months_after;

/// Name, allowance in thousandths, whether it may buy; smallest first. As in the sample catalogue.
pub const PLANS: [(&str, i64, bool); 4] =
    [("free", 300_000, false), ("starter", 5_000_000, true), ("builder", 25_000_000, true), ("pro", 100_000_000, true)];
pub const KINDS: [&str; 3] = ["plan", "courtesy", "top_up"];
pub const PLAN: usize = 0;
pub const COURTESY: usize = 1;
pub const TOP_UP: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bucket {
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
    from: i64,
    until: i64,
    voided: bool,
}

#[derive(Debug)]
struct Move {
    lot: usize,
    from: Bucket,
    to: Bucket,
    amount: i64,
}

#[derive(Debug)]
pub struct Hold {
    pub id: String,
    until: i64,
    pub amount: i64,
    state: &'static str,
}

#[derive(Debug)]
pub struct Usage {
    pub id: String,
    draws: Draws,
    voided: bool,
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
    anchor: i64,
    cycle: i64,
    pub closed: bool,
    pub lots: Vec<Lot>,
    moves: Vec<Move>,
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

    fn sum(&self, which: impl Fn(&Move) -> bool) -> i64 {
        self.moves.iter().filter(|m| which(m)).map(|m| m.amount).sum()
    }

    fn inside(&self, lot: usize, bucket: Bucket) -> i64 {
        self.within(lot, |other| other == bucket)
    }

    fn within(&self, lot: usize, which: impl Fn(Bucket) -> bool) -> i64 {
        self.sum(|m| m.lot == lot && which(m.to)) - self.sum(|m| m.lot == lot && which(m.from))
    }

    fn go(&mut self, lot: usize, from: Bucket, to: Bucket, amount: i64) {
        assert!(from == Bucket::Source || self.inside(lot, from) >= amount, "the model itself is wrong");
        self.moves.push(Move { lot, from, to, amount });
    }

    fn line(&mut self, kind: &'static str, lot: usize, amount: i64, held: i64, at: i64) {
        self.lines.push(Line { kind, lot, amount, held, at });
    }

    pub fn cycle_end(&self) -> i64 {
        months_after(self.anchor, self.cycle + 1)
    }

    fn plan_lot(&self) -> Option<usize> {
        let end = self.cycle_end();
        self.lots.iter().position(|lot| lot.kind == PLAN && lot.until == end)
    }

    pub fn granted(&self, lot: usize) -> i64 {
        self.sum(|m| m.lot == lot && m.from == Bucket::Source)
    }

    fn add_lot(&mut self, kind: usize, id: Option<String>, amount: i64, from: i64, until: i64) {
        self.lots.push(Lot { id, kind, from, until, voided: false });
        let lot = self.lots.len() - 1;
        self.go(lot, Bucket::Source, Bucket::Free, amount);
        self.line("granted", lot, amount, 0, from);
    }

    fn fill_plan(&mut self, at: i64) {
        let allowance = PLANS[self.plan].1;
        match self.plan_lot() {
            None => self.add_lot(PLAN, None, allowance, at, self.cycle_end()),
            Some(lot) => {
                let more = allowance - self.granted(lot);
                if more > 0 {
                    self.go(lot, Bucket::Source, Bucket::Free, more);
                    self.line("granted", lot, more, 0, at);
                }
            }
        }
    }

    fn dead(&self, lot: usize, at: i64) -> bool {
        self.lots[lot].voided || self.lots[lot].until <= at
    }

    /// Whatever is free in a lot whose life is over goes.
    fn bury(&mut self, lot: usize, at: i64) {
        let rest = self.inside(lot, Bucket::Free);
        if rest > 0 {
            self.go(lot, Bucket::Free, Bucket::Gone, rest);
            self.line(if self.lots[lot].voided { "voided" } else { "expired" }, lot, -rest, 0, at);
        }
    }

    fn in_burn_order(&self, mut lots: Vec<usize>) -> Vec<usize> {
        lots.sort_by_key(|lot| {
            let lot = &self.lots[*lot];
            (lot.kind, lot.until, lot.from, lot.id.clone())
        });
        lots
    }

    fn drawable(&self, now: i64) -> Vec<usize> {
        let open = |lot: &usize| !self.dead(*lot, now) && self.inside(*lot, Bucket::Free) > 0;
        self.in_burn_order((0..self.lots.len()).filter(open).collect())
    }

    pub fn available(&self, now: i64) -> i64 {
        self.drawable(now).into_iter().map(|lot| self.inside(lot, Bucket::Free)).sum()
    }

    fn cover(&self, amount: i64, now: i64) -> Result<Draws, Refusal> {
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

    /// What a hold holds, in burn order.
    fn held_by(&self, hold: usize) -> Draws {
        let lots = self.in_burn_order((0..self.lots.len()).collect());
        let draws = lots.into_iter().map(|lot| (lot, self.inside(lot, Bucket::Held(hold))));
        draws.filter(|(_, amount)| *amount > 0).collect()
    }

    fn give_back(&mut self, hold: usize, state: &'static str, at: i64) -> Draws {
        let draws = self.held_by(hold);
        for (lot, amount) in &draws {
            self.go(*lot, Bucket::Held(hold), Bucket::Free, *amount);
            self.line("released", *lot, 0, -amount, at);
        }
        self.holds[hold].state = state;
        draws
    }

    /// All that falls due by `now`.
    pub fn pass(&mut self, now: i64) {
        loop {
            let lapses = self.holds.iter().enumerate().filter(|(_, hold)| hold.state == "open");
            let lapse = lapses.map(|(n, hold)| (hold.until, 0, hold.id.clone(), n)).min();
            let other = |lot: &usize| self.lots[*lot].kind != PLAN && self.inside(*lot, Bucket::Free) > 0;
            let ends = (0..self.lots.len()).filter(other);
            let end = ends.map(|lot| (self.lots[lot].until, 1, self.lots[lot].id.clone().unwrap(), lot)).min();
            let cycle = Some((self.cycle_end(), 2, String::new(), 0));
            let Some((at, what, _, which)) = [lapse, end, cycle].into_iter().flatten().min() else { return };
            if at > now {
                return;
            }
            match what {
                0 => {
                    for (lot, _) in self.give_back(which, "lapsed", at) {
                        if self.lots[lot].voided || self.lots[lot].until < at {
                            self.bury(lot, at);
                        }
                    }
                }
                1 => self.bury(which, at),
                _ => {
                    if let Some(lot) = self.plan_lot() {
                        self.bury(lot, at);
                    }
                    self.cycle += 1;
                    self.plan = self.next.take().unwrap_or(self.plan);
                    self.fill_plan(at);
                }
            }
        }
    }

    pub fn charge(&mut self, amount: i64, now: i64) -> Result<Draws, Refusal> {
        let draws = self.cover(amount, now)?;
        let usage = self.usages.len();
        for (lot, amount) in &draws {
            self.go(*lot, Bucket::Free, Bucket::Used(usage), *amount);
            self.line("used", *lot, -amount, 0, now);
        }
        self.usages.push(Usage { id: String::new(), draws: draws.clone(), voided: false });
        Ok(draws)
    }

    pub fn hold(&mut self, amount: i64, ttl: i64, now: i64) -> Result<Draws, Refusal> {
        let draws = self.cover(amount, now)?;
        let hold = self.holds.len();
        for (lot, amount) in &draws {
            self.go(*lot, Bucket::Free, Bucket::Held(hold), *amount);
            self.line("held", *lot, 0, *amount, now);
        }
        self.holds.push(Hold { id: String::new(), until: now + ttl * 1_000, amount, state: "open" });
        Ok(draws)
    }

    fn open_hold(&self, hold: usize) -> Result<(), Refusal> {
        match self.holds[hold].state {
            "open" => Ok(()),
            "settled" => Err((409, "hold_settled")),
            "released" => Err((409, "hold_released")),
            _ => Err((409, "hold_lapsed")),
        }
    }

    /// The usage's draws, and what went back.
    pub fn settle(&mut self, hold: usize, amount: i64, now: i64) -> Result<(Draws, i64), Refusal> {
        self.open_hold(hold)?;
        let extra = self.cover((amount - self.holds[hold].amount).max(0), now)?;
        let (usage, mut left) = (self.usages.len(), amount.min(self.holds[hold].amount));
        let mut lines: Vec<(usize, i64, i64)> = Vec::new();
        for (lot, held) in self.held_by(hold) {
            let take = left.min(held);
            left -= take;
            if take > 0 {
                self.go(lot, Bucket::Held(hold), Bucket::Used(usage), take);
                lines.push((lot, take, take));
            }
        }
        for (lot, more) in extra {
            self.go(lot, Bucket::Free, Bucket::Used(usage), more);
            match lines.iter_mut().find(|line| line.0 == lot) {
                Some(line) => line.1 += more,
                None => lines.push((lot, more, 0)),
            }
        }
        for (lot, used, held) in &lines {
            self.line("used", *lot, -used, -held, now);
        }
        let back = self.give_back(hold, "settled", now);
        for (lot, _) in &back {
            if self.dead(*lot, now) {
                self.bury(*lot, now);
            }
        }
        let draws: Draws = lines.into_iter().map(|(lot, used, _)| (lot, used)).collect();
        if amount > 0 {
            self.usages.push(Usage { id: String::new(), draws: draws.clone(), voided: false });
        }
        Ok((draws, back.into_iter().map(|(_, amount)| amount).sum()))
    }

    pub fn release(&mut self, hold: usize, now: i64) -> Result<(), Refusal> {
        self.open_hold(hold)?;
        for (lot, _) in self.give_back(hold, "released", now) {
            if self.dead(lot, now) {
                self.bury(lot, now);
            }
        }
        Ok(())
    }

    pub fn void_usage(&mut self, usage: usize, now: i64) -> Result<(), Refusal> {
        if self.usages[usage].voided {
            return Err((409, "already_voided"));
        }
        self.usages[usage].voided = true;
        let draws = self.usages[usage].draws.clone();
        for (lot, amount) in &draws {
            self.go(*lot, Bucket::Used(usage), Bucket::Free, *amount);
            self.line("voided", *lot, *amount, 0, now);
        }
        for (lot, _) in draws {
            if self.dead(lot, now) {
                self.bury(lot, now);
            }
        }
        Ok(())
    }

    pub fn give(&mut self, id: &str, amount: i64, until: i64, now: i64) {
        self.add_lot(COURTESY, Some(id.to_owned()), amount, now, until);
    }

    pub fn bought(&mut self, id: &str, amount: i64, now: i64) {
        self.add_lot(TOP_UP, Some(id.to_owned()), amount, now, months_after(now, 12));
    }

    pub fn void_grant(&mut self, lot: usize, now: i64) -> Result<(), Refusal> {
        if self.lots[lot].kind != COURTESY {
            return Err((409, "grant_not_courtesy"));
        }
        if self.lots[lot].voided {
            return Err((409, "already_voided"));
        }
        if self.lots[lot].until <= now {
            return Err((409, "grant_ended"));
        }
        self.lots[lot].voided = true;
        self.bury(lot, now);
        Ok(())
    }

    pub fn change_plan(&mut self, plan: usize, now: i64) {
        self.next = None;
        let in_force = self.plan_lot().map_or(0, |lot| self.granted(lot));
        if plan == self.plan {
            return;
        }
        if PLANS[plan].1 < in_force {
            self.next = Some(plan);
            return;
        }
        self.plan = plan;
        self.fill_plan(now);
    }

    fn of_kind(&self, kind: usize, now: i64, what: impl Fn(usize) -> i64) -> i64 {
        let live = |lot: &usize| self.lots[*lot].kind == kind && !self.dead(*lot, now);
        (0..self.lots.len()).filter(live).map(what).sum()
    }

    fn held_of(&self, lot: usize) -> i64 {
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
