//! Buy or upgrade, before paying (R18): the cheaper way over the coming months, with the sum.
//!
//! *Not here:* the comparison itself (`domain::advice`).

use crate::domain::advice::{Ahead, Basket, Upgrade};
use crate::domain::forecast::about;
use crate::domain::{Catalog, Credits, Money};
use crate::web::ui::text::Text;
use leptos::prelude::*;

/// The section's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuyOrUpgrade {
    pub strong: Text,
    /// The sum.
    pub text: Text,
    /// Whether buying is the cheaper way.
    pub buys: bool,
    /// The link to the plan, where that is the cheaper way: its label and its address.
    pub link: Option<(String, String)>,
}

/// A comparison, and the names that its words need.
pub struct Comparison<'a> {
    pub ahead: &'a Ahead,
    pub catalog: &'a Catalog,
    /// The present plan's name.
    pub plan: &'a str,
    /// The page where plans are changed.
    pub upgrade: &'a str,
    /// Whether the page has an upgrade hint as well: the two may differ.
    pub looks_back: bool,
}

impl Comparison<'_> {
    /// Nothing where there is nothing to compare.
    #[must_use]
    pub fn advice(&self) -> Option<BuyOrUpgrade> {
        let missing = about(self.ahead.missing);
        if !missing.is_positive() {
            let strong = match self.ahead.months {
                1 => "Enough for a month at your pace.".to_owned(),
                months => format!("Enough for {months} months at your pace."),
            };
            return Some(BuyOrUpgrade { strong: strong.into(), text: Text::new(), buys: false, link: None });
        }
        let buy = self.ahead.buy.as_ref()?;
        let lack = Text::from("At your pace you need about ").credits(missing).text(" more than you have in ");
        let lack = lack.text(self.months("the"));
        let view = match self.ahead.better() {
            Some(upgrade) => self.upgrade(upgrade, buy, lack)?,
            None => self.buy(buy, lack),
        };
        let strong = if self.looks_back { Text::from("Looking ahead: ").then(view.strong) } else { view.strong };
        Some(BuyOrUpgrade { strong, ..view })
    }

    fn upgrade(&self, upgrade: &Upgrade, buy: &Basket, lack: Text) -> Option<BuyOrUpgrade> {
        let name = &self.catalog.plan(&upgrade.plan)?.name;
        let saved = self.money(buy.amount.checked_sub(upgrade.cost())?);
        let strong =
            Text::from(format!("{name} is ")).money(saved).text(format!(" cheaper for {}.", self.months("your")));
        let text =
            lack.text(": top-ups for ").money(self.money(buy.amount)).text(". ").then(self.instead(upgrade, name));
        Some(BuyOrUpgrade { strong, text, buys: false, link: Some((format!("See {name}"), self.upgrade.to_owned())) })
    }

    fn buy(&self, buy: &Basket, lack: Text) -> BuyOrUpgrade {
        let strong = packages(buy, self.catalog).text(" for ").money(self.money(buy.amount));
        let text = lack.text(". ");
        let name = |upgrade: &Upgrade| self.catalog.plan(&upgrade.plan).map(|plan| plan.name.clone());
        let dearer = self.ahead.upgrade.as_ref().and_then(|upgrade| Some((upgrade, name(upgrade)?)));
        let text = match dearer {
            Some((upgrade, name)) => text.then(self.instead(upgrade, &name)),
            None => text,
        };
        let strong = strong.text(format!(" will do for {}.", self.months("your")));
        BuyOrUpgrade { strong, text, buys: true, link: None }
    }

    /// `Builder instead of Starter: 3 × $60 = $180, and $9 of top-ups.`
    fn instead(&self, upgrade: &Upgrade, name: &str) -> Text {
        let times = format!("{name} instead of {}: {}\u{a0}× ", self.plan, self.ahead.months);
        let sum = Text::from(times).money(self.money(upgrade.difference));
        let sum = sum.text(" = ").money(self.money(upgrade.fees));
        match upgrade.still.amount {
            0 => sum.text("."),
            still => sum.text(", and ").money(self.money(still)).text(" of top-ups."),
        }
    }

    fn money(&self, minor: i64) -> Money {
        Money::new(minor, &self.catalog.shop.currency)
    }

    /// `your next 3 months`
    fn months(&self, whose: &str) -> String {
        match self.ahead.months {
            1 => format!("{whose} next month"),
            months => format!("{whose} next {months} months"),
        }
    }
}

