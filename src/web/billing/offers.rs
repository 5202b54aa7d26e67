//! "Buy a top-up": the adviser, the packages with their forms, or the reason why there are none.

use crate::domain::catalog::Equivalent;
use crate::domain::{Credits, Money, Package};
use crate::web::billing::advice::{AdviceBox, AdviceWords};
use crate::web::billing::auto_line::{AutoLine, AutoTopUpLine};
use crate::web::billing::low_mark::{LowMark, LowMarkForm};
use crate::web::billing::may_buy::{Lock, MayBuy};
use crate::web::ui::badge::{Badge, BadgeText, Tone};
use crate::web::ui::buy_form::{BuyFields, BuyForm};
use crate::web::ui::money::{Amount, Price};
use leptos::prelude::*;

/// The section's data.
#[derive(Clone, Debug)]
pub struct Offers {
    pub may_buy: MayBuy,
    /// The page where plans are changed.
    pub upgrade: String,
    pub advice: Option<AdviceWords>,
    /// Smallest first.
    pub offers: Vec<PackageCard>,
    pub terms: OfferTerms,
    /// A sentence about the price of a job.
    pub credit_note: String,
    pub low_mark: LowMark,
    /// None where the plan cannot buy and nothing is agreed.
    pub auto_top_up: Option<AutoLine>,
}

/// The terms of every package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfferTerms {
    /// The months that a top-up is valid.
    pub months: i32,
    /// Stripe adds tax.
    pub plus_tax: bool,
}

/// A package for sale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageCard {
    /// The catalogue's id.
    package: String,
    pub credits: Credits,
    pub price: Money,
    /// Credits and price of the smallest package.
    smallest: (Credits, i64),
    /// `≈ 600 pages`
    worth: Option<String>,
    /// The advice marks it.
    fits: bool,
    /// For those who may buy.
    form: Option<BuyForm>,
}

/// The shop's packages.
pub struct Shelf<'a> {
    pub packages: &'a [Package],
    pub currency: &'a str,
    pub equivalent: Option<&'a Equivalent>,
    /// The id of the package that fits.
    pub fits: Option<&'a str>,
}

