//! Package, threshold and cap: what the form was sent with, the defaults, and the mistakes at their fields.

use crate::domain::auto_top_up::Agreement;
use crate::domain::catalog::Tax;
use crate::domain::money::decimals;
use crate::domain::{Catalog, Credits, Money, Package};
use crate::web::ui::money;

/// The most that Stripe charges at once, in minor units.
const CAP_MAX: i64 = 99_999_999;
/// A default cap is a multiple of this many whole units of the currency.
const CAP_STEP: i64 = 5;

/// What a customer would agree to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    pub package: Package,
    pub threshold: Credits,
    pub cap: Money,
}

impl Terms {
    #[must_use]
    pub fn price(&self) -> Money {
        Money::new(self.package.amount, &self.cap.currency)
    }

    #[must_use]
    pub fn agreement(&self) -> Agreement {
        Agreement {
            package: self.package.id.clone(),
            price: self.package.amount,
            currency: self.cap.currency.clone(),
            threshold: self.threshold,
            cap: self.cap.minor,
        }
    }

    /// The terms in force; none if the package is gone.
    #[must_use]
    pub fn of_agreement(catalog: &Catalog, agreed: &Agreement) -> Option<Self> {
        let package = catalog.package(&agreed.package)?.clone();
        Some(Self { package, threshold: agreed.threshold, cap: Money::new(agreed.cap, &catalog.shop.currency) })
    }

    /// Defaults for a customer: the package that fits, the low mark, and a package more than a month needs at this pace.
    #[must_use]
    pub fn default_of(
        catalog: &Catalog,
        fit: Option<&Package>,
        low_mark: Credits,
        monthly: Option<i64>,
    ) -> Option<Self> {
        let smallest = || catalog.packages.iter().min_by_key(|package| package.credits);
        let package = fit.or_else(smallest)?.clone();
        let threshold = if low_mark.is_positive() { low_mark } else { Credits(package.grants().0 / 10) };
        let packages = monthly.unwrap_or(1).max(1).saturating_add(1);
        let cap = package.amount.saturating_mul(packages);
        // A quarter more, where tax comes on top.
        let cap = if catalog.shop.tax == Tax::Stripe { cap.saturating_add(cap / 4) } else { cap };
        let step = CAP_STEP * 10_i64.pow(decimals(&catalog.shop.currency));
        let cap = (cap.saturating_add(step - 1) / step).saturating_mul(step).min(CAP_MAX);
        let threshold = threshold.max(Credits::whole(1));
        Some(Self { package, threshold, cap: Money::new(cap, &catalog.shop.currency) })
    }

    /// The address of the page with these terms.
    #[must_use]
    pub fn query(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("package", &self.package.id);
        query.append_pair("below", &self.threshold.to_string());
        query.append_pair("cap", &money::plain(&self.cap));
        query.finish()
    }
}

/// A field of the form: its text, and its mistake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typed {
    pub text: String,
    pub error: Option<String>,
}

impl Typed {
    fn right(text: String) -> Self {
        Self { text, error: None }
    }
}

/// The form as it was sent, or its defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentTerms {
    /// The package's id.
    pub package: String,
    pub threshold: Typed,
    pub cap: Typed,
    /// None where a field is wrong.
    pub terms: Option<Terms>,
}

impl SentTerms {
    /// Reads the sent fields; those that are missing have the value of `default`.
    #[must_use]
    pub fn read(catalog: &Catalog, default: &Terms, field: impl Fn(&str) -> Option<String>) -> Self {
        let package = field("package").and_then(|id| catalog.package(&id)).unwrap_or(&default.package).clone();
        let price = Money::new(package.amount, &catalog.shop.currency);
        let (threshold, threshold_field) = match field("below") {
            None => (Some(default.threshold), Typed::right(default.threshold.to_string())),
            Some(text) => {
                let read = read_threshold(&text);
                let error = read.is_none().then(|| "Enter at least 1 credit, in digits, such as 500.".to_owned());
                (read, Typed { text, error })
            }
        };
        let (cap, cap_field) = match field("cap") {
            None => {
                // The default may be too small for another package.
                let fits = default.cap.minor >= price.minor;
                let cap = if fits { default.cap.clone() } else { Money::new(price.minor * 2, &price.currency) };
                (Some(cap.clone()), Typed::right(money::plain(&cap)))
            }
            Some(text) => match read_cap(&text, &price) {
                Ok(cap) => (Some(cap), Typed::right(text)),
                Err(error) => (None, Typed { text, error: Some(error) }),
            },
        };
        let terms = threshold.zip(cap).map(|(threshold, cap)| Terms { package: package.clone(), threshold, cap });
        Self { package: package.id, threshold: threshold_field, cap: cap_field, terms }
    }
}

fn read_threshold(text: &str) -> Option<Credits> {
    let credits = Credits::parse_typed(text).ok()?;
    (credits >= Credits::whole(1) && credits <= Credits::MAX_REQUEST).then_some(credits)
}

fn read_cap(text: &str, price: &Money) -> Result<Money, String> {
    let cap = money::read(text, &price.currency);
    let cap = cap.ok_or_else(|| "Enter an amount in digits, such as 50 or 49.50.".to_owned())?;
    if cap.minor < price.minor {
        return Err(format!("Enter at least {}, the price of one package.", price.short()));
    }
    if cap.minor > CAP_MAX {
        return Err(format!("Enter at most {}.", Money::new(CAP_MAX, &price.currency).short()));
    }
    Ok(cap)
}

#[cfg(test)]
#[path = "terms_tests.rs"]
mod tests;
