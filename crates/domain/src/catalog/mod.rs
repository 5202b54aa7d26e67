//! The catalogue: the shop, its rules, plans and packages, read from `catalog.toml`.
//!
//! A catalogue that could not be honoured is refused whole, with the line and the reason.

mod check;
mod trimmed;

use crate::amount::Credits;
use serde::Deserialize;
use toml::Spanned;

/// Who sells.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Shop {
    /// What customers call it.
    #[serde(deserialize_with = "trimmed::text")]
    pub name: String,
    /// Where customers ask for help.
    #[serde(deserialize_with = "trimmed::text")]
    pub support_email: String,
    /// Its front page.
    #[serde(deserialize_with = "trimmed::text")]
    pub home_url: String,
    /// Its terms of sale.
    #[serde(deserialize_with = "trimmed::text")]
    pub terms_url: String,
    /// Where a plan is upgraded; `{customer}` stands for the customer's id.
    #[serde(default, deserialize_with = "trimmed::optional")]
    pub upgrade_url: Option<String>,
    /// ISO 4217, lower case: the one currency of the catalogue.
    #[serde(deserialize_with = "trimmed::text")]
    pub currency: String,
    /// A sentence about what a credit buys.
    #[serde(default, deserialize_with = "trimmed::sentence")]
    pub credit_note: String,
    /// Who computes tax.
    #[serde(default)]
    pub tax: Tax,
    /// Whether buyers may give a tax id.
    #[serde(default)]
    pub tax_ids: bool,
    /// What Checkout may offer.
    #[serde(default = "default_methods", deserialize_with = "trimmed::list")]
    pub payment_methods: Vec<String>,
    /// How long a Checkout stays open, 30 to 1,440 minutes; see [`Shop::open_minutes`].
    #[serde(default = "default_minutes")]
    pub checkout_minutes: i64,
}

/// How many characters Stripe takes of a text beside the pay button.
pub const CHECKOUT_TEXT_MAX: usize = 1_200;

/// How many minutes a Checkout can be open. Stripe takes 30 minutes to 24 hours by its own clock, from the moment at
/// which the request reaches it: a repeat of the same request comes up to 10 minutes later, and clocks differ.
const CHECKOUT_MINUTES: std::ops::RangeInclusive<i64> = 40..=1_430;

impl Shop {
    /// How many minutes a Checkout is really open: `checkout_minutes`, as far as Stripe goes along.
    #[must_use]
    pub fn open_minutes(&self) -> i64 {
        self.checkout_minutes.clamp(*CHECKOUT_MINUTES.start(), *CHECKOUT_MINUTES.end())
    }

    /// The text at Checkout's pay button; `until` is the day on which the credits expire. Stripe makes a link of the
    /// Markdown.
    #[must_use]
    pub fn checkout_text(&self, credits: Credits, until: &str) -> String {
        format!(
            "{} credits for {}, valid until {until}. Non-refundable. Used after your plan credits. [Terms]({})",
            credits.grouped(),
            self.name,
            self.terms_url
        )
    }

    /// Whether a Checkout that is complete is paid: no method is offered that clears later.
    #[must_use]
    pub fn pays_at_once(&self) -> bool {
        self.payment_methods.iter().all(|method| matches!(method.as_str(), "card" | "link"))
    }
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
    /// Whether a top-up lives on until seven days after a mail server took a reminder of it. Acts on top-ups
    /// that are credited from then on.
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
    #[serde(deserialize_with = "trimmed::text")]
    pub id: String,
    /// What customers call it.
    #[serde(deserialize_with = "trimmed::text")]
    pub name: String,
    /// Minor units a month.
    pub amount: i64,
    /// Whole credits a month.
    pub credits: i64,
    /// Whether it may buy top-ups.
    pub top_ups: bool,
    /// Its prices at Stripe.
    #[serde(default, deserialize_with = "trimmed::list")]
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
    #[serde(deserialize_with = "trimmed::text")]
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

/// Everything that a customer is shown of something for sale: what a form signs, a purchase stores, and is credited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Credits.
    pub credits: Credits,
    /// The price in minor units.
    pub amount: i64,
    /// ISO 4217, lower case.
    pub currency: String,
    /// Months of validity; 0 for a plan, whose credits last until the reset.
    pub months: i32,
}

/// A figure that usage may be counted in.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// Its key in `quantities`.
    #[serde(deserialize_with = "trimmed::text")]
    pub key: String,
    /// What customers read.
    #[serde(deserialize_with = "trimmed::text")]
    pub label: String,
    /// Its unit.
    #[serde(default, deserialize_with = "trimmed::text")]
    pub unit: String,
    /// Whether pages show the average of the usages that name it, and not the sum; unless said, of `latency_ms` alone.
    #[serde(default)]
    pub average: Option<bool>,
}

impl Metric {
    /// Whether its figure is an average.
    #[must_use]
    pub fn is_average(&self) -> bool {
        self.average.unwrap_or(self.key == "latency_ms")
    }
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

fn default_methods() -> Vec<String> {
    vec!["card".to_owned(), "link".to_owned()]
}

const fn default_minutes() -> i64 {
    60
}

impl Catalog {
    /// Reads and checks a `catalog.toml`.
    ///
    /// # Errors
    /// An unknown key, no plan, two of one id, a negative or absurd number, a larger package dearer per credit.
    pub fn parse(text: &str) -> Result<Self, CatalogError> {
        let raw = check::read(text)?;
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

    /// The plan that a price at Stripe is for.
    #[must_use]
    pub fn plan_of_price(&self, price: &str) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.stripe_prices.iter().any(|known| known == price))
    }

    /// Whether plans are sold through subscriptions at Stripe.
    #[must_use]
    pub fn sells_plans(&self) -> bool {
        self.plans.iter().any(|plan| !plan.stripe_prices.is_empty())
    }

    /// The plan of who pays for none: the cheapest, and of those the smallest.
    #[must_use]
    pub fn free_plan(&self) -> Option<&Plan> {
        self.plans.iter().min_by_key(|plan| (plan.amount, plan.credits))
    }

    /// The package of an id.
    #[must_use]
    pub fn package(&self, id: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.id == id)
    }

    /// What the package sells now.
    #[must_use]
    pub fn terms(&self, package: &Package) -> Terms {
        let (credits, currency) = (package.grants(), self.shop.currency.clone());
        Terms { credits, amount: package.amount, currency, months: self.rules.top_up_months }
    }

    /// What the plan sells now.
    #[must_use]
    pub fn plan_terms(&self, plan: &Plan) -> Terms {
        Terms { credits: plan.allowance(), amount: plan.amount, currency: self.shop.currency.clone(), months: 0 }
    }

    /// The metric of a key.
    #[must_use]
    pub fn metric(&self, key: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.key == key)
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
