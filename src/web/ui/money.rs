//! Numbers of credits and amounts of money, with their machine form.

use crate::domain::money::decimals;
use crate::domain::{Credits, Money};
use leptos::prelude::*;

/// A number of credits: `<data value="40999.375">40,999.375</data>`.
#[component]
pub fn Amount(credits: Credits) -> impl IntoView {
    view! { <data value=credits.to_string()>{credits.grouped()}</data> }
}

/// An amount of money, without decimals where they are zero, or always `long`.
#[component]
pub fn Price(money: Money, #[prop(optional)] long: bool) -> impl IntoView {
    let text = if long { money.long() } else { money.short() };
    view! { <data value=machine(&money)>{text}</data> }
}

/// Money as a plain decimal number: `9.00`.
#[must_use]
pub fn machine(money: &Money) -> String {
    let places = decimals(&money.currency);
    let unit = 10_u64.pow(places);
    let (whole, rest) = (money.minor.unsigned_abs() / unit, money.minor.unsigned_abs() % unit);
    let sign = if money.minor < 0 { "-" } else { "" };
    match places {
        0 => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{rest:0width$}", width = places as usize),
    }
}

/// Money as a form's field holds it: `9`, or `9.50`.
#[must_use]
pub fn plain(money: &Money) -> String {
    let exact = machine(money);
    let unit = 10_i64.pow(decimals(&money.currency));
    if money.minor % unit == 0 { exact.split('.').next().unwrap_or_default().to_owned() } else { exact }
}

/// Money as a person types it, in digits: `9`, `9.00`. Not more decimals than the currency has.
#[must_use]
pub fn read(text: &str, currency: &str) -> Option<Money> {
    let (text, places) = (text.trim(), decimals(currency) as usize);
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(rest) || rest.len() > places {
        return None;
    }
    let minor = format!("{whole}{rest:0<places$}").parse().ok()?;
    Some(Money::new(minor, currency))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_has_a_machine_form() {
        assert_eq!(machine(&Money::new(900, "usd")), "9.00");
        assert_eq!(machine(&Money::new(905, "usd")), "9.05");
        assert_eq!(machine(&Money::new(1_200, "jpy")), "1200");
        assert_eq!(machine(&Money::new(-5, "usd")), "-0.05");
    }

    #[test]
    fn money_is_read_as_its_currency_writes_it() {
        let check = |text, currency, want| {
            assert_eq!(read(text, currency).map(|money| money.minor), want, "{text} {currency}");
        };
        check("9", "usd", Some(900));
        check("9.5", "usd", Some(950));
        check("9.05", "usd", Some(905));
        check("9.005", "usd", None);
        check("900", "jpy", Some(900));
        check("900.5", "jpy", None);
        // A comma may be meant for either: money is not guessed.
        for bad in ["", ".", ".5", "-1", "1e3", "９", "99999999999999999999", "1,05", "1,050", "1.050,5"] {
            check(bad, "usd", None);
        }
    }

    #[test]
    fn a_field_holds_money_as_it_is_typed() {
        let check = |minor, currency: &str, want: &str| {
            let money = Money::new(minor, currency);
            assert_eq!(plain(&money), want);
            assert_eq!(read(want, currency), Some(money));
        };
        check(5_000, "usd", "50");
        check(4_950, "usd", "49.50");
        check(1_200, "jpy", "1200");
    }
}
