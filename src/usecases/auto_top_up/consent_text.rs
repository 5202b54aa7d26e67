//! The sentence of a consent, in parts: the page shows them, and the consent stores them as text.

use crate::domain::{Credits, Money};
use std::fmt;

/// What the sentence says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentWords<'a> {
    pub shop: &'a str,
    pub customer: &'a str,
    /// Stripe adds tax to the price.
    pub plus_tax: bool,
    /// Of one package.
    pub credits: Credits,
    pub price: Money,
    pub threshold: Credits,
    pub cap: Money,
}

/// A part of the sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsentPart {
    Words(String),
    /// Digits only.
    Credits(Credits),
    Money(Money),
}

impl fmt::Display for ConsentPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words(words) => f.write_str(words),
            Self::Credits(credits) => f.write_str(&credits.grouped()),
            Self::Money(money) => f.write_str(&money.short()),
        }
    }
}

/// The label of the box. It is stored as it is shown, so it says everything: when, what, how much, who is charged.
#[must_use]
pub fn consent_parts(words: ConsentWords<'_>) -> [ConsentPart; 9] {
    let ConsentWords { shop, customer, plus_tax, credits, price, threshold, cap } = words;
    let tax = if plus_tax { " plus tax" } else { "" };
    let say = ConsentPart::Words;
    [
        say(format!("I agree: when {customer} has fewer than ")),
        ConsentPart::Credits(threshold),
        say(format!(" {}, or a request needs more than are left, {shop} buys ", threshold.noun())),
        ConsentPart::Credits(credits),
        say(format!(" {} for ", credits.noun())),
        ConsentPart::Money(price),
        say(format!(
            "{tax}, or several times that at once, and charges the card that I save next, without asking again, for at \
             most "
        )),
        ConsentPart::Money(cap),
        say(" in any 30 days, tax included. Top-ups are non-refundable. I can switch this off at any time.".to_owned()),
    ]
}
