//! The second model: every credit is a token in some place.
//!
//! It uses plain vectors and milliseconds, one token at a time; slow and simple. It shares only ids and the numbers of
//! causes with the code under test.

use crate::calendar::{boundary_after, boundary_before};
use topup_domain::GrantId;
use topup_domain::account::plan_grant_id;
use topup_domain::time::from_millis;

/// The place of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Free,
    Held(usize),
    Used(usize),
    Expired,
    Voided,
}

pub const PLAN: u8 = 0;
pub const COURTESY: u8 = 1;
pub const TOP_UP: u8 = 2;

/// A grant: a bag of tokens.
#[derive(Clone, Debug)]
pub struct Lot {
    pub id: GrantId,
    pub kind: u8,
    pub from: i64,
    pub until: i64,
    pub voided: bool,
    /// No reminder has reached its owners yet, and it does not end before.
    pub untold: bool,
    pub tokens: Vec<Place>,
}

impl Lot {
    pub fn count(&self, place: Place) -> i64 {
        self.tokens.iter().filter(|token| **token == place).count() as i64
    }

    pub fn count_held(&self) -> i64 {
        self.tokens.iter().filter(|token| matches!(token, Place::Held(_))).count() as i64
    }

    pub fn count_used(&self) -> i64 {
        self.tokens.iter().filter(|token| matches!(token, Place::Used(_))).count() as i64
    }

    pub fn dead(&self, at: i64) -> bool {
        self.voided || at >= self.until
    }
}

#[derive(Clone, Debug)]
pub struct ModelHold {
    pub id: [u8; 16],
    pub until: i64,
    pub open: bool,
}

#[derive(Clone, Debug)]
pub struct ModelUsage {
    pub id: [u8; 16],
    /// Lots with the tokens taken, in the order of the lines.
    pub draws: Vec<(usize, i64)>,
    pub voided: bool,
}

/// A line of the ledger, in tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelLine {
    pub kind: &'static str,
    pub lot: usize,
    pub amount: i64,
    pub held: i64,
    pub at: i64,
    pub cause: (u8, [u8; 16]),
    pub expires: Option<i64>,
}

/// The catalogue's terms, in tokens.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The allowance, and whether the plan may buy.
    pub plans: Vec<(i64, bool)>,
    pub pauses: bool,
    /// Top-ups wait for a notice.
    pub notices: bool,
}

#[derive(Clone, Debug)]
pub struct Model {
    pub customer: String,
    pub terms: Terms,
    pub lots: Vec<Lot>,
    pub holds: Vec<ModelHold>,
    pub usages: Vec<ModelUsage>,
    pub lines: Vec<ModelLine>,
    pub anchor: i64,
    pub cycle: (i64, i64),
    pub plan: usize,
    pub next: Option<usize>,
    pub paused: bool,
    /// Allowances of the plans in force so far in this cycle.
    pub in_force: Vec<i64>,
    pub last: i64,
}

impl Model {
    pub fn open(customer: &str, terms: Terms, plan: usize, anchor: i64, now: i64) -> Self {
        let cycle = (boundary_before(anchor, now), boundary_after(anchor, now));
        let mut model = Self {
            customer: customer.to_owned(),
            terms,
            lots: Vec::new(),
            holds: Vec::new(),
            usages: Vec::new(),
            lines: Vec::new(),
            anchor,
            cycle,
            plan,
            next: None,
            paused: false,
            in_force: Vec::new(),
            last: now,
        };
        model.plan_acts(plan, now);
        model
    }

    /// A plan is in force from now on; the cycle's bag is filled up to the largest allowance so far.
    pub(crate) fn plan_acts(&mut self, plan: usize, at: i64) {
        let (allowance, buys) = self.terms.plans[plan];
        self.plan = plan;
        self.paused = self.terms.pauses && !buys;
        self.in_force.push(allowance);
        let largest = self.in_force.iter().copied().max().unwrap_or(0);
        let id = plan_grant_id(&self.customer, from_millis(self.cycle.0));
        let has = self.lots.iter().find(|lot| lot.id == id).map_or(0, |lot| lot.tokens.len() as i64);
        if largest > has {
            self.fill(id, PLAN, largest - has, self.cycle.1, (1, id.bytes()), at);
        }
    }

    pub(crate) fn fill(&mut self, id: GrantId, kind: u8, tokens: i64, until: i64, cause: (u8, [u8; 16]), at: i64) {
        if !self.lots.iter().any(|lot| lot.id == id) {
            self.lots.push(Lot { id, kind, from: at, until, voided: false, untold: false, tokens: Vec::new() });
        }
        let lot = self.lots.iter().position(|lot| lot.id == id).expect("a lot");
        self.lots[lot].tokens.extend((0..tokens).map(|_| Place::Free));
        self.line("granted", lot, tokens, 0, at, cause);
        self.lines.last_mut().expect("a line").expires = Some(until);
    }

    pub(crate) fn line(
        &mut self,
        kind: &'static str,
        lot: usize,
        amount: i64,
        held: i64,
        at: i64,
        cause: (u8, [u8; 16]),
    ) {
        self.lines.push(ModelLine { kind, lot, amount, held, at, cause, expires: None });
    }

    pub(crate) fn key(&self, lot: usize) -> (u8, i64, i64, [u8; 16]) {
        let lot = &self.lots[lot];
        (lot.kind, lot.until, lot.from, lot.id.bytes())
    }

