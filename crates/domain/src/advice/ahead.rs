//! Buy or upgrade (R18): what the coming months will lack at the present pace, and the cheapest way to have it.
//!
//! Exact over the catalogue: every plan that brings more, each with the cheapest packages for what it would still lack.
//! A top-up that is bought now outlives the months that are looked at and is drawn last, so that it has to bring just
//! what is missing, whenever that is.

use super::buy::{Basket, cheapest};
use crate::account::{Account, Changes};
use crate::amount::Credits;
use crate::catalog::{Catalog, Plan};
use crate::cycle::add_months;
use crate::forecast::{self, Pace};
use crate::time::{Instant, far_future};

/// How far ahead is looked, in calendar months.
pub const MONTHS: i32 = 3;

/// What the coming months will lack, and what it costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// How many months were looked at.
    pub months: i64,
    /// What will be missing on the present plan.
    pub missing: Credits,
    /// The cheapest packages for it, where the plan may buy.
    pub buy: Option<Basket>,
    /// The cheapest larger plan.
    pub upgrade: Option<Upgrade>,
}

/// A larger plan over the coming months.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// Its id.
    pub plan: String,
    /// What it costs more, a month, in minor units.
    pub difference: i64,
    /// What it costs more in all those months.
    pub fees: i64,
    /// The cheapest packages for what even it would lack.
    pub still: Basket,
}

impl Upgrade {
    /// All that it would cost more, packages included.
    #[must_use]
    pub const fn cost(&self) -> i64 {
        self.fees.saturating_add(self.still.amount)
    }
}

impl Ahead {
    /// The larger plan, where it is the cheaper way. Who would pay the same is not pushed.
    #[must_use]
    pub fn better(&self) -> Option<&Upgrade> {
        let upgrade = self.upgrade.as_ref().filter(|_| self.missing.is_positive())?;
        self.buy.as_ref().is_none_or(|basket| upgrade.cost() < basket.amount).then_some(upgrade)
    }
}

/// Looks ahead from an account that was brought up to `now`. Nothing where nothing is used, or the plan is about to
/// change anyway.
#[must_use]
pub fn ahead(account: &Account, catalog: &Catalog, pace: Pace, now: Instant) -> Option<Ahead> {
    let leaving = account.master.as_ref().is_some_and(|it| it.grace_until.is_some() || it.ends_at.is_some());
    let present = catalog.plan(&account.plan).filter(|_| !leaving && account.next_plan.is_none() && !pace.is_zero())?;
    // No package lives for a shorter time than is looked at.
    let months = MONTHS.min(catalog.rules.top_up_months);
    let until = add_months(now, months).unwrap_or_else(far_future);
    let missing = forecast::missing(account, catalog, pace, now, until);
    let basket = |plan: &Plan, need: Credits| {
        if plan.top_ups { cheapest(&catalog.packages, need) } else { need.is_zero().then(Basket::default) }
    };
    let larger = catalog.plans.iter().filter(|plan| plan.credits > present.credits && missing.is_positive());
    let upgrade = larger.filter_map(|plan| {
        let mut on_it = account.clone();
        on_it.change_plan(&plan.id, now, catalog, &mut Changes::default());
        let difference = plan.amount.checked_sub(present.amount)?;
        let fees = difference.checked_mul(i64::from(months))?;
        let still = basket(plan, forecast::missing(&on_it, catalog, pace, now, until))?;
        Some((plan.credits, Upgrade { plan: plan.id.clone(), difference, fees, still }))
    });
    let upgrade = upgrade.min_by_key(|(credits, upgrade)| (upgrade.cost(), *credits)).map(|(_, upgrade)| upgrade);
    Some(Ahead { months: i64::from(months), missing, buy: basket(present, missing), upgrade })
}
