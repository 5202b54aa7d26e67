//! Automatic top-ups (R20): when one is bought, how many packages, and what the card's answer means.
//!
//! Asked by level, not by edge: the same question after a crash has the same answer, until the purchase exists.
//!
//! *Not here:* the consent's text and the steps of a payment at Stripe.

mod card;
mod watch;
mod window;

use crate::amount::Credits;
use crate::catalog::Package;
use crate::time::Instant;

pub use card::{CardAnswer, CardHistory, Consequence, RETRY_AFTER, UNCONFIRMED_UNTIL};
pub use watch::Watch;
pub use window::{CAP_WINDOW, SpentPurchase, spent};

/// What a customer agreed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// The package's id.
    pub package: String,
    /// The price of one package in minor units, tax aside.
    pub price: i64,
    pub currency: String,
    /// Fewer credits than this are too few.
    pub threshold: Credits,
    /// Minor units, tax included, in any [`CAP_WINDOW`].
    pub cap: i64,
}

/// The reason why a rule that is on does nothing, and nothing is owed (R20).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum AsleepReason {
    CustomerClosed,
    BuyingOff,
    PlanCannotBuy,
    /// No owner or admin is left.
    Nobody,
    PackageGone,
    /// The price rose, or the currency is another.
    PriceChanged,
    /// Tax is on, and Stripe cannot compute it.
    TaxUnknown,
}

/// The reason why a rule is suspended until a person agrees anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum SuspendedReason {
    Declined,
    Authentication,
    Dispute,
    Refund,
    Review,
}

/// The facts beside the agreement that an automatic purchase needs.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    pub is_closed: bool,
    pub buying_on: bool,
    pub plan_may_buy: bool,
    pub has_manager: bool,
    /// The agreed package, if the catalogue still has it.
    pub package: Option<&'a Package>,
    pub currency: &'a str,
    /// What one package cost with tax, as far as it is known: the cap counts that.
    pub unit_total: Option<i64>,
    pub tax_known: bool,
    /// The most packages in one purchase (`auto_top_up_max_packages`).
    pub packages_max: i64,
}

impl Agreement {
    /// The first reason why nothing can be bought now.
    #[must_use]
    pub fn asleep(&self, now: &Circumstances) -> Option<AsleepReason> {
        let price_changed = |package: &Package| package.amount > self.price || now.currency != self.currency;
        let reasons = [
            (now.is_closed, AsleepReason::CustomerClosed),
            (!now.buying_on, AsleepReason::BuyingOff),
            (!now.plan_may_buy, AsleepReason::PlanCannotBuy),
            (!now.has_manager, AsleepReason::Nobody),
            (now.package.is_none(), AsleepReason::PackageGone),
            (now.package.is_some_and(price_changed), AsleepReason::PriceChanged),
            (!now.tax_known, AsleepReason::TaxUnknown),
        ];
        reasons.into_iter().find_map(|(is_so, reason)| is_so.then_some(reason))
    }

    /// True if `other` takes less, so that it needs no new consent.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.package == other.package
            && self.currency == other.currency
            && other.price <= self.price
            && other.threshold <= self.threshold
            && other.cap <= self.cap
    }
}

/// A customer's credits and automatic purchases at an instant.
#[derive(Clone, Copy, Debug)]
pub struct Present<'a> {
    pub now: Instant,
    /// The most that a charge could take (R2).
    pub available: Credits,
    /// The largest charge or hold refused for want of credits since the last automatic purchase.
    pub refused: Option<Credits>,
    /// An automatic purchase is `created`, `open` or `processing`.
    pub in_progress: bool,
    /// Automatic purchases that were paid or can still be paid.
    pub purchases: &'a [SpentPurchase],
}

/// What is to be done for a rule that is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing is wanted, or a purchase is in progress.
    Nothing,
    /// One purchase of so many packages.
    Buy(i64),
    /// Credits are wanted, and not one package fits into the cap.
    Blocked,
    Asleep(AsleepReason),
}

/// The decision for a rule that is on and not suspended.
#[must_use]
pub fn decide(agreed: &Agreement, around: &Circumstances, present: &Present) -> Decision {
    if let Some(reason) = agreed.asleep(around) {
        return Decision::Asleep(reason);
    }
    let Some(package) = around.package else { return Decision::Asleep(AsleepReason::PackageGone) };
    if present.in_progress {
        return Decision::Nothing;
    }
    let room = agreed.cap - spent(present.purchases, present.now);
    let most = affordable(room, around.unit_total.unwrap_or(0).max(package.amount)).min(around.packages_max);
    let to_reach = |goal: Credits| packages_to_reach(goal, present.available, package.grants());
    let needed = present.refused.map_or(0, |refused| to_reach(refused.max(agreed.threshold)));
    let filling = to_reach(agreed.threshold);
    // A refused charge that is out of reach is left out.
    let wanted = if needed > most && most > 0 { filling } else { needed.max(filling) };
    match wanted {
        0 => Decision::Nothing,
        _ if most < 1 => Decision::Blocked,
        wanted => Decision::Buy(wanted.min(most)),
    }
}

/// How many packages `room` pays for.
fn affordable(room: i64, price: i64) -> i64 {
    if price > 0 { room.max(0) / price } else { i64::MAX }
}

/// The smallest number of packages of `size` that lift `available` to `goal`.
fn packages_to_reach(goal: Credits, available: Credits, size: Credits) -> i64 {
    let missing = goal.0.saturating_sub(available.0);
    if missing <= 0 || size.0 <= 0 { 0 } else { (missing - 1) / size.0 + 1 }
}

/// True if a purchase of `total` minor units, tax included, keeps to the cap beside the `others`.
#[must_use]
pub fn fits_cap(agreed: &Agreement, total: i64, others: &[SpentPurchase], now: Instant) -> bool {
    spent(others, now).checked_add(total).is_some_and(|sum| sum <= agreed.cap)
}
