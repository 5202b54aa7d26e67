//! Amounts of credits (R1): whole thousandths, read exactly from text.

use std::fmt;
use std::iter::Sum;

/// Credits in thousandths; negative if they are a decrease.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Credits(pub i64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    #[error("is not a number")]
    NotANumber,
    /// Finer than a thousandth.
    #[error("has more than three decimal places")]
    TooFine,
    /// More than 64 bits of thousandths.
    #[error("is out of range")]
    OutOfRange,
}

impl Credits {
    pub const ZERO: Self = Self(0);
    /// The most credits in one request (R1).
    pub const MAX_REQUEST: Self = Self::whole(1_000_000_000);
    /// The most credits of one customer (R1).
    pub const MAX_CUSTOMER: Self = Self::whole(9_000_000_000_000);

    #[must_use]
    pub const fn whole(n: i64) -> Self {
        Self(n * 1_000)
    }

    /// Reads a JSON number token exactly: `12.5`, `12.50` and `1.25e1` are equal.
    pub fn parse(text: &str) -> Result<Self, AmountError> {
        let number = Decimal::parse(text).ok_or(AmountError::NotANumber)?;
        number.thousandths().map(Self)
    }

    /// Reads credits as people type them: spaces anywhere, commas between thousands. A comma elsewhere is refused: `1,05`
    /// may mean 1.05.
    pub fn parse_typed(text: &str) -> Result<Self, AmountError> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let whole = text.split_once('.').map_or(text.as_str(), |(whole, _)| whole);
        let mut groups = whole.split(',');
        let first = groups.next().is_some_and(|group| (1..=3).contains(&group.len()));
        let is_grouped = first && groups.all(|group| group.len() == 3) && !text[whole.len()..].contains(',');
        Self::parse(&if is_grouped { text.replace(',', "") } else { text })
    }

    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Ord::min(self, other)
    }

    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// `1,200 credits`, `1 credit`.
    #[must_use]
    pub fn counted(self) -> String {
        self.counted_as("")
    }

    /// `1,200 top-up credits`, `1 top-up credit`.
    #[must_use]
    pub fn counted_as(self, kind: &str) -> String {
        let space = if kind.is_empty() { "" } else { " " };
        format!("{} {kind}{space}{}", self.grouped(), self.noun())
    }

    /// `credit` for exactly one, else `credits`.
    #[must_use]
    pub fn noun(self) -> &'static str {
        self.plural("credit", "credits")
    }

    /// The word that goes with the number: `one` for exactly one credit, else `many`.
    #[must_use]
    pub fn plural<'a>(self, one: &'a str, many: &'a str) -> &'a str {
        if self == Self::whole(1) { one } else { many }
    }

    /// Digits grouped by comma, without trailing zeros: `40,999.375`.
    #[must_use]
    pub fn grouped(self) -> String {
        let plain = self.to_string();
        let (sign, digits) = plain.strip_prefix('-').map_or(("", plain.as_str()), |d| ("-", d));
        let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
        let mut out = format!("{sign}{}", group(whole));
        if let Some(fraction) = fraction {
            out.push('.');
            out.push_str(fraction);
        }
        out
    }
}

/// Groups digits in threes, by comma.
#[must_use]
pub fn group(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A JSON number: sign, digits, and the power of ten of the last digit.
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = text.strip_prefix('-').map_or((false, text), |r| (true, r));
        let (mantissa, exponent) = match rest.find(['e', 'E']) {
            Some(at) => (&rest[..at], exponent(&rest[at + 1..])?),
            None => (rest, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (mantissa, ""),
        };
        let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty()
            || !all_digits(whole)
            || !all_digits(fraction)
            || (whole.len() > 1 && whole.starts_with('0'))
        {
            return None;
        }
        let exponent = exponent.saturating_sub(i64::try_from(fraction.len()).ok()?);
        Some(Self { negative, digits: format!("{whole}{fraction}"), exponent })
    }

    fn thousandths(&self) -> Result<i64, AmountError> {
        let significant = self.digits.trim_start_matches('0').trim_end_matches('0');
        if significant.is_empty() {
            return Ok(0);
        }
        let trailing = self.digits.len() - self.digits.trim_end_matches('0').len();
        let power = self.exponent.saturating_add(trailing as i64).saturating_add(3);
        let power = usize::try_from(power).map_err(|_| AmountError::TooFine)?;
        if significant.len().saturating_add(power) > 19 {
            return Err(AmountError::OutOfRange);
        }
        let text = format!("{significant}{}", "0".repeat(power));
        let value: i64 = text.parse().map_err(|_| AmountError::OutOfRange)?;
        Ok(if self.negative { -value } else { value })
    }
}

