//! Checks of a catalogue. Each error names its line.

use super::{CHECKOUT_TEXT_MAX, CatalogError, Metric, Package, Plan, Rules, Shop};
use crate::amount::Credits;
use crate::money::{self, Money};
use crate::text;
use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CatalogFile {
    pub shop: Spanned<Shop>,
    #[serde(default)]
    pub rules: Option<Spanned<Rules>>,
    #[serde(default)]
    pub plan: Vec<Spanned<Plan>>,
    #[serde(default)]
    pub package: Vec<Spanned<Package>>,
    #[serde(default)]
    pub metric: Vec<Spanned<Metric>>,
}

/// Reads a catalogue and refuses an invalid one.
pub(super) fn read_file(text: &str) -> Result<CatalogFile, CatalogError> {
    let mut check = Check { text, keys: DeTable::default() };
    let raw: CatalogFile =
        toml::from_str(text).map_err(|e| check.error(e.span().map_or(0, |span| span.start), e.message().to_owned()))?;
    check.keys = DeTable::parse(text).map(Spanned::into_inner).unwrap_or_default();
    check_shop(&check, &raw.shop)?;
    if let Some(rules) = &raw.rules {
        check_rules(&check, rules)?;
    }
    let currency = &raw.shop.get_ref().currency;
    check_plans(&check, &raw.plan, money::smallest_step(currency))?;
    check_packages(&check, &raw.package, currency)?;
    check_checkout_text(&check, &raw)?;
    check_metrics(&check, &raw.metric)?;
    Ok(raw)
}

/// The longest name, label or sentence of a shop, in characters.
const WORDS_MAX: usize = 500;

/// Builds errors with the line of a key.
struct Check<'a> {
    text: &'a str,
    /// The same text with the position of every key.
    keys: DeTable<'a>,
}

/// A table of the catalogue: `shop`, `rules`, or the n-th `plan`, `package` or `metric`.
#[derive(Clone, Copy)]
struct TablePosition {
    table: &'static str,
    number: usize,
    /// The table's first byte.
    at: usize,
}

impl Check<'_> {
    /// Fails unless `good`, at the line of `key`; an absent key has the table's line.
    fn require(
        &self,
        good: bool,
        place: TablePosition,
        key: &str,
        reason: impl FnOnce() -> String,
    ) -> Result<(), CatalogError> {
        if good { Ok(()) } else { Err(self.error(self.key(place, key).unwrap_or(place.at), reason())) }
    }

    /// A text of the shop that customers read.
    fn words(&self, place: TablePosition, key: &str, what: &str, words: &str) -> Result<(), CatalogError> {
        text::check_line(words, WORDS_MAX).or_else(|e| self.require(false, place, key, || format!("{what} {e}")))
    }

    fn key(&self, place: TablePosition, key: &str) -> Option<usize> {
        let table = match self.keys.get(place.table)?.get_ref() {
            DeValue::Array(tables) => tables.get(place.number)?.get_ref(),
            table => table,
        };
        let (key, _) = table.as_table()?.get_key_value(key)?;
        Some(key.span().start)
    }

    fn error(&self, at: usize, reason: String) -> CatalogError {
        let line = self.text.get(..at).map_or(1, |before| before.matches('\n').count() + 1);
        CatalogError { line, reason }
    }
}

fn check_shop(check: &Check<'_>, shop: &Spanned<Shop>) -> Result<(), CatalogError> {
    let (at, shop) = (TablePosition { table: "shop", number: 0, at: shop.span().start }, shop.get_ref());
    check.words(at, "name", "shop.name", &shop.name)?;
    if !shop.credit_note.is_empty() {
        check.words(at, "credit_note", "shop.credit_note", &shop.credit_note)?;
    }
    if let Some(equivalent) = &shop.equivalent {
        check.words(at, "equivalent", "shop.equivalent.unit", &equivalent.unit)?;
        let good = equivalent.credits >= 1;
        check.require(good, at, "equivalent", || "shop.equivalent.credits is below 1".to_owned())?;
    }
    check.require(shop.support_email.contains('@'), at, "support_email", || {
        "shop.support_email is no e-mail address".to_owned()
    })?;
    let currency = shop.currency.len() == 3 && shop.currency.bytes().all(|b| b.is_ascii_lowercase());
    check.require(currency, at, "currency", || "shop.currency is not three lower-case letters".to_owned())?;
    check.require(money::is_charged_in(&shop.currency), at, "currency", || {
        format!("shop.currency {:?} is none that Stripe charges in", shop.currency)
    })?;
    let minutes = (30..=1_440).contains(&shop.checkout_minutes);
    check.require(minutes, at, "checkout_minutes", || "shop.checkout_minutes is not between 30 and 1440".to_owned())?;
    check.require(!shop.payment_methods.is_empty(), at, "payment_methods", || {
        "shop.payment_methods is empty".to_owned()
    })?;
    for (number, method) in shop.payment_methods.iter().enumerate() {
        let word = (1..=64).contains(&method.len())
            && method.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        check.require(word, at, "payment_methods", || {
            format!("shop.payment_methods has {method:?}, which is no method of Stripe's such as \"card\"")
        })?;
        let new = !shop.payment_methods[..number].contains(method);
        check.require(new, at, "payment_methods", || format!("shop.payment_methods has {method:?} twice"))?;
    }
    check_urls(check, at, shop)
}

