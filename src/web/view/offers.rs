//! The packages for sale, and why somebody cannot buy them.

use crate::domain::{Credits, Money};
use crate::web::ui::text::{Text, noun};
use crate::web::view::ahead::AheadView;

pub use crate::web::ui::buy_form::BuyForm;

/// The section "Buy a top-up".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffersView {
    /// Why nothing can be bought, if so.
    pub lock: Option<Lock>,
    /// Whether buying or upgrading is cheaper.
    pub ahead: Option<AheadView>,
    /// The packages, smallest first.
    pub offers: Vec<Offer>,
    /// `Valid 12 months · Non-refundable`
    pub terms: String,
    /// A sentence about what a credit buys.
    pub credit_note: String,
}

/// Why nothing can be bought, above the packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// The reason.
    pub strong: Text,
    /// What helps.
    pub text: Text,
    /// Where, if there is a place.
    pub upgrade: Option<String>,
}

/// One package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What it grants.
    pub credits: Credits,
    /// What it costs.
    pub price: Money,
    /// What 1,000 of its credits cost.
    pub per_thousand: Money,
    /// Per cent saved per credit against the smallest package; none at 0.
    pub saving: Option<i64>,
    /// What its button does.
    pub action: OfferAction,
}

/// What a package's button does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfferAction {
    /// Buys.
    Buy(BuyForm),
    /// Leads to the plans.
    Upgrade(String),
    /// There is none: the lock above says why.
    None,
}

/// Whether this person may buy here and now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MayBuy {
    /// Yes.
    Yes,
    /// The plan may not: the first plan that may, and where to get it.
    PlanCannot {
        /// Name, monthly credits and price of the cheapest plan that may.
        better: Option<(String, Credits, Money)>,
        /// Where plans are changed.
        upgrade: String,
        /// Top-ups that still work on this plan.
        left: Credits,
        /// This plan's name.
        plan: String,
    },
    /// A viewer.
    Viewer,
    /// The shop sells nothing at the moment.
    Off,
}

impl MayBuy {
    /// What stands above the packages.
    #[must_use]
    pub fn lock(&self) -> Option<Lock> {
        let (strong, text, upgrade) = match self {
            Self::Yes => return None,
            Self::Viewer => {
                ("You can see everything here, and cannot buy.".into(), "Ask an owner or admin to buy.".into(), None)
            }
            Self::Off => {
                ("Top-ups cannot be bought at the moment.".into(), "Credits that you have keep working.".into(), None)
            }
            Self::PlanCannot { better, upgrade, left, plan } => {
                let offer = better.as_ref().map_or_else(Text::new, |(name, credits, price)| {
                    let has = Text::from(format!("{name} has ")).credits(*credits);
                    has.text(" credits a month for ").money(price.clone()).text(".")
                });
                (Text::from("Top-ups need a paid plan."), offer.then(leftovers(*left, plan)), Some(upgrade.clone()))
            }
        };
        Some(Lock { strong, text, upgrade })
    }

    /// What a package's button does, `form` being drawn only for those who may buy.
    pub fn action(&self, form: impl FnOnce() -> BuyForm) -> OfferAction {
        match self {
            Self::Yes => OfferAction::Buy(form()),
            Self::PlanCannot { upgrade, .. } => OfferAction::Upgrade(upgrade.clone()),
            Self::Viewer | Self::Off => OfferAction::None,
        }
    }
}

fn leftovers(left: Credits, plan: &str) -> Text {
    if left.is_zero() {
        return Text::new();
    }
    let still = if left == Credits::whole(1) { "still works" } else { "still work" };
    Text::from(" Your ").counted(left, "top-up").text(format!(" {still} on {plan}."))
}

impl Offer {
    /// A package of `credits` for `price`, beside the `smallest` package's.
    #[must_use]
    pub fn new(credits: Credits, price: Money, smallest: (Credits, i64), action: OfferAction) -> Self {
        let saving = saving((credits, price.minor), smallest);
        Self { per_thousand: per_thousand(credits, &price), saving, credits, price, action }
    }

    /// What a button's name says after `Buy for $9`: `1,200 credits`.
    #[must_use]
    pub fn spoken_amount(&self) -> String {
        format!("{} {}", self.credits.grouped(), noun(self.credits))
    }
}

/// The price of 1,000 credits, rounded half up to the minor unit.
fn per_thousand(credits: Credits, price: &Money) -> Money {
    let thousandths = i128::from(credits.0).max(1);
    // 1,000 credits are 1,000,000 thousandths.
    let minor = (i128::from(price.minor) * 2_000_000 + thousandths) / (2 * thousandths);
    Money::new(i64::try_from(minor).unwrap_or(i64::MAX), &price.currency)
}

/// Per cent saved per credit against the smallest package, rounded down, hidden at 0.
fn saving(package: (Credits, i64), smallest: (Credits, i64)) -> Option<i64> {
    let base = i128::from(smallest.1) * i128::from(package.0.0);
    let here = i128::from(package.1) * i128::from(smallest.0.0);
    if base <= here {
        return None;
    }
    let percent = i64::try_from((base - here) * 100 / base).unwrap_or(0);
    (percent > 0).then_some(percent)
}

/// `Valid 12 months · Non-refundable`
#[must_use]
pub fn terms(months: i32) -> String {
    let unit = if months == 1 { "month" } else { "months" };
    format!("Valid {months} {unit} · Non-refundable")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_package_says_what_it_saves_per_credit() {
        let check = |credits: i64, price: i64, per_thousand: &str, saving: Option<i64>| {
            let smallest = (Credits::whole(1_200), 900);
            let offer = Offer::new(Credits::whole(credits), Money::new(price, "usd"), smallest, OfferAction::None);
            assert_eq!((offer.per_thousand.long().as_str(), offer.saving), (per_thousand, saving), "{credits}");
        };
        check(1_200, 900, "$7.50", None);
        check(5_000, 3_000, "$6.00", Some(20));
        check(20_000, 10_500, "$5.25", Some(30));
        check(50_000, 22_500, "$4.50", Some(40));
        check(1_201, 900, "$7.49", None);
        check(3, 1, "$3.33", Some(55));
    }

    #[test]
    fn who_cannot_buy_reads_why() {
        let free = MayBuy::PlanCannot {
            better: Some(("Starter".into(), Credits::whole(5_000), Money::new(1_900, "usd"))),
            upgrade: "/plans".into(),
            left: Credits::whole(1_000),
            plan: "Free".into(),
        };
        let lock = free.lock().expect("a lock");
        assert_eq!(lock.strong.to_string(), "Top-ups need a paid plan.");
        let text = "Starter has 5,000 credits a month for $19. Your 1,000 top-up credits still work on Free.";
        assert_eq!(lock.text.to_string(), text);
        assert_eq!(MayBuy::Viewer.lock().expect("a lock").text.to_string(), "Ask an owner or admin to buy.");
        assert!(MayBuy::Yes.lock().is_none());
    }
}
