//! The canonical form of JSON: two texts of one value become equal, and texts of different values stay different.
//!
//! Names are sorted, blanks dropped, text escaped as little as possible. Numbers keep every digit, unlike floats:
//! `1`, `1.0` and `1e0` are one number, `12345678901234567890123` and `…124` are two.

use crate::http::request::object::JsonObject;
use serde_json::value::RawValue;

/// The most zeros on either side of a number's digits; with more, the number gets an exponent.
const ZEROS_MAX: i64 = 20;

/// The canonical form. The body's parser has limited the nesting.
///
/// # Errors
/// A detail that reads on after the field's name.
pub fn text(raw: &RawValue) -> Result<String, String> {
    let mut out = String::with_capacity(raw.get().len());
    value(raw, &mut out)?;
    Ok(out)
}

fn value(raw: &RawValue, out: &mut String) -> Result<(), String> {
    let unread = |e: serde_json::Error| format!("is not valid JSON: {e}");
    match raw.get().as_bytes().first() {
        Some(b'{') => {
            let JsonObject(members) = serde_json::from_str(raw.get()).map_err(unread)?;
            out.push('{');
            for (place, (name, member)) in members.iter().enumerate() {
                no_nul(name)?;
                out.push_str(if place == 0 { "" } else { "," });
                out.push_str(&serde_json::to_string(name).map_err(unread)?);
                out.push(':');
                value(member, out)?;
            }
            out.push('}');
        }
        Some(b'[') => {
            let items: Vec<Box<RawValue>> = serde_json::from_str(raw.get()).map_err(unread)?;
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                out.push_str(if place == 0 { "" } else { "," });
                value(item, out)?;
            }
            out.push(']');
        }
        Some(b'"') => {
            let text: String = serde_json::from_str(raw.get()).map_err(unread)?;
            no_nul(&text)?;
            out.push_str(&serde_json::to_string(&text).map_err(unread)?);
        }
        Some(b'-' | b'0'..=b'9') => out.push_str(&number(raw.get()).ok_or("has a number out of range")?),
        _ => out.push_str(raw.get()),
    }
    Ok(())
}

/// PostgreSQL's `jsonb` rejects U+0000, and so do many programs that read the text later.
fn no_nul(text: &str) -> Result<(), String> {
    if text.contains('\0') { Err("must not have the character U+0000".to_owned()) } else { Ok(()) }
}

/// A JSON number by its digits; none if a 64-bit float, which most parsers use, cannot hold it.
fn number(text: &str) -> Option<String> {
    text.parse::<f64>().ok().filter(|float| float.is_finite())?;
    let (sign, text) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{part}");
    let exponent = i64::from(exponent.parse::<i32>().ok()?).checked_sub(i64::try_from(part.len()).ok()?)?;
    let kept = digits.trim_end_matches('0');
    let exponent = exponent.checked_add(i64::try_from(digits.len() - kept.len()).ok()?)?;
    let kept = kept.trim_start_matches('0');
    if kept.is_empty() {
        return Some("0".to_owned());
    }
    // The position of the decimal point, counted from the first digit.
    let point = exponent.checked_add(i64::try_from(kept.len()).ok()?)?;
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or_default());
    Some(if (0..=ZEROS_MAX).contains(&exponent) {
        format!("{sign}{kept}{}", zeros(exponent))
    } else if exponent < 0 && point > 0 {
        let (whole, part) = kept.split_at(usize::try_from(point).ok()?);
        format!("{sign}{whole}.{part}")
    } else if exponent < 0 && -point <= ZEROS_MAX {
        format!("{sign}0.{}{kept}", zeros(-point))
    } else {
        format!("{sign}{kept}e{exponent}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(json: &str) -> Result<String, String> {
        text(serde_json::from_str(json).expect("JSON"))
    }

    #[test]
    fn numbers_keep_their_digits() {
        for (given, want) in [
            ("1", "1"),
            ("1.0", "1"),
            ("1e0", "1"),
            ("-0", "0"),
            ("0.000", "0"),
            ("0e999", "0"),
            ("100", "100"),
            ("1.25e1", "12.5"),
            ("-1250E-2", "-12.5"),
            ("0.05", "0.05"),
            ("5e-2", "0.05"),
            ("12345678901234567890123", "12345678901234567890123"),
            ("12345678901234567890124", "12345678901234567890124"),
            ("1e300", "1e300"),
            ("10e299", "1e300"),
            ("1.5e-400", "15e-401"),
        ] {
            assert_eq!(canonical(given).as_deref(), Ok(want), "{given}");
        }
        assert!(canonical("1e400").is_err() && canonical("-1e99999999999").is_err());
    }

    #[test]
    fn equal_values_have_one_form() {
        let want = r#"{"a":[1,"A\n",null],"b":{"c":true}}"#;
        assert_eq!(canonical("{ \"b\": {\"c\" :true}, \"a\": [1.0, \"\\u0041\\n\", null] }").as_deref(), Ok(want));
        assert_eq!(canonical(want).as_deref(), Ok(want));
        assert!(canonical(r#"{"a":"\ud800"}"#).is_err());
        assert!(canonical(r#"{"a":"\u0000"}"#).is_err() && canonical(r#"{"a":[{"\u0000":1}]}"#).is_err());
    }
}
