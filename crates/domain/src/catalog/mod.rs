//! The catalogue: the shop, its rules, plans, packages and metrics, read from `catalog.toml`.
//!
//! An invalid catalogue is refused whole, with the line and the reason.

mod check;
mod trimmed;

use crate::accent::Accent;
use crate::amount::Credits;
use serde::Deserialize;
use toml::Spanned;

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Shop {
    /// The shop's name, as customers know it.
    #[serde(deserialize_with = "trimmed::trimmed_text")]
    pub name: String,
    #[serde(deserialize_with = "trimmed::trimmed_text")]
    pub support_email: String,
    #[serde(deserialize_with = "trimmed::trimmed_text")]
    pub home_url: String,
    #[serde(deserialize_with = "trimmed::trimmed_text")]
    pub terms_url: String,
    /// The target of "Upgrade"; `{customer}` stands for the customer's id.
    #[serde(default, deserialize_with = "trimmed::optional")]
    pub upgrade_url: Option<String>,
    /// The image in place of the name, on pages and in emails.
    #[serde(default, deserialize_with = "trimmed::optional")]
    pub logo_url: Option<String>,
    /// The small image of browser tabs, and beside the name where there is no logo.
    #[serde(default, deserialize_with = "trimmed::optional")]
    pub icon_url: Option<String>,
    #[serde(default, deserialize_with = "trimmed::accent")]
    pub accent: Option<Accent>,
    /// The catalogue's one currency: ISO 4217, lower case.
    #[serde(deserialize_with = "trimmed::trimmed_text")]
    pub currency: String,
    /// A sentence about the worth of a credit.
    #[serde(default, deserialize_with = "trimmed::sentence")]
    pub credit_note: String,
    /// The worth of credits in the shop's own goods.
    #[serde(default)]
    pub equivalent: Option<Equivalent>,
    #[serde(default)]
    pub tax: Tax,
    /// True if buyers may give a tax id.
    #[serde(default)]
    pub tax_ids: bool,
    /// Stripe's payment methods for Checkout.
    #[serde(default = "default_methods", deserialize_with = "trimmed::trimmed_list")]
    pub payment_methods: Vec<String>,
    /// Minutes until a Checkout closes, 30 to 1,440; see [`Shop::open_minutes`].
    #[serde(default = "default_minutes")]
    pub checkout_minutes: i64,
}

/// Credits in the shop's own goods: 2 credits are about one page.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Equivalent {
    /// The goods, in the plural: "pages".
    #[serde(deserialize_with = "trimmed::trimmed_text")]
    pub unit: String,
    /// Whole credits of one.
    pub credits: i64,
}

/// The most characters that Stripe takes in the text at the pay button.
pub const CHECKOUT_TEXT_MAX: usize = 1_200;

/// Minutes for which a Checkout can be open. Stripe takes 30 minutes to 24 hours by its own clock, from the moment it
/// receives the request. A repeat of the request may come 10 minutes later, and clocks differ.
const CHECKOUT_MINUTES: std::ops::RangeInclusive<i64> = 40..=1_430;

impl Shop {
    /// `checkout_minutes` within Stripe's limits.
    #[must_use]
    pub fn open_minutes(&self) -> i64 {
        self.checkout_minutes.clamp(*CHECKOUT_MINUTES.start(), *CHECKOUT_MINUTES.end())
    }

    /// The text at Checkout's pay button; `until` is the day on which the credits expire. Stripe turns the Markdown
    /// into a link.
    #[must_use]
    pub fn checkout_text(&self, credits: Credits, until: &str) -> String {
        format!(
            "{} for {}, valid until {until}. Non-refundable. Used after your plan credits. [Terms]({})",
            credits.counted(),
            self.name,
            self.terms_url
        )
    }

    /// The origins of its images, each once, as a content security policy names them.
    #[must_use]
    pub fn image_origins(&self) -> Vec<String> {
        let urls = [&self.logo_url, &self.icon_url].into_iter().flatten();
        let mut origins: Vec<String> =
            urls.filter_map(|url| Some(url::Url::parse(url).ok()?.origin().ascii_serialization())).collect();
        origins.dedup();
        origins
    }

    /// True if a completed Checkout is paid: no method is offered that clears later.
    #[must_use]
    pub fn pays_at_once(&self) -> bool {
        self.payment_methods.iter().all(|method| matches!(method.as_str(), "card" | "link"))
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Tax {
    /// Prices are final.
    #[default]
    None,
    /// Stripe Tax computes tax.
    Stripe,
}

/// The state of top-ups on a plan that may not buy them (R7).
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum LapsedTopUps {
    /// Charges may draw them.
    #[default]
    Usable,
    /// Charges may not draw them; their dates still count.
    Paused,
}

/// The shop's numbers for the rules.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// Calendar months until a top-up expires (R9).
    pub top_up_months: i32,
    /// Days before the expiry at which a reminder is due (R16).
    pub reminder_days: Vec<i64>,
    pub lapsed_top_ups: LapsedTopUps,
    /// Days for which an unpaid plan stays (R6).
    pub grace_days: i64,
    /// True if a top-up lives until seven days after an email server took a reminder of it (R9). Acts on top-ups that
    /// are credited from then on.
    pub require_notice: bool,
    /// The most packages in one automatic purchase (R20).
    pub auto_top_up_max_packages: i64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            top_up_months: 12,
            reminder_days: vec![30, 7],
            lapsed_top_ups: LapsedTopUps::Usable,
            grace_days: 7,
            require_notice: false,
            auto_top_up_max_packages: 10,
        }
    }
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    #[serde(deserialize_with = "trimmed::trimmed_text")]
    pub id: String,
    #[serde(deserialize_with = "trimmed::trimmed_text")]
    pub name: String,
    /// Minor units a month.
    pub amount: i64,
    /// Whole credits a month.
    pub credits: i64,
    /// True if the plan may buy top-ups (R7).
    pub top_ups: bool,
    /// Ids of the plan's prices at Stripe.
    #[serde(default, deserialize_with = "trimmed::trimmed_list")]
    pub stripe_prices: Vec<String>,
}

