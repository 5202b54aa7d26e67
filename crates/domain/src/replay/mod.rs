//! The verifier: replays the entries of one customer and proves that they are consistent.
//!
//! `topup check` feeds it every entry in `seq` order, then the rows of grants, holds and account:
//!
//! ```
//! # use topup_domain::{Account, Entry, Grant, Hold, account::PlanChange, replay::{Broken, Replay, Report}};
//! # fn check(a: &Account, entries: &[Entry], rows: &[Grant], plans: &[PlanChange]) -> Result<Report, Broken> {
//! let mut replay = Replay::new(&a.customer).with_terms(rows, plans);
//! for entry in entries {
//!     replay.push(entry)?;
//! }
//! replay.finish(rows, &a.holds, a)
//! # }
//! ```
//!
//! # What it proves
//! - **Chain**: `seq` has no gaps; each hash follows from the line and the hash before it; `balance_after` is the
//!   running sum; `event_at` and `created_at` never go back. No line is booked before it falls due, and only lines that
//!   fall due by themselves are booked later.
//! - **Lines**: signs and fields fit the kind. A grant begins with `granted`, once (a plan grant may grow while it
//!   lives). Every figure of every grant, also `remaining`, is 0 or more after every line (R12).
//! - **Dates**: no draw from a grant at or after its `expires_at`, unless a part is frozen. The grant's own `expired`
//!   line has exactly the date `expires_at` and takes the whole rest. Credits that a hold or a voided usage returns to
//!   an ended grant are `expired` (of a voided grant, `voided`) in the same operation. No line comes after a due event
//!   that was not booked: a grant's rest at its expiry, a hold at its lapse. Events of one instant come in R3's order,
//!   before the commands of that instant.
//! - **Holds**: the credits that a settle uses and returns are the draws of one open hold, in burn order. A hold
//!   returns whole at its own lapse, or earlier.
//! - **Burn order** (with [`Replay::with_terms`]): at a usage or hold, no grant before the last drawn one has credits
//!   left. A settle's draws on its own hold are exempt. No top-up is drawn while the plan pauses top-ups.
//! - **Rows** ([`Replay::finish`]): the stored figures of every grant, the open holds and the account equal the sums of
//!   the lines, and nothing due by `last_at` is missing.
//!
//! # What it does not prove
//! - A charge was asked for; an allowance is the catalogue's; an unpaid end was unpaid.
//! - A void returns the draws of its usage; no usage id occurs twice.
//! - A grant that was voided with nothing left was voided: it has no line.
//! - A hold that was settled whole is this one, not another with equal draws: a settle's lines name the usage.
//! - A purchase has one grant: the check's own queries prove it.
//! - The chain's end is the true end: only a hash kept elsewhere proves it.
//!
//! A replay may go on later from what it knew ([`Replay::state`], [`Replay::resume`]): then all of this holds of the
//! lines since, and of the rows as they are then.
//!
//! Each line costs O(log n) of the open grants and holds. A closed grant keeps only its figures.

mod figures;
mod finish;
mod holds;
mod lines;
mod order;
mod run;
mod state;

use crate::account::PlanChange;
use crate::amount::Credits;
use crate::entry::{Entry, EntryKind, Hash};
use crate::grant::{Grant, Kind};
use crate::id::{GrantId, PurchaseId};
use crate::time::Instant;
use figures::GrantFigures;
use holds::{HoldBook, Settling};
use order::{DueOrder, OpenGrants};
use run::OperationRun;
pub use state::ReplayState;
use std::collections::HashMap;
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The broken entry, if it is one.
    pub seq: Option<i64>,
    /// The grant of the problem, if it has one.
    pub grant: Option<GrantId>,
    pub reason: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(seq) = self.seq {
            write!(f, "entry {seq}: ")?;
        }
        if let Some(grant) = self.grant {
            write!(f, "grant {grant}: ")?;
        }
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Broken {}

/// The result of a valid replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    pub entries: i64,
    pub grants: usize,
    pub open_holds: usize,
    /// The sum of all lines.
    pub balance: Credits,
    /// Used credits, without voided usages.
    pub used: Credits,
}

/// The last line of a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub seq: i64,
    pub hash: Hash,
    /// The sum of all lines.
    pub balance: Credits,
}

/// The parts of a grant's row that its lines lack.
#[derive(Clone, Copy)]
struct GrantTerms {
    kind: Kind,
    effective_at: Instant,
    purchase: Option<PurchaseId>,
    is_voided: bool,
}

/// The verifier of one customer's ledger. Drop it after a [`Broken`].
pub struct Replay {
    customer: String,
    seq: i64,
    hash: Hash,
    balance: i64,
    event_at: Option<Instant>,
    created_at: Option<Instant>,
    terms: Option<HashMap<GrantId, GrantTerms>>,
    plans: Vec<PlanChange>,
    plans_passed: usize,
    paused: bool,
    /// The last plan grant, and its end.
    plan_until: Option<(Instant, GrantId)>,
    grants: HashMap<GrantId, GrantFigures>,
    open: OpenGrants,
    due: DueOrder,
    holds: HoldBook,
    settling: Option<Settling>,
    run: Option<OperationRun>,
}

impl Replay {
    #[must_use]
    pub fn new(customer: &str) -> Self {
        Self {
            customer: customer.to_owned(),
            seq: 0,
            hash: [0; 32],
            balance: 0,
            event_at: None,
            created_at: None,
            terms: None,
            plans: Vec::new(),
            plans_passed: 0,
            paused: false,
            plan_until: None,
            grants: HashMap::new(),
            open: OpenGrants::default(),
            due: DueOrder::default(),
            holds: HoldBook::default(),
            settling: None,
            run: None,
        }
    }

