//! "What to expect": what happens at once, how often at this pace, and what a credit costs beside the next plan.

use crate::domain::forecast::about;
use crate::domain::{Catalog, Credits, Money, Package, Plan};
use crate::web::auto_top_up::terms::Terms;
use crate::web::billing::advice::{AdviceBox, AdviceWords};
use crate::web::billing::offers::per_thousand;
use crate::web::ui::text::Text;
use leptos::prelude::*;

/// The days of a month, of a pace and of a cap.
const DAYS: i64 = 30;

/// What is known of a customer before it agrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Present<'a> {
    pub available: Credits,
    /// The credits of the plan in each cycle.
    pub allowance: Credits,
    /// Credits used on an average day; none with less than a week of usage.
    pub per_day: Option<Credits>,
    /// The most packages in one purchase.
    pub packages_max: i64,
    /// The id of the plan in force.
    pub plan: &'a str,
}

impl Present<'_> {
    /// The credits that a month takes beside the plan at this pace.
    fn beside(&self) -> Option<i128> {
        let used = i128::from(self.per_day?.0) * i128::from(DAYS);
        Some((used - i128::from(self.allowance.0)).max(0))
    }

    /// The packages that a month takes beside the plan at this pace, rounded up.
    #[must_use]
    pub fn monthly(&self, package: &Package) -> Option<i64> {
        let size = i128::from(package.grants().0).max(1);
        i64::try_from((self.beside()? + size - 1) / size).ok()
    }

    /// The months that one package lasts at this pace.
    fn months(&self, package: &Package) -> Option<i64> {
        let beside = self.beside().filter(|beside| *beside > 0)?;
        i64::try_from(i128::from(package.grants().0) / beside).ok()
    }

    /// The packages that would be bought at once.
    fn due(&self, terms: &Terms) -> i64 {
        let missing = terms.threshold.0.saturating_sub(self.available.0).max(0);
        let size = terms.package.grants().0.max(1);
        let wanted = missing / size + i64::from(missing % size > 0);
        let affordable = if terms.package.amount > 0 { terms.cap.minor / terms.package.amount } else { i64::MAX };
        wanted.min(affordable).min(self.packages_max)
    }
}

/// The section's lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    /// `You have 180 credits, so we'll buy 1,200 for $9 as soon as it's on.`
    pub now: Option<Text>,
    pub lines: Vec<Text>,
    pub advice: Option<AdviceWords>,
}

impl Outlook {
    #[must_use]
    pub fn new(catalog: &Catalog, present: &Present<'_>, terms: &Terms, advice: Option<AdviceWords>) -> Self {
        let next = next_plan(catalog, present.plan);
        let mut lines = vec![pace(present, terms), per_credit(terms, next, &catalog.shop.currency)];
        lines.retain(|line| !line.is_empty());
        Self { now: now(present, terms), lines, advice }
    }
}

fn now(present: &Present<'_>, terms: &Terms) -> Option<Text> {
    let packages = present.due(terms);
    if packages < 1 {
        return None;
    }
    let has = Text::from("You have ").counted(present.available, "").text(", so we'll buy ");
    let credits = Credits(terms.package.grants().0.saturating_mul(packages));
    let price = Money::new(terms.package.amount.saturating_mul(packages), &terms.cap.currency);
    Some(has.credits(credits).text(" for ").money(price).text(" now, as soon as it's on."))
}

fn pace(present: &Present<'_>, terms: &Terms) -> Text {
    let Some(monthly) = present.monthly(&terms.package) else {
        return "After a week of usage, this page says how often it would buy.".into();
    };
    if monthly == 0 {
        return "At this pace your plan is enough, so it would rarely buy.".into();
    }
    match present.months(&terms.package) {
        Some(13..) => return "At this pace: less than 1 package a year.".into(),
        Some(months @ 2..) => {
            let text = Text::from(format!("At this pace: about 1 package every {months} months, "));
            return text.money(terms.price()).text(".");
        }
        _ => {}
    }
    let cost = terms.package.amount.saturating_mul(monthly);
    let times = if monthly == 1 { "package".to_owned() } else { "packages".to_owned() };
    let text =
        Text::from("At this pace: about ").credits(about(Credits::whole(monthly))).text(format!(" {times} a month, "));
    let text = text.money(Money::new(cost, &terms.cap.currency)).text(".");
    if cost <= terms.cap.minor {
        return text;
    }
    text.text(" That's over your limit, so it would stop at ").money(terms.cap.clone()).text(".")
}

