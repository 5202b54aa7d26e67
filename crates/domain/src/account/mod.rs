//! One customer's ledger: its open grants and holds, and the commands on them.
//!
//! A command needs an account that [`Account::catch_up`] has caught up to `now` (R3). It changes the account and appends
//! to [`Changes`], or it returns a [`Refusal`] and changes nothing.
//!
//! Invariants: `seq` has no gaps; `balance` is the running sum of `amount` and the sum of the grants' balances; nothing
//! is negative.
//!
//! *Not here:* idempotency (the engine has it), closed grants and holds (the store has them; see [`Account::restore_closed_grant`]).

mod catch_up;
mod claims;
mod grants;
mod holds;
mod notice;
mod subscription;
mod usage;

use crate::amount::Credits;
use crate::catalog::Catalog;
use crate::cycle::Cycle;
use crate::entry::{Cause, Entry, EntryKind, Hash};
use crate::grant::{Draw, Grant, Kind};
use crate::hold::{Hold, HoldState};
use crate::id::{GrantId, HoldId};
use crate::time::{Instant, to_millis};

pub use grants::{GRANTS_MAX, SoldTopUp, cycle_start_of, plan_grant_id, top_up_expiry};
pub use holds::Settled;
pub use subscription::ControllingSubscription;

/// A customer's ledger in the engine's memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The SaaS's own id.
    pub customer: String,
    /// The plan in force.
    pub plan: String,
    /// True if top-ups are paused (R7), by the catalogue at the plan's start or the cycle's (R6): `pauses_top_ups` of
    /// the newest [`PlanChange`].
    pub top_ups_paused: bool,
    /// The plan from the cycle's end on.
    pub next_plan: Option<String>,
    /// The subscription that controls the plan.
    pub controlled_by: Option<ControllingSubscription>,
    /// The instant that cycles are counted from (R5).
    pub anchor: Instant,
    pub cycle: Cycle,
    /// The latest instant of any write (R3).
    pub last_at: Instant,
    /// The last entry's number; 0 before the first.
    pub seq: i64,
    /// The last entry's hash; zeros before the first.
    pub hash: Hash,
    /// The running sum of `amount`.
    pub balance: Credits,
    /// Grants with credits left, held or frozen, and the current plan grant.
    pub grants: Vec<Grant>,
    /// Open holds.
    pub holds: Vec<Hold>,
}

/// The changes of a batch of commands, which the store must write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// New lines, in order.
    pub entries: Vec<Entry>,
    /// New grants; the account has their rows until [`Account::forget_closed`].
    pub new_grants: Vec<GrantId>,
    /// Grants with changed figures, in order of the first change.
    pub touched: Vec<GrantId>,
    /// Grants with another claim or `frozen_since`.
    pub claimed: Vec<GrantId>,
    /// New holds with their draws.
    pub new_holds: Vec<Hold>,
    /// Closed holds, with state and instant.
    pub closed_holds: Vec<(HoldId, HoldState, Instant)>,
    /// True if [`Account::controlled_by`] has changed.
    pub controlled_by: bool,
    /// Plans that came into force, in order.
    pub plan_changes: Vec<PlanChange>,
}

/// A plan that came into force, or the same plan with changed pausing at a cycle's start.
///
/// Several changes may have one `after_seq`; their order counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanChange {
    pub at: Instant,
    /// The last entry before the change.
    pub after_seq: i64,
    pub plan: String,
    /// True if the plan pauses top-ups.
    pub pauses_top_ups: bool,
}

/// The reason for a refusal. A refused command changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Too few drawable credits (402).
    Insufficient {
        /// The whole amount asked.
        needed: Credits,
    },
    HoldClosed(HoldState),
    GrantEnded,
    AlreadyVoided,
    /// Only courtesy grants can be voided.
    GrantNotCourtesy,
    /// R1's limit of grants, holds or credits.
    LimitReached(&'static str),
    /// The account has no such grant or hold.
    Unknown,
}

/// The figures of a line.
#[derive(Clone, Copy, Default)]
struct EntryFigures {
    amount: Credits,
    held: Credits,
    frozen: Credits,
    expires_at: Option<Instant>,
    note: Option<Hash>,
}

impl EntryFigures {
    fn amount(amount: Credits) -> Self {
        Self { amount, ..Self::default() }
    }

    fn held(held: Credits) -> Self {
        Self { held, ..Self::default() }
    }
}

/// The two instants of a line.
#[derive(Clone, Copy)]
struct When {
    event: Instant,
    booked: Instant,
}

impl When {
    const fn now(at: Instant) -> Self {
        Self { event: at, booked: at }
    }
}

