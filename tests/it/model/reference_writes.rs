//! The writes of the second model.

use super::calendar::months_after;
use super::reference::{Bucket, COURTESY, Customer, Draws, Hold, Lot, PLAN, PLANS, Refusal, TOP_UP, Usage};

impl Customer {
    pub fn fill_plan(&mut self, at: i64) {
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

    /// Removes the free credits of a lot that has ended.
    pub fn bury(&mut self, lot: usize, at: i64) {
        let rest = self.inside(lot, Bucket::Free);
        if rest > 0 {
            self.go(lot, Bucket::Free, Bucket::Gone, rest);
            self.line(if self.lots[lot].voided { "voided" } else { "expired" }, lot, -rest, 0, at);
        }
    }

    pub fn give_back(&mut self, hold: usize, state: &'static str, at: i64) -> Draws {
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

    pub fn open_hold(&self, hold: usize) -> Result<(), Refusal> {
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

    pub fn add_lot(&mut self, kind: usize, id: Option<String>, amount: i64, from: i64, until: i64) {
        self.lots.push(Lot { id, kind, from, until, voided: false });
        let lot = self.lots.len() - 1;
        self.go(lot, Bucket::Source, Bucket::Free, amount);
        self.line("granted", lot, amount, 0, from);
    }
}
