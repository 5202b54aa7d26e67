//! "Buy a top-up": the packages with their forms, or the reason why there are none.

use crate::domain::{Credits, Money, Package, Plan};
use crate::usecases::App;
use crate::usecases::access::links::Viewer;
use crate::usecases::credits::overview::Overview;
use crate::web::billing::balance::plan_name;
use crate::web::billing::buy_or_upgrade::{BuyOrUpgrade, BuyOrUpgradeAdvice};
use crate::web::ui::buy_form::{BuyFields, BuyForm};
use crate::web::ui::money::{Amount, Price};
use crate::web::ui::text::{Text, noun};
use leptos::prelude::*;

/// The section's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offers {
    pub may_buy: MayBuy,
    /// Whether buying or upgrading is cheaper.
    pub advice: Option<BuyOrUpgrade>,
    /// Smallest first.
    pub offers: Vec<Offer>,
    /// The months that a top-up is valid.
    pub months: i32,
    /// A sentence about the price of a job.
    pub credit_note: String,
}

/// A package for sale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    pub credits: Credits,
    pub price: Money,
    /// Credits and price of the smallest package.
    smallest: (Credits, i64),
    /// For those who may buy.
    form: Option<BuyForm>,
}

/// The reason why nothing can be bought, above the packages.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Lock {
    strong: Text,
    text: Text,
    /// The page that helps, if there is one.
    upgrade: Option<String>,
}