impl Account {
    /// A new customer (R5) with the grant of the current cycle, effective and booked now.
    ///
    /// # Errors
    /// [`Refusal::LimitReached`] if no calendar reaches the anchor.
    pub fn open(
        customer: &str,
        plan: &str,
        anchor: Instant,
        now: Instant,
        catalog: &Catalog,
    ) -> Result<(Self, Changes), Refusal> {
        let (anchor, now) = (to_millis(anchor), to_millis(now));
        let cycle = Cycle::containing(anchor, now).ok_or(Refusal::LimitReached("cycle_anchor"))?;
        let mut account = Self {
            customer: customer.to_owned(),
            plan: plan.to_owned(),
            top_ups_paused: false,
            next_plan: None,
            controlled_by: None,
            anchor,
            cycle,
            last_at: now,
            seq: 0,
            hash: [0; 32],
            balance: Credits::ZERO,
            grants: Vec::new(),
            holds: Vec::new(),
        };
        let mut changes = Changes::default();
        account.plan_came(plan, now, catalog, &mut changes);
        account.grant_allowance(catalog.allowance(plan), When::now(now), &mut changes);
        Ok((account, changes))
    }

    /// The grant of an id, if it is in the working set.
    #[must_use]
    pub fn grant(&self, id: GrantId) -> Option<&Grant> {
        self.grants.iter().find(|grant| grant.id == id)
    }

    /// Adds a closed grant from the store, so that a void can return credits to it.
    pub fn restore_closed_grant(&mut self, grant: Grant) {
        if self.grant(grant.id).is_none() {
            self.grants.push(grant);
        }
    }

    /// The current cycle's plan grant. Of several, the one whose plan did not end unpaid.
    #[must_use]
    pub fn plan_grant(&self) -> Option<&Grant> {
        self.grants.iter().find(|grant| self.is_current(grant) && !grant.is_voided)
    }

    /// Cycles have no gaps, so a plan grant with the current cycle's end belongs to that cycle.
    fn is_current(&self, grant: &Grant) -> bool {
        grant.kind == Kind::Plan && grant.expires_at == self.cycle.end
    }

    /// True if the grant stays in the working set.
    #[must_use]
    pub fn is_in_working_set(&self, grant: &Grant) -> bool {
        grant.has_something() || self.is_current(grant)
    }

    /// Takes closed grants out of the working set and returns them. Call it after the commit: before, the store reads
    /// the rows of `Changes::touched` from the account.
    pub fn forget_closed(&mut self) -> Vec<Grant> {
        let (keep, closed) =
            std::mem::take(&mut self.grants).into_iter().partition(|grant| self.is_in_working_set(grant));
        self.grants = keep;
        closed
    }

    /// Drawable grants at `now`, in burn order (R2).
    #[must_use]
    pub fn drawable(&self, now: Instant) -> Vec<&Grant> {
        let open = |grant: &&Grant| {
            let paused = self.top_ups_paused && grant.kind == Kind::TopUp;
            grant.lives(now) && grant.remaining().is_positive() && !paused
        };
        let mut grants: Vec<&Grant> = self.grants.iter().filter(open).collect();
        grants.sort_by_key(|grant| grant.burn_key());
        grants
    }

    /// The draws that cover `credits` whole, or none (R2).
    fn plan_draws(&self, credits: Credits, now: Instant) -> Option<Vec<Draw>> {
        let mut missing = credits;
        let mut draws = Vec::new();
        for grant in self.drawable(now) {
            if !missing.is_positive() {
                break;
            }
            let take = missing.min(grant.remaining());
            draws.push(Draw { grant: grant.id, kind: grant.kind, credits: take });
            missing -= take;
        }
        if missing.is_zero() { Some(draws) } else { None }
    }

    fn grant_mut(&mut self, id: GrantId, changes: &mut Changes) -> &mut Grant {
        if !changes.touched.contains(&id) {
            changes.touched.push(id);
        }
        self.grants.iter_mut().find(|grant| grant.id == id).expect("a draw names a grant of the working set")
    }

    /// Appends a line to the chain.
    fn append_entry(
        &mut self,
        kind: EntryKind,
        grant: GrantId,
        cause: Cause,
        line: EntryFigures,
        when: When,
        changes: &mut Changes,
    ) {
        self.seq += 1;
        self.balance += line.amount;
        let mut entry = Entry {
            seq: self.seq,
            kind,
            grant,
            amount: line.amount,
            balance_after: self.balance,
            held_change: line.held,
            frozen_change: line.frozen,
            expires_at: line.expires_at,
            event_at: when.event,
            created_at: when.booked,
            cause,
            note: line.note,
            hash: [0; 32],
        };
        entry.hash = entry.chained(&self.customer, &self.hash);
        self.hash = entry.hash;
        changes.entries.push(entry);
    }

    /// Books the rest of an ended grant away.
    fn expire_rest(&mut self, id: GrantId, cause: Cause, when: When, changes: &mut Changes) {
        let rest = self.grant(id).map_or(Credits::ZERO, Grant::remaining);
        if rest.is_positive() {
            let grant = self.grant_mut(id, changes);
            let (kind, line) = if grant.is_voided {
                grant.voided += rest;
                (EntryKind::Voided, EntryFigures::amount(-rest))
            } else {
                grant.expired += rest;
                (EntryKind::Expired, EntryFigures::amount(-rest))
            };
            self.append_entry(kind, id, cause, line, when, changes);
        }
    }
}
