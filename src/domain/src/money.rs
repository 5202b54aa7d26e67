//! Money in minor units of the catalogue's one currency (R1).

use crate::amount::group;

/// An amount of money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Money {
    /// Minor units (cents, or whole yen).
    pub minor: i64,
    /// ISO 4217, lower case.
    pub currency: String,
}

/// Currencies that Stripe counts without decimals.
const ZERO_DECIMAL: [&str; 16] =
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf"];

/// How many digits stand behind the point.
#[must_use]
pub fn decimals(currency: &str) -> u32 {
    if ZERO_DECIMAL.contains(&currency) { 0 } else { 2 }
}

impl Money {
    /// `minor` units of `currency`.
    #[must_use]
    pub fn new(minor: i64, currency: &str) -> Self {
        Self { minor, currency: currency.to_owned() }
    }

    /// `$9` for whole amounts, else `$9.50`: for headings and buttons.
    #[must_use]
    pub fn short(&self) -> String {
        let unit = 10_i64.pow(decimals(&self.currency));
        if self.minor % unit == 0 { self.render(false) } else { self.render(true) }
    }

    /// Always with its decimals: `$9.00`, for tables and receipts.
    #[must_use]
    pub fn long(&self) -> String {
        self.render(true)
    }

    fn render(&self, with_decimals: bool) -> String {
        let places = decimals(&self.currency);
        let unit = 10_u64.pow(places);
        let (whole, rest) = (self.minor.unsigned_abs() / unit, self.minor.unsigned_abs() % unit);
        let mut number = group(&whole.to_string());
        if with_decimals && places > 0 {
            number.push_str(&format!(".{rest:0width$}", width = places as usize));
        }
        let sign = if self.minor < 0 { "-" } else { "" };
        match self.currency.as_str() {
            "usd" => format!("{sign}${number}"),
            "eur" => format!("{sign}€{number}"),
            "gbp" => format!("{sign}£{number}"),
            "jpy" => format!("{sign}¥{number}"),
            other => format!("{sign}{} {number}", other.to_uppercase()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_prints_as_its_currency_counts() {
        assert_eq!(Money::new(900, "usd").short(), "$9");
        assert_eq!(Money::new(950, "usd").short(), "$9.50");
        assert_eq!(Money::new(900, "usd").long(), "$9.00");
        assert_eq!(Money::new(123_456_789, "eur").long(), "€1,234,567.89");
        assert_eq!(Money::new(1_200, "jpy").long(), "¥1,200");
        assert_eq!(Money::new(-5, "chf").long(), "-CHF 0.05");
    }
}
