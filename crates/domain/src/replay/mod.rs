//! The verifier: replays the entries of one customer and proves that they hold together.
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
//! - **Chain**: `seq` is gapless, each hash follows from the line and the hash before it, `balance_after` is
//!   the running sum, `event_at` and `created_at` never go back, nothing is booked before it came about, and
//!   only what falls due by itself is booked later than it came about.
//! - **Lines**: signs and fields by kind; a grant begins with `granted`, once (a plan grant may grow while it
//!   lives); every figure of every grant is zero or more after every line, what remains of it too (R12).
//! - **Dates**: nothing is drawn from a grant at or after its `expires_at` unless a part of it is frozen. Its
//!   own `expired` line is dated exactly `expires_at` and takes all that remains. What a hold or a voided usage
//!   returns to an ended grant is `expired` (of a voided one, `voided`) in the same operation. No line stands
//!   behind a date at which something was due and was not booked: a grant's rest at its expiry, a hold at its
//!   lapse. What is due at one instant is booked in R3's order, and before the commands of that instant.
//! - **Holds**: what a settle takes from `held` and what it gives back are the draws of one open hold, taken
//!   in burn order; a hold is returned whole at its own lapse, or earlier.
//! - **Burn order** (with [`Replay::with_terms`]): when a usage or hold is booked, no grant that comes before
//!   the last one it drew on has anything left to draw. What a settle takes from its own hold is exempt.
//!   No top-up is drawn while the plan pauses them.
//! - **Rows** ([`Replay::finish`]): the stored figures of every grant, the open holds and the account are
//!   what the lines add up to, and nothing that was due by `last_at` is left.
//!
//! # What it does not prove
//! That a charge was asked for, that an allowance is the catalogue's, that a void returns what its usage took,
//! that no usage id stands twice, that a plan that ended unpaid was unpaid, that a grant voided when nothing was left of it was voided (there was no line
//! to book), that a hold settled whole is this one and not another of the same draws (a
//! settle's lines name the usage), that a purchase has one grant (the check's own queries do that); that the
//! chain's end is the true one, which only a hash kept elsewhere can.
//!
//! Each line costs O(log n) of what is open. What is kept of a closed grant is its figures.

mod figures;
mod finish;
mod holds;
mod lines;
mod order;
mod run;

use crate::account::PlanChange;
use crate::amount::Credits;
use crate::entry::{Entry, EntryKind, Hash};
use crate::grant::{Grant, Kind};
use crate::id::{GrantId, PurchaseId};
use crate::time::Instant;
use figures::Figures;
use holds::{HoldBook, Settling};
use order::{DueOrder, OpenGrants};
use run::Run;
use std::collections::HashMap;
use std::fmt;

/// The first broken row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The entry, where it is one.
    pub seq: Option<i64>,
    /// The grant, where it is about one.
    pub grant: Option<GrantId>,
    /// What is wrong with it.
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

/// What was found good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// How many lines.
    pub entries: i64,
    /// How many grants.
    pub grants: usize,
    /// How many open holds.
    pub open_holds: usize,
    /// What the lines add up to.
    pub balance: Credits,
    /// What was spent, net of voided usages.
    pub used: Credits,
}

/// Where the lines of a customer end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// How many lines.
    pub seq: i64,
    /// The last line's hash: of all that stands before it.
    pub hash: Hash,
    /// What the lines add up to.
    pub balance: Credits,
}

/// What a grant's lines do not say: from its row.
#[derive(Clone, Copy)]
struct Terms {
    kind: Kind,
    effective_at: Instant,
    purchase: Option<PurchaseId>,
    is_voided: bool,
}

/// The verifier of one customer's ledger. After a [`Broken`] it says nothing more of worth.
pub struct Replay {
    customer: String,
    seq: i64,
    hash: Hash,
    balance: i64,
    event_at: Option<Instant>,
    created_at: Option<Instant>,
    terms: Option<HashMap<GrantId, Terms>>,
    plans: Vec<PlanChange>,
    plans_passed: usize,
    paused: bool,
    /// The last plan grant, and until when it lives.
    plan_until: Option<(Instant, GrantId)>,
    grants: HashMap<GrantId, Figures>,
    open: OpenGrants,
    due: DueOrder,
    holds: HoldBook,
    settling: Option<Settling>,
    run: Option<Run>,
}

impl Replay {
    /// A verifier before the first entry.
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

    /// Adds what burn order needs and lines do not say: the customer's grant rows, and the plans that came
    /// into force, in the order in which they did.
    #[must_use]
    pub fn with_terms(mut self, grants: &[Grant], plans: &[PlanChange]) -> Self {
        let terms = |g: &Grant| {
            let Grant { kind, effective_at, purchase, is_voided, .. } = *g;
            (g.id, Terms { kind, effective_at, purchase, is_voided })
        };
        self.terms = Some(grants.iter().map(terms).collect());
        self.plans = plans.to_vec();
        self.plans.sort_by_key(|plan| plan.after_seq);
        self
    }

    /// The next entry.
    ///
    /// # Errors
    /// The first row that is broken: this one, or the operation that ended before it.
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

    /// Number, sum, dates and hash follow from the entry before.
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
        let mut figures = Figures::new(entry)?;
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

    /// Whether a plan grant was taken back; where nothing was left of it, only its row says so.
    fn has_ended_unpaid(&self, id: GrantId) -> bool {
        let voided = self.terms.as_ref().and_then(|terms| terms.get(&id)).is_some_and(|terms| terms.is_voided);
        voided && self.grants.get(&id).is_some_and(|figures| figures.remaining() == 0)
    }

    fn kind_of(&self, grant: GrantId) -> Option<Kind> {
        self.terms.as_ref().and_then(|terms| terms.get(&grant)).map(|terms| terms.kind)
    }
}