    /// Adds the facts for burn order that lines lack: the customer's grant rows, and the plans in the order in which
    /// they came into force.
    #[must_use]
    pub fn with_terms(mut self, grants: &[Grant], plans: &[PlanChange]) -> Self {
        let terms = |g: &Grant| {
            let Grant { kind, effective_at, purchase, is_voided, .. } = *g;
            (g.id, GrantTerms { kind, effective_at, purchase, is_voided })
        };
        self.terms = Some(grants.iter().map(terms).collect());
        self.plans = plans.to_vec();
        self.plans.sort_by_key(|plan| plan.after_seq);
        self
    }

    /// Checks the next entry.
    ///
    /// # Errors
    /// The first broken row: this entry, or the operation before it.
    pub fn push(&mut self, entry: &Entry) -> Result<(), Broken> {
        let fresh = !self.run.as_ref().is_some_and(|run| run.takes(entry));
        if fresh {
            self.end_run()?;
        }
        let broken = |reason: String| Broken { seq: Some(entry.seq), grant: None, reason };
        self.link(entry).map_err(broken)?;
        lines::shape(entry).map_err(broken)?;
        if fresh {
            self.begin_run(entry)?;
        }
        self.book(entry).map_err(|reason| Broken { seq: Some(entry.seq), grant: Some(entry.grant), reason })
    }

    /// Checks number, sum, dates and hash against the entry before.
    fn link(&mut self, entry: &Entry) -> Result<(), String> {
        if self.seq.checked_add(1) != Some(entry.seq) {
            return Err(format!("follows entry {}", self.seq));
        }
        let balance = self.balance.checked_add(entry.amount.0).filter(|sum| *sum >= 0);
        if balance != Some(entry.balance_after.0) {
            return Err(format!("balance_after is {}, the sum is another", entry.balance_after));
        }
        if self.event_at.is_some_and(|at| entry.event_at < at) {
            return Err("event_at goes back".to_owned());
        }
        if self.created_at.is_some_and(|at| entry.created_at < at) {
            return Err("created_at goes back".to_owned());
        }
        if entry.event_at > entry.created_at {
            return Err("booked before it came about".to_owned());
        }
        if entry.hash != entry.chained(&self.customer, &self.hash) {
            return Err("its hash does not follow from the line and the hash before it".to_owned());
        }
        self.seq = entry.seq;
        self.balance = entry.balance_after.0;
        self.hash = entry.hash;
        (self.event_at, self.created_at) = (Some(entry.event_at), Some(entry.created_at));
        Ok(())
    }

    /// Applies a line to its grant.
    fn book(&mut self, entry: &Entry) -> Result<(), String> {
        if entry.kind == EntryKind::Granted {
            self.granted(entry)?;
        }
        let figures = self.grants.get_mut(&entry.grant).ok_or("no line `granted` stands before it")?;
        let before = figures.place(entry.grant);
        figures.apply(entry)?;
        let after = figures.place(entry.grant);
        let (fresh, key) = (lines::drawn_afresh(entry), figures.burn_key(entry.grant));
        if before != after {
            self.open.moved(before.as_ref(), after.as_ref());
        }
        if fresh && self.paused && figures.kind == Some(Kind::TopUp) {
            return Err("drawn while the plan pauses top-ups".to_owned());
        }
        let Some(run) = &mut self.run else { return Ok(()) };
        let draws = matches!(entry.kind, EntryKind::Used | EntryKind::Held | EntryKind::Released);
        if draws && run.held.iter().any(|(grant, _)| *grant == entry.grant) {
            return Err("two lines of one operation on one grant".to_owned());
        }
        run.held.push((entry.grant, entry.held_change.0));
        if let Some(key) = key.filter(|key| fresh && run.last.is_none_or(|(last, _)| last < *key)) {
            run.last = Some((key, entry.seq));
        }
        Ok(())
    }

    /// The first line of a grant, or the growth of a plan grant.
    fn granted(&mut self, entry: &Entry) -> Result<(), String> {
        let terms = match &self.terms {
            Some(terms) => Some(*terms.get(&entry.grant).ok_or("there is no row of this grant")?),
            None => None,
        };
        if let Some(figures) = self.grants.get(&entry.grant) {
            return figures.may_grow(entry);
        }
        let mut figures = GrantFigures::new(entry)?;
        if let Some(terms) = terms {
            figures.agree(entry, terms.kind, terms.effective_at, terms.purchase)?;
            if terms.kind == Kind::Plan {
                if self.plan_until.is_some_and(|(until, id)| entry.event_at < until && !self.has_ended_unpaid(id)) {
                    return Err("a second plan grant of one cycle".to_owned());
                }
                self.plan_until = Some((figures.expires_at, entry.grant));
            }
        }
        self.grants.insert(entry.grant, figures);
        Ok(())
    }

    /// True if a plan grant was voided. If nothing was left, only its row says so.
    fn has_ended_unpaid(&self, id: GrantId) -> bool {
        let voided = self.terms.as_ref().and_then(|terms| terms.get(&id)).is_some_and(|terms| terms.is_voided);
        voided && self.grants.get(&id).is_some_and(|figures| figures.remaining() == 0)
    }

    fn kind_of(&self, grant: GrantId) -> Option<Kind> {
        self.terms.as_ref().and_then(|terms| terms.get(&grant)).map(|terms| terms.kind)
    }
}
