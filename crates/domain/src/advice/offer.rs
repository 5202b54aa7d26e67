//! The one thing to offer a customer who runs short of credits. Pages and emails ask the same function.

use super::{Basket, Choice, Verdict};
use crate::catalog::{Catalog, Package};

/// The package that fits a customer, and the cheapest mix that it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit<'a> {
    pub package: &'a Package,
    /// More than the one package.
    pub mix: Option<&'a Basket>,
}

impl<'a> Fit<'a> {
    /// The first package of the cheapest mix. `None` where a larger plan is cheaper and that advice is shown, or where
    /// nothing is known.
    #[must_use]
    pub fn new(verdict: Option<&'a Verdict>, is_advice_hidden: bool, catalog: &'a Catalog) -> Option<Self> {
        let verdict = verdict.filter(|verdict| is_advice_hidden || verdict.choice == Choice::TopUps)?;
        let basket = verdict.ahead.as_ref()?.buy.as_ref()?;
        let (first, count) = basket.packages.first()?;
        let is_mix = *count > 1 || basket.packages.len() > 1;
        Some(Self { package: catalog.package(first)?, mix: is_mix.then_some(basket) })
    }
}

/// A larger plan or a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer<'a> {
    /// The id of the larger plan that is cheaper.
    Plan(&'a str),
    /// The package that fits, or the smallest where nothing is known.
    Package(Fit<'a>),
}

impl<'a> Offer<'a> {
    /// The offer of a verdict. `None` if nothing is for sale.
    #[must_use]
    pub fn new(verdict: Option<&'a Verdict>, is_advice_hidden: bool, catalog: &'a Catalog) -> Option<Self> {
        match verdict.map(|verdict| &verdict.choice) {
            Some(Choice::Plan(plan)) if !is_advice_hidden => Some(Self::Plan(plan)),
            _ => {
                let smallest = || catalog.packages.iter().min_by_key(|package| package.credits);
                let smallest = || smallest().map(|package| Fit { package, mix: None });
                Fit::new(verdict, is_advice_hidden, catalog).or_else(smallest).map(Self::Package)
            }
        }
    }
}
