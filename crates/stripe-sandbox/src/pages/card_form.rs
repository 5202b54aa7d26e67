//! The form for a card: its fields, their mistakes, and its HTML.
//!
//! Stripe's own test cards exist ([`Card`]) and no others. A card number is never put back into the form.

use chrono::{DateTime, Datelike, Utc};
use serde::Deserialize;

use super::html::escape;
use crate::objects::Card;

/// The form as it was sent.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct PayForm {
    pub card_number: String,
    pub expiry: String,
    pub cvc: String,
    /// `bank`, `refused` (by the bank, days later), or a card.
    pub method: String,
    pub tax_id: String,
    /// The cardholder's answer to the bank: `yes` or `no`.
    pub confirm: String,
}

/// The mistakes in the form as it was sent, by field.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Mistakes {
    /// The bank declined the card.
    pub declined: bool,
    pub card: Option<&'static str>,
    pub expiry: Option<&'static str>,
    pub cvc: Option<&'static str>,
}

/// Reads the card. `now` is in Unix seconds.
pub(super) fn read_card(form: &PayForm, now: i64) -> Result<Card, Mistakes> {
    let plain = form.card_number.chars().all(|letter| letter.is_ascii_digit() || " -".contains(letter));
    let digits = digits(&form.card_number);
    let test = Card::find(&digits).filter(|test| plain && test.number == digits);
    let (expiry, cvc) = (read_expiry(&form.expiry), form.cvc.trim());
    let is_cvc = matches!(cvc.len(), 3 | 4) && cvc.bytes().all(|byte| byte.is_ascii_digit());
    let mistakes = Mistakes {
        declined: false,
        card: match test {
            Some(_) => None,
            None if digits.is_empty() => Some("Enter a card number."),
            None => Some("The sandbox knows its test cards only: see below."),
        },
        expiry: match expiry {
            None => Some("Enter the expiry as MM / YY."),
            Some(month_and_year) if is_past(month_and_year, now) => Some("This card has expired."),
            Some(_) => None,
        },
        cvc: (!is_cvc).then_some("Enter the 3 or 4 digits."),
    };
    match (test, expiry) {
        (Some(test), Some((month, year))) if mistakes == Mistakes::default() => Ok(Card { test, month, year }),
        _ => Err(mistakes),
    }
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// `12/34`, `12 / 34`, `1234`, `12/2034` → month and year.
fn read_expiry(text: &str) -> Option<(i64, i64)> {
    let digits = digits(text);
    let plain = text.chars().all(|letter| letter.is_ascii_digit() || " /-".contains(letter));
    if !plain || !matches!(digits.len(), 4 | 6) {
        return None;
    }
    let (month, year) = digits.split_at(2);
    let (month, year): (i64, i64) = (month.parse().ok()?, year.parse().ok()?);
    let year = if digits.len() == 4 { 2000 + year } else { year };
    (1..=12).contains(&month).then_some((month, year))
}

fn is_past((month, year): (i64, i64), now: i64) -> bool {
    let now = DateTime::<Utc>::from_timestamp(now, 0).unwrap_or_default();
    (year, month) < (i64::from(now.year()), i64::from(now.month()))
}

/// The stylesheet hides the card's fields where the bank is chosen.
pub(super) const METHODS: &str = "<fieldset class=\"methods\"><legend>Payment method</legend>\
     <label><input type=\"radio\" name=\"method\" value=\"card\" checked> Card</label>\
     <label><input type=\"radio\" name=\"method\" value=\"bank\" id=\"bank\"> Bank transfer (clears later)</label>\
     <label><input type=\"radio\" name=\"method\" value=\"refused\" id=\"refused\"> Bank transfer (refused later)</label>\
     </fieldset>";
pub(super) const TAX_ID: &str = "<div class=\"field\"><label for=\"tax_id\">Tax ID (optional)</label>\
     <input id=\"tax_id\" name=\"tax_id\" type=\"text\" autocomplete=\"off\" maxlength=\"40\"></div>";

/// The test cards and what becomes of each, as `cards` says it.
pub(super) fn card_list(cards: &[(&str, &str)]) -> String {
    let row = |(number, words): &(&str, &str)| format!("<li><code>{number}</code> {words}</li>");
    let rows: String = cards.iter().map(row).collect();
    format!(
        "<div class=\"hint\"><p>Test cards, with any later expiry and any CVC. No money moves.</p><ul>{rows}</ul></div>"
    )
}

/// The test cards that the browser offers to choose from.
fn choices(cards: &[(&str, &str)]) -> String {
    let option = |(number, words): &(&str, &str)| format!("<option value=\"{number}\">{words}</option>");
    let options: String = cards.iter().map(option).collect();
    format!("<datalist id=\"cards\">{options}</datalist>")
}

/// The card's fields, with these `cards` to choose from.
pub(super) fn card_fields(mistakes: &Mistakes, cards: &[(&str, &str)]) -> String {
    format!(
        "<div class=\"card\">{}{}<div class=\"pair\">{}{}</div></div>",
        field("card_number", "Card number", "cc-number", "4242 4242 4242 4242", mistakes.card),
        choices(cards),
        field("expiry", "Expiry", "cc-exp", "MM / YY", mistakes.expiry),
        field("cvc", "CVC", "cc-csc", "123", mistakes.cvc)
    )
}

fn field(name: &str, label: &str, autocomplete: &str, example: &str, mistake: Option<&str>) -> String {
    let (attributes, words) = match mistake {
        Some(text) => (
            format!(" aria-invalid=\"true\" aria-describedby=\"{name}_error\""),
            format!("<p class=\"mistake\" id=\"{name}_error\">{}</p>", escape(text)),
        ),
        None => (String::new(), String::new()),
    };
    let list = if name == "card_number" { " list=\"cards\"" } else { "" };
    format!(
        "<div class=\"field\"><label for=\"{name}\">{label}</label>\
         <input id=\"{name}\" name=\"{name}\" type=\"text\" inputmode=\"numeric\" autocomplete=\"{autocomplete}\" \
         placeholder=\"{example}\" maxlength=\"40\"{list}{attributes}>{words}</div>"
    )
}

#[cfg(test)]
mod tests {
    use super::{PayForm, read_card};

    const NOW: i64 = 1_795_000_000; // November 2026

    fn check(card: &str, expiry: &str, cvc: &str, expected: Result<&str, (bool, bool, bool)>) {
        let form = PayForm { card_number: card.into(), expiry: expiry.into(), cvc: cvc.into(), ..PayForm::default() };
        let result = read_card(&form, NOW).map(|card| card.test.last4());
        let wrong = result.map_err(|it| (it.card.is_some(), it.expiry.is_some(), it.cvc.is_some()));
        assert_eq!(wrong, expected, "{card} {expiry} {cvc}");
    }

    #[test]
    fn a_card_is_known_however_it_is_spaced() {
        check("4242 4242 4242 4242", "12 / 34", "123", Ok("4242"));
        check("4242424242424242", "12/34", "1234", Ok("4242"));
        check("4242-4242-4242-4242", "1234", "123", Ok("4242"));
        check("4000000000000002", "12/2034", "123", Ok("0002"));
        check("4000 0000 0000 0259", "12/34", "123", Ok("0259"));
        check("4000 0000 0000 1976", "12/34", "123", Ok("1976"));
        check("4242424242424242", "11/26", "123", Ok("4242"));
        check("4000 0027 6000 3184", "12/34", "123", Ok("3184"));
    }

    #[test]
    fn a_mistake_is_found_at_its_field() {
        check("", "12/34", "123", Err((true, false, false)));
        check("4000 0000 0000 0000", "12/34", "123", Err((true, false, false)));
        check("4242", "12/34", "123", Err((true, false, false)));
        check("4242 4242 4242 4242 x", "12/34", "123", Err((true, false, false)));
        check("4242424242424242", "13/34", "123", Err((false, true, false)));
        check("4242424242424242", "10/26", "123", Err((false, true, false)));
        check("4242424242424242", "soon", "12", Err((false, true, true)));
        check("", "", "", Err((true, true, true)));
    }
}
