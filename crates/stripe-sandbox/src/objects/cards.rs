//! Stripe's test cards that the sandbox knows, and their answers.
//!
//! A card's fingerprint depends on its number alone.

use serde_json::{Value, json};

use super::json::{number, text};

/// A test card, by its number.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TestCard {
    pub number: &'static str,
    /// Its answer to each charge.
    pub answer: Answer,
    /// The status of the dispute that follows its payment.
    pub dispute: Option<&'static str>,
    /// True if it is declined when it is saved, too.
    pub refuses_setup: bool,
}

/// The answer of a card's bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Pays,
    /// The cardholder must confirm each payment.
    Asks,
    Declines(Decline),
}

/// The reason of a decline, in Stripe's codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decline {
    pub code: &'static str,
    pub decline_code: &'static str,
    pub advice_code: &'static str,
    pub message: &'static str,
}

const fn decline(code: &'static str, reason: &'static str, advice: &'static str, message: &'static str) -> Decline {
    Decline { code, decline_code: reason, advice_code: advice, message }
}

const GENERIC: Decline = decline("card_declined", "generic_decline", "try_again_later", "Your card was declined.");

const DECLINES: [Decline; 9] = [
    GENERIC,
    decline("card_declined", "insufficient_funds", "try_again_later", "Your card has insufficient funds."),
    decline("card_declined", "lost_card", "do_not_try_again", "Your card was declined."),
    decline("card_declined", "stolen_card", "do_not_try_again", "Your card was declined."),
    decline("card_declined", "pickup_card", "do_not_try_again", "Your card was declined."),
    decline("card_declined", "fraudulent", "do_not_try_again", "Your card was declined."),
    decline("card_declined", "do_not_honor", "do_not_try_again", "Your card was declined."),
    decline("expired_card", "expired_card", "confirm_card_data", "Your card has expired."),
    decline(
        "authentication_required",
        "authentication_required",
        "",
        "Your card was declined. This transaction requires authentication.",
    ),
];

impl Decline {
    /// The failure of the cardholder's own step.
    pub const UNCONFIRMED: Decline = decline(
        "payment_intent_authentication_failure",
        "",
        "",
        "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new \
         PaymentMethod to attempt to fulfill this PaymentIntent again.",
    );

    pub const EXPIRED: Decline = DECLINES[7];

    /// The decline with this `decline_code`.
    pub fn named(decline_code: &str) -> Option<Decline> {
        DECLINES.into_iter().find(|one| one.decline_code == decline_code)
    }
}

const fn card(number: &'static str, answer: Answer) -> TestCard {
    TestCard { number, answer, dispute: None, refuses_setup: false }
}

const GOOD: TestCard = card("4242424242424242", Answer::Pays);

static CARDS: [TestCard; 9] = [
    GOOD,
    TestCard { refuses_setup: true, ..card("4000000000000002", Answer::Declines(GENERIC)) },
    TestCard { dispute: Some("needs_response"), ..card("4000000000000259", Answer::Pays) },
    TestCard { dispute: Some("warning_needs_response"), ..card("4000000000001976", Answer::Pays) },
    card("4000002760003184", Answer::Asks),
    card("4000000000000341", Answer::Declines(GENERIC)),
    card("4000000000009995", Answer::Declines(DECLINES[1])),
    card("4000000000009987", Answer::Declines(DECLINES[2])),
    card("4000000000000069", Answer::Declines(Decline::EXPIRED)),
];

/// The card of one attempt to pay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Card {
    pub test: &'static TestCard,
    pub month: i64,
    pub year: i64,
}

impl Card {
    pub const GOOD: Card = Card { test: &GOOD_CARD, month: 12, year: 2034 };

    /// The test card of this number, or of these last four digits.
    pub fn find(number: &str) -> Option<&'static TestCard> {
        CARDS.iter().find(|card| card.number == number || card.last4() == number)
    }

    /// The card with this number, valid for long.
    pub fn of_number(number: &str) -> Option<Card> {
        Card::find(number).map(|test| Card { test, ..Card::GOOD })
    }

    /// The card of a saved payment method.
    pub fn of_method(method: &Value) -> Option<Card> {
        let card = &method["card"];
        let test = Card::find(text(&card["last4"]))?;
        Some(Card { test, month: number(&card["exp_month"]), year: number(&card["exp_year"]) })
    }

    /// The decline of its bank when it is saved.
    pub fn refused_setup(self) -> Option<Decline> {
        match self.test.answer {
            Answer::Declines(decline) if self.test.refuses_setup => Some(decline),
            _ => None,
        }
    }

    /// What the sandbox keeps of a card while the cardholder is asked.
    pub fn to_json(self) -> Value {
        json!({ "card": { "last4": self.test.last4(), "exp_month": self.month, "exp_year": self.year } })
    }
}

static GOOD_CARD: TestCard = GOOD;

impl TestCard {
    pub fn last4(&self) -> &'static str {
        self.number.get(self.number.len() - 4..).unwrap_or_default()
    }

    pub fn fingerprint(&self) -> String {
        format!("sandbox{}", self.last4())
    }
}

#[cfg(test)]
mod tests {
    use super::{CARDS, Card, DECLINES, Decline};

    #[test]
    fn the_last_digits_name_one_card() {
        for card in &CARDS {
            assert_eq!(Card::find(card.last4()), Some(card));
            assert_eq!(Card::find(card.number), Some(card));
            let kept = Card::of_number(card.number).and_then(|card| Card::of_method(&card.to_json()));
            assert_eq!(kept.map(|kept| kept.test), Some(card));
        }
        assert_eq!(Card::find(""), None);
    }

    #[test]
    fn a_decline_code_names_one_decline() {
        for one in DECLINES {
            assert_eq!(Decline::named(one.decline_code), Some(one));
        }
    }
}
