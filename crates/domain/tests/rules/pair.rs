//! The rules and the second model side by side: each command goes to both.

use crate::calendar::{DAY, HOUR};
use crate::history::{History, Jump, Op, Step};
use crate::model::{COURTESY, Model, PLAN, Place, TOP_UP, Terms};
use crate::world::{CUSTOMER, World, notices, pauses, plans};
use topup_domain::SoldTopUp;
use topup_domain::time::from_millis;
use topup_domain::{Credits, Draw, GrantId, HoldId, Kind, PurchaseId, Refusal, UsageId};
use uuid::Uuid;

pub struct Pair {
    pub history: History,
    pub world: World,
    pub model: Model,
    pub now: i64,
    /// The number of lines compared.
    pub seen: usize,
    /// What the verifier knew when it last ran, as JSON.
    pub saved: Option<String>,
}

fn terms(history: &History, catalog: usize) -> Terms {
    let tokens = |(credits, buys): (i64, bool)| (credits * 1_000 / history.quantum, buys);
    let plans = plans(history, catalog).into_iter().map(tokens).collect();
    Terms { plans, pauses: pauses(history, catalog), notices: notices(history, catalog) }
}

impl Pair {
    pub fn open(history: History) -> Self {
        let world = World::open(&history);
        let terms = terms(&history, history.catalog);
        let model = Model::open(CUSTOMER, terms, history.plan, history.anchor, history.start);
        Self { now: history.start, world, model, history, seen: 0, saved: None }
    }

    pub fn credits(&self, tokens: i64) -> Credits {
        Credits(tokens * self.history.quantum)
    }

    pub fn step(&mut self, step: Step) {
        let to = match step.jump {
            Jump::Stay => self.now,
            Jump::By(ms) => self.now + ms,
            Jump::Due(beside) => self.model.next_due().min(self.now + 430 * DAY) + beside,
        };
        self.now = to;
        let before = self.world.entries.len();
        let quiet = self.world.account.next_due().timestamp_millis() > to;
        let at = self.world.pass(to);
        assert!(!quiet || self.world.entries.len() == before, "nothing is booked before next_due");
        self.model.pass(to);
        assert_eq!(at, self.model.last);
        self.now = at;
        self.same(at);
        self.command(step.op, Uuid::from_u128(u128::from(step.salt) << 64 | self.world.entries.len() as u128), at);
        self.same(at);
    }

    pub fn command(&mut self, op: Op, id: Uuid, at: i64) {
        match op {
            Op::Charge(tokens) => self.charge(tokens, id, at),
            Op::Drain(more) => self.charge((self.model.available(at) + more).max(1), id, at),
            Op::Hold(tokens, ttl) => self.hold(tokens, until(at, ttl), id, at),
            Op::Settle(which, percent) => self.settle(which, percent, id, at),
            Op::Release(which) => {
                let Some(hold) = self.pick_hold(which) else { return };
                let hold_id = HoldId(Uuid::from_bytes(self.model.holds[hold].id));
                self.model.release(hold, at);
                self.world.act(|a, _, changes| a.release(hold_id, from_millis(at), changes)).expect("an open hold");
                let again = self.world.act(|a, _, changes| a.release(hold_id, from_millis(at), changes));
                assert_eq!(again, Err(Refusal::Unknown));
            }
            Op::VoidUsage(which) => self.void_usage(which, at),
            Op::Courtesy(tokens, life) => {
                let (grant, credits) = (GrantId(id), self.credits(tokens));
                let until = until(at, life);
                self.model.courtesy(grant, tokens, until, at);
                let given = self.world.act(|a, _, changes| {
                    a.grant_courtesy(grant, credits, from_millis(until), None, from_millis(at), changes)
                });
                assert_eq!(given, Ok(()));
            }
            Op::VoidGrant(which) => self.void_grant(which, at),
            Op::Notice(which) => {
                let lots: Vec<usize> =
                    (0..self.model.lots.len()).filter(|lot| self.model.lots[*lot].kind == TOP_UP).collect();
                let Some(lot) = pick(&lots, which) else { return };
                let id = self.model.lots[lot].id;
                self.model.notice(lot, at);
                self.world.adopt(&[id]);
                let told = self.world.act(|a, _, changes| a.notice(id, from_millis(at), changes));
                assert_eq!(told, Ok(()));
            }
            Op::TopUp(tokens) => {
                let (grant, purchase, credits) = (GrantId(id), PurchaseId(id), self.credits(tokens));
                let until = self.model.top_up(grant, purchase.bytes(), tokens, at);
                let dies = self.world.act(|a, catalog, changes| {
                    a.grant_top_up(grant, SoldTopUp::now(purchase, credits, catalog), from_millis(at), catalog, changes)
                });
                assert_eq!(dies.timestamp_millis(), until);
            }
            Op::Plan(plan) => {
                self.model.change_plan(plan, at);
                self.world.act(|a, catalog, changes| {
                    a.change_plan(&format!("plan{plan}"), from_millis(at), catalog, changes);
                });
            }
            Op::Anchor(shift) => {
                self.model.anchor = self.history.start + shift;
                self.world.account.anchor = from_millis(self.history.start + shift);
            }
            Op::Catalog(which) => {
                self.model.terms = terms(&self.history, which);
                self.world.catalog = which;
            }
            Op::Nothing => {}
        }
    }

