//! The sentences that say what a rule does: to agree to, and in force.

use crate::domain::{Credits, Money};
use crate::usecases::auto_top_up::{ConsentPart, ConsentWords, consent_parts};
use crate::web::auto_top_up::terms::Terms;
use crate::web::ui::text::Text;

/// The names and settings that the sentence needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parties {
    pub shop: String,
    pub customer: String,
    /// Stripe adds tax to the price.
    pub plus_tax: bool,
}

/// The label of the box.
#[must_use]
pub fn consent(parties: &Parties, terms: &Terms) -> Text {
    let words = ConsentWords {
        shop: &parties.shop,
        customer: &parties.customer,
        plus_tax: parties.plus_tax,
        credits: terms.package.grants(),
        price: terms.price(),
        threshold: terms.threshold,
        cap: terms.cap.clone(),
    };
    consent_parts(words).into_iter().fold(Text::new(), |text, part| match part {
        ConsentPart::Words(words) => text.text(words),
        ConsentPart::Credits(credits) => text.credits(credits),
        ConsentPart::Money(money) => text.money(money),
    })
}

/// `When you have fewer than 500 credits, we buy 1,200 for $9, at most $50 in any 30 days`
#[must_use]
pub fn summary(credits: Credits, price: Money, threshold: Credits, cap: Money) -> Text {
    let text = Text::from("When you have fewer than ").counted(threshold, "").text(", we'll buy ").credits(credits);
    text.text(" for ").money(price).text(", at most ").money(cap).text(" in any 30 days")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Package;

    fn terms() -> Terms {
        let package = Package { id: "p1200".into(), credits: 1_200, amount: 900 };
        Terms { package, threshold: Credits::whole(500), cap: Money::new(5_000, "usd") }
    }

    #[test]
    fn the_label_begins_with_the_agreement_and_has_every_figure() {
        let check = |plus_tax, want: &str| {
            let parties = Parties { shop: "Gleaner".into(), customer: "Acme Data".into(), plus_tax };
            assert_eq!(consent(&parties, &terms()).to_string(), want);
        };
        check(
            false,
            "I agree: when Acme Data has fewer than 500 credits, or a request needs more than are left, Gleaner buys \
             1,200 credits for $9, or several times that at once, and charges the card that I save next, without \
             asking again, for at most $50 in any 30 days, tax included. Top-ups are non-refundable. I can switch this \
             off at any time.",
        );
        check(
            true,
            "I agree: when Acme Data has fewer than 500 credits, or a request needs more than are left, Gleaner buys \
             1,200 credits for $9 plus tax, or several times that at once, and charges the card that I save next, \
             without asking again, for at most $50 in any 30 days, tax included. Top-ups are non-refundable. I can \
             switch this off at any time.",
        );
    }

    #[test]
    fn the_summary_is_one_sentence() {
        let Terms { package, threshold, cap } = terms();
        let text = summary(package.grants(), Money::new(900, "usd"), threshold, cap);
        let want = "When you have fewer than 500 credits, we'll buy 1,200 for $9, at most $50 in any 30 days";
        assert_eq!(text.to_string(), want);
    }
}
