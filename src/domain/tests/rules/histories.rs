//! Random histories: the rules and the second model agree at every step, and the verifier accepts.

use crate::calendar::HOUR;
use crate::history::{History, Jump, Op, Step, history};
use crate::model::{COURTESY, Model, PLAN, Place, TOP_UP, Terms};
use crate::world::{CUSTOMER, World, pauses, plans};
use proptest::prelude::*;
use topup_domain::time::from_millis;
use topup_domain::{
    Balance, Credits, Draw, Entry, GrantId, GrantState, HoldId, Kind, PurchaseId, Refusal, Replay, Summary, UsageId,
};
use uuid::Uuid;

/// Both sides of a history.
struct Pair {
    history: History,
    world: World,
    model: Model,
    now: i64,
    /// How many lines were compared.
    seen: usize,
}

fn terms(history: &History, catalog: usize) -> Terms {
    let tokens = |(credits, buys): (i64, bool)| (credits * 1_000 / history.quantum, buys);
    let plans = plans(history, catalog).into_iter().map(tokens).collect();
    Terms { plans, pauses: pauses(history, catalog) }
}

impl Pair {
    fn open(history: History) -> Self {
        let world = World::open(&history);
        let terms = terms(&history, history.catalog);
        let model = Model::open(CUSTOMER, terms, history.plan, history.anchor, history.start);
        Self { now: history.start, world, model, history, seen: 0 }
    }

    fn credits(&self, tokens: i64) -> Credits {
        Credits(tokens * self.history.quantum)
    }

