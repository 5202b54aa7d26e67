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
fn machine(money: &Money) -> String {
    let places = decimals(&money.currency);
    let unit = 10_u64.pow(places);
    let (whole, rest) = (money.minor.unsigned_abs() / unit, money.minor.unsigned_abs() % unit);
    let sign = if money.minor < 0 { "-" } else { "" };
    match places {
        0 => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{rest:0width$}", width = places as usize),
    }
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
}