impl PackageCard {
    /// The offers, smallest first; `form` makes a Buy form for those who may buy.
    pub fn list(shelf: &Shelf<'_>, may_buy: &MayBuy, form: impl Fn(&Package) -> BuyForm) -> Vec<Self> {
        let mut packages: Vec<&Package> = shelf.packages.iter().collect();
        packages.sort_by_key(|package| package.credits);
        let smallest = packages.first().map_or((Credits::whole(1), 0), |package| (package.grants(), package.amount));
        let offer = |package: &Package| Self {
            package: package.id.clone(),
            credits: package.grants(),
            price: Money::new(package.amount, shelf.currency),
            smallest,
            worth: shelf.equivalent.and_then(|equivalent| worth(package, equivalent)),
            fits: shelf.fits == Some(package.id.as_str()),
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

/// `≈ 600 pages`
fn worth(package: &Package, equivalent: &Equivalent) -> Option<String> {
    let units = package.credits / equivalent.credits.max(1);
    (units > 0).then(|| format!("≈ {} {}", Credits::whole(units).grouped(), equivalent.unit))
}

/// The price of 1,000 credits, rounded half up to the minor unit.
pub fn per_thousand(credits: Credits, price: &Money) -> Money {
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

impl OfferTerms {
    /// `Valid 12 months · Non-refundable · Used after your plan credits · Plus tax`
    fn words(self) -> String {
        let unit = if self.months == 1 { "month" } else { "months" };
        let tax = if self.plus_tax { " · Plus tax" } else { "" };
        format!("Valid {} {unit} · Non-refundable · Used after your plan credits{tax}", self.months)
    }
}

/// The region "Buy a top-up".
#[component]
pub fn BuyTopUp(offers: Offers) -> impl IntoView {
    let lock = offers.may_buy.lock();
    let upgrades = matches!(offers.may_buy, MayBuy::PlanCannot { .. });
    let upgrade = upgrades.then(|| offers.upgrade.clone());
    let cards = offers.offers.into_iter().map(|offer| view! { <Card offer upgrades /> }).collect_view();
    let note = (!offers.credit_note.is_empty()).then(|| view! { <span>{offers.credit_note}</span> });
    view! {
        <section aria-labelledby="buy">
            <h2 id="buy">"Buy a top-up"</h2>
            {lock.map(|lock| view! { <LockBox lock upgrade /> })}
            <div data-live="advice">{offers.advice.map(|advice| view! { <AdviceBox advice /> })}</div>
            <ul class="offers">{cards}</ul>
            <p class="after ends">
                <span>{offers.terms.words()}</span>
                {note}
            </p>
            {offers.auto_top_up.map(|line| view! { <AutoTopUpLine line /> })}
            <LowMarkForm low_mark=offers.low_mark />
        </section>
    }
    .into_any()
}

#[component]
fn LockBox(lock: Lock, upgrade: Option<String>) -> impl IntoView {
    let upgrade = upgrade.map(|href| {
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
    .into_any()
}

#[component]
fn Card(offer: PackageCard, upgrades: bool) -> impl IntoView {
    let (per_thousand, buys, fits_you) = (offer.per_thousand(), offer.form.is_some(), offer.fits);
    let saving = offer.saving().map(|percent| {
        let badge = Badge::new(Tone::Good, format!("Save {percent}%"));
        view! { <BadgeText badge /> }
    });
    let fits = fits_you.then(|| view! { <BadgeText badge=Badge::new(Tone::Info, "Fits you") /> });
    let worth = offer.worth.clone().map(|worth| view! { <p class="note worth">{worth}</p> });
    view! {
        <li class="card offer" class:buys=buys class:fits=fits_you>
            <div class="ends">
                <h3>
                    <Amount credits=offer.credits />
                    {format!(" {}", offer.credits.noun())}
                </h3>
                {fits}
            </div>
            <p class="figure">
                <Price money=offer.price.clone() />
            </p>
            <p class="note per">
                <span><Price money=per_thousand long=true /> " per 1,000"</span> " " {saving}
            </p>
            {worth}
            <CardButton offer upgrades />
        </li>
    }
    .into_any()
}

/// The button that buys. Its name begins with the visible text. It is a label and no hidden text, since a hidden element
/// would put a space before its comma.
#[component]
fn CardButton(offer: PackageCard, upgrades: bool) -> impl IntoView {
    let spoken = format!("{} {}", offer.credits.grouped(), offer.credits.noun());
    match offer.form {
        Some(form) => {
            let name = format!("Buy for {}, {spoken}", offer.price.short());
            view! {
                <BuyFields form>
                    <button class="button buy" aria-label=name>
                        "Buy for " <Price money=offer.price />
                    </button>
                </BuyFields>
            }
            .into_any()
        }
        None if upgrades => view! {
            <a class="button" href=upgrade_path(&offer.package) aria-label=format!("Upgrade to buy {spoken}")>
                "Upgrade to buy"
            </a>
        }
        .into_any(),
        None => ().into_any(),
    }
}

/// The way to the page of plans that remembers the wanted package.
fn upgrade_path(package: &str) -> String {
    let package: String = url::form_urlencoded::byte_serialize(package.as_bytes()).collect();
    format!("/upgrade?package={package}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::document::without_marks;

    fn offer(credits: i64, amount: i64) -> PackageCard {
        let smallest = (Credits::whole(1_200), 900);
        let (credits, price) = (Credits::whole(credits), Money::new(amount, "usd"));
        PackageCard { package: "p".into(), credits, price, smallest, worth: None, fits: false, form: None }
    }

    #[test]
    fn a_larger_package_says_what_it_saves_per_credit() {
        let check = |credits: i64, price: i64, per_thousand: &str, saving: Option<i64>| {
            let offer = offer(credits, price);
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
    fn a_package_says_its_worth_in_the_shops_goods() {
        let package = |credits| Package { id: "p".into(), credits, amount: 900 };
        let pages = Equivalent { unit: "pages".into(), credits: 2 };
        assert_eq!(worth(&package(1_200), &pages).as_deref(), Some("≈ 600 pages"));
        assert_eq!(worth(&package(50_000), &pages).as_deref(), Some("≈ 25,000 pages"));
        assert_eq!(worth(&package(1), &pages), None);
    }

    #[test]
    fn tax_is_named_only_where_it_is_on() {
        let words = |months, plus_tax| OfferTerms { months, plus_tax }.words();
        assert_eq!(words(12, false), "Valid 12 months · Non-refundable · Used after your plan credits");
        assert_eq!(words(1, true), "Valid 1 month · Non-refundable · Used after your plan credits · Plus tax");
    }

    #[test]
    fn one_credit_is_one_credit() {
        let html = without_marks(
            &Owner::new_root(None).with(|| view! { <Card offer=offer(1, 900) upgrades=false /> }.to_html()),
        );
        assert!(html.contains("</data> credit</h3>") || html.contains(">1</data> credit<"), "{html}");
    }
}
