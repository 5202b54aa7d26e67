//! The right of the viewer to buy here and now, or the reason against it.

use crate::domain::{Credits, Money, Plan};
use crate::usecases::App;
use crate::usecases::access::links::Viewer;
use crate::usecases::credits::overview::Overview;
use crate::web::billing::balance::plan_name;
use crate::web::ui::text::Text;

/// The right of the viewer to buy here and now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MayBuy {
    Yes,
    /// The customer's plan has no top-ups.
    PlanCannot {
        /// Name, monthly credits and price of the cheapest plan that has.
        better: Option<(String, Credits, Money)>,
        /// Top-up credits that still work on this plan.
        left: Credits,
        /// This plan's name.
        plan: String,
    },
    /// The viewer's role may not.
    Viewer,
    /// The shop sells nothing at the moment.
    Off,
}

/// The reason why nothing can be bought, above the packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    pub strong: Text,
    pub text: Text,
}

impl MayBuy {
    #[must_use]
    pub fn new(app: &App, viewer: &Viewer, overview: &Overview) -> Self {
        let (catalog, balance) = (&app.catalog, &overview.balance);
        if !viewer.role.may_buy() {
            Self::Viewer
        } else if !catalog.may_buy(&balance.plan_id) {
            let paid = catalog.plans.iter().filter(|plan| plan.top_ups).min_by_key(|plan| plan.amount);
            let money = |plan: &Plan| Money::new(plan.amount, &catalog.shop.currency);
            Self::PlanCannot {
                better: paid.map(|plan| (plan.name.clone(), plan.allowance(), money(plan))),
                left: balance.top_up.remaining - balance.top_up.paused,
                plan: plan_name(app, &balance.plan_id),
            }
        } else if app.stripe.is_none() {
            Self::Off
        } else {
            Self::Yes
        }
    }

    #[must_use]
    pub fn lock(&self) -> Option<Lock> {
        let (strong, text) = match self {
            Self::Yes => return None,
            Self::Viewer => ("You have view-only access.", "Ask an owner or admin to buy.".into()),
            Self::Off => ("Top-ups can't be bought at the moment.", "Your credits keep working.".into()),
            Self::PlanCannot { better, left, plan } => {
                let offer = better.as_ref().map_or_else(Text::new, |(name, credits, price)| {
                    let has = Text::from(format!("{name} has ")).credits(*credits);
                    has.text(format!(" {} a month for ", credits.noun())).money(price.clone()).text(".")
                });
                ("Top-ups need a paid plan.", offer.then(leftovers(*left, plan)))
            }
        };
        Some(Lock { strong: strong.into(), text })
    }
}

fn leftovers(left: Credits, plan: &str) -> Text {
    if left.is_zero() {
        return Text::new();
    }
    let still = left.plural("still works", "still work");
    Text::from(" Your ").counted(left, "top-up").text(format!(" {still} on {plan}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_cannot_buy_reads_why() {
        let free = MayBuy::PlanCannot {
            better: Some(("Starter".into(), Credits::whole(5_000), Money::new(1_900, "usd"))),
            left: Credits::whole(1_000),
            plan: "Free".into(),
        };
        let lock = free.lock().expect("a lock");
        assert_eq!(lock.strong.to_string(), "Top-ups need a paid plan.");
        let text = "Starter has 5,000 credits a month for $19. Your 1,000 top-up credits still work on Free.";
        assert_eq!(lock.text.to_string(), text);
        let lock = MayBuy::Viewer.lock().expect("a lock");
        assert_eq!(
            lock.strong.then(" ".into()).then(lock.text).to_string(),
            "You have view-only access. Ask an owner or admin to buy."
        );
        assert!(MayBuy::Yes.lock().is_none());
    }
}