    /// Moves the first token of a lot from one place to another.
    pub(crate) fn shift(&mut self, lot: usize, from: Place, to: Place) {
        let token = self.lots[lot].tokens.iter_mut().find(|token| **token == from).expect("a token");
        *token = to;
    }

    pub fn drawable(&self, at: i64) -> Vec<usize> {
        let open = |lot: &usize| {
            let l = &self.lots[*lot];
            !l.dead(at) && l.count(Place::Free) > 0 && !(self.paused && l.kind == TOP_UP)
        };
        let mut lots: Vec<usize> = (0..self.lots.len()).filter(open).collect();
        lots.sort_by_key(|lot| self.key(*lot));
        lots
    }

    pub fn available(&self, at: i64) -> i64 {
        self.drawable(at).iter().map(|lot| self.lots[*lot].count(Place::Free)).sum()
    }

    /// Draws one credit after the other, each from the lot that comes first then.
    pub(crate) fn draw(&mut self, tokens: i64, to: Place, at: i64) -> Vec<(usize, i64)> {
        let mut draws: Vec<(usize, i64)> = Vec::new();
        for _ in 0..tokens {
            let lot = *self.drawable(at).first().expect("checked before");
            self.shift(lot, Place::Free, to);
            add(&mut draws, lot, 1);
        }
        draws
    }

    /// The next instant at which anything happens by itself.
    pub fn next_due(&self) -> i64 {
        let holds = self.holds.iter().filter(|hold| hold.open).map(|hold| hold.until);
        let comes = |l: &&Lot| l.count(Place::Free) > 0 || l.untold && l.count_held() > 0;
        let lots = self.lots.iter().filter(|l| l.kind != PLAN).filter(comes).map(|lot| lot.until);
        holds.chain(lots).chain([self.cycle.1]).min().expect("a cycle ends")
    }

    /// Lets time pass up to `now`, one event after the other.
    pub fn pass(&mut self, now: i64) {
        while self.next_due() <= now {
            let at = self.next_due();
            let mut holds: Vec<usize> = (0..self.holds.len()).collect();
            holds.retain(|hold| self.holds[*hold].open && self.holds[*hold].until == at);
            holds.sort_by_key(|hold| self.holds[*hold].id);
            for hold in holds {
                self.give_back(hold, at, at);
            }
            let mut lots: Vec<usize> = (0..self.lots.len()).collect();
            lots.retain(|lot| self.lots[*lot].kind != PLAN && self.lots[*lot].until == at);
            lots.sort_by_key(|lot| self.lots[*lot].id.bytes());
            for lot in lots {
                self.end(lot, (1, self.lots[lot].id.bytes()), at);
            }
            if at == self.cycle.1 {
                self.turn(at);
            }
        }
        self.last = self.last.max(now);
    }

    fn turn(&mut self, at: i64) {
        for lot in 0..self.lots.len() {
            if self.lots[lot].kind == PLAN && self.lots[lot].until == at {
                self.end(lot, (1, self.lots[lot].id.bytes()), at);
            }
        }
        self.cycle = (at, boundary_after(self.anchor, at));
        self.in_force.clear();
        let plan = self.next.take().unwrap_or(self.plan);
        self.plan_acts(plan, at);
    }

    /// Extends a lot without a notice by a week.
    pub(crate) fn a_week_more(&mut self, lot: usize, cause: (u8, [u8; 16]), at: i64) {
        let week = at + 7 * crate::calendar::DAY;
        let something = self.lots[lot].count(Place::Free) + self.lots[lot].count_held() > 0;
        if something && self.lots[lot].until < week {
            self.lots[lot].until = week;
            self.line("extended", lot, 0, 0, at, cause);
            self.lines.last_mut().expect("a line").expires = Some(week);
        }
    }

    /// Removes the free tokens of an ended lot.
    pub(crate) fn end(&mut self, lot: usize, cause: (u8, [u8; 16]), at: i64) {
        if self.lots[lot].untold {
            return self.a_week_more(lot, cause, at);
        }
        let rest = self.lots[lot].count(Place::Free);
        let (to, kind) = if self.lots[lot].voided { (Place::Voided, "voided") } else { (Place::Expired, "expired") };
        for _ in 0..rest {
            self.shift(lot, Place::Free, to);
        }
        if rest > 0 {
            self.line(kind, lot, -rest, 0, at, cause);
        }
    }

    /// Closes a hold; tokens of lots that ended before `ended` are removed at once.
    pub(crate) fn give_back(&mut self, hold: usize, at: i64, ended: i64) {
        let cause = (3, self.holds[hold].id);
        self.holds[hold].open = false;
        let mut lots: Vec<usize> = (0..self.lots.len()).collect();
        lots.retain(|lot| self.lots[*lot].count(Place::Held(hold)) > 0);
        lots.sort_by_key(|lot| self.key(*lot));
        for lot in &lots {
            let back = self.lots[*lot].count(Place::Held(hold));
            for _ in 0..back {
                self.shift(*lot, Place::Held(hold), Place::Free);
            }
            self.line("released", *lot, 0, -back, at, cause);
        }
        for lot in lots {
            if self.lots[lot].voided || self.lots[lot].until < ended {
                self.end(lot, cause, at);
            }
        }
    }
}

pub(crate) fn add(draws: &mut Vec<(usize, i64)>, lot: usize, tokens: i64) {
    match draws.iter_mut().find(|(other, _)| *other == lot) {
        Some((_, sum)) => *sum += tokens,
        None => draws.push((lot, tokens)),
    }
}