impl Plan {
    #[must_use]
    pub const fn allowance(&self) -> Credits {
        Credits::whole(self.credits)
    }
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Package {
    #[serde(deserialize_with = "trimmed::trimmed_text")]
    pub id: String,
    /// Whole credits.
    pub credits: i64,
    /// Minor units.
    pub amount: i64,
}

impl Package {
    #[must_use]
    pub const fn grants(&self) -> Credits {
        Credits::whole(self.credits)
    }
}

/// The terms of a sale: shown to the customer, signed by the form, stored with the purchase, and credited (R19).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    pub credits: Credits,
    /// Minor units.
    pub amount: i64,
    /// ISO 4217, lower case.
    pub currency: String,
    /// Months of validity; 0 for a plan, whose credits last until the reset.
    pub months: i32,
}

/// A figure of usage.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// The key in `quantities`.
    #[serde(deserialize_with = "trimmed::trimmed_text")]
    pub key: String,
    /// The name for customers.
    #[serde(deserialize_with = "trimmed::trimmed_text")]
    pub label: String,
    #[serde(default, deserialize_with = "trimmed::trimmed_text")]
    pub unit: String,
    /// True if pages show the average over the usages that sent it, instead of the sum. The default is the sum, except
    /// for `latency_ms`.
    #[serde(default)]
    pub average: Option<bool>,
}

impl Metric {
    #[must_use]
    pub fn is_average(&self) -> bool {
        self.average.unwrap_or(self.key == "latency_ms")
    }
}

/// A valid catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalog {
    pub shop: Shop,
    pub rules: Rules,
    /// Plans, smallest allowance first.
    pub plans: Vec<Plan>,
    /// Packages, smallest first.
    pub packages: Vec<Package>,
    pub metrics: Vec<Metric>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct CatalogError {
    /// Counted from 1.
    pub line: usize,
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
    /// An unknown key, no plan, a repeated id, a negative or absurd number, a larger package that is dearer per credit.
    pub fn parse(text: &str) -> Result<Self, CatalogError> {
        let raw = check::read_file(text)?;
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

    #[must_use]
    pub fn plan(&self, id: &str) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.id == id)
    }

    /// The plan of a price at Stripe.
    #[must_use]
    pub fn plan_of_price(&self, price: &str) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.stripe_prices.iter().any(|known| known == price))
    }

    /// True if plans are sold as subscriptions at Stripe.
    #[must_use]
    pub fn sells_plans(&self) -> bool {
        self.plans.iter().any(|plan| !plan.stripe_prices.is_empty())
    }

    /// The plan without payment: the cheapest one, and the smallest of these.
    #[must_use]
    pub fn free_plan(&self) -> Option<&Plan> {
        self.plans.iter().min_by_key(|plan| (plan.amount, plan.credits))
    }

    #[must_use]
    pub fn package(&self, id: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.id == id)
    }

    /// The package's terms now.
    #[must_use]
    pub fn terms(&self, package: &Package) -> Terms {
        let (credits, currency) = (package.grants(), self.shop.currency.clone());
        Terms { credits, amount: package.amount, currency, months: self.rules.top_up_months }
    }

    /// The plan's terms now.
    #[must_use]
    pub fn plan_terms(&self, plan: &Plan) -> Terms {
        Terms { credits: plan.allowance(), amount: plan.amount, currency: self.shop.currency.clone(), months: 0 }
    }

    #[must_use]
    pub fn metric(&self, key: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.key == key)
    }

    /// The monthly allowance of a plan; 0 if the catalogue lacks the plan.
    #[must_use]
    pub fn allowance(&self, plan: &str) -> Credits {
        self.plan(plan).map_or(Credits::ZERO, Plan::allowance)
    }

    /// True if the plan may buy top-ups (R7).
    #[must_use]
    pub fn may_buy(&self, plan: &str) -> bool {
        self.plan(plan).is_some_and(|plan| plan.top_ups)
    }

    /// True if the plan pauses top-ups (R7).
    #[must_use]
    pub fn pauses_top_ups(&self, plan: &str) -> bool {
        self.rules.lapsed_top_ups == LapsedTopUps::Paused && !self.may_buy(plan)
    }
}
