//! The catalogue: the shop, its rules, plans and packages, read from `catalog.toml`.
//!
//! A catalogue that could not be honoured is refused whole, with the line and the reason.

use crate::amount::Credits;
use serde::Deserialize;
use toml::Spanned;

/// Who sells.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Shop {
    /// What customers call it.
    pub name: String,
    /// Where customers ask for help.
    pub support_email: String,
    /// Its front page.
    pub home_url: String,
    /// Its terms of sale.
    pub terms_url: String,
    /// Where a plan is upgraded; `{customer}` stands for the customer's id.
    #[serde(default)]
    pub upgrade_url: Option<String>,
    /// ISO 4217, lower case: the one currency of the catalogue.
    pub currency: String,
    /// A sentence about what a credit buys.
    #[serde(default)]
    pub credit_note: String,
    /// Who computes tax.
    #[serde(default)]
    pub tax: Tax,
    /// Whether buyers may give a tax id.
    #[serde(default)]
    pub tax_ids: bool,
    /// What Checkout may offer.
    #[serde(default = "default_methods")]
    pub payment_methods: Vec<String>,
    /// How long a Checkout stays open, 30 to 1,440 minutes.
    #[serde(default = "default_minutes")]
    pub checkout_minutes: i64,
}

/// Who computes tax.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Tax {
    /// Nobody: prices are final.
    #[default]
    None,
    /// Stripe Tax.
    Stripe,
}

/// What becomes of top-ups on a plan that may not buy them (R7).
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum LapsedTopUps {
    /// They still work.
    #[default]
    Usable,
    /// They wait, their dates running.
    Paused,
}

/// Numbers that the rules take from the shop.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// How long a top-up lives, in calendar months.
    pub top_up_months: i32,
    /// How many days before expiry a mail goes out.
    pub reminder_days: Vec<i64>,
    /// Top-ups on a plan that may not buy them.
    pub lapsed_top_ups: LapsedTopUps,
    /// How long an unpaid plan is kept.
    pub grace_days: i64,
    /// Whether a top-up waits for its reminders to be delivered.
    pub require_notice: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            top_up_months: 12,
            reminder_days: vec![30, 7],
            lapsed_top_ups: LapsedTopUps::Usable,
            grace_days: 7,
            require_notice: false,
        }
    }
}

/// A plan of the SaaS.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Its id.
    pub id: String,
    /// What customers call it.
    pub name: String,
    /// Minor units a month.
    pub amount: i64,
    /// Whole credits a month.
    pub credits: i64,
    /// Whether it may buy top-ups.
    pub top_ups: bool,
    /// Its prices at Stripe.
    #[serde(default)]
    pub stripe_prices: Vec<String>,
}

impl Plan {
    /// The monthly allowance.
    #[must_use]
    pub const fn allowance(&self) -> Credits {
        Credits::whole(self.credits)
    }
}

/// A thing for sale.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Its id.
    pub id: String,
    /// Whole credits.
    pub credits: i64,
    /// Its price in minor units.
    pub amount: i64,
}

impl Package {
    /// What it grants.
    #[must_use]
    pub const fn grants(&self) -> Credits {
        Credits::whole(self.credits)
    }
}

/// A figure that usage may be counted in.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// Its key in `quantities`.
    pub key: String,
    /// What customers read.
    pub label: String,
    /// Its unit.
    #[serde(default)]
    pub unit: String,
}

/// A catalogue that was found good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalog {
    /// Who sells.
    pub shop: Shop,
    /// The shop's numbers.
    pub rules: Rules,
    /// Plans, smallest allowance first.
    pub plans: Vec<Plan>,
    /// Packages, smallest first.
    pub packages: Vec<Package>,
    /// Figures of usage.
    pub metrics: Vec<Metric>,
}

