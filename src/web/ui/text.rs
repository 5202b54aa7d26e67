//! A sentence made of pieces: words, credits, money, instants. Numbers and dates keep their machine form.

use crate::domain::{Credits, Money};
use crate::web::ui::dates::{Moment, When};
use crate::web::ui::money::{Amount, Price};
use leptos::prelude::*;
use std::fmt;

/// One piece of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Plain words.
    Words(String),
    /// `<data value="40999.375">40,999.375</data>`
    Credits(Credits),
    /// `<data value="9.00">$9</data>`, whole amounts without decimals.
    Money(Money),
    /// `<time datetime="…">28 Nov 2026</time>`
    Time(Moment),
}

/// A sentence. It is built piece by piece, so no number is ever formatted into plain text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(pub Vec<Piece>);

impl Text {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn with(mut self, piece: Piece) -> Self {
        self.0.push(piece);
        self
    }

    /// Adds plain words.
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        self.with(Piece::Words(text.into()))
    }

    /// Adds a number of credits, digits only.
    #[must_use]
    pub fn credits(self, credits: Credits) -> Self {
        self.with(Piece::Credits(credits))
    }

    /// Adds a number of credits and its noun, one or many: `1,000 top-up credits`.
    #[must_use]
    pub fn counted(self, credits: Credits, before_noun: &str) -> Self {
        let space = if before_noun.is_empty() { "" } else { " " };
        self.credits(credits).text(format!(" {before_noun}{space}{}", credits.noun()))
    }

    /// Adds an amount of money.
    #[must_use]
    pub fn money(self, money: Money) -> Self {
        self.with(Piece::Money(money))
    }

    /// Adds an instant.
    #[must_use]
    pub fn time(self, moment: Moment) -> Self {
        self.with(Piece::Time(moment))
    }

    /// Adds another sentence.
    #[must_use]
    pub fn then(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::new().text(text)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::new().text(text)
    }
}

impl IntoRender for Text {
    type Output = Vec<AnyView>;

    fn into_render(self) -> Self::Output {
        let piece = |piece| match piece {
            Piece::Words(words) => words.into_any(),
            Piece::Credits(credits) => view! { <Amount credits /> }.into_any(),
            Piece::Money(money) => view! { <Price money /> }.into_any(),
            Piece::Time(moment) => view! { <When moment /> }.into_any(),
        };
        self.0.into_iter().map(piece).collect()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Words(text) => f.write_str(text),
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
        let text = Text::new().counted(Credits(1_250_500), "top-up").text(" for ").money(Money::new(900, "usd"));
        assert_eq!(text.to_string(), "1,250.5 top-up credits for $9");
        assert_eq!(Text::new().counted(Credits::whole(1), "").to_string(), "1 credit");
    }
}
