//! Amounts of money as the pages show them.

/// An amount in minor units (cents, or whole yen).
pub(super) struct Money {
    minor: i64,
    /// ISO 4217, lower case.
    currency: String,
}

/// Currencies that Stripe counts without decimals.
const ZERO_DECIMAL: [&str; 15] =
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"];
/// Currencies that Stripe counts in thousandths.
const THREE_DECIMAL: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];

impl Money {
    pub fn new(minor: i64, currency: &str) -> Self {
        Self { minor, currency: currency.to_owned() }
    }

    /// With its decimals: `$1,200.00`.
    pub fn long(&self) -> String {
        let places = match self.currency.as_str() {
            currency if ZERO_DECIMAL.contains(&currency) => 0,
            currency if THREE_DECIMAL.contains(&currency) => 3,
            _ => 2,
        };
        let digits = format!("{:0width$}", self.minor.unsigned_abs(), width = places + 1);
        let (whole, decimals) = digits.split_at(digits.len() - places);
        let mut number = String::new();
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index).is_multiple_of(3) {
                number.push(',');
            }
            number.push(digit);
        }
        if places > 0 {
            number = format!("{number}.{decimals}");
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
    use super::Money;

    #[test]
    fn money_prints_as_its_currency_counts() {
        assert_eq!(Money::new(900, "usd").long(), "$9.00");
        assert_eq!(Money::new(123_456_789, "eur").long(), "€1,234,567.89");
        assert_eq!(Money::new(1_200, "jpy").long(), "¥1,200");
        assert_eq!(Money::new(-5, "chf").long(), "-CHF 0.05");
        assert_eq!(Money::new(0, "usd").long(), "$0.00");
        assert_eq!(Money::new(i64::MIN, "usd").long(), "-$92,233,720,368,547,758.08");
        assert_eq!(Money::new(5_120, "kwd").long(), "KWD 5.120");
        assert_eq!(Money::new(500, "ugx").long(), "UGX 5.00");
    }
}
