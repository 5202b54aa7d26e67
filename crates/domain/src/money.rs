//! Money in minor units of the catalogue's one currency (R1).

use crate::amount::group;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Money {
    /// Minor units: cents, or whole yen.
    pub minor: i64,
    /// ISO 4217, lower case.
    pub currency: String,
}

/// Currencies that Stripe counts without decimals.
const ZERO_DECIMAL: [&str; 15] =
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"];
/// Currencies that Stripe counts in thousandths; the last digit must be 0.
const THREE_DECIMAL: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];
/// Currencies without decimals that Stripe counts in hundredths.
const WHOLE_HUNDREDS: [&str; 2] = ["isk", "ugx"];

/// Currencies that Stripe charges in.
pub const CURRENCIES: &str = "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd btn bwp \
    byn bzd cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel ghs gip gmd gnf gtq gyd hkd \
    hnl hrk htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk \
    mnt mop mro mru mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf \
    sar sbd scr sek sgd shp sle sll sos srd std stn svc szl thb tjs tnd top try ttd twd tzs uah ugx usd uyu uzs vnd vuv \
    wst xaf xcd xcg xof xpf yer zar zmw";
/// Stripe's least charge in minor units, where Stripe publishes it. Elsewhere it is about half a dollar.
const MINIMUMS: [(&str, i64); 24] = [
    ("aed", 200),
    ("aud", 50),
    ("bgn", 100),
    ("brl", 50),
    ("cad", 50),
    ("chf", 50),
    ("czk", 1_500),
    ("dkk", 250),
    ("eur", 50),
    ("gbp", 30),
    ("hkd", 400),
    ("huf", 17_500),
    ("inr", 50),
    ("jpy", 50),
    ("mxn", 1_000),
    ("myr", 200),
    ("nok", 300),
    ("nzd", 50),
    ("pln", 200),
    ("ron", 200),
    ("sek", 300),
    ("sgd", 50),
    ("thb", 1_000),
    ("usd", 50),
];

/// True if Stripe charges in this lower-case currency.
#[must_use]
pub fn is_charged_in(currency: &str) -> bool {
    CURRENCIES.split_ascii_whitespace().any(|known| known == currency)
}

/// Stripe's least charge in minor units; `None` where Stripe publishes none.
#[must_use]
pub fn smallest_charge(currency: &str) -> Option<i64> {
    MINIMUMS.iter().find(|(known, _)| *known == currency).map(|(_, least)| *least)
}

/// The digits after the point.
#[must_use]
pub fn decimals(currency: &str) -> u32 {
    if ZERO_DECIMAL.contains(&currency) {
        0
    } else if THREE_DECIMAL.contains(&currency) {
        3
    } else {
        2
    }
}

/// The number of minor units of which Stripe's prices must be a multiple.
#[must_use]
pub fn smallest_step(currency: &str) -> i64 {
    if THREE_DECIMAL.contains(&currency) {
        10
    } else if WHOLE_HUNDREDS.contains(&currency) {
        100
    } else {
        1
    }
}

impl Money {
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

    /// Always with decimals: `$9.00`, for tables and receipts.
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
    fn every_currency_with_a_rule_of_its_own_is_one_that_stripe_charges_in() {
        let special = ZERO_DECIMAL.iter().chain(&THREE_DECIMAL).chain(&WHOLE_HUNDREDS);
        for currency in special.copied().chain(MINIMUMS.iter().map(|(currency, _)| *currency)) {
            assert!(is_charged_in(currency), "{currency}");
        }
        assert!(!is_charged_in("uds") && !is_charged_in("us") && !is_charged_in("") && !is_charged_in("USD"));
        assert_eq!(
            (smallest_charge("usd"), smallest_charge("jpy"), smallest_charge("isk")),
            (Some(50), Some(50), None)
        );
        assert!(MINIMUMS.iter().all(|(currency, least)| least % smallest_step(currency) == 0));
    }

    #[test]
    fn money_prints_as_its_currency_counts() {
        assert_eq!(Money::new(900, "usd").short(), "$9");
        assert_eq!(Money::new(950, "usd").short(), "$9.50");
        assert_eq!(Money::new(900, "usd").long(), "$9.00");
        assert_eq!(Money::new(123_456_789, "eur").long(), "€1,234,567.89");
        assert_eq!(Money::new(1_200, "jpy").long(), "¥1,200");
        assert_eq!(Money::new(-5, "chf").long(), "-CHF 0.05");
        assert_eq!(Money::new(0, "usd").short(), "$0");
        assert_eq!(Money::new(-900, "usd").short(), "-$9");
        assert_eq!(Money::new(i64::MIN, "usd").long(), "-$92,233,720,368,547,758.08");
        assert_eq!(Money::new(5_120, "kwd").long(), "KWD 5.120");
        assert_eq!(Money::new(5_000, "kwd").short(), "KWD 5");
        assert_eq!(Money::new(500, "ugx").long(), "UGX 5.00");
    }
}