    fn charge(&mut self, tokens: i64, id: Uuid, at: i64) {
        let credits = self.credits(tokens);
        let expected = self.model.charge(*id.as_bytes(), tokens, at).map(|draws| self.draws(&draws));
        let got = self.world.act(|a, _, changes| a.charge(UsageId(id), credits, None, from_millis(at), changes));
        assert_eq!(got, expected.ok_or(Refusal::Insufficient { needed: credits }));
    }

    fn hold(&mut self, tokens: i64, until: i64, id: Uuid, at: i64) {
        let credits = self.credits(tokens);
        let expected = self.model.hold(*id.as_bytes(), tokens, until, at).map(|draws| self.draws(&draws));
        let (until, now) = (from_millis(until), from_millis(at));
        let got = self.world.act(|a, _, changes| a.hold(HoldId(id), credits, until, now, changes));
        assert_eq!(got, expected.ok_or(Refusal::Insufficient { needed: credits }));
    }

    fn settle(&mut self, which: usize, percent: i64, id: Uuid, at: i64) {
        let Some(hold) = self.pick_hold(which) else { return };
        let hold_id = HoldId(Uuid::from_bytes(self.model.holds[hold].id));
        let held: i64 = self.model.lots.iter().map(|lot| lot.count(Place::Held(hold))).sum();
        let tokens = (held * percent + 50) / 100;
        let credits = self.credits(tokens);
        let expected = self.model.settle(hold, *id.as_bytes(), tokens, at);
        assert!(tokens > held || expected.is_some(), "a settle up to the held amount always succeeds");
        let expected = expected.map(|(draws, released)| (self.draws(&draws), self.credits(released)));
        let got =
            self.world.act(|a, _, changes| a.settle(hold_id, UsageId(id), credits, None, from_millis(at), changes));
        let got = got.map(|settled| (settled.draws, settled.released));
        assert_eq!(got, expected.ok_or(Refusal::Insufficient { needed: credits }));
    }

    fn void_usage(&mut self, which: usize, at: i64) {
        let open: Vec<usize> = (0..self.model.usages.len()).filter(|u| !self.model.usages[*u].voided).collect();
        let Some(usage) = pick(&open, which) else { return };
        let (id, draws) = (self.model.usages[usage].id, self.draws(&self.model.usages[usage].draws));
        self.model.void_usage(usage, at);
        self.world.adopt(&draws.iter().map(|draw| draw.grant).collect::<Vec<_>>());
        let id = UsageId(Uuid::from_bytes(id));
        let voided = self.world.act(|a, _, changes| a.void_usage(id, &draws, None, from_millis(at), changes));
        assert_eq!(voided, Ok(()));
    }

    fn void_grant(&mut self, which: usize, at: i64) {
        // Mostly grants that can be voided: bonuses, the newest of them.
        let all: Vec<usize> = (0..self.model.lots.len()).collect();
        let bonuses = all.iter().copied().filter(|lot| self.model.lots[*lot].kind == COURTESY);
        let lots = if which.is_multiple_of(4) { all.clone() } else { bonuses.rev().take(3).collect() };
        let Some(lot) = pick(&lots, which / 4) else { return };
        let id = self.model.lots[lot].id;
        self.world.adopt(&[id]);
        let got = self.world.act(|a, _, changes| a.void_grant(id, None, from_millis(at), changes));
        let expected = match self.model.void_grant(lot, at) {
            None => Ok(()),
            Some("not courtesy") => Err(Refusal::GrantNotCourtesy),
            Some("voided before") => Err(Refusal::AlreadyVoided),
            Some(_) => Err(Refusal::GrantEnded),
        };
        assert_eq!(got, expected);
    }

    fn pick_hold(&self, which: usize) -> Option<usize> {
        let open: Vec<usize> = (0..self.model.holds.len()).filter(|hold| self.model.holds[*hold].open).collect();
        pick(&open, which)
    }

    fn draws(&self, draws: &[(usize, i64)]) -> Vec<Draw> {
        let draw = |(lot, tokens): &(usize, i64)| {
            let lot = &self.model.lots[*lot];
            Draw { grant: lot.id, kind: kind(lot.kind), credits: self.credits(*tokens) }
        };
        draws.iter().map(draw).collect()
    }
}

/// Lives of whole hours end on the hour, so that several events fall due at one instant.
fn until(at: i64, life: i64) -> i64 {
    if life % HOUR == 0 { (at / HOUR) * HOUR + life } else { at + life }.max(at + 1)
}

fn pick(from: &[usize], which: usize) -> Option<usize> {
    (!from.is_empty()).then(|| from[which % from.len()])
}

fn kind(kind: u8) -> Kind {
    match kind {
        PLAN => Kind::Plan,
        COURTESY => Kind::Courtesy,
        _ => Kind::TopUp,
    }
}