/// Why a catalogue is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct CatalogError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    shop: Spanned<Shop>,
    #[serde(default)]
    rules: Option<Spanned<Rules>>,
    #[serde(default)]
    plan: Vec<Spanned<Plan>>,
    #[serde(default)]
    package: Vec<Spanned<Package>>,
    #[serde(default)]
    metric: Vec<Spanned<Metric>>,
}

fn default_methods() -> Vec<String> {
    vec!["card".to_owned(), "link".to_owned()]
}

const fn default_minutes() -> i64 {
    60
}

/// Collects what is wrong at which offset.
struct Check<'a> {
    text: &'a str,
}

impl Check<'_> {
    fn that(&self, good: bool, at: usize, reason: impl FnOnce() -> String) -> Result<(), CatalogError> {
        if good { Ok(()) } else { Err(self.error(at, reason())) }
    }

    fn error(&self, at: usize, reason: String) -> CatalogError {
        let line = self.text.get(..at).map_or(1, |before| before.matches('\n').count() + 1);
        CatalogError { line, reason }
    }
}

impl Catalog {
    /// Reads and checks a `catalog.toml`.
    ///
    /// # Errors
    /// An unknown key, no plan, two of one id, a negative or absurd number, a larger package dearer per credit.
    pub fn parse(text: &str) -> Result<Self, CatalogError> {
        let check = Check { text };
        let raw: Raw = toml::from_str(text)
            .map_err(|e| check.error(e.span().map_or(0, |span| span.start), e.message().to_owned()))?;
        check_shop(&check, &raw.shop)?;
        if let Some(rules) = &raw.rules {
            check_rules(&check, rules)?;
        }
        check_plans(&check, &raw.plan)?;
        check_packages(&check, &raw.package)?;
        let mut plans: Vec<Plan> = raw.plan.into_iter().map(Spanned::into_inner).collect();
        plans.sort_by_key(|plan| plan.credits);
        let mut packages: Vec<Package> = raw.package.into_iter().map(Spanned::into_inner).collect();
        packages.sort_by_key(|package| package.credits);
        Ok(Self {
            shop: raw.shop.into_inner(),
            rules: raw.rules.map(Spanned::into_inner).unwrap_or_default(),
            plans,
            packages,
            metrics: raw.metric.into_iter().map(Spanned::into_inner).collect(),
        })
    }

    /// The plan of an id.
    #[must_use]
    pub fn plan(&self, id: &str) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.id == id)
    }

    /// The package of an id.
    #[must_use]
    pub fn package(&self, id: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.id == id)
    }

    /// The monthly allowance of a plan; nothing for a plan that is not in the catalogue.
    #[must_use]
    pub fn allowance(&self, plan: &str) -> Credits {
        self.plan(plan).map_or(Credits::ZERO, Plan::allowance)
    }

    /// Whether a plan may buy top-ups (R7).
    #[must_use]
    pub fn may_buy(&self, plan: &str) -> bool {
        self.plan(plan).is_some_and(|plan| plan.top_ups)
    }

    /// Whether a plan's leftover top-ups are paused (R7).
    #[must_use]
    pub fn pauses_top_ups(&self, plan: &str) -> bool {
        self.rules.lapsed_top_ups == LapsedTopUps::Paused && !self.may_buy(plan)
    }
}

fn check_shop(check: &Check<'_>, shop: &Spanned<Shop>) -> Result<(), CatalogError> {
    let (at, shop) = (shop.span().start, shop.get_ref());
    check.that(!shop.name.trim().is_empty(), at, || "shop.name is empty".to_owned())?;
    check.that(shop.support_email.contains('@'), at, || "shop.support_email is no e-mail address".to_owned())?;
    let currency = shop.currency.len() == 3 && shop.currency.bytes().all(|b| b.is_ascii_lowercase());
    check.that(currency, at, || "shop.currency is not three lower-case letters".to_owned())?;
    let minutes = (30..=1_440).contains(&shop.checkout_minutes);
    check.that(minutes, at, || "shop.checkout_minutes is not between 30 and 1440".to_owned())?;
    check.that(!shop.payment_methods.is_empty(), at, || "shop.payment_methods is empty".to_owned())?;
    for url in [Some(&shop.home_url), Some(&shop.terms_url), shop.upgrade_url.as_ref()].into_iter().flatten() {
        let web = url.starts_with("https://") || url.starts_with("http://") || url.starts_with('/');
        check.that(web, at, || format!("{url:?} is no address of a page"))?;
    }
    Ok(())
}

