//! Buy or upgrade (R17, R18): whether top-ups or the next plan were cheaper in the last cycles, which will be cheaper
//! in the coming months, and the cheapest packages for a number of credits.
//!
//! *Not here:* the figures of past cycles, and words.

mod ahead;
mod buy;
mod offer;
mod verdict;

pub use ahead::{Ahead, Upgrade, look_ahead};
pub use buy::{Basket, cheapest};
pub use offer::{Fit, Offer};
pub use verdict::{Choice, Verdict};

use crate::amount::Credits;
use crate::catalog::{Catalog, Plan};

/// The number of cycles to compare.
const CYCLES: usize = 3;
/// The number of cycles in which plan credits must have run out.
const RAN_OUT_MIN: usize = 2;

/// A past or present billing cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastCycle {
    /// Used credits of every kind.
    pub used: Credits,
    /// True if plan credits ran out before the cycle's end.
    pub ran_out: bool,
    /// The price of its top-ups, less refunds, in minor units.
    pub bought: i64,
}

/// The result of the comparison. Money is in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The next plan's id.
    pub plan: String,
    /// The number of cycles compared.
    pub cycles: i64,
    /// The price of the top-ups in these cycles.
    pub top_ups: i64,
    /// The extra price of the next plan, a month.
    pub difference: i64,
    /// The price of top-ups that the next plan would still have needed, bought the cheapest way.
    pub still: i64,
}

impl Advice {
    /// The extra price of the next plan in all cycles, with its top-ups.
    #[must_use]
    pub const fn more(&self) -> i64 {
        self.difference.saturating_mul(self.cycles).saturating_add(self.still)
    }

    /// The saving of the next plan; 0 or less if top-ups were cheaper.
    #[must_use]
    pub const fn saved(&self) -> i64 {
        self.top_ups.saturating_sub(self.more())
    }
}

/// Compares the top-ups of the last cycles with the next larger plan (R17). `cycles` has the newest first, with the
/// running one. `None` if plan credits ran out too seldom, nothing was bought, or there is no larger plan.
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

/// The smallest larger plan.
fn next_plan<'a>(catalog: &'a Catalog, plan: &Plan) -> Option<&'a Plan> {
    let larger = catalog.plans.iter().filter(|other| other.credits > plan.credits);
    larger.min_by_key(|other| (other.credits, other.amount))
}
