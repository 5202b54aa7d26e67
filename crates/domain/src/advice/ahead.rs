//! Buy or upgrade (R18): the credits that the coming months will lack, and the cheapest way to get them.
//!
//! The result is exact over the catalogue: it compares every larger plan, each with the cheapest packages for the rest.
//! A top-up of today outlives the months ahead and burns last, so it needs only the missing credits, whenever they are
//! missed.

use super::buy::{Basket, cheapest};
use crate::account::{Account, Changes};
use crate::amount::Credits;
use crate::catalog::{Catalog, Plan};
use crate::cycle::add_months;
use crate::forecast::{self, UsageRate};
use crate::time::{Instant, far_future};

/// Calendar months to look ahead.
pub const MONTHS: i32 = 3;

/// The missing credits of the coming months, and their price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ahead {
    pub months: i64,
    /// Credits that the present plan will lack.
    pub missing: Credits,
    /// The cheapest packages for them, if the plan may buy.
    pub buy: Option<Basket>,
    /// The cheapest larger plan.
    pub upgrade: Option<Upgrade>,
}

/// A larger plan over the coming months. Money is in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    pub plan: String,
    /// The extra price a month.
    pub difference: i64,
    /// The extra price of all months.
    pub fees: i64,
    /// The cheapest packages for the credits that this plan would lack.
    pub still: Basket,
}

impl Upgrade {
    /// The extra price with packages.
    #[must_use]
    pub const fn cost(&self) -> i64 {
        self.fees.saturating_add(self.still.amount)
    }
}

impl Ahead {
    /// The larger plan, if it costs less. At equal cost the packages win.
    #[must_use]
    pub fn better(&self) -> Option<&Upgrade> {
        let upgrade = self.upgrade.as_ref().filter(|_| self.missing.is_positive())?;
        self.buy.as_ref().is_none_or(|basket| upgrade.cost() < basket.amount).then_some(upgrade)
    }
}

/// Looks ahead from an account that is caught up to `now`. `None` without usage, and if the plan is about to change.
#[must_use]
pub fn look_ahead(account: &Account, catalog: &Catalog, rate: UsageRate, now: Instant) -> Option<Ahead> {
    let leaving = account.controlled_by.as_ref().is_some_and(|it| it.grace_until.is_some() || it.ends_at.is_some());
    let present = catalog.plan(&account.plan).filter(|_| !leaving && account.next_plan.is_none() && !rate.is_zero())?;
    // No package expires within the months ahead.
    let months = MONTHS.min(catalog.rules.top_up_months);
    let until = add_months(now, months).unwrap_or_else(far_future);
    let missing = forecast::missing_credits(account, catalog, rate, now, until);
    let basket = |plan: &Plan, need: Credits| {
        if plan.top_ups { cheapest(&catalog.packages, need) } else { need.is_zero().then(Basket::default) }
    };
    let larger = catalog.plans.iter().filter(|plan| plan.credits > present.credits && missing.is_positive());
    let upgrade = larger.filter_map(|plan| {
        let mut on_it = account.clone();
        on_it.change_plan(&plan.id, now, catalog, &mut Changes::default());
        let difference = plan.amount.checked_sub(present.amount)?;
        let fees = difference.checked_mul(i64::from(months))?;
        let still = basket(plan, forecast::missing_credits(&on_it, catalog, rate, now, until))?;
        Some((plan.credits, Upgrade { plan: plan.id.clone(), difference, fees, still }))
    });
    let upgrade = upgrade.min_by_key(|(credits, upgrade)| (upgrade.cost(), *credits)).map(|(_, upgrade)| upgrade);
    Some(Ahead { months: i64::from(months), missing, buy: basket(present, missing), upgrade })
}