fn check_rules(check: &Check<'_>, rules: &Spanned<Rules>) -> Result<(), CatalogError> {
    let (at, rules) = (rules.span().start, rules.get_ref());
    check
        .that((1..=120).contains(&rules.top_up_months), at, || "rules.top_up_months is not between 1 and 120".into())?;
    check.that((0..=60).contains(&rules.grace_days), at, || "rules.grace_days is not between 0 and 60".into())?;
    let days = rules.reminder_days.iter().all(|days| (1..=365).contains(days));
    check.that(days, at, || "rules.reminder_days are not between 1 and 365".into())
}

fn check_id(check: &Check<'_>, at: usize, what: &str, id: &str, seen: &mut Vec<String>) -> Result<(), CatalogError> {
    let good = (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    check.that(good, at, || format!("{what} id {id:?} is not 1 to 64 of A–Z a–z 0–9 . _ -"))?;
    check.that(!seen.iter().any(|other| other == id), at, || format!("two of {what} id {id:?}"))?;
    seen.push(id.to_owned());
    Ok(())
}

/// Whole credits that one grant may have: R1's limit for a request.
const CREDITS_MAX: i64 = 1_000_000_000;
/// Stripe's own limit for a price in minor units.
const AMOUNT_MAX: i64 = 99_999_999;

fn check_plans(check: &Check<'_>, plans: &[Spanned<Plan>]) -> Result<(), CatalogError> {
    check.that(!plans.is_empty(), 0, || "there is no [[plan]]".to_owned())?;
    let mut seen = Vec::new();
    for plan in plans {
        let (at, plan) = (plan.span().start, plan.get_ref());
        check_id(check, at, "plan", &plan.id, &mut seen)?;
        check.that(plan.amount >= 0, at, || format!("plan {:?} has a negative price", plan.id))?;
        check.that(plan.amount <= AMOUNT_MAX, at, || format!("plan {:?} costs more than Stripe takes", plan.id))?;
        let credits = (0..=CREDITS_MAX).contains(&plan.credits);
        check.that(credits, at, || format!("plan {:?} has credits outside 0 to {CREDITS_MAX}", plan.id))?;
    }
    Ok(())
}

fn check_packages(check: &Check<'_>, packages: &[Spanned<Package>]) -> Result<(), CatalogError> {
    let mut seen = Vec::new();
    for package in packages {
        let (at, package) = (package.span().start, package.get_ref());
        check_id(check, at, "package", &package.id, &mut seen)?;
        check.that(package.amount >= 0, at, || format!("package {:?} has a negative price", package.id))?;
        let price = (1..=AMOUNT_MAX).contains(&package.amount);
        check.that(price, at, || format!("package {:?} has a price that Stripe does not take", package.id))?;
        let credits = (1..=CREDITS_MAX).contains(&package.credits);
        check.that(credits, at, || format!("package {:?} has credits outside 1 to {CREDITS_MAX}", package.id))?;
        for other in packages.iter().map(Spanned::get_ref) {
            let dearer = other.credits < package.credits
                && i128::from(package.amount) * i128::from(other.credits)
                    > i128::from(other.amount) * i128::from(package.credits);
            check.that(!dearer, at, || {
                format!("package {:?} is larger than {:?} and dearer per credit", package.id, other.id)
            })?;
        }
    }
    Ok(())
}
