//! The balance of a customer, for the API and the pages.

use crate::account::Account;
use crate::amount::Credits;
use crate::cycle::Cycle;
use crate::grant::{Grant, GrantState, Kind};
use crate::time::Instant;

/// The five numbers in the answer to a write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The most that a charge could take now (R2).
    pub available: Credits,
    /// Plan credits left.
    pub plan: Credits,
    /// Courtesy credits left.
    pub courtesy: Credits,
    /// Top-up credits left.
    pub top_up: Credits,
    /// Credits of all open holds.
    pub held: Credits,
}

/// Sums over the live grants of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindBalance {
    /// Credits that are neither held nor frozen.
    pub remaining: Credits,
    pub held: Credits,
    pub frozen: Credits,
    /// The paused part of `remaining`.
    pub paused: Credits,
}

/// The current cycle's plan credits: `allowance = used + held + remaining`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanBalance {
    pub allowance: Credits,
    /// Used credits, without voided usages.
    pub used: Credits,
    pub held: Credits,
    pub remaining: Credits,
}

/// A live grant with credits left, held or frozen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantLine {
    pub grant: Grant,
    pub state: GrantState,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    pub as_of: Instant,
    /// The most that a charge could take now (R2).
    pub available: Credits,
    /// Credits of all open holds.
    pub held: Credits,
    /// The plan in force.
    pub plan_id: String,
    /// The plan from the cycle's end on.
    pub next_plan: Option<String>,
    pub cycle: Cycle,
    pub plan: PlanBalance,
    pub courtesy: KindBalance,
    pub top_up: KindBalance,
    /// The next expiry of top-ups, and their credits.
    pub next_expiry: Option<(Instant, Credits)>,
    /// Live grants in burn order.
    pub grants: Vec<GrantLine>,
}

impl Balance {
    /// The balance of an account that is caught up to `at`.
    #[must_use]
    pub fn of(account: &Account, at: Instant) -> Self {
        let paused = account.top_ups_paused;
        let mut live: Vec<&Grant> = account.grants.iter().filter(|g| g.lives(at) && g.has_something()).collect();
        live.sort_by_key(|grant| grant.burn_key());
        let grant = account.plan_grant();
        Self {
            as_of: at,
            available: account.drawable(at).iter().map(|grant| grant.remaining()).sum(),
            held: account.holds.iter().map(crate::Hold::credits).sum(),
            plan_id: account.plan.clone(),
            next_plan: account.next_plan.clone(),
            cycle: account.cycle,
            plan: grant.map(plan_balance).unwrap_or_default(),
            courtesy: kind_balance(&live, Kind::Courtesy, false),
            top_up: kind_balance(&live, Kind::TopUp, paused),
            next_expiry: next_expiry(&live, at),
            grants: live.into_iter().map(|g| GrantLine { grant: g.clone(), state: g.state(at, paused) }).collect(),
        }
    }

    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary {
            available: self.available,
            plan: self.plan.remaining,
            courtesy: self.courtesy.remaining,
            top_up: self.top_up.remaining,
            held: self.held,
        }
    }
}

impl Summary {
    /// The five numbers of an account that is caught up to `at`, without the whole balance.
    #[must_use]
    pub fn of(account: &Account, at: Instant) -> Self {
        let paused = account.top_ups_paused;
        let mut sum = Self { held: account.holds.iter().map(crate::Hold::credits).sum(), ..Self::default() };
        for grant in account.grants.iter().filter(|grant| grant.lives(at)) {
            let left = grant.remaining();
            match grant.kind {
                Kind::Plan => sum.plan += left,
                Kind::Courtesy => sum.courtesy += left,
                Kind::TopUp => sum.top_up += left,
            }
            if !(paused && grant.kind == Kind::TopUp) {
                sum.available += left;
            }
        }
        sum
    }
}

fn plan_balance(grant: &Grant) -> PlanBalance {
    PlanBalance { allowance: grant.amount, used: grant.used, held: grant.held, remaining: grant.remaining() }
}

fn kind_balance(live: &[&Grant], kind: Kind, paused: bool) -> KindBalance {
    let mut sum = KindBalance::default();
    for grant in live.iter().filter(|grant| grant.kind == kind) {
        sum.remaining += grant.remaining();
        sum.held += grant.held;
        sum.frozen += grant.frozen;
        if paused {
            sum.paused += grant.remaining();
        }
    }
    sum
}

/// A grant past its date has a frozen part and does not expire meanwhile (R14).
fn next_expiry(live: &[&Grant], at: Instant) -> Option<(Instant, Credits)> {
    let expires =
        |grant: &&&Grant| grant.kind == Kind::TopUp && grant.remaining().is_positive() && grant.expires_at > at;
    let top_ups = || live.iter().filter(expires);
    let at = top_ups().map(|grant| grant.expires_at).min()?;
    Some((at, top_ups().filter(|grant| grant.expires_at == at).map(|grant| grant.remaining()).sum()))
}
