//! Buy or upgrade (R17, R18): which was cheaper over the last cycles, the top-ups bought or the next plan; which will
//! be over the coming months; and the cheapest packages for an amount.
//!
//! *Not here:* where the figures of the past come from (`usecases/hint.rs`), and words (`web/view/hint.rs`).

mod ahead;
mod buy;

pub use ahead::{Ahead, Upgrade, ahead};
pub use buy::{Basket, cheapest};

use crate::amount::Credits;
use crate::catalog::{Catalog, Plan};

/// How many cycles are looked at.
const CYCLES: usize = 3;
/// In how many of them plan credits must have run out.
const RAN_OUT_MIN: usize = 2;

/// A billing cycle that was, or is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastCycle {
    /// All credits used in it, whichever they were.
    pub used: Credits,
    /// Whether its plan credits ran out before its end.
    pub ran_out: bool,
    /// What its top-ups cost, in minor units, less what was paid back.
    pub bought: i64,
}

/// What the comparison found. Money is in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The next plan's id.
    pub plan: String,
    /// How many cycles were looked at.
    pub cycles: i64,
    /// What top-ups cost in them.
    pub top_ups: i64,
    /// What the next plan costs more, a month.
    pub difference: i64,
    /// What top-ups would still have cost on the next plan, bought the cheapest way.
    pub still: i64,
}

impl Advice {
    /// What the next plan would have cost more in all those cycles, its own top-ups included.
    #[must_use]
    pub const fn more(&self) -> i64 {
        self.difference.saturating_mul(self.cycles).saturating_add(self.still)
    }

    /// What the next plan would have saved; zero or less where top-ups were the cheaper way.
    #[must_use]
    pub const fn saved(&self) -> i64 {
        self.top_ups.saturating_sub(self.more())
    }
}

/// Compares the top-ups of the last cycles with the next plan up. `cycles` are the newest ones, newest first, the
/// running one included; nothing where plan credits did not run out often enough, nothing was bought, or there is no
/// larger plan.
#[must_use]
pub fn advise(catalog: &Catalog, plan: &str, cycles: &[PastCycle]) -> Option<Advice> {
    let cycles = &cycles[..cycles.len().min(CYCLES)];
    if cycles.iter().filter(|cycle| cycle.ran_out).count() < RAN_OUT_MIN {
        return None;
    }
    let current = catalog.plan(plan)?;
    let next = next_plan(catalog, current)?;
    let top_ups = cycles.iter().try_fold(0_i64, |sum, cycle| sum.checked_add(cycle.bought))?;
    if top_ups <= 0 {
        return None;
    }
    let beyond = |cycle: &PastCycle| cycle.used - cycle.used.min(next.allowance());
    let missing: Credits = cycles.iter().map(beyond).sum();
    let still = if next.top_ups { cheapest(&catalog.packages, missing)?.amount } else { 0 };
    Some(Advice {
        plan: next.id.clone(),
        cycles: i64::try_from(cycles.len()).ok()?,
        top_ups,
        difference: next.amount.checked_sub(current.amount)?,
        still,
    })
}

/// The smallest plan that brings more.
fn next_plan<'a>(catalog: &'a Catalog, plan: &Plan) -> Option<&'a Plan> {
    let larger = catalog.plans.iter().filter(|other| other.credits > plan.credits);
    larger.min_by_key(|other| (other.credits, other.amount))
}
