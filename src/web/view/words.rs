//! A sentence whose numbers and dates keep their machine form: text, credits, money, instants.

use crate::domain::{Credits, Money};
use crate::web::view::when::Moment;
use std::fmt;

/// One piece of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Plain words.
    Text(String),
    /// `<data value="40999.375">40,999.375</data>`
    Credits(Credits),
    /// `<data value="9.00">$9</data>`, whole amounts without decimals.
    Money(Money),
    /// `<time datetime="…">28 Nov 2026</time>`
    Time(Moment),
}

/// A sentence. Built piece by piece, so that no number is ever formatted into plain text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(pub Vec<Piece>);

impl Words {
    /// An empty sentence.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn and(mut self, piece: Piece) -> Self {
        self.0.push(piece);
        self
    }

    /// Adds plain words.
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        self.and(Piece::Text(text.into()))
    }

    /// Adds a number of credits, digits only.
    #[must_use]
    pub fn credits(self, credits: Credits) -> Self {
        self.and(Piece::Credits(credits))
    }

    /// Adds a number of credits and its noun, one or many: `1,000 top-up credits`.
    #[must_use]
    pub fn counted(self, credits: Credits, before_noun: &str) -> Self {
        let space = if before_noun.is_empty() { "" } else { " " };
        self.credits(credits).text(format!(" {before_noun}{space}{}", noun(credits)))
    }

    /// Adds an amount of money.
    #[must_use]
    pub fn money(self, money: Money) -> Self {
        self.and(Piece::Money(money))
    }

    /// Adds an instant.
    #[must_use]
    pub fn time(self, moment: Moment) -> Self {
        self.and(Piece::Time(moment))
    }

    /// Adds another sentence.
    #[must_use]
    pub fn then(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }
}

/// `credit` for exactly one, else `credits`.
#[must_use]
pub fn noun(credits: Credits) -> &'static str {
    if credits == Credits::whole(1) { "credit" } else { "credits" }
}

/// The verb for so many credits: `one` for exactly one, else `many`.
#[must_use]
pub fn verb(credits: Credits, one: &'static str, many: &'static str) -> &'static str {
    if credits == Credits::whole(1) { one } else { many }
}

impl From<&str> for Words {
    fn from(text: &str) -> Self {
        Self::new().text(text)
    }
}

impl From<String> for Words {
    fn from(text: String) -> Self {
        Self::new().text(text)
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(text),
            Piece::Credits(credits) => f.write_str(&credits.grouped()),
            Piece::Money(money) => f.write_str(&money.short()),
            Piece::Time(moment) => f.write_str(&moment.text),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_reads_as_its_pieces() {
        let words = Words::new().counted(Credits(1_250_500), "top-up").text(" for ").money(Money::new(900, "usd"));
        assert_eq!(words.to_string(), "1,250.5 top-up credits for $9");
        assert_eq!(Words::new().counted(Credits::whole(1), "").to_string(), "1 credit");
        assert_eq!(verb(Credits::whole(1), "expires", "expire"), "expires");
    }
}
