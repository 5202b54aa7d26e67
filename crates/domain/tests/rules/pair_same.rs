//! The equalities of both sides after every step.

use crate::model::{COURTESY, Lot, PLAN, Place, TOP_UP};
use crate::pair::Pair;
use crate::world::CUSTOMER;
use topup_domain::time::from_millis;
use topup_domain::{Balance, Credits, Grant, GrantState, Kind, Replay, Summary, replay::ReplayState};

impl Pair {
    pub fn same(&mut self, at: i64) {
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
            assert_eq!((grant.awaits_notice, grant.expires_at.timestamp_millis()), (lot.untold, lot.until));
            assert!(!lot.dead(at) || grant.remaining().is_zero(), "an ended grant keeps nothing");
            let here = self.world.account.grant(lot.id);
            assert!(here.is_none_or(|here| here == grant), "the row is the grant");
            assert!(here.is_some() || !grant.has_something(), "what has something stays in the working set");
        }
    }

    fn same_balance(&self, at: i64) {
        let balance = Balance::of(&self.world.account, from_millis(at));
        let live: Vec<_> = self.model.lots.iter().filter(|lot| !lot.dead(at)).collect();
        let sum = |wanted, place: &dyn Fn(&Lot) -> i64| {
            self.credits(live.iter().filter(|lot| lot.kind == wanted).map(|lot| place(lot)).sum())
        };
        let free = |lot: &Lot| lot.count(Place::Free);
        let held = |lot: &Lot| lot.count_held();
        assert_eq!(balance.available, self.credits(self.model.available(at)));
        assert_eq!(balance.held, self.credits(self.model.lots.iter().map(Lot::count_held).sum()));
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
        let total: Credits = self.world.rows.values().map(Grant::balance).sum();
        assert_eq!(self.world.account.balance, total);
    }

    /// The verifier accepts the present state, from the first line and from where it last was.
    pub fn replays(&mut self) {
        let (rows, account) = (self.world.grant_rows(), &self.world.account);
        let mut replay = Replay::new(CUSTOMER).with_terms(&rows, &self.world.plans);
        for entry in &self.world.entries {
            replay.push(entry).expect("a good line");
        }
        let state = serde_json::to_string(&replay.state().expect("whole operations")).expect("JSON");
        let report = replay.finish(&rows, &self.world.hold_rows(), account).expect("good rows");
        assert_eq!((report.entries, report.balance), (account.seq, account.balance));
        if let Some(saved) = self.saved.replace(state) {
            let saved: ReplayState = serde_json::from_str(&saved).expect("a state");
            let since = usize::try_from(saved.head().seq).expect("a place");
            let mut later = Replay::resume(CUSTOMER, saved, &rows, &self.world.plans).expect("the same kinds");
            self.world.entries[since..].iter().for_each(|entry| later.push(entry).expect("a good line"));
            assert_eq!(later.finish(&rows, &self.world.hold_rows(), account), Ok(report));
        }
        let mut plain = Replay::new(CUSTOMER);
        assert!(self.world.entries.iter().try_for_each(|entry| plain.push(entry)).is_ok(), "also without terms");
    }
}