fn check_urls(check: &Check<'_>, at: TablePosition, shop: &Shop) -> Result<(), CatalogError> {
    let images = [("logo_url", shop.logo_url.as_ref()), ("icon_url", shop.icon_url.as_ref())];
    for (key, url) in images.into_iter().filter_map(|(key, url)| Some((key, url?))) {
        check.require(is_image_address(url), at, key, || {
            format!(
                "shop.{key} {url:?} is no https address of an image, such as https://www.example.com/logo.png; only \
                 localhost may be http"
            )
        })?;
    }
    let urls = [
        ("home_url", Some(&shop.home_url)),
        ("terms_url", Some(&shop.terms_url)),
        ("upgrade_url", shop.upgrade_url.as_ref()),
    ];
    for (key, url) in urls.into_iter().filter_map(|(key, url)| Some((key, url?))) {
        check.require(is_web_address(url), at, key, || {
            format!(
                "shop.{key} {url:?} is no address of a page; a whole one is meant, such as https://www.example.com/page"
            )
        })?;
    }
    Ok(())
}

/// A complete web address. Emails and Stripe cannot resolve a relative one.
fn is_web_address(text: &str) -> bool {
    let text = text.replace("{customer}", "customer");
    let is_web = ["https://", "http://"].iter().any(|scheme| text.starts_with(scheme));
    let bare = |url: url::Url| url.has_host() && url.username().is_empty() && url.password().is_none();
    is_web && !text.contains(char::is_whitespace) && url::Url::parse(&text).is_ok_and(bare)
}

/// Pages and emails load the image from there. A content security policy can't name a host such as `[::1]`.
fn is_image_address(text: &str) -> bool {
    let host = |url: &url::Url| match url.host_str() {
        Some("localhost" | "127.0.0.1") => true,
        Some(host) => url.scheme() == "https" && !host.starts_with('['),
        None => false,
    };
    is_web_address(text) && !text.contains(['{', '}']) && url::Url::parse(text).is_ok_and(|url| host(&url))
}

fn check_rules(check: &Check<'_>, rules: &Spanned<Rules>) -> Result<(), CatalogError> {
    let (at, rules) = (TablePosition { table: "rules", number: 0, at: rules.span().start }, rules.get_ref());
    let months = (1..=120).contains(&rules.top_up_months);
    check.require(months, at, "top_up_months", || "rules.top_up_months is not between 1 and 120".into())?;
    check.require((0..=60).contains(&rules.grace_days), at, "grace_days", || {
        "rules.grace_days is not between 0 and 60".into()
    })?;
    let packages = (1..=1_000).contains(&rules.auto_top_up_max_packages);
    check.require(packages, at, "auto_top_up_max_packages", || {
        "rules.auto_top_up_max_packages is not between 1 and 1000".into()
    })?;
    let has_reminder = !rules.require_notice || !rules.reminder_days.is_empty();
    check.require(has_reminder, at, "require_notice", || {
        "rules.require_notice needs reminder_days: without a reminder no top-up would ever expire".into()
    })?;
    let days = rules.reminder_days.iter().all(|days| (1..=365).contains(days));
    check.require(days, at, "reminder_days", || "rules.reminder_days are not between 1 and 365".into())
}