    fn step(&mut self, step: Step) {
        let to = match step.jump {
            Jump::Stay => self.now,
            Jump::By(ms) => self.now + ms,
            Jump::Due(beside) => self.model.next_due().min(self.now + 430 * crate::calendar::DAY) + beside,
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

    fn command(&mut self, op: Op, id: Uuid, at: i64) {
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
            Op::TopUp(tokens) => {
                let (grant, purchase, credits) = (GrantId(id), PurchaseId(id), self.credits(tokens));
                let until = self.model.top_up(grant, purchase.bytes(), tokens, at);
                let dies = self.world.act(|a, catalog, changes| {
                    a.grant_top_up(grant, purchase, credits, from_millis(at), catalog, changes)
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
        // Mostly of those that can be: bonuses, the newest of them.
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

    // ── what must be equal after every step ──

    fn same(&mut self, at: i64) {
        self.same_lines(at);
        self.same_grants(at);
        self.same_balance(at);
        let account = &self.world.account;
        assert_eq!(account.next_due().timestamp_millis(), self.model.next_due());
        assert!(account.next_due() > from_millis(at), "what is due by now is booked");
        assert_eq!(account.plan, format!("plan{}", self.model.plan));
        assert_eq!(account.next_plan, self.model.next.map(|plan| format!("plan{plan}")));
        assert_eq!(account.top_ups_paused, self.model.paused);
        let cycle = (account.cycle.start.timestamp_millis(), account.cycle.end.timestamp_millis());
        assert_eq!(cycle, self.model.cycle);
        let mut open: Vec<_> = account.holds.iter().collect();
        open.sort_by_key(|hold| hold.id);
        let mut rows: Vec<_> = self.world.open_holds.values().collect();
        rows.sort_by_key(|hold| hold.id);
        assert_eq!(open, rows, "holds are written as they are");
    }

    fn same_lines(&mut self, at: i64) {
        assert_eq!(self.world.entries.len(), self.model.lines.len());
        for i in self.seen..self.model.lines.len() {
            let (entry, line) = (&self.world.entries[i], &self.model.lines[i]);
            let got = (entry.seq, entry.kind.name(), entry.grant, entry.amount, entry.held_change, entry.frozen_change);
            let (amount, held) = (self.credits(line.amount), self.credits(line.held));
            assert_eq!(got, (i as i64 + 1, line.kind, self.model.lots[line.lot].id, amount, held, Credits::ZERO));
            let got = (entry.event_at, entry.created_at, entry.expires_at, (entry.cause.code(), entry.cause.bytes()));
            assert_eq!(got, (from_millis(line.at), from_millis(at), line.expires.map(from_millis), line.cause));
        }
        self.seen = self.model.lines.len();
    }

    fn same_grants(&self, at: i64) {
        assert_eq!(self.world.rows.len(), self.model.lots.len());
        for lot in &self.model.lots {
            let grant = &self.world.rows[&lot.id];
            let got = [grant.amount, grant.used, grant.held, grant.remaining(), grant.expired, grant.voided];
            let all = lot.tokens.len() as i64;
            let lies = |place| lot.count(place);
            let expected =
                [all, lot.count_used(), lot.count_held(), lies(Place::Free), lies(Place::Expired), lies(Place::Voided)];
            assert_eq!(got, expected.map(|tokens| self.credits(tokens)), "{:?}", lot.id);
            let rest = [grant.frozen, grant.refunded, grant.disputed];
            assert!(rest.iter().all(|c| c.is_zero()) && got.iter().all(|c| *c >= Credits::ZERO));
            assert_eq!(grant.is_voided, lot.voided);
            assert!(!lot.dead(at) || grant.remaining().is_zero(), "an ended grant keeps nothing");
            let here = self.world.account.grant(lot.id);
            assert!(here.is_none_or(|here| here == grant), "the row is the grant");
            assert!(here.is_some() || !grant.has_something(), "what has something stays in the working set");
        }
    }

    fn same_balance(&self, at: i64) {
        let balance = Balance::of(&self.world.account, from_millis(at));
        let live: Vec<_> = self.model.lots.iter().filter(|lot| !lot.dead(at)).collect();
        let sum = |wanted, place: &dyn Fn(&crate::model::Lot) -> i64| {
            self.credits(live.iter().filter(|lot| lot.kind == wanted).map(|lot| place(lot)).sum())
        };
        let free = |lot: &crate::model::Lot| lot.count(Place::Free);
        let held = |lot: &crate::model::Lot| lot.count_held();
        assert_eq!(balance.available, self.credits(self.model.available(at)));
        assert_eq!(balance.held, self.credits(self.model.lots.iter().map(crate::model::Lot::count_held).sum()));
        let plan = (balance.plan.allowance, balance.plan.used + balance.plan.held + balance.plan.remaining);
        assert_eq!(plan.0, plan.1, "allowance = used + held + remaining");
        assert_eq!((balance.plan.remaining, balance.plan.held), (sum(PLAN, &free), sum(PLAN, &held)));
        assert_eq!((balance.courtesy.remaining, balance.courtesy.held), (sum(COURTESY, &free), sum(COURTESY, &held)));
        assert_eq!((balance.top_up.remaining, balance.top_up.held), (sum(TOP_UP, &free), sum(TOP_UP, &held)));
        assert_eq!(balance.top_up.paused, if self.model.paused { sum(TOP_UP, &free) } else { Credits::ZERO });
        let next = live.iter().filter(|l| l.kind == TOP_UP && free(l) > 0).map(|lot| lot.until).min();
        assert_eq!(balance.next_expiry.map(|(at, _)| at.timestamp_millis()), next);
        let shown = |line: &topup_domain::balance::GrantLine| {
            let paused = self.model.paused && line.grant.kind == Kind::TopUp && line.grant.remaining().is_positive();
            assert_eq!(line.state, if paused { GrantState::Paused } else { GrantState::Active });
            line.grant.burn_key()
        };
        let keys: Vec<_> = balance.grants.iter().map(shown).collect();
        assert!(keys.is_sorted() && keys.len() == live.iter().filter(|l| free(l) + held(l) > 0).count());
        assert_eq!(Summary::of(&self.world.account, from_millis(at)), balance.summary());
        let total: Credits = self.world.rows.values().map(topup_domain::Grant::balance).sum();
        assert_eq!(self.world.account.balance, total);
    }

    /// The verifier accepts what stands here now.
    fn replays(&self) {
        let (rows, account) = (self.world.grant_rows(), &self.world.account);
        let mut replay = Replay::new(CUSTOMER).with_terms(&rows, &self.world.plans);
        for entry in &self.world.entries {
            replay.push(entry).unwrap();
        }
        let report = replay.finish(&rows, &self.world.hold_rows(), account).unwrap();
        assert_eq!((report.entries, report.balance), (account.seq, account.balance));
        let mut plain = Replay::new(CUSTOMER);
        assert!(self.world.entries.iter().try_for_each(|entry| plain.push(entry)).is_ok(), "also without terms");
    }
}

/// Lives of whole hours end on the hour, so that several things fall due at one instant.
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

/// Runs a history with the account alone, bringing it up to date in between as `splits` says.
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

/// A history, played to its end.
pub fn played(history: &History) -> World {
    alone(history, |_, _| Vec::new())
}

/// A world without what the time of booking alone decides.
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

/// What the random histories must come by, else the agreement above says little.
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
    crate::for_all(20, history(48), run);
    let seen = seen.into_inner();
    let rare: Vec<_> = seen.iter().filter(|(_, times)| **times < 1).collect();
    assert!(rare.is_empty() || std::env::var("PROPTEST_CASES").is_ok(), "{rare:?} of {seen:?}");
}