/// `$7.50 for 1,000 credits here, $3.16 on Builder (25,000 credits a month for $79).`
fn per_credit(terms: &Terms, next: Option<&Plan>, currency: &str) -> Text {
    let price = per_thousand(terms.package.grants(), &terms.price());
    let text = Text::new().money(price).text(" for 1,000 credits here");
    let Some(plan) = next else { return text.text(".") };
    let fee = Money::new(plan.amount, currency);
    let text = text.text(", ").money(per_thousand(plan.allowance(), &fee)).text(format!(" on {} (", plan.name));
    text.counted(plan.allowance(), "").text(" a month for ").money(fee).text(").")
}

/// The cheapest plan that has more credits.
fn next_plan<'a>(catalog: &'a Catalog, plan: &str) -> Option<&'a Plan> {
    let allowance = catalog.allowance(plan);
    let larger = |other: &&Plan| other.allowance() > allowance;
    catalog.plans.iter().filter(larger).min_by_key(|other| other.amount)
}

/// The section.
#[component]
pub fn WhatToExpect(outlook: Outlook) -> impl IntoView {
    let now = outlook.now.map(|text| view! { <li><strong>{text}</strong></li> });
    let lines = outlook.lines.into_iter().map(|line| view! { <li>{line}</li> }).collect_view();
    view! {
        <section aria-labelledby="expect">
            <h2 id="expect">"What to expect"</h2>
            <ul class="card says">{now} {lines}</ul>
            {outlook.advice.map(|advice| view! { <AdviceBox advice /> })}
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> Catalog {
        Catalog::parse(include_str!("../../../catalog.toml")).expect("the sample catalogue")
    }

    fn terms(catalog: &Catalog, cap: i64) -> Terms {
        let package = catalog.package("p1200").expect("a package").clone();
        Terms { package, threshold: Credits::whole(500), cap: Money::new(cap, "usd") }
    }

    fn lines(available: i64, per_day: Option<i64>, cap: i64) -> Vec<String> {
        lines_at(available, per_day.map(Credits::whole), cap)
    }

    fn lines_at(available: i64, per_day: Option<Credits>, cap: i64) -> Vec<String> {
        let catalog = catalog();
        let present = Present {
            available: Credits::whole(available),
            allowance: Credits::whole(5_000),
            per_day,
            packages_max: 10,
            plan: "starter",
        };
        let outlook = Outlook::new(&catalog, &present, &terms(&catalog, cap), None);
        outlook.now.iter().chain(&outlook.lines).map(ToString::to_string).collect()
    }

    #[test]
    fn what_happens_at_once_is_said_before() {
        let now = |available, cap| lines(available, None, cap)[0].clone();
        assert_eq!(now(180, 5_000), "You have 180 credits, so we'll buy 1,200 for $9 now, as soon as it's on.");
        assert!(!now(500, 5_000).starts_with("You have"));
        // No package fits into the cap that is not allowed anyway.
        assert!(!now(180, 899).starts_with("You have"));
    }

    #[test]
    fn the_pace_says_how_often_and_how_much() {
        let pace = |per_day, cap| lines(1_000, per_day, cap)[0].clone();
        assert_eq!(pace(Some(280), 5_000), "At this pace: about 3 packages a month, $27.");
        assert_eq!(
            pace(Some(280), 2_000),
            "At this pace: about 3 packages a month, $27. That's over your limit, so it would stop at $20."
        );
        // 5,300 a month are 300 beside the plan.
        let slow = |tenths: i64| lines_at(1_000, Some(Credits(Credits::whole(tenths).0 / 10)), 5_000)[0].clone();
        assert_eq!(slow(1_767), "At this pace: about 1 package every 3 months, $9.");
        assert_eq!(slow(1_690), "At this pace: less than 1 package a year.");
        assert_eq!(pace(Some(150), 5_000), "At this pace your plan is enough, so it would rarely buy.");
        assert_eq!(pace(None, 5_000), "After a week of usage, this page says how often it would buy.");
    }

    #[test]
    fn a_credit_costs_so_much_here_and_on_the_next_plan() {
        let line = lines(1_000, None, 5_000)[1].clone();
        assert_eq!(line, "$7.50 for 1,000 credits here, $3.16 on Builder (25,000 credits a month for $79).");
    }
}