/// The exponent, limited so that no sum overflows.
fn exponent(text: &str) -> Option<i64> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    let magnitude = if digits.len() > 9 { 999_999_999 } else { digits.parse().unwrap_or(0) };
    Some(sign * magnitude)
}

impl fmt::Display for Credits {
    /// A JSON number without trailing zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0.unsigned_abs() / 1_000, self.0.unsigned_abs() % 1_000);
        let sign = if self.0 < 0 { "-" } else { "" };
        if fraction == 0 {
            return write!(f, "{sign}{whole}");
        }
        let text = format!("{fraction:03}");
        write!(f, "{sign}{whole}.{}", text.trim_end_matches('0'))
    }
}

impl std::ops::Add for Credits {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.checked_add(other.0).expect("amounts are bounded by R1"))
    }
}

impl std::ops::Sub for Credits {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.checked_sub(other.0).expect("amounts are bounded by R1"))
    }
}

impl std::ops::Neg for Credits {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.checked_neg().expect("amounts are bounded by R1"))
    }
}

impl std::ops::AddAssign for Credits {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::ops::SubAssign for Credits {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Sum for Credits {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, |a, b| a + b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_exactly_from_their_text() {
        let check = |text: &str, want: Result<i64, AmountError>| {
            assert_eq!(Credits::parse(text), want.map(Credits), "{text}");
        };
        check("12.5", Ok(12_500));
        check("12.50", Ok(12_500));
        check("1.25e1", Ok(12_500));
        check("0.001", Ok(1));
        check("-5", Ok(-5_000));
        check("0.0010000", Ok(1));
        check("1000e-3", Ok(1_000));
        check("0e999999999999", Ok(0));
        check("0.0001", Err(AmountError::TooFine));
        check("1e-400", Err(AmountError::TooFine));
        check("9223372036854775808", Err(AmountError::OutOfRange));
        check("9223372036854775.807", Ok(i64::MAX));
        check("9223372036854775.808", Err(AmountError::OutOfRange));
        check("1e400", Err(AmountError::OutOfRange));
        for text in ["", "-", "NaN", "１２", "01", "1.", ".5", "+1", "1e", "1e+", "0x1", "\"1\"", " 1", "1 "] {
            check(text, Err(AmountError::NotANumber));
        }
    }

    #[test]
    fn amounts_print_without_trailing_zeros_and_group_for_people() {
        assert_eq!(Credits(12_500).to_string(), "12.5");
        assert_eq!(Credits(-1).to_string(), "-0.001");
        assert_eq!(Credits(40_999_375).grouped(), "40,999.375");
        assert_eq!(Credits::whole(-1_200).grouped(), "-1,200");
        assert_eq!(Credits::whole(180).grouped(), "180");
    }

    #[test]
    fn a_comma_groups_thousands_and_nothing_else() {
        assert_eq!(Credits::parse_typed("1,050.5"), Ok(Credits(1_050_500)));
        assert_eq!(Credits::parse_typed(" 12 000"), Ok(Credits::whole(12_000)));
        for odd in ["", "1,05", "2,5", "1.050,5", "1,0500", ",050", "1,", "1234,567", "1,234,56", "1.5,000"] {
            assert!(Credits::parse_typed(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn one_credit_is_one_and_everything_else_many() {
        let check = |credits: Credits, want: &str| assert_eq!(credits.counted(), want);
        check(Credits::whole(1), "1 credit");
        check(Credits::ZERO, "0 credits");
        check(Credits(1_500), "1.5 credits");
        check(Credits(500), "0.5 credits");
        check(Credits::whole(1_200), "1,200 credits");
        assert_eq!(Credits::whole(1).counted_as("top-up"), "1 top-up credit");
        assert_eq!(Credits::whole(2).counted_as("top-up"), "2 top-up credits");
        assert_eq!(Credits::whole(1).plural("expires", "expire"), "expires");
    }
}