/// Whether the viewer may buy here and now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MayBuy {
    Yes,
    /// The customer's plan has no top-ups.
    PlanCannot {
        /// Name, monthly credits and price of the cheapest plan that has.
        better: Option<(String, Credits, Money)>,
        /// The page where plans are changed.
        upgrade: String,
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

impl MayBuy {
    /// Whether this viewer may buy; `upgrade` is the page where plans are changed.
    #[must_use]
    pub fn new(app: &App, viewer: &Viewer, overview: &Overview, upgrade: String) -> Self {
        let (catalog, balance) = (&app.catalog, &overview.balance);
        if !viewer.role.may_buy() {
            Self::Viewer
        } else if !catalog.may_buy(&balance.plan_id) {
            let paid = catalog.plans.iter().filter(|plan| plan.top_ups).min_by_key(|plan| plan.amount);
            let money = |plan: &Plan| Money::new(plan.amount, &catalog.shop.currency);
            Self::PlanCannot {
                better: paid.map(|plan| (plan.name.clone(), plan.allowance(), money(plan))),
                upgrade,
                left: balance.top_up.remaining - balance.top_up.paused,
                plan: plan_name(app, &balance.plan_id),
            }
        } else if app.stripe.is_none() {
            Self::Off
        } else {
            Self::Yes
        }
    }

    fn lock(&self) -> Option<Lock> {
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
}

fn leftovers(left: Credits, plan: &str) -> Text {
    if left.is_zero() {
        return Text::new();
    }
    let still = if left == Credits::whole(1) { "still works" } else { "still work" };
    Text::from(" Your ").counted(left, "top-up").text(format!(" {still} on {plan}."))
}

impl Offer {
    /// The offers of these packages, smallest first; `form` draws a Buy form for those who may buy.
    pub fn list(
        packages: &[Package],
        currency: &str,
        may_buy: &MayBuy,
        form: impl Fn(&Package) -> BuyForm,
    ) -> Vec<Self> {
        let mut packages: Vec<&Package> = packages.iter().collect();
        packages.sort_by_key(|package| package.credits);
        let smallest = packages.first().map_or((Credits::whole(1), 0), |package| (package.grants(), package.amount));
        let offer = |package: &Package| Self {
            credits: package.grants(),
            price: Money::new(package.amount, currency),
            smallest,
            form: (*may_buy == MayBuy::Yes).then(|| form(package)),
        };
        packages.into_iter().map(offer).collect()
    }

    fn per_thousand(&self) -> Money {
        per_thousand(self.credits, &self.price)
    }

    fn saving(&self) -> Option<i64> {
        saving((self.credits, self.price.minor), self.smallest)
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
fn terms(months: i32) -> String {
    let unit = if months == 1 { "month" } else { "months" };
    format!("Valid {months} {unit} · Non-refundable")
}

/// The region "Buy a top-up".
#[component]
pub fn BuyTopUp(offers: Offers) -> impl IntoView {
    let (lock, terms) = (offers.may_buy.lock(), terms(offers.months));
    let upgrade = match offers.may_buy {
        MayBuy::PlanCannot { upgrade, .. } => Some(upgrade),
        _ => None,
    };
    let card = |offer| view! { <Card offer terms=terms.clone() upgrade=upgrade.clone() /> };
    let cards = offers.offers.into_iter().map(card).collect_view();
    let note = (!offers.credit_note.is_empty()).then(|| view! { <p class="after">{offers.credit_note}</p> });
    // Advice against buying stands before the buttons, advice for it below them.
    let (before, after) = match offers.advice {
        Some(advice) if advice.buys => (None, Some(advice)),
        advice => (advice, None),
    };
    view! {
        <section aria-labelledby="buy">
            <div class="heading">
                <h2 id="buy">"Buy a top-up"</h2>
                <p class="note">"One-time. Plus tax where it applies. Used after your plan credits."</p>
            </div>
            {lock.map(|lock| view! { <LockBox lock /> })}
            <div data-live="ahead">{before.map(|advice| view! { <BuyOrUpgradeAdvice advice /> })}</div>
            <ul class="offers">{cards}</ul>
            <div data-live="enough">{after.map(|advice| view! { <BuyOrUpgradeAdvice advice /> })}</div>
            {note}
        </section>
    }
}

#[component]
fn LockBox(lock: Lock) -> impl IntoView {
    let upgrade = lock.upgrade.map(|href| {
        view! {
            <a class="button primary" href=href>
                "Upgrade"
            </a>
        }
    });
    view! {
        <div class="notice lock">
            <p>
                <strong>{lock.strong}</strong> " " {lock.text}
            </p>
            {upgrade}
        </div>
    }
}

#[component]
fn Card(offer: Offer, terms: String, upgrade: Option<String>) -> impl IntoView {
    let spoken = format!("{} {}", offer.credits.grouped(), noun(offer.credits));
    let per_thousand = offer.per_thousand();
    let saving = offer.saving().map(|percent| view! { <span class="badge good">{format!("Save {percent}%")}</span> });
    // The name begins with the visible text. It is a label and no hidden text, since a hidden element
    // would put a space before its comma.
    let price = offer.price.clone();
    let buys = offer.form.is_some();
    let button = match (offer.form, upgrade) {
        (None, None) => ().into_any(),
        (None, Some(href)) => view! {
            <a class="button" href=href aria-label=format!("Upgrade to buy {spoken}")>
                "Upgrade to buy"
            </a>
        }
        .into_any(),
        (Some(form), _) => {
            let name = format!("Buy for {}, {spoken}", price.short());
            view! {
                <BuyFields form>
                    <button class="button buy" aria-label=name>
                        "Buy for " <Price money=price />
                    </button>
                </BuyFields>
            }
            .into_any()
        }
    };
    view! {
        <li class="card offer" class:buys=buys>
            <h3>
                <Amount credits=offer.credits />
                " credits"
            </h3>
            <p class="figure">
                <Price money=offer.price />
            </p>
            <p class="note per">
                <span><Price money=per_thousand long=true /> " per 1,000"</span> " " {saving}
            </p>
            {button}
            <p class="terms">{terms}</p>
        </li>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_package_says_what_it_saves_per_credit() {
        let check = |credits: i64, price: i64, per_thousand: &str, saving: Option<i64>| {
            let smallest = (Credits::whole(1_200), 900);
            let offer =
                Offer { credits: Credits::whole(credits), price: Money::new(price, "usd"), smallest, form: None };
            assert_eq!((offer.per_thousand().long().as_str(), offer.saving()), (per_thousand, saving), "{credits}");
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
