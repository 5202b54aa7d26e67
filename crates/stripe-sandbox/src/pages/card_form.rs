//! The form of the pay page: its fields, their mistakes, and its HTML.
//!
//! Four cards exist, with Stripe's own test numbers. A card number is never put back into the form.

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
    let card = match digits.as_str() {
        "4242424242424242" => Some(("4242", false)),
        "4000000000000002" => Some(("0002", true)),
        "4000000000000259" => Some(("0259", false)),
        "4000000000001976" => Some(("1976", false)),
        _ => None,
    };
    let card = card.filter(|_| plain);
    let (expiry, cvc) = (read_expiry(&form.expiry), form.cvc.trim());
    let is_cvc = matches!(cvc.len(), 3 | 4) && cvc.bytes().all(|byte| byte.is_ascii_digit());
    let mistakes = Mistakes {
        declined: false,
        card: match card {
            Some(_) => None,
            None if digits.is_empty() => Some("Enter a card number."),
            None => Some("The sandbox knows four cards only: see below."),
        },
        expiry: match expiry {
            None => Some("Enter the expiry as MM / YY."),
            Some(month_and_year) if is_past(month_and_year, now) => Some("This card has expired."),
            Some(_) => None,
        },
        cvc: (!is_cvc).then_some("Enter the 3 or 4 digits."),
    };
    match (card, expiry) {
        (Some((last4, declined)), Some((month, year))) if mistakes == Mistakes::default() => {
            Ok(Card { last4, month, year, declined })
        }
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

/// The card's fields.
pub(super) fn card_fields(mistakes: &Mistakes) -> String {
    format!(
        "<div class=\"card\">{}<div class=\"pair\">{}{}</div></div>",
        field("card_number", "Card number", "cc-number", "4242 4242 4242 4242", mistakes.card),
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
    format!(
        "<div class=\"field\"><label for=\"{name}\">{label}</label>\
         <input id=\"{name}\" name=\"{name}\" type=\"text\" inputmode=\"numeric\" autocomplete=\"{autocomplete}\" \
         placeholder=\"{example}\" maxlength=\"40\"{attributes}>{words}</div>"
    )
}

#[cfg(test)]
mod tests {
    use super::{PayForm, read_card};

    const NOW: i64 = 1_795_000_000; // November 2026

    fn check(card: &str, expiry: &str, cvc: &str, expected: Result<bool, (bool, bool, bool)>) {
        let form = PayForm { card_number: card.into(), expiry: expiry.into(), cvc: cvc.into(), ..PayForm::default() };
        let result = read_card(&form, NOW).map(|card| card.declined);
        let wrong = result.map_err(|it| (it.card.is_some(), it.expiry.is_some(), it.cvc.is_some()));
        assert_eq!(wrong, expected, "{card} {expiry} {cvc}");
    }

    #[test]
    fn four_cards_are_known_however_they_are_spaced() {
        check("4242 4242 4242 4242", "12 / 34", "123", Ok(false));
        check("4242424242424242", "12/34", "1234", Ok(false));
        check("4242-4242-4242-4242", "1234", "123", Ok(false));
        check("4000000000000002", "12/2034", "123", Ok(true));
        check("4000 0000 0000 0259", "12/34", "123", Ok(false));
        check("4000 0000 0000 1976", "12/34", "123", Ok(false));
        check("4242424242424242", "11/26", "123", Ok(false));
    }

    #[test]
    fn a_mistake_is_found_at_its_field() {
        check("", "12/34", "123", Err((true, false, false)));
        check("4000 0000 0000 0000", "12/34", "123", Err((true, false, false)));
        check("4242 4242 4242 4242 x", "12/34", "123", Err((true, false, false)));
        check("4242424242424242", "13/34", "123", Err((false, true, false)));
        check("4242424242424242", "10/26", "123", Err((false, true, false)));
        check("4242424242424242", "soon", "12", Err((false, true, true)));
        check("", "", "", Err((true, true, true)));
    }
}
