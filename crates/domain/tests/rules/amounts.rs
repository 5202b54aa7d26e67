//! Amounts are read exactly: compared with fractions of 128 bits and a grammar written by hand.

use proptest::prelude::*;
use topup_domain::Credits;
use topup_domain::amount::AmountError;

/// `digits × 10^exponent` credits in thousandths, as a fraction.
fn fraction(negative: bool, digits: i128, exponent: i64) -> Result<i64, AmountError> {
    let power = exponent + 3;
    let ten = |n: i64| 10_i128.checked_pow(u32::try_from(n).expect("a small power"));
    let value = if digits == 0 {
        Some(0)
    } else if power >= 0 {
        ten(power).and_then(|scale| digits.checked_mul(scale))
    } else {
        match ten(-power) {
            Some(scale) if digits % scale == 0 => Some(digits / scale),
            _ => return Err(AmountError::TooFine),
        }
    };
    let value = value.filter(|value| *value <= i128::from(i64::MAX)).ok_or(AmountError::OutOfRange)?;
    let value = if negative { -value } else { value };
    i64::try_from(value).map_err(|_| AmountError::OutOfRange)
}

#[test]
fn one_credit_is_no_credits() {
    let counted = [Credits::whole(1), Credits::whole(1_200), Credits::ZERO, Credits(500)].map(Credits::counted);
    assert_eq!(counted, ["1 credit", "1,200 credits", "0 credits", "0.5 credits"]);
}

#[test]
fn any_number_is_read_as_the_fraction_that_it_is() {
    let whole = prop_oneof![Just("0".to_owned()), "[1-9][0-9]{0,11}"];
    let part = prop_oneof![Just(None), "[0-9]{1,8}".prop_map(Some)];
    let exponent = prop_oneof![Just(None), (-25..25_i64).prop_map(Some)];
    let style = (any::<bool>(), any::<bool>(), any::<bool>());
    crate::for_all(100, (style, whole, part, exponent), |((negative, big, plus), whole, part, exponent)| {
        let mut text = format!("{}{whole}", if negative { "-" } else { "" });
        let part = part.map_or(String::new(), |part| {
            text.push_str(&format!(".{part}"));
            part
        });
        if let Some(exponent) = exponent {
            let sign = if plus && exponent >= 0 { "+" } else { "" };
            text.push_str(&format!("{}{sign}{exponent}", if big { "E" } else { "e" }));
        }
        let digits: i128 = format!("{whole}{part}").parse().expect("digits");
        let expected = fraction(negative, digits, exponent.unwrap_or(0) - part.len() as i64);
        assert_eq!(Credits::parse(&text).map(|credits| credits.0), expected, "{text}");
    });
}

/// JSON's grammar of numbers, character by character.
fn is_json_number(text: &str) -> bool {
    let mut state = "start";
    for c in text.chars() {
        state = match (state, c) {
            ("start", '-') => "sign",
            ("start" | "sign", '0') => "zero",
            ("start" | "sign" | "int", '0'..='9') => "int",
            ("zero" | "int", '.') => "point",
            ("point" | "part", '0'..='9') => "part",
            ("zero" | "int" | "part", 'e' | 'E') => "e",
            ("e", '+' | '-') => "e sign",
            ("e" | "e sign" | "exponent", '0'..='9') => "exponent",
            _ => return false,
        };
    }
    matches!(state, "zero" | "int" | "part" | "exponent")
}

#[test]
fn whatever_is_no_json_number_is_refused_as_none() {
    crate::for_all(100, "[0-9.eE+ -]{0,7}", |text: String| {
        let refused = Credits::parse(&text) == Err(AmountError::NotANumber);
        assert_eq!(refused, !is_json_number(&text), "{text:?}");
    });
    crate::for_all(20, any::<String>(), |text: String| {
        assert!(is_json_number(&text) || Credits::parse(&text) == Err(AmountError::NotANumber), "{text:?}");
    });
}

#[test]
fn an_amount_reads_back_from_what_it_prints() {
    crate::for_all(100, prop_oneof![any::<i64>(), -10_000..10_000_i64], |n: i64| {
        let n = n.max(-i64::MAX);
        assert_eq!(Credits::parse(&Credits(n).to_string()), Ok(Credits(n)));
        assert_eq!(Credits::parse(&Credits(n).grouped().replace(',', "")), Ok(Credits(n)));
    });
}

#[test]
fn absurd_exponents_cost_nothing() {
    let nines = "9".repeat(100_000);
    assert_eq!(Credits::parse(&format!("1e{nines}")), Err(AmountError::OutOfRange));
    assert_eq!(Credits::parse(&format!("1e-{nines}")), Err(AmountError::TooFine));
    assert_eq!(Credits::parse(&format!("0.0e{nines}")), Ok(Credits::ZERO));
    assert_eq!(Credits::parse(&format!("0.{nines}")), Err(AmountError::TooFine));
    assert_eq!(Credits::parse(&nines), Err(AmountError::OutOfRange));
    assert_eq!(Credits::parse("-9223372036854775.808"), Err(AmountError::OutOfRange));
}
