//! Ledgers to forge: a valid one, and tools that make chain and rows fit a lie.

use crate::history::History;
use crate::world::{CUSTOMER, World};
use topup_domain::SoldTopUp;
use topup_domain::account::PlanChange;
use topup_domain::time::from_millis;
use topup_domain::{
    Account, Broken, Credits, Entry, EntryKind, Grant, GrantId, Hold, HoldId, Instant, PurchaseId, Replay, Report,
    UsageId,
};
use uuid::Uuid;

pub const HOUR: i64 = 3_600_000;
const START: i64 = 1_772_000_000_000;

pub fn at(later: i64) -> Instant {
    from_millis(START + later)
}

/// An id by number; grants, usages and holds have their own types.
pub fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

/// A whole ledger with its rows.
#[derive(Clone)]
pub struct Ledger {
    pub entries: Vec<Entry>,
    pub rows: Vec<Grant>,
    pub holds: Vec<Hold>,
    pub plans: Vec<PlanChange>,
    pub account: Account,
}

impl Ledger {
    /// The ledger of a customer with a plan of two credits (`plan1`, catalogue 0) after `script`.
    pub fn of(pauses: bool, script: impl FnOnce(&mut World)) -> Self {
        let history = History {
            quantum: 1_000,
            catalog: 0,
            pauses,
            notices: false,
            plan: 1,
            start: START,
            anchor: START,
            steps: vec![],
        };
        let mut world = World::open(&history);
        script(&mut world);
        Self::from(world)
    }

    pub fn from(world: World) -> Self {
        let (rows, holds) = (world.grant_rows(), world.hold_rows());
        Self { entries: world.entries, rows, holds, plans: world.plans, account: world.account }
    }

    pub fn check(&self) -> Result<Report, Broken> {
        let mut replay = Replay::new(CUSTOMER).with_terms(&self.rows, &self.plans);
        self.entries.iter().try_for_each(|entry| replay.push(entry))?;
        replay.finish(&self.rows, &self.holds, &self.account)
    }

    /// Makes numbers, sums, hashes and the account fit the lines again.
    pub fn rechain(&mut self) {
        let (mut hash, mut balance) = ([0; 32], 0_i64);
        for (seq, entry) in (1..).zip(&mut self.entries) {
            balance += entry.amount.0;
            (entry.seq, entry.balance_after) = (seq, Credits(balance));
            entry.hash = entry.chained(CUSTOMER, &hash);
            hash = entry.hash;
        }
        self.account.seq = self.entries.len() as i64;
        (self.account.hash, self.account.balance) = (hash, Credits(balance));
    }

    /// Makes the rows of grants fit the lines again.
    pub fn refigure(&mut self) {
        for row in &mut self.rows {
            let zero = Grant::new(row.id, row.kind, Credits::ZERO, row.effective_at, row.expires_at);
            *row = Grant { purchase: row.purchase, is_voided: row.is_voided, ..zero };
            for entry in self.entries.iter().filter(|entry| entry.grant == row.id) {
                let change = Credits(entry.amount.0.abs());
                match entry.kind {
                    EntryKind::Granted => row.amount += change,
                    EntryKind::Used => row.used += change,
                    EntryKind::Expired => row.expired += change,
                    EntryKind::Voided if entry.amount.is_positive() => row.used -= change,
                    EntryKind::Voided => row.voided += change,
                    EntryKind::Refunded => row.refunded += change,
                    EntryKind::Disputed => row.disputed += change,
                    EntryKind::Restored => row.refunded -= change,
                    _ => {}
                }
                row.held += entry.held_change;
                row.frozen += entry.frozen_change;
                row.expires_at =
                    entry.expires_at.filter(|_| entry.kind == EntryKind::Extended).unwrap_or(row.expires_at);
            }
        }
    }

    pub fn line(&mut self, kind: EntryKind, nth: usize) -> &mut Entry {
        self.entries.iter_mut().filter(|entry| entry.kind == kind).nth(nth).expect("such a line")
    }

    pub fn place(&self, kind: EntryKind, nth: usize) -> usize {
        let mut places = (0..self.entries.len()).filter(|i| self.entries[*i].kind == kind);
        places.nth(nth).expect("such a line")
    }

    /// Removes a line.
    pub fn cut(&mut self, place: usize) {
        self.entries.remove(place);
    }

    pub fn last(&self) -> Entry {
        self.entries.last().expect("a line").clone()
    }

    pub fn row(&mut self, grant: GrantId) -> &mut Grant {
        self.rows.iter_mut().find(|row| row.id == grant).expect("a row")
    }
}

/// Short commands on a world.
pub fn charge(world: &mut World, n: u128, credits: i64, when: i64) {
    world.pass(START + when);
    let charged = world.act(|a, _, c| a.charge(UsageId(id(n)), Credits::whole(credits), None, at(when), c));
    charged.expect("enough");
}

pub fn courtesy(world: &mut World, n: u128, credits: i64, until: i64, when: i64) {
    world.pass(START + when);
    let given =
        world.act(|a, _, c| a.grant_courtesy(GrantId(id(n)), Credits::whole(credits), at(until), None, at(when), c));
    given.expect("given");
}

pub fn top_up(world: &mut World, n: u128, credits: i64, when: i64) {
    world.pass(START + when);
    world.act(|a, catalog, c| {
        a.grant_top_up(
            GrantId(id(n)),
            SoldTopUp::now(PurchaseId(id(n)), Credits::whole(credits), catalog),
            at(when),
            catalog,
            c,
        )
    });
}

pub fn hold(world: &mut World, n: u128, credits: i64, until: i64, when: i64) {
    world.pass(START + when);
    let held = world.act(|a, _, c| a.hold(HoldId(id(n)), Credits::whole(credits), at(until), at(when), c));
    held.expect("enough");
}

pub fn settle(world: &mut World, n: u128, credits: i64, when: i64) {
    world.pass(START + when);
    let settled =
        world.act(|a, _, c| a.settle(HoldId(id(n)), UsageId(id(n)), Credits::whole(credits), None, at(when), c));
    settled.expect("enough");
}

/// Forges a valid ledger, makes chain and rows fit, and expects the verifier's reason.
pub fn lie(good: &Ledger, edit: impl FnOnce(&mut Ledger), reason: &str) {
    good.check().expect("good before it is forged");
    let mut forged = good.clone();
    edit(&mut forged);
    forged.rechain();
    forged.refigure();
    let broken = forged.check().expect_err(reason);
    assert!(broken.to_string().contains(reason), "{broken}, not: {reason}");
}

/// As [`lie`], without making anything fit.
pub fn plain_lie(good: &Ledger, edit: impl FnOnce(&mut Ledger), reason: &str) {
    good.check().expect("good before it is forged");
    let mut forged = good.clone();
    edit(&mut forged);
    let broken = forged.check().expect_err(reason);
    assert!(broken.to_string().contains(reason), "{broken}, not: {reason}");
}
