//! Commands on the second model. `None` is a refusal for lack of credits.

use crate::calendar::a_year_after;
use crate::model::{COURTESY, Model, ModelHold, ModelUsage, Place, TOP_UP, add};
use topup_domain::GrantId;

impl Model {
    pub fn charge(&mut self, id: [u8; 16], tokens: i64, at: i64) -> Option<Vec<(usize, i64)>> {
        if self.available(at) < tokens {
            return None;
        }
        let usage = self.usages.len();
        let draws = self.draw(tokens, Place::Used(usage), at);
        for (lot, tokens) in &draws {
            self.line("used", *lot, -tokens, 0, at, (2, id));
        }
        self.usages.push(ModelUsage { id, draws: draws.clone(), voided: false });
        Some(draws)
    }

    pub fn hold(&mut self, id: [u8; 16], tokens: i64, until: i64, at: i64) -> Option<Vec<(usize, i64)>> {
        if self.available(at) < tokens {
            return None;
        }
        let hold = self.holds.len();
        let draws = self.draw(tokens, Place::Held(hold), at);
        for (lot, tokens) in &draws {
            self.line("held", *lot, 0, *tokens, at, (3, id));
            self.lines.last_mut().expect("a line").expires = Some(until);
        }
        self.holds.push(ModelHold { id, until, open: true });
        Some(draws)
    }

    /// The draws, and the tokens that returned.
    pub fn settle(&mut self, hold: usize, id: [u8; 16], tokens: i64, at: i64) -> Option<(Vec<(usize, i64)>, i64)> {
        let held: i64 = self.lots.iter().map(|lot| lot.count(Place::Held(hold))).sum();
        if tokens > held && self.available(at) < tokens - held {
            return None;
        }
        let (usage, mut draws) = (self.usages.len(), Vec::new());
        for _ in 0..tokens.min(held) {
            let holding = (0..self.lots.len()).filter(|lot| self.lots[*lot].count(Place::Held(hold)) > 0);
            let lot = holding.min_by_key(|lot| self.key(*lot)).expect("held");
            self.shift(lot, Place::Held(hold), Place::Used(usage));
            add(&mut draws, lot, 1);
        }
        let own = draws.clone();
        for (lot, tokens) in self.draw((tokens - held).max(0), Place::Used(usage), at) {
            add(&mut draws, lot, tokens);
        }
        for (lot, tokens) in &draws {
            let of_hold: i64 = own.iter().filter(|(other, _)| other == lot).map(|(_, tokens)| *tokens).sum();
            self.line("used", *lot, -tokens, -of_hold, at, (2, id));
        }
        self.give_back(hold, at, at + 1);
        if tokens > 0 {
            self.usages.push(ModelUsage { id, draws: draws.clone(), voided: false });
        }
        Some((draws, (held - tokens).max(0)))
    }

    pub fn release(&mut self, hold: usize, at: i64) {
        self.give_back(hold, at, at + 1);
    }

    pub fn void_usage(&mut self, usage: usize, at: i64) {
        let (id, draws) = (self.usages[usage].id, self.usages[usage].draws.clone());
        self.usages[usage].voided = true;
        for (lot, tokens) in &draws {
            for _ in 0..*tokens {
                self.shift(*lot, Place::Used(usage), Place::Free);
            }
            self.line("voided", *lot, *tokens, 0, at, (2, id));
        }
        for (lot, _) in draws {
            if self.lots[lot].dead(at) {
                self.end(lot, (2, id), at);
            }
        }
    }

    pub fn courtesy(&mut self, id: GrantId, tokens: i64, until: i64, at: i64) {
        self.fill(id, COURTESY, tokens, until, (1, id.bytes()), at);
    }

    pub fn top_up(&mut self, id: GrantId, purchase: [u8; 16], tokens: i64, at: i64) -> i64 {
        let until = a_year_after(at);
        self.fill(id, TOP_UP, tokens, until, (4, purchase), at);
        self.lots.last_mut().expect("a lot").untold = self.terms.notices;
        until
    }

    /// A reminder of a lot reached its owners.
    pub fn notice(&mut self, lot: usize, at: i64) {
        if std::mem::take(&mut self.lots[lot].untold) {
            self.a_week_more(lot, (1, self.lots[lot].id.bytes()), at);
        }
    }

    /// The name of the refusal.
    pub fn void_grant(&mut self, lot: usize, at: i64) -> Option<&'static str> {
        let l = &self.lots[lot];
        if l.kind != COURTESY {
            return Some("not courtesy");
        }
        if l.voided {
            return Some("voided before");
        }
        if at >= l.until {
            return Some("ended");
        }
        self.lots[lot].voided = true;
        self.end(lot, (1, self.lots[lot].id.bytes()), at);
        None
    }

    pub fn change_plan(&mut self, plan: usize, at: i64) {
        self.next = None;
        if plan == self.plan {
            return;
        }
        let largest = self.in_force.iter().copied().max().unwrap_or(0);
        if self.terms.plans[plan].0 >= largest {
            self.plan_acts(plan, at);
        } else {
            self.next = Some(plan);
        }
    }
}