fn check_id(
    check: &Check<'_>,
    at: TablePosition,
    key: &str,
    id: &str,
    seen: &mut Vec<String>,
) -> Result<(), CatalogError> {
    let what = at.table;
    let good = (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    check.require(good, at, key, || format!("{what} id {id:?} is not 1 to 64 of A–Z a–z 0–9 . _ -"))?;
    check.require(!seen.iter().any(|other| other == id), at, key, || format!("two of {what} id {id:?}"))?;
    seen.push(id.to_owned());
    Ok(())
}

/// The most whole credits of one grant: R1's limit of a request.
const CREDITS_MAX: i64 = 1_000_000_000;
/// Stripe's limit of a price, in minor units.
const AMOUNT_MAX: i64 = 99_999_999;

fn check_plans(check: &Check<'_>, plans: &[Spanned<Plan>], step: i64) -> Result<(), CatalogError> {
    check.require(!plans.is_empty(), TablePosition { table: "plan", number: 0, at: 0 }, "", || {
        "there is no [[plan]]".to_owned()
    })?;
    let (mut seen, mut prices) = (Vec::new(), Vec::new());
    for (number, plan) in plans.iter().enumerate() {
        let (at, plan) = (TablePosition { table: "plan", number, at: plan.span().start }, plan.get_ref());
        check_id(check, at, "id", &plan.id, &mut seen)?;
        check.words(at, "name", &format!("the name of plan {:?}", plan.id), &plan.name)?;
        check.require(plan.amount >= 0, at, "amount", || format!("plan {:?} has a negative price", plan.id))?;
        let price = plan.amount <= AMOUNT_MAX && plan.amount % step == 0;
        check.require(price, at, "amount", || format!("plan {:?} has a price that Stripe does not take", plan.id))?;
        let credits = (0..=CREDITS_MAX).contains(&plan.credits);
        check
            .require(credits, at, "credits", || format!("plan {:?} has credits outside 0 to {CREDITS_MAX}", plan.id))?;
        for price in &plan.stripe_prices {
            let id = (1..=255).contains(&price.len()) && price.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            check.require(id, at, "stripe_prices", || {
                format!("plan {:?} has a price {price:?}, which is no id", plan.id)
            })?;
            let new = !prices.contains(&price);
            check.require(new, at, "stripe_prices", || format!("price {price:?} is there twice"))?;
            prices.push(price);
        }
    }
    Ok(())
}

fn check_packages(check: &Check<'_>, packages: &[Spanned<Package>], currency: &str) -> Result<(), CatalogError> {
    let (step, least) = (money::smallest_step(currency), money::smallest_charge(currency).unwrap_or(1));
    let mut seen = Vec::new();
    for (number, package) in packages.iter().enumerate() {
        let (at, package) = (TablePosition { table: "package", number, at: package.span().start }, package.get_ref());
        check_id(check, at, "id", &package.id, &mut seen)?;
        check
            .require(package.amount >= 0, at, "amount", || format!("package {:?} has a negative price", package.id))?;
        let price = (1..=AMOUNT_MAX).contains(&package.amount) && package.amount % step == 0;
        check.require(price, at, "amount", || {
            format!("package {:?} has a price that Stripe does not take", package.id)
        })?;
        let credits = (1..=CREDITS_MAX).contains(&package.credits);
        check.require(credits, at, "credits", || {
            format!("package {:?} has credits outside 1 to {CREDITS_MAX}", package.id)
        })?;
        for other in packages.iter().map(Spanned::get_ref) {
            let dearer = other.credits < package.credits
                && i128::from(package.amount) * i128::from(other.credits)
                    > i128::from(other.amount) * i128::from(package.credits);
            check.require(!dearer, at, "amount", || {
                format!("package {:?} is larger than {:?} and dearer per credit", package.id, other.id)
            })?;
        }
        check.require(package.amount >= least, at, "amount", || {
            let (price, least) = (Money::new(package.amount, currency).long(), Money::new(least, currency).long());
            format!("package {:?} costs {price}, less than Stripe charges: {least} is the least", package.id)
        })?;
    }
    Ok(())
}

/// The text at the pay button has the shop's name and the address of its terms.
fn check_checkout_text(check: &Check<'_>, raw: &CatalogFile) -> Result<(), CatalogError> {
    let (shop, at) = (raw.shop.get_ref(), TablePosition { table: "shop", number: 0, at: raw.shop.span().start });
    let credits = raw.package.iter().map(|package| package.get_ref().grants()).max().unwrap_or(Credits::ZERO);
    let length = shop.checkout_text(credits, "30 Sep 2026").chars().count();
    let key = if shop.terms_url.len() >= shop.name.len() { "terms_url" } else { "name" };
    check.require(length <= CHECKOUT_TEXT_MAX, at, key, || {
        format!(
            "shop.{key} is too long: it makes a text at the pay button of {length} characters, and Stripe takes \
             {CHECKOUT_TEXT_MAX}"
        )
    })
}

/// A metric is one row for each day and customer, and a chart.
const METRICS_MAX: usize = 100;
/// The fixed columns of the usage file.
const USAGE_COLUMNS: [&str; 7] = ["first_day", "last_day", "credits", "plan", "bonus", "top_up", "usages"];

fn check_metrics(check: &Check<'_>, metrics: &[Spanned<Metric>]) -> Result<(), CatalogError> {
    let mut seen = Vec::new();
    metrics.iter().enumerate().try_for_each(|(number, metric)| {
        let (at, metric) = (TablePosition { table: "metric", number, at: metric.span().start }, metric.get_ref());
        check.require(number < METRICS_MAX, at, "key", || format!("there are more than {METRICS_MAX} of metric"))?;
        check_id(check, at, "key", &metric.key, &mut seen)?;
        let free = !USAGE_COLUMNS.contains(&metric.key.as_str());
        check.require(free, at, "key", || {
            format!("metric key {:?} is a column of the usage file already", metric.key)
        })?;
        check.words(at, "label", &format!("the label of metric {:?}", metric.key), &metric.label)?;
        if metric.unit.is_empty() {
            return Ok(());
        }
        check.words(at, "unit", &format!("the unit of metric {:?}", metric.key), &metric.unit)
    })
}