/// `2 × 50,000 and 1,200 credits`
fn packages(basket: &Basket, catalog: &Catalog) -> Text {
    let mut words = Text::new();
    let last = basket.packages.len().saturating_sub(1);
    for (n, (id, count)) in basket.packages.iter().enumerate() {
        words = match n {
            0 => words,
            n if n == last => words.text(" and "),
            _ => words.text(", "),
        };
        if *count > 1 {
            words = words.text(format!("{count}\u{a0}× "));
        }
        words = words.credits(catalog.package(id).map_or(Credits::ZERO, |package| package.grants()));
    }
    words.text(" credits")
}

/// Buy or upgrade, in one or two quiet lines.
#[component]
pub fn BuyOrUpgradeAdvice(advice: BuyOrUpgrade) -> impl IntoView {
    let link = advice.link.map(|(label, href)| {
        view! {
            " "
            <a href=href>{label}</a>
        }
    });
    view! {
        <p class="advice">
            <strong>{advice.strong}</strong> " " {advice.text} {link}
        </p>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> Catalog {
        Catalog::parse(include_str!("../../../catalog.toml")).expect("the sample catalogue")
    }

    fn said(missing: i64, packages: &[(&str, i64)], amount: i64, upgrade: Option<(&str, i64, i64)>) -> [String; 3] {
        let packages = packages.iter().map(|(id, n)| ((*id).to_owned(), *n)).collect();
        let buy = Some(Basket { amount, credits: Credits::whole(missing), packages });
        let upgrade = upgrade.map(|(plan, difference, still)| Upgrade {
            plan: plan.to_owned(),
            difference,
            fees: 3 * difference,
            still: Basket { amount: still, ..Basket::default() },
        });
        let ahead = Ahead { months: 3, missing: Credits::whole(missing), buy, upgrade };
        let catalog = catalog();
        let comparison =
            Comparison { ahead: &ahead, catalog: &catalog, plan: "Starter", upgrade: "/plans", looks_back: false };
        let view = comparison.advice().expect("advice");
        [view.strong.to_string(), view.text.to_string(), view.link.map_or_else(String::new, |(label, _)| label)]
    }

    #[test]
    fn the_cheaper_way_is_said_with_its_sum() {
        assert_eq!(
            said(3_214, &[("p5000", 1)], 3_000, Some(("builder", 6_000, 0))),
            [
                "5,000 credits for $30 will do for your next 3 months.",
                "At your pace you need about 3,200 more than you have in the next 3 months. Builder instead of Starter: 3\u{a0}× $60 = $180.",
                ""
            ]
        );
        assert_eq!(
            said(101_000, &[("p50000", 2), ("p1200", 1)], 45_900, Some(("builder", 6_000, 22_500))),
            [
                "Builder is $54 cheaper for your next 3 months.",
                "At your pace you need about 100,000 more than you have in the next 3 months: top-ups for $459. \
                 Builder instead of Starter: 3\u{a0}× $60 = $180, and $225 of top-ups.",
                "See Builder"
            ]
        );
        let [strong, ..] = said(101_000, &[("p50000", 2), ("p5000", 1), ("p1200", 1)], 48_900, None);
        assert_eq!(strong, "2\u{a0}× 50,000, 5,000 and 1,200 credits for $489 will do for your next 3 months.");
    }

    #[test]
    fn enough_credits_are_announced_and_a_plan_of_the_same_price_is_not_pushed() {
        let [strong, text, see] = said(0, &[], 0, None);
        assert_eq!([strong, text, see], ["Enough for 3 months at your pace.", "", ""]);
        let [strong, _, see] = said(40_000, &[("p20000", 1)], 18_000, Some(("builder", 6_000, 0)));
        assert!(strong.starts_with("20,000 credits for $180") && see.is_empty(), "{strong}");
    }
}
